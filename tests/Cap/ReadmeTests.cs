using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using DotNetCore.CAP;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RocketMq.Cap;
using RocketMq.Embedded;

namespace CapTests;

/// <summary>The code of the package's README runs: each block stands between two "readme" marks here.</summary>
[CancelAfter(60_000)]
public sealed partial class ReadmeTests
{
    [Test]
    public async Task The_code_of_the_readme_runs(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        var storage = new MemoryStorage();
        Action<CapOptions> addStorage = storage.AddTo;

        // readme
        builder.Services.AddTransient<OrderSubscriber>();
        builder.Services.AddCap(cap =>
        {
            addStorage(cap);    // one of CAP's storages, such as cap.UsePostgreSql(connectionString)
            cap.UseRocketMq("127.0.0.1:9876");
        });
        // readme

        var billing = new BillingService();
        builder.Services.AddSingleton(billing);

        // What is configured later counts.
        builder.Services.Configure<RocketMqCapOptions>(options => options.NameServers = broker.NameServer);
        using var host = builder.Build();
        await host.StartAsync(cancellation);
        await Wait.UntilAsync(() => storage.Polls > 0, cancellation);
        var publisher = host.Services.GetRequiredService<ICapPublisher>();

        // readme
        await publisher.PublishAsync("order.created", "one coffee");
        await publisher.PublishDelayAsync(TimeSpan.FromMinutes(15), "order.expired", "one coffee");
        // readme

        Assert.That(await billing.Billed.WaitAsync(cancellation), Is.EqualTo("one coffee"));
        await host.StopAsync(cancellation);
    }

    [Test]
    public void The_readme_shows_this_code()
    {
        var shown = Block().Matches(File.ReadAllText(Beside("../../src/RocketMq.Cap/README.md"))).Select(Plain).ToArray();
        var run = Region().Matches(File.ReadAllText(Beside("ReadmeTests.cs"))).Select(Plain).ToArray();
        Assert.That(shown, Has.Length.EqualTo(3));
        Assert.That(shown, Is.EqualTo(run));
    }

    private static string Beside(string path, [CallerFilePath] string file = "") => Path.Combine(Path.GetDirectoryName(file)!, path);

    private static string Plain(Match block) => Blanks().Replace(block.Groups[1].Value, " ").Trim();

    [GeneratedRegex(@"^```csharp$(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^ *// readme$(.*?)^ *// readme$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Region();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}

/// <summary>What the README's subscriber calls.</summary>
public sealed class BillingService
{
    private readonly TaskCompletionSource<string> _billed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<string> Billed => _billed.Task;

    internal Task BillAsync(string order, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _billed.TrySetResult(order);
        return Task.CompletedTask;
    }
}

// readme
public sealed class OrderSubscriber(BillingService billing) : ICapSubscribe
{
    [CapSubscribe("order.created", Group = "billing")]
    public Task OnCreated(string order, CancellationToken cancellationToken) => billing.BillAsync(order, cancellationToken);
}
// readme
