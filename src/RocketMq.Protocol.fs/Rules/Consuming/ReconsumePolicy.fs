namespace RocketMq

open System
open RocketMq.Protocol

/// What a handler says of messages, to push and pop consumers alike. A result that is null, such as that of an empty
/// `ValueTask`, is a mistake: it is logged as a failure of the handler, and counts as `Retry`.
[<RequireQualifiedAccess>]
type ConsumeResult =
    /// They are consumed, and do not come again.
    | Success
    /// They come again: 10 s later the first time, then 30 s, 1 min and so on up to 2 h. In order, the queue waits for the
    /// time of `SuspendCurrentQueueTime`, and popped ones for a second.
    | Retry
    /// They come again after this time. Brokers take back what was pulled by delay level only, so that it comes after the time of
    /// the next level that is long enough (1 s to 2 h). In order the queue waits: of a push consumer 10 ms to 30 s.
    | RetryAfter of TimeSpan
    /// They come again after the time of a delay level, 1 (1 s) to 18 (2 h); in order as `Retry`, but for popped ones. A level
    /// below 1 counts as `Retry`.
    | RetryAtLevel of level: int
    /// They go to the group's dead letters. Brokers have none of popped messages: there it counts as `Retry`, and is logged.
    | DeadLetter

    override result.ToString() =
        match result with
        | Success -> "Success"
        | Retry -> "Retry"
        | RetryAfter delay -> invariant $"RetryAfter {delay}"
        | RetryAtLevel level -> invariant $"RetryAtLevel {level}"
        | DeadLetter -> "DeadLetter"

module internal ConsumeResult =
    /// What a handler gave, if it is a result. Else an exception, which counts as one of the handler.
    let checkedOf (result: ConsumeResult) : ConsumeResult =
        match box result with
        | null -> invalidOp "The handler's result is null, which says nothing of the message: it is handled again."
        | _ -> result

/// What becomes of a message that was consumed concurrently.
type internal ConcurrentOutcome =
    | Done
    /// No member gets it again.
    | Dropped
    /// The broker is to have it back, with a delay level. 0: the broker chooses level 3 + `reconsumeTimes`, 10 s after
    /// the first failure, 30 s after the second, 1 min after the third. Above 0: the handler chose it. -1: a dead letter.
    | SendBack of level: int

/// What becomes of a message that failed in order.
type internal OrderlyOutcome =
    /// Its queue waits, then it is handled again.
    | Again of TimeSpan
    /// The broker is to have it as a dead letter.
    | ToDeadLetter

/// What becomes of messages after their handler. Sources: ConsumeMessageConcurrentlyService.java,
/// ConsumeMessageOrderlyService.java, DefaultMQPushConsumerImpl.java.
module internal ReconsumePolicy =
    /// How often a message comes again unless it is said.
    let private usualRetries = 16

    /// The level of the first retry: 10 s. Each further one is a level higher.
    let private firstLevel = 3

    /// How long a queue may wait for a message that failed in order. Java's limits.
    let suspendLimits = struct (TimeSpan.FromMilliseconds 10L, TimeSpan.FromSeconds 30L)

    let private suspension (time: TimeSpan) =
        let struct (least, most) = suspendLimits
        max least (min most time)

    /// As a broker is told.
    let maxRetries (configured: int option) : int =
        Option.defaultValue usualRetries configured

    let concurrent (model: MessageModel) (result: ConsumeResult) : ConcurrentOutcome =
        match model, result with
        | _, ConsumeResult.Success -> Done
        | MessageModel.Broadcasting, _ -> Dropped
        | MessageModel.Clustering, ConsumeResult.Retry -> SendBack 0
        | MessageModel.Clustering, ConsumeResult.RetryAfter time -> SendBack(DelayLevels.levelOf time)
        | MessageModel.Clustering, ConsumeResult.RetryAtLevel level -> SendBack(max level 0)
        | MessageModel.Clustering, ConsumeResult.DeadLetter -> SendBack -1

    /// Of a message that failed `reconsumeTimes` times before; without a limit it is tried for ever. Broadcasting has no dead
    /// letters.
    let ordered
        (model: MessageModel)
        (limit: int option)
        (suspend: TimeSpan)
        (reconsumeTimes: int)
        (result: ConsumeResult)
        : OrderlyOutcome =
        match model, result, limit with
        | MessageModel.Clustering, ConsumeResult.DeadLetter, _ -> ToDeadLetter
        | MessageModel.Clustering, _, Some limit when reconsumeTimes >= limit -> ToDeadLetter
        | _, ConsumeResult.RetryAfter time, _ -> Again(suspension time)
        | _ -> Again suspend

    /// What a message is called that may have been sent back before.
    let originId (message: StoredMessage) : string =
        let find name =
            Properties.tryFind name message.Properties

        find PropertyName.originMessageId
        |> ValueOption.orElseWith (fun () -> find PropertyName.uniqueKey)
        |> ValueOption.defaultWith (fun () -> message.OffsetId)

    /// How often a copy says that it has failed: for a dead letter more often than may be, so that the broker buries it.
    let copyTimes (limit: int option) (level: int) (message: StoredMessage) : int =
        if level < 0 then
            maxRetries limit + 1
        else
            message.ReconsumeTimes + 1

    /// The properties of a copy that goes to the group's retry topic when no broker takes the message itself back. A level of 0
    /// or less leaves the delay to grow.
    let copyProperties (limit: int option) (level: int) (originTopic: string) (message: StoredMessage) : Properties =
        let delay =
            if level > 0 then
                level
            else
                firstLevel + message.ReconsumeTimes

        message.Properties
        |> Properties.remove PropertyName.transactionMark
        |> Properties.add PropertyName.originMessageId (originId message)
        |> Properties.add PropertyName.retryTopic originTopic
        |> Properties.add PropertyName.reconsumeTimes (string (copyTimes limit level message))
        |> Properties.add PropertyName.maxReconsumeTimes (string (maxRetries limit))
        |> Properties.add PropertyName.delayLevel (string delay)
