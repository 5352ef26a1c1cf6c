namespace RocketMq

open System
open System.Collections.Concurrent
open RocketMq.Protocol

/// What a client that pops knows of its brokers' clocks, by broker name. See `BrokerClock`.
[<Sealed>]
type internal BrokerClocks(clock: TimeProvider) =
    let started = clock.GetTimestamp()
    let known = ConcurrentDictionary<string, BrokerClock>(StringComparer.Ordinal)

    let change brokerName (next: BrokerClock -> BrokerClock) =
        known.AddOrUpdate(brokerName, (fun _ -> next FillsIn), (fun _ before -> next before))

    /// The client's count of milliseconds. The time of day may be set meanwhile; this goes on.
    member _.Now: int64 = int64 (clock.GetElapsedTime started).TotalMilliseconds

    member _.Of(brokerName: string) : BrokerClock =
        match known.TryGetValue brokerName with
        | true, clock -> clock
        | _ -> FillsIn

    /// Takes note of an answer, and gives what is known now.
    member _.Answered(brokerName: string, answer: TimedAnswer) : BrokerClock =
        change brokerName (BrokerClock.answered answer)

    /// Takes note of a pop that failed.
    member _.Failed(brokerName: string, error: RemotingError) =
        match error with
        | RemotingError.Refused(_, _, _, ResponseCode.PollingTimeout, _) -> known[brokerName] <- BrokerClock.refused
        | RemotingError.TimedOut _ -> change brokerName BrokerClock.timedOut |> ignore<BrokerClock>
        | _ -> ()
