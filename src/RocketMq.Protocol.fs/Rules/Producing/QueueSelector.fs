namespace RocketMq

open System

/// How a sender chooses the queue of a message by itself. Such a message is never tried at another queue.
[<NoEquality; NoComparison>]
type QueueSelector =
    /// By the hash of a key, as Java's clients: messages with the same key share a queue while the number of queues stays.
    | ByKey of key: string
    /// By the message's sharding key (see `Message.withShardingKey`), as `ByKey`. A message without one is refused.
    | ByShardingKey
    /// By chance.
    | RandomQueue
    /// By a function from the queues, in the order of brokers and numbers, and the message to an index among the queues.
    /// An index outside, or an exception, refuses the message.
    | ByFunction of (MessageQueue[] -> Message -> int)

    override one.ToString() =
        match one with
        | ByKey key -> invariant $"ByKey {key}"
        | ByShardingKey -> "ByShardingKey"
        | RandomQueue -> "RandomQueue"
        | ByFunction _ -> "ByFunction"

module QueueSelector =
    let private refuse reason =
        Error(InvalidInput("the queue selector", reason))

    /// The index for a hash among `count` queues, with the signs of Java's remainder. Source:
    /// SelectMessageQueueByHash.java.
    let indexOf (hash: int) (count: int) : int = abs (hash % count)

    /// The queue for a hash. Fails if there is no queue.
    let byHash (hash: int) (queues: MessageQueue[]) : Result<MessageQueue, InputError> =
        if queues.Length = 0 then
            refuse "there is no queue to choose from"
        else
            Ok queues[indexOf hash queues.Length]

    /// The queue for a text as the key: by Java's `String.hashCode`.
    let byKey (key: string) (queues: MessageQueue[]) : Result<MessageQueue, InputError> =
        byHash (Filter.tagHash key) queues

    /// The selector for a number as the key, by the hash of Java's `Long`: for keys that Java's senders give as numbers.
    let ofNumber (key: int64) : QueueSelector =
        let hash = int (key ^^^ (key >>> 32))
        ByFunction(fun queues _ -> indexOf hash queues.Length)

    let private byFunction (choose: MessageQueue[] -> Message -> int) (queues: MessageQueue[]) message =
        try
            let index = choose (Array.copy queues) message

            if index >= 0 && index < queues.Length then
                Ok queues[index]
            else
                refuse (invariant $"its function gave index {index} among {queues.Length} queues")
        with error ->
            Error(FunctionFailed("the queue selector", error))

    /// The queue for `message` among those of its topic, in the order of brokers and numbers. `chance` is a number of the
    /// caller's, any int, for a choice by chance.
    let select
        (selector: QueueSelector)
        (queues: MessageQueue[])
        (message: Message)
        (chance: int)
        : Result<MessageQueue, InputError> =
        match selector with
        | _ when queues.Length = 0 -> refuse "there is no queue to choose from"
        | ByKey key -> byKey key queues
        | ByShardingKey ->
            match Message.shardingKey message with
            | ValueSome key -> byKey key queues
            | ValueNone -> refuse "the message has no sharding key"
        | RandomQueue -> Ok queues[(chance &&& Int32.MaxValue) % queues.Length]
        | ByFunction choose -> byFunction choose queues message
