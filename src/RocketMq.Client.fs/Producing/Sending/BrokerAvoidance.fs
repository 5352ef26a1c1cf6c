namespace RocketMq

open System
open System.Threading

/// Which brokers a producer's messages avoid, as they failed or were slow, and which queue of a topic is next.
[<Sealed>]
type internal BrokerAvoidance(table: LatencyTable option, clock: TimeProvider) =
    let started = clock.GetTimestamp()
    let mutable latency = LatencyFaultTolerance.empty

    let nowMillis () =
        int64 (clock.GetElapsedTime(started).TotalMilliseconds)

    let rec record broker (took: TimeSpan) isFailure =
        match table with
        | None -> ()
        | Some table ->
            let before = Volatile.Read &latency

            let after =
                LatencyFaultTolerance.record table broker (int64 took.TotalMilliseconds) isFailure (nowMillis ()) before

            let isUnchanged = obj.ReferenceEquals(before, after)

            if
                not isUnchanged
                && not (obj.ReferenceEquals(Interlocked.CompareExchange(&latency, after, before), before))
            then
                record broker took isFailure

    /// Whether it says something of the broker, not of the message.
    let isBrokersFault error =
        match error with
        | RemotingError.TooManyWaiting _ -> false
        | error ->
            RemotingError.isConnection error
            || RemotingError.isTimeout error
            || RemotingError.isOverload error

    /// A broker has stored a message.
    member _.Stored(broker: string, took: TimeSpan) = record broker took false

    /// An attempt at a broker failed.
    member _.Failed(broker: string, took: TimeSpan, error: RemotingError) =
        record broker took (isBrokersFault error)

    /// The queue for a turn, not at `last` if there is another broker.
    member _.Choose(queues: MessageQueue[], turn: int, last: string option) : MessageQueue voption =
        LatencyFaultTolerance.choose queues turn last (nowMillis ()) latency

    /// The brokers that are avoided now.
    member _.Avoided: AvoidedBroker list =
        LatencyFaultTolerance.avoided (nowMillis ()) latency
