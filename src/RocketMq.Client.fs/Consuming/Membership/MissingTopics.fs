namespace RocketMq

open System
open System.Collections.Concurrent
open Microsoft.Extensions.Logging

/// The topics of a consumer that cannot be read yet: they are not there, or no server can be asked for them. They are looked for
/// until they can; that is logged once, and the consumer is unwell until then.
[<Sealed>]
type internal MissingTopics
    (
        log: ILogger,
        group: string,
        comesByItself: string -> bool,
        report: string -> RemotingError -> unit,
        forget: string -> unit
    ) =
    let missing = ConcurrentDictionary<string, RemotingError>(StringComparer.Ordinal)

    let isUnknown error =
        match error with
        | RemotingError.NoRoute _ -> true
        | _ -> false

    let note topic error =
        let isReported =
            match missing.TryGetValue topic with
            | true, before -> isUnknown before = isUnknown error
            | _ -> false

        missing[topic] <- error
        report topic error

        if not isReported then
            ConsumerLog.topicMissing log group topic (RemotingError.describe error)

    /// Whether it may be there later: no server refuses it.
    static member MayCome(error: RemotingError) : bool =
        match error with
        | RemotingError.NoRoute _
        | RemotingError.NoBroker _
        | RemotingError.NoQueue _
        | RemotingError.RouteUnknown _
        | RemotingError.NotConnected _
        | RemotingError.ConnectionLost _
        | RemotingError.TimedOut _ -> true
        | _ -> false

    /// It was looked for in vain. Logged the first time, and when it is another kind of reason. That one is not there yet which
    /// brokers make by themselves is no news.
    member _.Report(topic: string, error: RemotingError) =
        if not (comesByItself topic && MissingTopics.MayCome error) then
            note topic error

    /// It can be read.
    member _.Found(topic: string) =
        forget topic

        match missing.TryRemove topic with
        | true, _ -> ConsumerLog.topicFound log group topic
        | _ -> ()

    /// No subscription needs it any more.
    member _.Forget(topic: string) =
        forget topic
        missing.TryRemove topic |> ignore<bool * RemotingError>

    /// Why nothing at all can be read, if that is so: what is wrong with the first of these topics.
    member _.WhyNothing(topics: string list) : RemotingError option =
        let reasons =
            topics
            |> List.map (fun topic ->
                match missing.TryGetValue topic with
                | true, error -> Some error
                | _ -> None)

        if List.forall Option.isSome reasons then
            List.tryPick id reasons
        else
            None
