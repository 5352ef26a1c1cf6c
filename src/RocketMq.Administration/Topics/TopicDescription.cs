namespace RocketMq.Client.Administration;

/// <summary>A queue of a topic.</summary>
/// <param name="BrokerName">The broker that has it.</param>
/// <param name="QueueId">Its number there, from 0.</param>
/// <param name="MinOffset">The offset of the first message that is still there.</param>
/// <param name="MaxOffset">The offset that the next message will have.</param>
/// <param name="LastUpdate">When the last message was stored; null if there was none.</param>
public sealed record QueueStatus(string BrokerName, int QueueId, long MinOffset, long MaxOffset, DateTimeOffset? LastUpdate);

/// <summary>A topic on one master.</summary>
/// <param name="Broker">The master.</param>
/// <param name="Exists">Whether it has the topic; the rest is 0 or false if not.</param>
/// <param name="ReadQueues">Queues that consumers read.</param>
/// <param name="WriteQueues">Queues that producers choose from.</param>
/// <param name="IsReadable">Whether consumers may read.</param>
/// <param name="IsWritable">Whether producers may send.</param>
/// <param name="IsOrderly">Whether it is an ordered topic; brokers of 4.9 do not keep that.</param>
/// <param name="Attributes">Since 5.0.</param>
public sealed record TopicOnBroker(
    BrokerAddress Broker,
    bool Exists,
    int ReadQueues,
    int WriteQueues,
    bool IsReadable,
    bool IsWritable,
    bool IsOrderly,
    IReadOnlyDictionary<string, string> Attributes)
{
    internal static TopicOnBroker FromCore(Admin.TopicOnBroker topic)
    {
        var broker = BrokerAddress.FromCore(topic.Broker);
        var none = new Dictionary<string, string>();

        return topic.Config is { Value: var config }
            ? new(
                broker,
                true,
                config.ReadQueues,
                config.WriteQueues,
                (config.Permission & 4) != 0,
                (config.Permission & 2) != 0,
                config.IsOrderly,
                config.Attributes is { Value: var attributes } ? attributes.ToDictionary(StringComparer.Ordinal) : none)
            : new(broker, false, 0, 0, false, false, false, none);
    }
}

/// <summary>All about a topic.</summary>
/// <param name="Topic">Its name.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Brokers">Its settings on each master.</param>
/// <param name="Queues">Its queues.</param>
/// <param name="Groups">The groups that have consumed it or subscribe to it.</param>
/// <param name="Differences">Settings that are not the same on all masters, in words.</param>
/// <param name="Failures">Servers that did not say.</param>
public sealed record TopicDescription(
    string Topic,
    TopicKind Kind,
    IReadOnlyList<TopicOnBroker> Brokers,
    IReadOnlyList<QueueStatus> Queues,
    IReadOnlyList<string> Groups,
    IReadOnlyList<string> Differences,
    IReadOnlyList<ServerFailure> Failures)
{
    internal static TopicDescription FromCore(Admin.TopicDescription description) => new(
        description.Topic,
        (TopicKind)(int)description.Kind,
        [.. description.Brokers.Select(TopicOnBroker.FromCore)],
        [.. description.Queues.Select(one => new QueueStatus(
            one.Queue.BrokerName,
            one.Queue.QueueId,
            one.MinOffset,
            one.MaxOffset,
            Values.TimeIfAny(one.LastUpdateMillis)))],
        [.. description.Groups],
        [.. description.Differences],
        ServerFailure.FromCore(description.Failures));
}
