namespace RocketMq

open System.Threading

/// What a consumer has done so far, in messages.
[<Sealed>]
type internal ConsumerCounts() =
    let mutable consumed = 0L
    let mutable failed = 0L
    let mutable sentBack = 0L
    let mutable retriedLocally = 0L
    let mutable overdue = 0L
    let mutable abandoned = 0L

    /// Handled with success.
    member _.Consumed(count: int) =
        Interlocked.Add(&consumed, int64 count) |> ignore<int64>

    /// Handled without success.
    member _.Failed(count: int) =
        Interlocked.Add(&failed, int64 count) |> ignore<int64>

    /// Sent back to a broker, to be had again or as dead letters.
    member _.SentBack() =
        Interlocked.Increment &sentBack |> ignore<int64>

    /// To be retried by this consumer, as no broker took them back.
    member _.RetriedLocally() =
        Interlocked.Increment &retriedLocally |> ignore<int64>

    /// Handlers that took longer than the consume timeout.
    member _.Overdue() =
        Interlocked.Increment &overdue |> ignore<int64>

    /// Handlers that did not return after it either.
    member _.Abandoned() =
        Interlocked.Increment &abandoned |> ignore<int64>

    member _.AllConsumed = Volatile.Read &consumed
    member _.AllFailed = Volatile.Read &failed
    member _.AllSentBack = Volatile.Read &sentBack
    member _.AllRetriedLocally = Volatile.Read &retriedLocally
    member _.AllOverdue = Volatile.Read &overdue
    member _.AllAbandoned = Volatile.Read &abandoned
