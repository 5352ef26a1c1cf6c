namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks

/// Holds the locks of the queues that a member reads in order. `ConsumeLock` says what may be trusted for how long.
[<Sealed>]
type internal LockKeeper
    (
        settings: GroupSettings,
        clientId: string,
        remoting: RemotingOptions,
        brokers: GroupBrokers,
        lost: MessageQueue -> unit
    ) =
    let clock = remoting.Ports.Clock
    let log = remoting.Logger
    let started = clock.GetTimestamp()
    let locks = ConcurrentDictionary<MessageQueue, ConsumeLock>()
    let now () = clock.GetElapsedTime started

    let request queues : LockRequest =
        {
            ConsumerGroup = settings.Group
            ClientId = clientId
            Queues = queues
            OnlyThisBroker = None
        }

    /// Asks the broker of queues for their locks; gives when it was asked, and what it granted.
    let ask (queues: MessageQueue list) =
        backgroundTask {
            let asked = now ()

            let! answer =
                brokers.AskMaster(queues.Head, QueueLocks.acquire.Request(request queues), CancellationToken.None)

            return struct (asked, answer)
        }

    /// Gives the queues that are this member's.
    let renew (queues: MessageQueue list) : Task<MessageQueue list> =
        backgroundTask {
            let! struct (asked, answer) = ask queues
            let kept = ResizeArray<MessageQueue>()

            match answer with
            | Error error -> Log.locksNotRenewed log queues.Head.BrokerName (RemotingError.describe error)
            | Ok held ->
                for queue in queues do
                    match locks.TryGetValue queue with
                    | true, lock ->
                        match ConsumeLock.renewed asked (now ()) (List.contains queue held) lock with
                        | StillHeld renewed ->
                            if locks.TryUpdate(queue, renewed, lock) then
                                kept.Add queue
                        | LockLost ->
                            locks.TryRemove queue |> ignore
                            Log.lockLost log queue
                            lost queue
                    | _ -> ()

            return List.ofSeq kept
        }

    /// False: another member has it, or the broker cannot be asked.
    member _.Acquire(queue: MessageQueue) : Task<bool> =
        backgroundTask {
            let! struct (asked, answer) = ask [ queue ]

            match answer with
            | Ok held when List.contains queue held ->
                locks[queue] <- ConsumeLock.granted asked
                return true
            | Ok _ -> return false
            | Error error ->
                Log.locksNotRenewed log queue.BrokerName (RemotingError.describe error)
                return false
        }

    member _.MayConsume(queue: MessageQueue) : bool =
        match locks.TryGetValue queue with
        | true, lock -> ConsumeLock.mayConsume (now ()) lock
        | _ -> false

    /// Renews all locks, broker by broker, and gives the queues that are this member's.
    member _.RenewAll() : Task<MessageQueue list> =
        backgroundTask {
            let! kept =
                locks.Keys
                |> List.ofSeq
                |> List.groupBy _.BrokerName
                |> List.map (snd >> renew)
                |> Task.WhenAll

            return kept |> List.ofArray |> List.concat
        }

    /// Gives a lock back, if the broker can be told.
    member _.Release(queue: MessageQueue) : Task =
        backgroundTask {
            match locks.TryRemove queue with
            | true, _ ->
                let! answer =
                    brokers.AskMaster(queue, QueueLocks.release.Request(request [ queue ]), CancellationToken.None)

                match answer with
                | Ok() -> ()
                | Error error ->
                    Log.tellFailed log RequestCode.UnlockBatchMq queue.BrokerName (RemotingError.describe error)
            | _ -> ()
        }
