namespace RocketMq

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open RocketMq.Protocol

/// What became of what a producer tried: which brokers could not be reached last, which topics have no queue to send to, since when and
/// why, and when a message was last stored. While nothing fails, a send costs one volatile write and one read here.
[<Sealed>]
type internal SendOutcomes(clock: TimeProvider) =
    static let never = Int64.MinValue
    let gate = obj ()
    let brokers = Dictionary<Endpoint, struct (int64 * string)>()
    let topics = Dictionary<string, struct (int64 * string)>(StringComparer.Ordinal)
    let mutable storedAt = never

    /// Topics that are sent to. Others that use the routes may have more.
    let inUse = ConcurrentDictionary<string, unit>(StringComparer.Ordinal)

    /// Mostly a topic comes again and again.
    let mutable usedLast = ""

    /// Whether there is anything to clear.
    let mutable isFailing = false

    let mutable last: struct (string * string * int64) voption = ValueNone

    let note (failing: Dictionary<'Key, struct (int64 * string)>) key what (error: RemotingError) =
        let reason = RemotingError.describe error
        let now = clock.GetTimestamp()

        lock gate (fun () ->
            let since =
                match failing.TryGetValue key with
                | true, struct (since, _) -> since
                | _ -> now

            failing[key] <- struct (since, reason)
            last <- ValueSome(struct (what, reason, now))
            Volatile.Write(&isFailing, true))

    let clear (endpoint: Endpoint) (topic: string voption) =
        if Volatile.Read &isFailing then
            lock gate (fun () ->
                brokers.Remove endpoint |> ignore<bool>

                match topic with
                | ValueSome topic -> topics.Remove topic |> ignore<bool>
                | ValueNone -> ()

                Volatile.Write(&isFailing, brokers.Count + topics.Count > 0))

    /// Whether it says that nothing can be sent to a broker now.
    let isOfBroker error =
        match error with
        | RemotingError.NotConnected _
        | RemotingError.ConnectionLost _
        | RemotingError.TimedOut _
        | RemotingError.Refused(_, _, _, ResponseCode.ServiceNotAvailable, _) -> true
        | RemotingError.Refused(_, _, _, code, _) -> RefusalCodes.isOverloadCode code
        | _ -> false

    let isOfTopic error =
        match error with
        | RemotingError.NoRoute _
        | RemotingError.NoBroker _
        | RemotingError.NoQueue _
        | RemotingError.RouteUnknown _
        | RemotingError.NotConnected _ -> true
        | _ -> false

    let problem what struct (since, reason) : ClientProblem =
        {
            What = what
            Reason = reason
            Since = clock.GetElapsedTime since
        }

    /// A topic is sent to.
    member _.Uses(topic: string) =
        if not (Object.ReferenceEquals(topic, Volatile.Read &usedLast)) then
            Volatile.Write(&usedLast, topic)

            if not (inUse.ContainsKey topic) then
                inUse.TryAdd(topic, ()) |> ignore<bool>

    /// A broker has stored a message.
    member _.Stored(endpoint: Endpoint, topic: string, now: int64) =
        Volatile.Write(&storedAt, now)
        clear endpoint (ValueSome topic)

    /// A broker has answered.
    member _.Reached(endpoint: Endpoint) = clear endpoint ValueNone

    /// A broker was asked in vain.
    member _.Failed(endpoint: Endpoint, error: RemotingError) =
        if isOfBroker error then
            note brokers endpoint (invariant $"broker {endpoint}") error

    /// No queue of a topic was found to send to.
    member _.TopicFailed(topic: string, error: RemotingError) =
        if isOfTopic error then
            note topics topic $"topic {topic}" error

    /// Queues of a topic were found.
    member _.TopicFound(topic: string) =
        if Volatile.Read &isFailing then
            lock gate (fun () -> topics.Remove topic |> ignore<bool>)

    /// What keeps messages of topics in use from being sent, given the topics of routes, each with the addresses of its masters.
    member _.Problems(routed: (string * Endpoint list) list) : ClientProblem list =
        lock gate (fun () ->
            let unreachable (topic: string, masters: Endpoint list) =
                let failing =
                    masters
                    |> List.choose (fun master ->
                        match brokers.TryGetValue master with
                        | true, failure -> Some failure
                        | _ -> None)

                if
                    not (inUse.ContainsKey topic)
                    || topics.ContainsKey topic
                    || masters.IsEmpty
                    || failing.Length < masters.Length
                then
                    None
                else
                    // Since the last one failed too.
                    failing
                    |> List.maxBy (fun struct (since, _) -> since)
                    |> problem $"topic {topic}"
                    |> Some

            [ for KeyValue(topic, failure) in topics -> problem $"topic {topic}" failure ]
            @ List.choose unreachable routed
            |> List.sortBy _.What)

    /// Since a broker last stored a message.
    member _.SinceSuccess: TimeSpan option =
        match Volatile.Read &storedAt with
        | at when at = never -> None
        | at -> Some(clock.GetElapsedTime at)

    member _.LastFailure: ClientProblem option =
        lock gate (fun () ->
            match last with
            | ValueNone -> None
            | ValueSome(struct (what, reason, at)) -> Some(problem what struct (at, reason)))
