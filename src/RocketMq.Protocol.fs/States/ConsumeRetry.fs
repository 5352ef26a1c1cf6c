namespace RocketMq.Protocol

open System

/// What a handler says of messages.
type ConsumeResult =
    /// They are done with.
    | Consumed
    /// They are to come again, later each time.
    | RetryLater
    /// They are to come again after the time of a delay level, from 1 on. In order they come after the queue's own time.
    | RetryAtLevel of level: int
    /// They go to the group's dead letters.
    | DeadLetter

/// What becomes of a message that was consumed concurrently.
type AfterConcurrent =
    | Done
    /// Nobody has it again.
    | Dropped
    /// The broker is to have it back: with a delay level, 0 for a delay that grows, -1 for the dead letters.
    | GiveBack of level: int

/// What becomes of a message that failed in order.
type AfterOrdered =
    /// Its queue waits, then it is handled again.
    | Again of TimeSpan
    /// The broker is to have it as a dead letter.
    | Bury

/// What becomes of messages after their handler. Sources: ConsumeMessageConcurrentlyService.java,
/// ConsumeMessageOrderlyService.java, DefaultMQPushConsumerImpl.java.
module ConsumeRetry =
    /// How often a message comes again unless it is said.
    let private usualRetries = 16

    /// The level of the first retry: 10 s. Each further one is a level higher.
    let private firstLevel = 3

    /// As a broker is told.
    let maxRetries (wanted: int option) : int = Option.defaultValue usualRetries wanted

    let concurrent (model: MessageModel) (result: ConsumeResult) : AfterConcurrent =
        match model, result with
        | _, Consumed -> Done
        | Broadcasting, _ -> Dropped
        | Clustering, RetryLater -> GiveBack 0
        | Clustering, RetryAtLevel level -> GiveBack level
        | Clustering, DeadLetter -> GiveBack -1

    /// Of a message that failed `reconsumeTimes` times before; without a limit it is tried for ever. Broadcasting has no dead
    /// letters.
    let ordered
        (model: MessageModel)
        (limit: int option)
        (suspend: TimeSpan)
        (reconsumeTimes: int)
        (result: ConsumeResult)
        : AfterOrdered =
        match model, result, limit with
        | Clustering, DeadLetter, _ -> Bury
        | Clustering, _, Some limit when reconsumeTimes >= limit -> Bury
        | _ -> Again suspend

    /// What a message is called that may have been given back before.
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
