using System.IO.Compression;
using System.Text;

namespace Interop;

/// <summary>Compressed bodies, from a producer to a consumer.</summary>
public sealed class BodyCompressionTests(string kind) : ServerTests(kind)
{
    private static readonly byte[] Large =
        Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 2_000).Select(number => $"line {number}\n")));

    private ProducerBuilder Build() => AsTheClusterWants(Producer.Create(NewName("producers"))).NameServers(NameServers);

    private async Task<ReceivedMessage> RoundTripAsync(ProducerBuilder builder, byte[] body, CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await builder.StartAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body(body), cancellation);
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        return await consumer.ReceiveAsync(cancellation);
    }

    [Test]
    public async Task Body_arrives_whole_with_every_compression([Values] BodyCompression compression, CancellationToken cancellation)
    {
        var message = await RoundTripAsync(Build().AddCompressionCodecs().Compression(compression), Large, cancellation);
        Assert.That(message.Body.ToArray(), Is.EqualTo(Large));
        Assert.That(message.StoredBody.Length, Is.LessThan(Large.Length / 2));
    }

    [Test]
    public async Task Only_bodies_of_the_size_named_are_compressed(CancellationToken cancellation)
    {
        var builder = Build().Compression(BodyCompression.Zlib, fromBytes: 200);
        var below = await RoundTripAsync(builder, Large[..199], cancellation);
        var from = await RoundTripAsync(builder, Large[..200], cancellation);
        Assert.That(below.StoredBody.ToArray(), Is.EqualTo(Large[..199]));
        Assert.That(from.StoredBody.ToArray(), Is.Not.EqualTo(Large[..200]));
        Assert.That(from.Body.ToArray(), Is.EqualTo(Large[..200]));
    }

    [Test]
    public async Task Custom_codec_compresses_and_inflates(CancellationToken cancellation)
    {
        var codec = new CountingCodec(BodyCompression.Zlib);
        var builder = Build().Codec(codec);
        var message = await RoundTripAsync(builder, Large, cancellation);
        Assert.That(message.Body.ToArray(), Is.EqualTo(Large));
        Assert.That(codec.Compressed, Is.EqualTo(1));
    }

    [Test]
    public async Task A_compression_that_has_no_codec_starts_no_producer(CancellationToken cancellation)
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(
            () => Build().Compression((BodyCompression)5).StartAsync(cancellation));
        Assert.That(error!.Message, Does.Contain("no codec"));
        Assert.That(error.MayHaveBeenExecuted, Is.False);
    }

    private sealed class CountingCodec(BodyCompression compression) : IBodyCodec
    {
        private int _compressed;

        internal int Compressed => _compressed;

        public BodyCompression Compression => compression;

        public ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> body)
        {
            Interlocked.Increment(ref _compressed);
            using var output = new MemoryStream();

            using (var zlib = new ZLibStream(output, CompressionLevel.Fastest))
            {
                zlib.Write(body.Span);
            }

            return output.ToArray();
        }

        public ReadOnlyMemory<byte>? Inflate(ReadOnlyMemory<byte> compressed, int limitBytes) =>
            throw new NotSupportedException("Nobody replies here.");
    }
}
