using Hosting.Support;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NUnit.Framework;
using RocketMq.Client;
using Worker;

namespace SampleTests;

/// <summary>The workers, in C# and in F#.</summary>
[TestFixture]
internal sealed class WorkerTests() : HarnessFixture("Shipments")
{
    [Test]
    public async Task Legs_of_a_shipment_are_handled_in_order_and_a_bad_one_is_a_dead_letter()
    {
        using var host = Create("Worker", services => Shipping.Register(services));
        await host.StartAsync();

        foreach (var leg in new Leg[] { new("s-1", 1, "Rotterdam"), new("s-1", 2, "Basel"), new("s-2", 1, ""), new("s-1", 3, "Genoa") })
        {
            await Harness.SendAsync(leg.ToMessage());
        }

        await Harness.Consumed<Leg>(leg => leg.Number == 3);
        var dead = await Harness.DeadLetter("shipping");
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
            await Harness.SendAsync(Message.To("Shipments").Keys(shipment).Body(place));
        }

        await Harness.ConsumedMessage(message => message.Text == "Genoa");
        var dead = await Harness.DeadLetter("shipping");
        await host.StopAsync();

        Assert.That(host.Services.GetRequiredService<global::Worker.FSharp.Shipping.Places>().Of("s-1").ToArray(), Is.EqualTo(new[] { "Rotterdam", "Basel", "Genoa" }));
        Assert.That(dead.Keys, Is.EqualTo(new[] { "s-2" }));
    }

    [Test]
    public async Task The_program_handles_messages_and_ends_by_SIGTERM_without_an_error()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("Windows has no SIGTERM.");
        }

        await using var worker = WorkerProcess.Start(Harness.NameServers);

        foreach (var leg in new Leg[] { new("s-1", 1, "Rotterdam"), new("s-2", 1, ""), new("s-1", 2, "Genoa") })
        {
            await Harness.SendAsync(leg.ToMessage());
        }

        await worker.HasSaid("Shipment s-1 has come to Genoa");
        var dead = await Harness.DeadLetter("shipping");
        var code = await worker.TerminateAsync();

        Assert.That(code, Is.Zero, worker.Output);
        Assert.That(dead.Keys, Is.EqualTo(new[] { "s-2-1" }));
        Assert.That((await Harness.OffsetsAsync("shipping", "Shipments")).Single().Committed, Is.EqualTo(3));
    }

    /// <summary>A host as the sample's program has it, with the sample's own configuration.</summary>
    private IHost Create(string sample, Action<IServiceCollection> register)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration
            .AddJsonFile(Path.Combine(Repository.Root, "samples", sample, "appsettings.json"))
            .AddInMemoryCollection([new("RocketMq:Start:Wait", "true")]);
        register(builder.Services);
        builder.Services.AddRocketMqTestHarness(Harness);
        return builder.Build();
    }
}
