namespace RocketMq

open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Of a group's first offsets of a topic, brokers lose some if they come side by side: two of their threads make the table that holds
/// them. So the first one goes alone. Source: ConsumerOffsetManager.java.
[<Sealed>]
type internal FirstCommits() =
    /// Topics, each at one broker, of which the broker is known to have an offset of the group.
    let begun = ConcurrentDictionary<struct (string * string), bool>()

    let gates = ConcurrentDictionary<struct (string * string), SemaphoreSlim>()

    let alone key (commit: unit -> Task<Result<unit, RemotingError>>) (cancellation: CancellationToken) =
        backgroundTask {
            let gate = gates.GetOrAdd(key, (fun _ -> new SemaphoreSlim 1))
            do! gate.WaitAsync cancellation
            let mutable answer = ValueNone

            try
                if not (begun.ContainsKey key) then
                    let! committed = commit ()

                    if Result.isOk committed then
                        begun[key] <- true

                    answer <- ValueSome committed
            finally
                gate.Release() |> ignore<int>

            match answer with
            | ValueSome committed -> return committed
            | ValueNone -> return! commit ()
        }

    /// Commits an offset of a topic's queue at a broker, alone while the broker is not known to have one of the topic.
    member _.Run
        (
            topic: string,
            brokerName: string,
            commit: unit -> Task<Result<unit, RemotingError>>,
            cancellation: CancellationToken
        ) : Task<Result<unit, RemotingError>> =
        let key = struct (topic, brokerName)

        if begun.ContainsKey key then
            commit ()
        else
            alone key commit cancellation
