namespace RocketMq.Client;

/// <summary>Which messages of a queue a consumer in order handles one after the other.</summary>
public enum OrderBy
{
    /// <summary>All of them: one that fails holds up its queue. As in Java.</summary>
    Queue,

    /// <summary>
    /// Those of one key: one that fails holds up the later messages of its key, and other keys go on. The key is the sharding key of a
    /// message, or the first of its keys. Messages that have neither are in order among themselves.
    /// </summary>
    Key,
}

internal static class Orders
{
    internal static Core.OrderBy ToCore(this OrderBy value) => value switch
    {
        OrderBy.Queue => Core.OrderBy.Queue,
        OrderBy.Key => Core.OrderBy.Key,
        _ => throw Checked.Unknown(value, nameof(value)),
    };
}
