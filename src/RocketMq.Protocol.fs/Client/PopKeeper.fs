namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// A message in the hands of a consumer.
[<Sealed>]
type internal PopTicket(popped: Popped) =
    let lost = new CancellationTokenSource()
    member _.Popped = popped

    /// Cancelled when the message comes again whatever its handler does.
    member _.Lost = lost.Token

    member _.Lose() = lost.Cancel()

type private KeeperMessage =
    | Happened of HeldPopEvent
    | Took of lane: int * Popped[] * ((int64 * PopTicket) list -> unit)
    | AskRoom of lane: int * TaskCompletionSource<int>
    | AskWhenIdle of TaskCompletionSource

/// Carries out what `HeldPops.transition` decides. Only its loop holds the state.
[<Sealed>]
type internal PopKeeper(limits: HeldPopLimits, client: PopClient, group: string) =
    let clock = client.Options.Ports.Clock
    let log = client.Options.Logger
    let started = clock.GetTimestamp()
    let invisible = TimeSpan.FromMilliseconds(limits.InvisibleMillis, 0L)
    let ending = new CancellationTokenSource()
    let tickets = ConcurrentDictionary<int64, PopTicket>()

    /// Only touched within the loop.
    let waitingForRoom = Dictionary<int, List<TaskCompletionSource<int>>>()

    let waitingForIdle = List<TaskCompletionSource>()
    let mutable nextId = 0L
    let mutable acked = 0L
    let mutable lost = 0L
    let mutable renewals = 0L
    let mutable tell: HeldPopEvent -> unit = ignore

    let now () =
        int64 (clock.GetElapsedTime started).TotalMilliseconds

    let answerOf (result: Result<'Value, RemotingError>) : HeldPopAnswer<'Value> =
        match result with
        | Ok value -> Taken value
        | Error error when RemotingError.isFatal error -> Never
        | Error _ -> NotNow

    let renew id (target: AckTarget) : Task =
        backgroundTask {
            let! answer = client.Change(target, invisible, ending.Token)
            tell (Renewed(id, answerOf answer))
        }

    let putOff id (target: AckTarget) afterMillis : Task =
        backgroundTask {
            let! answer =
                client.Change(target, TimeSpan.FromMilliseconds(afterMillis, 0L), ending.Token)

            tell (PutOff(id, answerOf (Result.map ignore answer)))
        }

    let ack brokerName (targets: (int64 * AckTarget) list) : Task =
        backgroundTask {
            let ids = targets |> List.map (fun (id, target) -> target, id) |> Map.ofList

            for request, targets in AckBatch.requests group (List.map snd targets) do
                let! answer = client.Ack(request, targets, ending.Token)
                tell (Acked(brokerName, targets |> List.map (fun target -> ids[target]), answerOf answer))
        }

    let messageId (ticket: PopTicket) =
        Properties.tryFind PropertyName.uniqueKey ticket.Popped.Message.Properties
        |> ValueOption.defaultWith (fun () -> ticket.Popped.Message.OffsetId)

    let perform effect =
        match effect with
        | AskToRenew(id, target) -> renew id target |> ignore
        | AskToPutOff(id, target, afterMillis) -> putOff id target afterMillis |> ignore
        | AskToAck(brokerName, targets) -> ack brokerName targets |> ignore
        | HasAcked id ->
            Interlocked.Increment &acked |> ignore
            tickets.TryRemove id |> ignore
        | HasPutOff id -> tickets.TryRemove id |> ignore
        | HasLost id ->
            match tickets.TryRemove id with
            | true, ticket ->
                Interlocked.Increment &lost |> ignore
                PopLog.lost log (messageId ticket)
                // Whoever listens to the token must not hold up the loop.
                ThreadPool.UnsafeQueueUserWorkItem((fun _ -> ticket.Lose()), null) |> ignore
            | _ -> ()

    let alarm =
        clock.CreateTimer((fun _ -> tell LookedAtClock), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    /// If the clock has been moved past the time meanwhile, and stands still again, no alarm would ever ring.
    let rec ringAt due =
        let seen = now ()

        if due <= seen then
            tell LookedAtClock
        else
            alarm.Change(TimeSpan.FromMilliseconds(due - seen, 0L), Timeout.InfiniteTimeSpan)
            |> ignore

            // What the clock was moved by in between the alarm would ring too late.
            if now () <> seen then
                ringAt due

    let setAlarm (pops: HeldPops) =
        match HeldPops.nextDue pops with
        | ValueSome due -> ringAt due
        | ValueNone -> alarm.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) |> ignore

    let answerWaits (pops: HeldPops) =
        for lane in List.ofSeq waitingForRoom.Keys do
            match HeldPops.room lane pops with
            | 0 -> ()
            | room ->
                for waiter in waitingForRoom[lane] do
                    waiter.TrySetResult room |> ignore

                waitingForRoom.Remove lane |> ignore

        if pops.Held.IsEmpty then
            for waiter in waitingForIdle do
                waiter.TrySetResult() |> ignore

            waitingForIdle.Clear()

    let apply (pops: HeldPops) event =
        let next, effects = HeldPops.transition (now ()) pops event
        List.iter perform effects

        if HeldPops.nextDue next <> HeldPops.nextDue pops || event = LookedAtClock then
            setAlarm next

        answerWaits next

        match event with
        | Renewed(_, Taken _) -> Interlocked.Increment &renewals |> ignore
        | _ -> ()

        next

    let take lane (popped: Popped[]) handOn (pops: HeldPops) =
        let firstId = nextId
        nextId <- nextId + int64 popped.Length

        let taken =
            popped
            |> Array.mapi (fun index popped -> firstId + int64 index, PopTicket popped)
            |> List.ofArray

        for id, ticket in taken do
            tickets[id] <- ticket

        let targets =
            popped
            |> Array.map (fun popped ->
                {
                    Topic = popped.Message.Topic
                    Receipt = popped.Receipt
                })

        let pops = apply pops (Came(lane, firstId, List.ofArray targets))
        handOn taken
        pops

    let agent =
        MailboxProcessor<KeeperMessage>.Start(fun inbox ->
            let rec loop (pops: HeldPops) =
                async {
                    match! inbox.Receive() with
                    | Happened event -> return! loop (apply pops event)
                    | Took(lane, popped, handOn) -> return! loop (take lane popped handOn pops)
                    | AskRoom(lane, waiter) ->
                        match waitingForRoom.TryGetValue lane with
                        | true, waiters -> waiters.Add waiter
                        | _ -> waitingForRoom[lane] <- List [ waiter ]

                        answerWaits pops
                        return! loop pops
                    | AskWhenIdle waiter ->
                        waitingForIdle.Add waiter
                        answerWaits pops
                        return! loop pops
                }

            loop (HeldPops.create limits))

    do tell <- fun event -> agent.Post(Happened event)

    member _.Acked = Volatile.Read &acked
    member _.Lost = Volatile.Read &lost
    member _.Renewals = Volatile.Read &renewals
    member _.Held = tickets.Count

    /// Whether a message is neither settled nor lost.
    member _.Holds(id: int64) = tickets.ContainsKey id

    /// Begins to hold messages, and hands them on with their numbers.
    member _.Take(lane: int, popped: Popped[], handOn: (int64 * PopTicket) list -> unit) =
        agent.Post(Took(lane, popped, handOn))

    member _.Handled(id: int64, verdict: PopVerdict) = tell (Handled(id, verdict))
    member _.GiveBack(afterMillis: int64) = tell (GivenBack afterMillis)

    /// Waits until there is room in a lane, and tells how much.
    member _.Room(lane: int, cancellation: CancellationToken) : Task<int> =
        let waiter =
            TaskCompletionSource<int> TaskCreationOptions.RunContinuationsAsynchronously

        agent.Post(AskRoom(lane, waiter))
        waiter.Task.WaitAsync cancellation

    /// Ends when nothing is held, or with the limit. Whether nothing is held.
    member _.WaitUntilIdle(limit: TimeSpan) : Task<bool> =
        backgroundTask {
            let waiter = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

            agent.Post(AskWhenIdle waiter)

            try
                do! waiter.Task.WaitAsync(limit, clock)
                return true
            with :? TimeoutException ->
                return false
        }

    /// Asks brokers for nothing any more.
    member _.Close() =
        ending.Cancel()
        alarm.Dispose()
        agent.Dispose()
