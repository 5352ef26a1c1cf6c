using Microsoft.Extensions.Logging;
using Microsoft.FSharp.Collections;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="PullConsumer"/>. Immutable; each method gives a new one.</summary>
public sealed class PullConsumerBuilder : ConnectionBuilder<PullConsumerBuilder>
{
    private readonly Reading _reading;

    internal PullConsumerBuilder(string group) : this(new Reading(group), new RemotingSettings()) { }

    private PullConsumerBuilder(Reading reading, RemotingSettings remoting) : base(remoting) => _reading = reading;

    private protected override bool FindsServers => true;

    private protected override PullConsumerBuilder With(RemotingSettings remoting) => new(_reading, remoting);

    /// <summary>The name servers, "host:port;host:port". Needed.</summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public PullConsumerBuilder NameServers(string addresses) =>
        With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>Reads a topic: messages with one of the tags, joined with "||", or all of them. May be called again.</summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    public PullConsumerBuilder Subscribe(string topic, string tags = "*")
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(tags);
        var name = Core.Names.checkTopic(topic).OrThrowArgument(nameof(topic));
        var others = _reading.Subscriptions.Where(subscription => subscription.Item1 != name);
        return With(_reading with { Subscriptions = [.. others, Tuple.Create(name, Core.Filter.NewByTag(tags))] });
    }

    /// <summary>Where to begin if the group has committed nothing. Default <see cref="ConsumeFrom.LastOffset"/>.</summary>
    public PullConsumerBuilder From(ConsumeFrom value) => With(_reading with { From = value });

    /// <summary>How many messages a pull asks for. Default 32, the most that brokers hand out unless set up for more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,024.</exception>
    public PullConsumerBuilder PullBatch(int value) => With(_reading with { PullBatch = Checked.Count(value, 1024) });

    /// <summary>How long a broker holds a pull that finds nothing. Default 15 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public PullConsumerBuilder Suspend(TimeSpan value) => With(_reading with { Suspend = Checked.Span(value) });

    /// <summary>How often positions are committed. Default 5 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public PullConsumerBuilder CommitInterval(TimeSpan value) => With(_reading with { CommitInterval = Checked.Span(value) });

    /// <summary>Writes ROCKETMQ binary headers instead of JSON ones.</summary>
    public PullConsumerBuilder BinaryHeaders() =>
        With(Remoting with { BinaryHeaders = true });

    /// <summary>Where to log. Default nowhere.</summary>
    public PullConsumerBuilder Logger(ILogger value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(Remoting with { Logger = value });
    }

    /// <summary>Joins the group and begins to read.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    /// <exception cref="RocketMqException">A topic does not exist, or no server can be reached.</exception>
    public async Task<PullConsumer> StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new((await Core.PullConsumer.Start(_reading.ToCore(Remoting)).ConfigureAwait(false)).OrThrow());
    }

    private PullConsumerBuilder With(Reading reading) => new(reading, Remoting);

    /// <summary>All but what connections need.</summary>
    private sealed record Reading(string Group)
    {
        private static readonly Core.PullConsumerOptions Defaults =
            Core.PullConsumerOptionsModule.create("unused", FSharpList<Core.Endpoint>.Empty);

        internal IReadOnlyList<Tuple<string, Core.Filter>> Subscriptions { get; init; } = [];

        internal ConsumeFrom From { get; init; } = ConsumeFrom.LastOffset;

        internal int PullBatch { get; init; } = Defaults.PullBatch;

        internal TimeSpan Suspend { get; init; } = Defaults.Suspend;

        internal TimeSpan CommitInterval { get; init; } = Defaults.CommitInterval;

        internal Core.PullConsumerOptions ToCore(RemotingSettings remoting) => new(
            group: Group,
            nameServers: remoting.NameServers,
            subscriptions: ListModule.OfSeq(Subscriptions),
            consumeFrom: From.ToCore(),
            pullBatch: PullBatch,
            suspend: Suspend,
            buffer: Defaults.Buffer,
            commitInterval: CommitInterval,
            inflatedLimit: Defaults.InflatedLimit,
            remoting: remoting.ToCore(Core.WhenDisconnected.FailWithDial));
    }
}
