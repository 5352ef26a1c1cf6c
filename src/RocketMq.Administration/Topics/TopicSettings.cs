namespace RocketMq.Client.Administration;

/// <summary>What is to be set of a topic: what is null stays as it is, or becomes the default where the topic is new.</summary>
public sealed record TopicSettings
{
    /// <summary>On each master. Default 8.</summary>
    public int? ReadQueues { get; init; }

    /// <summary>On each master. Default as <see cref="ReadQueues"/>.</summary>
    public int? WriteQueues { get; init; }

    /// <summary>Default both.</summary>
    public TopicAccess? Permission { get; init; }

    /// <summary>Whether name servers keep which broker has how many queues, so that keys stay with their queues. Default false.</summary>
    public bool? IsOrderly { get; init; }

    /// <summary>Since 5.0; null as a value removes one.</summary>
    public IReadOnlyDictionary<string, string?> Attributes { get; init; } = new Dictionary<string, string?>();

    internal Admin.TopicSettings ToCore() => new(
        Values.Option(ReadQueues),
        Values.Option(WriteQueues),
        Values.Option((int?)Permission),
        Values.Option(IsOrderly),
        Microsoft.FSharp.Collections.MapModule.OfSeq(
            Attributes.Select(pair => Tuple.Create(pair.Key, Values.Option(pair.Value)))!));
}

/// <summary>What clients may do with a topic. The numbers are those that travel.</summary>
public enum TopicAccess
{
    /// <summary>Producers may send.</summary>
    Write = 2,

    /// <summary>Consumers may read.</summary>
    Read = 4,

    /// <summary>Both.</summary>
    ReadWrite = 6,
}
