namespace RocketMq.Client;

/// <summary>How a body is compressed: numbers of the protocol. 4 to 7 are free for codecs of one's own; Java's clients refuse them.</summary>
public enum BodyCompression
{
    /// <summary>By the package RocketMq.Compression. Servers and Java's clients know it since 5.0.</summary>
    Lz4 = 1,

    /// <summary>By the package RocketMq.Compression. Servers and Java's clients know it since 5.0.</summary>
    Zstandard = 2,

    /// <summary>Every client reads it.</summary>
    Zlib = 3,
}

/// <summary>
/// Compresses and inflates message bodies in one way, see <see cref="ClientBuilder{TSelf}.Codec"/>. Used from many threads at
/// once. An exception says that it cannot be done, and why.
/// </summary>
public interface IBodyCodec
{
    /// <summary>The compression that it writes and reads: a number from 1 to 7.</summary>
    BodyCompression Compression { get; }

    /// <summary>The compressed form of a body, which is never empty and stays as it is.</summary>
    ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> body);

    /// <summary>
    /// The body that was compressed, or null if it would have more than <paramref name="limitBytes"/> bytes. The bytes come from
    /// the network: an implementation trusts no size that they declare and stops at the limit, so that a few bytes cannot claim
    /// all memory.
    /// </summary>
    ReadOnlyMemory<byte>? Inflate(ReadOnlyMemory<byte> compressed, int limitBytes);
}

/// <summary>A codec as the core calls it.</summary>
internal sealed class CoreCodec(IBodyCodec codec) : Core.IBodyCodec
{
    public Core.BodyCompression Compression { get; } = (Core.BodyCompression)(int)codec.Compression;

    public Core.CodecResult Compress(ReadOnlyMemory<byte> body) => Core.CodecResult.Done(codec.Compress(body));

    public Core.CodecResult Inflate(ReadOnlyMemory<byte> compressed, int limitBytes) =>
        codec.Inflate(compressed, limitBytes) is { } body ? Core.CodecResult.Done(body) : Core.CodecResult.TooLarge;
}
