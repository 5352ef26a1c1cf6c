namespace RocketMq

open System.Threading

/// Where a queue is pulled, and until when the answer counts.
[<Struct>]
type internal PullCursor =
    {
        Offset: int64
        /// Cancelled when the answer does not count any more: after a seek, after the subscription has changed, at the end.
        Ending: CancellationToken
    }
