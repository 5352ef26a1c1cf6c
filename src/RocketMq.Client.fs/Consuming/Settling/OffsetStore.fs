namespace RocketMq

open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks

/// Where a group keeps its offsets.
type internal IOffsetStore =
    /// What the group has committed; `None` if nothing.
    abstract Load: MessageQueue * CancellationToken -> Task<Result<int64 option, RemotingError>>
    abstract Save: MessageQueue * int64 * CancellationToken -> Task<Result<unit, RemotingError>>

/// With the masters of the brokers that hold the queues, for all members of the group. A slave may not know of a commit yet: what it
/// has counts only where there is no master, and that it has nothing says nothing.
[<Sealed>]
type internal BrokerOffsets(settings: GroupSettings, brokers: GroupBrokers) =
    /// Topics, each at one broker, of which the broker is known to have an offset of the group.
    let begun = ConcurrentDictionary<struct (string * string), bool>()

    let gates = ConcurrentDictionary<struct (string * string), SemaphoreSlim>()

    let save (queue: MessageQueue) offset cancellation =
        brokers.RequestFromMaster(queue, GroupRequests.commit settings queue offset, cancellation)

    /// Of a group's first offsets of a topic, brokers lose some if they come side by side: two of their threads make the table that
    /// holds them. So the first one goes alone. Source: ConsumerOffsetManager.java.
    let saveAlone key (queue: MessageQueue) offset (cancellation: CancellationToken) =
        backgroundTask {
            let gate = gates.GetOrAdd(key, (fun _ -> new SemaphoreSlim 1))
            do! gate.WaitAsync cancellation
            let mutable answer = ValueNone

            try
                if not (begun.ContainsKey key) then
                    let! saved = save queue offset cancellation

                    if Result.isOk saved then
                        begun[key] <- true

                    answer <- ValueSome saved
            finally
                gate.Release() |> ignore<int>

            match answer with
            | ValueSome saved -> return saved
            | ValueNone -> return! save queue offset cancellation
        }

    interface IOffsetStore with
        member _.Load(queue, cancellation) =
            taskResult {
                let! committed =
                    brokers.RequestFromAny(queue, GroupRequests.committed settings queue, cancellation)

                match committed with
                | struct (true, committed) -> return committed
                | struct (false, Some offset) -> return Some offset
                | struct (false, None) ->
                    // A slave that has nothing may not know yet.
                    return! Error(RemotingError.NoBroker(queue.Topic, queue.BrokerName))
            }

        member _.Save(queue, offset, cancellation) =
            let key = struct (queue.Topic, queue.BrokerName)

            if begun.ContainsKey key then
                save queue offset cancellation
            else
                saveAlone key queue offset cancellation
