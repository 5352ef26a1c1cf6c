namespace RocketMq

open RocketMq.Protocol

/// Which queue a message goes to.
[<NoEquality; NoComparison>]
type SendTarget =
    /// Each in turn. Only such a message is tried again at another one.
    | AnyQueue
    | OneQueue of MessageQueue
    | SelectedQueue of QueueSelector

    override one.ToString() =
        match one with
        | AnyQueue -> "AnyQueue"
        | OneQueue value -> invariant $"OneQueue {value}"
        | SelectedQueue selector -> invariant $"SelectedQueue {selector}"
