using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace RocketMq.Cap;

/// <summary>
/// The one client and the one producer that CAP's publisher and all groups share. Nothing connects before the first message or the first
/// consumer.
/// </summary>
internal sealed class RocketMqConnection : IAsyncDisposable, IDisposable
{
    private readonly Lazy<RocketMqClient> _client;
    private readonly Lazy<Task<Producer>> _producer;

    public RocketMqConnection(IOptions<RocketMqCapOptions> options, ILoggerFactory loggers)
    {
        Options = options.Value;
        _client = new(() => OptionReading.ClientOf(Options).Logger(loggers.CreateLogger("RocketMq.Client")).Start());
        _producer = new(() => OptionReading.ProducerOf(Options, _client.Value.Producer(Options.ProducerGroup)).StartAsync());
        Topics = new("topic", Options.TopicName);
        Groups = new("group", Options.GroupName);
    }

    internal RocketMqCapOptions Options { get; }

    internal NameTable Topics { get; }

    internal NameTable Groups { get; }

    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    internal RocketMqClient Client => _client.Value;

    /// <exception cref="InvalidRequestException">As of <see cref="Client"/>.</exception>
    internal Task<Producer> ProducerAsync() => _producer.Value;

    /// <summary>The oldest release of the brokers that have answered so far; null if none has.</summary>
    internal Version? OldestBroker => _client.IsValueCreated ? Client.BrokerVersions.Values.Min() : null;

    internal string Endpoint => Options.NameServers ?? "";

    /// <summary>Consumers finish what they are at, what was consumed is committed, and connections close.</summary>
    public ValueTask DisposeAsync() => _client.IsValueCreated ? _client.Value.DisposeAsync() : ValueTask.CompletedTask;

    /// <summary>For containers that are disposed of synchronously.</summary>
    public void Dispose() => Task.Run(async () => await DisposeAsync().ConfigureAwait(false)).GetAwaiter().GetResult();
}
