using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NUnit.Framework;
using RocketMq.Client;
using RocketMq.Testing;
using Worker;

namespace SampleTests;

/// <summary>The workers, in C# and in F#.</summary>
[TestFixture]
internal sealed class WorkerTests
{
    private RocketMqTestHarness _harness = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _harness = await RocketMqTestHarness.StartAsync();
        await _harness.CreateTopicAsync("Shipments", queues: 1);
    }

    [TearDown]
    public async Task StopAsync() => await _harness.DisposeAsync();

    [Test]
    public async Task Legs_of_a_shipment_are_handled_in_order_and_a_bad_one_is_a_dead_letter()
    {
        using var host = Create("Worker", services => Shipping.Register(services));
        await host.StartAsync();

        foreach (var leg in new Leg[] { new("s-1", 1, "Rotterdam"), new("s-1", 2, "Basel"), new("s-2", 1, ""), new("s-1", 3, "Genoa") })
        {
            await _harness.SendAsync(leg.ToMessage());
        }

        await _harness.Consumed<Leg>(leg => leg.Number == 3);
        var dead = await _harness.DeadLetter("shipping");
        await host.StopAsync();

        Assert.That(host.Services.GetRequiredService<Places>().Of("s-1").ToArray(), Is.EqualTo(new[] { "Rotterdam", "Basel", "Genoa" }));
        Assert.That(dead.Keys, Is.EqualTo(new[] { "s-2-1" }));
    }

    [Test]
    public async Task The_worker_in_FSharp_does_the_same()
    {
        using var host = Create("Worker.FSharp", services => global::Worker.FSharp.Shipping.register(services));
        await host.StartAsync();

        foreach (var (shipment, place) in new[] { ("s-1", "Rotterdam"), ("s-1", "Basel"), ("s-2", " "), ("s-1", "Genoa") })
        {
            await _harness.SendAsync(Message.To("Shipments").Keys(shipment).Body(place));
        }

        await _harness.Consumed(message => message.Text == "Genoa");
        var dead = await _harness.DeadLetter("shipping");
        await host.StopAsync();

        Assert.That(host.Services.GetRequiredService<global::Worker.FSharp.Shipping.Places>().Of("s-1").ToArray(), Is.EqualTo(new[] { "Rotterdam", "Basel", "Genoa" }));
        Assert.That(dead.Keys, Is.EqualTo(new[] { "s-2" }));
    }

    /// <summary>A host as the sample's program has it, with the sample's own configuration.</summary>
    private IHost Create(string sample, Action<IServiceCollection> register)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration
            .AddJsonFile(Path.Combine(SampleFolder(sample), "appsettings.json"))
            .AddInMemoryCollection([new("RocketMq:Start:Wait", "true")]);
        register(builder.Services);
        builder.Services.AddRocketMqTestHarness(_harness);
        return builder.Build();
    }

    private static string SampleFolder(string sample)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);

        while (!File.Exists(Path.Combine(folder!.FullName, "RocketMq.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder.FullName, "samples", sample);
    }
}
