namespace RocketMq

open System

module internal QueueLag =
    /// Where a queue ends, if a broker has said so: below 0 none has.
    let knownMax (maxOffset: int64) : int64 option =
        if maxOffset < 0L then None else Some maxOffset

    /// How many messages are stored and not consumed. An answer may be older than what has been consumed since.
    let ofMax (committable: int64) (maxOffset: int64 option) : int64 option =
        maxOffset |> Option.map (fun last -> max 0L (last - committable))

/// One queue that a consumer reads.
type QueueHealth =
    {
        Queue: MessageQueue
        /// Where the next pull begins.
        Next: int64
        /// Everything before it is consumed.
        Committable: int64
        /// What the group has committed, as far as this member knows. Nothing: nothing, or it has not been asked for.
        Committed: int64 option
        /// Where the queue ends: the offset that the next stored message will have, as a broker said with its last answer to a pull.
        /// Nothing before the first.
        MaxOffset: int64 option
        /// Records that could not be read, and were passed.
        Damaged: int64
        /// Messages that are not consumed, those that handlers work on included.
        CachedMessages: int
        /// Bytes of their bodies as stored.
        CachedBytes: int64
        /// Messages that handlers work on.
        Running: int
        /// Holds as much as it may.
        IsFull: bool
        /// Since the last pull ended.
        SincePull: TimeSpan
        /// Since the last handler ended.
        SinceConsume: TimeSpan
        /// Of an ordered consumer: whether it may deliver messages now.
        IsLocked: bool
    }

    /// How many messages are stored and not consumed, those that a filter leaves out included: from `Committable` to `MaxOffset`. Nothing
    /// if the latter is not known.
    member queue.Lag: int64 option = QueueLag.ofMax queue.Committable queue.MaxOffset

/// What a consumer is doing. Counts are messages since its start.
type PushConsumerHealth =
    {
        ClientId: string
        /// The queues that it pulls.
        Queues: QueueHealth list
        /// What it pops because brokers hand it out so, see `ClientRebalance`: queues, or all of a broker's, with the queue id -1.
        Popped: MessageQueue list
        /// Handled with success.
        Consumed: int64
        /// Handled without success.
        Failed: int64
        /// Sent back to brokers, to be had again or as dead letters.
        SentBack: int64
        /// To be retried by this consumer, as no broker took them back.
        RetriedLocally: int64
        /// Handlers, now, that have taken longer than the consume timeout.
        StuckHandlers: int
        /// Handlers, ever, that took longer.
        OverdueHandlers: int64
        /// Handlers, ever, that did not return when they were told to, so that their messages were sent back.
        AbandonedHandlers: int64
        /// How often pulling of a queue was begun again because nothing was pulled though there was room.
        RestartedQueues: int64
        /// Traces that were lost because they came too fast, or could not be stored.
        DroppedTraces: int64
        IsPaused: bool
        /// What the consumer cannot do now.
        Problems: ClientProblem list
    }

    /// It can do its work now: no handler is stuck, and nothing that it tried last has failed.
    member health.IsHealthy = health.StuckHandlers = 0 && health.Problems.IsEmpty

/// What a pull consumer is doing.
type PullConsumerHealth =
    {
        ClientId: string
        Queues: QueueHealth list
        /// Traces that were lost because they came too fast, or could not be stored.
        DroppedTraces: int64
        /// What the consumer cannot do now.
        Problems: ClientProblem list
    }

    /// It can do its work now: nothing that it tried last has failed.
    member health.IsHealthy = health.Problems.IsEmpty
