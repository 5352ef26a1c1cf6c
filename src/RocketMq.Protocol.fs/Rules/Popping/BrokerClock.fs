namespace RocketMq

/// What is known of the clock by which a broker judges the age of a pop and the end of its wait. The client's own clock plays
/// no part: it may be minutes off. Source: PopMessageProcessor.java, PopMessageRequestHeader.java.
[<Struct>]
type internal BrokerClock =
    /// It takes 0 as the time at which the request comes, as brokers do that check no permissions.
    | FillsIn
    /// It takes the time as it is sent, and nothing is known of its clock.
    | Unmeasured
    /// How many milliseconds it is ahead of the client's count.
    | Ahead of millis: int64

/// What a pop says of time.
[<Struct>]
type internal PopTiming =
    {
        BornTimestamp: int64
        PollMillis: int64
    }

/// An exchange, in the client's count of milliseconds, and the time in the answer.
[<Struct>]
type internal TimedAnswer =
    {
        SentMillis: int64
        ReceivedMillis: int64
        /// How long the broker was asked to wait.
        PollMillis: int64
        IsEmpty: bool
        /// By the broker's clock; 0 if it did not say.
        BrokerTimestamp: int64
    }

module internal BrokerClock =
    /// The end of the year 9999: no pop of then is too old. It must not wait, for that would be as long.
    let private farAhead = 253_402_300_799_999L

    /// An empty answer that came so much later than it should shows that the broker's clock was set back.
    let private lateness = 1_000L

    /// What a pop is to say now that may wait for `pollMillis`. One that may not wait needs no clock.
    let timing (now: int64) (pollMillis: int64) (clock: BrokerClock) : PopTiming =
        match clock with
        | FillsIn ->
            {
                BornTimestamp = 0L
                PollMillis = pollMillis
            }
        | Ahead millis when pollMillis > 0L ->
            {
                BornTimestamp = now + millis
                PollMillis = pollMillis
            }
        | Ahead _
        | Unmeasured ->
            {
                BornTimestamp = farAhead
                PollMillis = 0L
            }

    /// After a pop that was refused as too old.
    let refused: BrokerClock = Unmeasured

    /// After a wait whose end did not come in time: the broker's clock may have been set back.
    let timedOut (clock: BrokerClock) : BrokerClock =
        match clock with
        | FillsIn -> FillsIn
        | Unmeasured
        | Ahead _ -> Unmeasured

    /// The broker noted its time between the request and the answer. Of what is possible the latest is assumed: a wait may last
    /// longer than asked for, by the time that the first exchange took, and is never shorter.
    let answered (answer: TimedAnswer) (clock: BrokerClock) : BrokerClock =
        let isLate =
            answer.IsEmpty
            && answer.ReceivedMillis - answer.SentMillis > answer.PollMillis + lateness

        let least = answer.BrokerTimestamp - answer.ReceivedMillis
        let most = answer.BrokerTimestamp - answer.SentMillis

        match clock with
        | _ when answer.BrokerTimestamp <= 0L -> clock
        | FillsIn -> FillsIn
        | Unmeasured -> Ahead most
        | Ahead _ when isLate -> Unmeasured
        | Ahead millis -> Ahead(min most (max least millis))
