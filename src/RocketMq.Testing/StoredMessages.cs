using RocketMq.Embedded;

namespace RocketMq.Testing;

// Within the namespace, so that these names come before those of the F# core, RocketMq.
using RocketMq.Client;

/// <summary>Reads what the broker has stored, as any client could.</summary>
internal sealed class StoredMessages : IAsyncDisposable
{
    /// <summary>Of the client that reads; it is a member of no group.</summary>
    private const string Reader = "test-harness";

    private readonly EmbeddedBroker _broker;
    private readonly RocketMqClient _client;
    private readonly Lock _gate = new();

    /// <summary>What bodies are read with: what the harness was given, and what the clients of services have.</summary>
    private BodyCodecs _codecs;

    internal StoredMessages(EmbeddedBroker broker, BodyCodecs codecs)
    {
        (_broker, _codecs) = (broker, codecs);
        _client = RocketMqClient.Create().NameServers(broker.NameServer).Start();
    }

    /// <summary>The standard codecs and these.</summary>
    /// <exception cref="ArgumentException">A compression is not a number from 1 to 7.</exception>
    internal static BodyCodecs CodecsOf(IReadOnlyList<IBodyCodec> codecs) => codecs
        .Aggregate(RocketMqClient.Create(), (client, codec) => client.Codec(codec))
        .AddCodecsTo(BodyCodecsModule.standard);

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    /// <summary>Has bodies read that a client writes.</summary>
    internal void AddCodecsOf<TBuilder>(ClientBuilder<TBuilder> builder) where TBuilder : ClientBuilder<TBuilder>
    {
        lock (_gate)
        {
            Volatile.Write(ref _codecs, builder.AddCodecsTo(_codecs));
        }
    }

    /// <summary>All messages of a topic, in their order within each queue; none if there is no such topic.</summary>
    internal async Task<IReadOnlyList<ReceivedMessage>> ReadAsync(string topic, CancellationToken cancellationToken)
    {
        await using var reader = _client.PullConsumer(Reader).WithCodecs(Volatile.Read(ref _codecs)).CreateClient();
        var messages = new List<ReceivedMessage>();

        foreach (var queue in await QueuesAsync(topic, cancellationToken).ConfigureAwait(false))
        {
            var next = await reader.GetMinOffsetAsync(queue, cancellationToken).ConfigureAwait(false);
            var end = await reader.GetMaxOffsetAsync(queue, cancellationToken).ConfigureAwait(false);

            while (next < end)
            {
                var batch = await reader.PullAsync(queue, next, cancellationToken: cancellationToken).ConfigureAwait(false);
                messages.AddRange(batch.Messages);
                next = batch.NextOffset > next ? batch.NextOffset : end;
            }
        }

        return messages;
    }

    /// <summary>What a group has committed of a topic, and how far its queues go.</summary>
    internal async Task<IReadOnlyList<QueueOffsets>> OffsetsAsync(string group, string topic, CancellationToken cancellationToken)
    {
        await using var reader = _client.PullConsumer(group).CreateClient();
        var offsets = new List<QueueOffsets>();

        foreach (var queue in await QueuesAsync(topic, cancellationToken).ConfigureAwait(false))
        {
            offsets.Add(new(
                queue,
                await reader.GetCommittedAsync(queue, cancellationToken).ConfigureAwait(false),
                await reader.GetMaxOffsetAsync(queue, cancellationToken).ConfigureAwait(false)));
        }

        return offsets;
    }

    private async Task<IReadOnlyList<MessageQueue>> QueuesAsync(string topic, CancellationToken cancellationToken)
    {
        await using var names = NameServerClient.Connect(_broker.NameServer);

        try
        {
            var route = await names.GetRouteAsync(topic, cancellationToken).ConfigureAwait(false);
            return [.. route.Queues.SelectMany(queues =>
                Enumerable.Range(0, Math.Max(queues.ReadQueues, queues.WriteQueues)).Select(id => new MessageQueue(topic, queues.BrokerName, id)))];
        }
        catch (BrokerException error) when (error.Code == ResponseCode.TopicNotExist)
        {
            return [];
        }
    }
}

/// <summary>How far a group is with a queue.</summary>
/// <param name="Queue">The queue.</param>
/// <param name="Committed">The next offset to be consumed, as the group has committed it; null if it has committed nothing.</param>
/// <param name="Max">The offset that the next message will have.</param>
public sealed record QueueOffsets(MessageQueue Queue, long? Committed, long Max);
