namespace RocketMq.Embedded

open System
open RocketMq

/// A message that waits for its time before consumers see it.
type internal ScheduledMessage =
    {
        /// As it will be stored.
        Incoming: Incoming
        /// Of a timed message: what a recall would name it by.
        TimerKey: TimerKey voption
    }

/// What tells a timed message apart from all others.
and internal TimerKey =
    {
        /// The second in whose course it is due, as the message's TIMER_OUT_MS says.
        OutMillis: int64
        /// Topic and unique id, as a recall's TIMER_DEL_UNIQKEY says.
        Name: string
    }

/// Timed messages are due by the second.
module internal TimerSlot =
    let private precisionMillis = 1_000L

    /// The second that ends before the time, or with it.
    let ofDelivery (deliverMillis: int64) =
        (deliverMillis - 1L) / precisionMillis * precisionMillis

    /// A second's messages are delivered when it is over: never early, and less than a second late.
    let dueMillis outMillis = outMillis + precisionMillis

/// All messages that wait for their time.
type internal ScheduledMessages =
    {
        /// By when they are due and, for those of one time, by where they were put meanwhile.
        ByDue: Map<int64 * int64<commitLog>, ScheduledMessage>
        /// The timed messages that will not be delivered. As in Java, a recall may come before its message.
        Recalled: Set<TimerKey>
    }

module internal ScheduledMessages =
    let none =
        {
            ByDue = Map.empty
            Recalled = Set.empty
        }

/// An offset in the commit log and one in the topic of half messages.
[<Struct>]
type internal HalfPlace =
    {
        CommitLogOffset: int64<commitLog>
        QueueOffset: int64
    }

/// A message whose transaction has not ended.
type internal HalfMessage =
    {
        /// Where it lies now, and as what.
        Stored: StoredMessage
        /// Where it lay before. Each check puts it to the end again, and a producer may still name the place it was told.
        Earlier: HalfPlace list
        /// When the broker took it.
        SinceMillis: int64
        /// How often its producers were asked.
        Checks: int
    }

/// When producers are asked about transactions that have not ended.
type internal CheckSettings =
    {
        /// A half message younger than this is left alone, unless its own CHECK_IMMUNITY_TIME_IN_SECONDS says otherwise.
        TimeoutMillis: int64
        /// From one round of checks to the next.
        IntervalMillis: int64
        /// After so many checks a half message is given up.
        MaxChecks: int
    }

module internal CheckSettings =
    let defaults =
        {
            TimeoutMillis = 6_000L
            IntervalMillis = 30_000L
            MaxChecks = 15
        }

/// The transactions that have not ended.
type internal OpenTransactions =
    {
        /// By where in the commit log they lie now.
        Halves: Map<int64<commitLog>, HalfMessage>
        /// None while there is nothing to check.
        NextRoundMillis: int64 voption
        /// Of all transactions. Decides whose turn the next one is.
        ChecksSent: int
    }

module internal OpenTransactions =
    let none =
        {
            Halves = Map.empty
            NextRoundMillis = ValueNone
            ChecksSent = 0
        }
