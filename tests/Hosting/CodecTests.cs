using Hosting.Support;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Hosting;

/// <summary>Bodies that are compressed in other ways than zlib: what health checks say without a codec, and what the harness reads.</summary>
[TestFixture]
internal sealed class CodecTests() : HarnessFixture(Orders.Topic)
{
    private const string Package = "RocketMq.Compression";

    [TestCase("push", 1148)]
    [TestCase("pull", 1148)]
    [TestCase("pop", 1149)]
    [TestCase("simple", 1149)]
    public async Task A_consumer_that_has_no_codec_is_not_ready_and_names_the_package(string kind, int stopped)
    {
        await SendCompressedAsync("o-1");
        var log = new CollectingLoggerProvider();
        using var host = await TestHosts.StartAsync(Harness, services =>
        {
            services.AddLogging(logging => logging.AddProvider(log));
            services.AddHealthChecks().AddRocketMq();
            AddConsumer(services.AddRocketMq().UseSerializer(Orders.Serializer), kind);
        });

        if (kind == "simple")
        {
            var consumer = host.Services.GetRequiredKeyedService<SimpleConsumer>("billing");
            Assert.That(() => consumer.ReceiveAsync(1, TimeSpan.FromMinutes(1)), Throws.TypeOf<InvalidRequestException>());
        }

        await log.WaitForAsync(stopped);
        var report = (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries;
        await host.StopAsync();

        Assert.Multiple(() =>
        {
            Assert.That(report["rocketmq-ready"].Status, Is.EqualTo(HealthStatus.Unhealthy));
            Assert.That(report["rocketmq-ready"].Description, Does.Contain("consumer billing").And.Contain(Orders.Topic).And.Contain(Package));
            Assert.That(report["rocketmq-ready"].Data.Values.OfType<string>(), Has.Some.Contains(Package));

            // Another process would stop at the same message.
            Assert.That(report["rocketmq-live"].Status, Is.EqualTo(HealthStatus.Healthy));
            Assert.That(Harness.Handled, Is.Empty);
        });
        Assert.That(await Harness.DeadLettersAsync("billing"), Is.Empty);
    }

    [Test]
    public async Task With_the_codecs_of_the_cluster_the_same_message_is_consumed()
    {
        await SendCompressedAsync("o-1");
        using var host = await TestHosts.StartAsync(Harness, services =>
        {
            services.AddHealthChecks().AddRocketMq();
            services.Configure<RocketMqOptions>(options => options.ConfigureClient = client => client.AddCompressionCodecs());
            AddConsumer(services.AddRocketMq().UseSerializer(Orders.Serializer), "push");
        });

        var consumed = await Harness.Consumed<Order>(order => order.Id == "o-1");
        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        await host.StopAsync();

        Assert.That(consumed.Message.ReconsumeTimes, Is.Zero);
        Assert.That(report.Status, Is.EqualTo(HealthStatus.Healthy));
    }

    [TestCase(BodyCompression.Lz4)]
    [TestCase(BodyCompression.Zstandard)]
    public async Task The_harness_reads_what_a_producer_of_the_service_writes_by_codecs_of_its_own(BodyCompression compression)
    {
        using var host = await TestHosts.StartAsync(Harness, services => services.AddRocketMq().AddProducer(
            configure: producer => producer.AddCompressionCodecs().Compression(compression, fromBytes: 1)));

        await host.Services.GetRequiredService<IProducer>().SendAsync(Orders.Message("o-1", cups: 3));
        var published = await Harness.Published<Order>(Orders.Topic, order => order.Cups == 3);
        await host.StopAsync();

        Assert.That(published.Keys, Is.EqualTo(new[] { "o-1" }));
    }

    [Test]
    public async Task The_harness_reads_what_clients_write_that_are_made_of_the_shared_one()
    {
        using var host = await TestHosts.StartAsync(Harness, services =>
        {
            services.Configure<RocketMqOptions>(options => options.ConfigureClient = client => client.AddCompressionCodecs());
            services.AddRocketMq();
        });
        await using var producer = await host.Services.GetRequiredService<RocketMqClient>().Producer("shop")
            .Compression(BodyCompression.Zstandard, fromBytes: 1).StartAsync();

        await producer.SendAsync(Orders.Message("o-1", cups: 3));
        var published = await Harness.Published<Order>(Orders.Topic, order => order.Cups == 3);
        await host.StopAsync();

        Assert.That(published.Keys, Is.EqualTo(new[] { "o-1" }));
    }

    [Test]
    public async Task The_harness_reads_by_the_codecs_that_it_is_given()
    {
        await SendCompressedAsync("o-1");
        await using var reading = await RocketMqTestHarness.StartAsync(new() { Codecs = [new Lz4Codec(), new ZstandardCodec()] });
        await reading.CreateTopicAsync(Orders.Topic);
        await SendCompressedAsync("o-2", reading);

        var without = (await Harness.StoredAsync(Orders.Topic))[0];
        var published = await reading.Published<Order>(Orders.Topic, order => order.Id == "o-2");

        Assert.That(() => without.Body, Throws.TypeOf<MessageBodyException>().With.Message.Contains(Package));
        Assert.That(published.Keys, Is.EqualTo(new[] { "o-2" }));
    }

    private static void AddConsumer(RocketMqBuilder builder, string kind) => _ = kind switch
    {
        "push" => builder.MapConsumer("billing", _ => Task.FromResult(ConsumeResult.Success), Orders.Subscribe),
        "pop" => builder.MapPopConsumer(
            "billing",
            _ => Task.FromResult(ConsumeResult.Success),
            consumer => consumer.Subscribe(Orders.Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset).EnablePopMode()),
        "pull" => builder.AddPullConsumer(
            "billing", consumer => consumer.Subscribe(Orders.Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset)),
        _ => builder.AddSimpleConsumer(
            "billing", consumer => consumer.Subscribe(Orders.Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset)),
    };

    /// <summary>As another service does, which has the package.</summary>
    private Task SendCompressedAsync(string id) => SendCompressedAsync(id, Harness);

    private static async Task SendCompressedAsync(string id, RocketMqTestHarness harness)
    {
        await using var producer = await Producer.Create("shop").NameServers(harness.NameServers)
            .AddCompressionCodecs().Compression(BodyCompression.Lz4, fromBytes: 1).StartAsync();
        await producer.SendAsync(Orders.Message(id));
    }
}
