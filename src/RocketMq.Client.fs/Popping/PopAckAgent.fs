namespace RocketMq

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open RocketMq.Protocol

type private PopAckMessage =
    | Happened of PopEvent
    | Took of lane: int * Popped[] * TaskCompletionSource<(int64 * PopTicket) list>
    | WaitForRoom of lane: int * TaskCompletionSource<int>
    | WaitForIdle of TaskCompletionSource

/// Carries out what `PopInFlight.transition` decides. Only its loop holds the state.
[<Sealed>]
type internal PopAckAgent(limits: PopLimits, client: PopClient, group: string) =
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
    let messages = Channel.CreateUnbounded<PopAckMessage>()

    let post message =
        messages.Writer.TryWrite message |> ignore<bool>

    let report event = post (Happened event)
    let start work = Supervised.run log ending.Token work

    let now () =
        int64 (clock.GetElapsedTime started).TotalMilliseconds

    let answerOf (result: Result<'Value, RemotingError>) : PopAnswerEvent<'Value> =
        match result with
        | Ok value -> Taken value
        | Error error when RemotingError.isPermanent error -> Never
        | Error _ -> NotNow

    /// Settles messages that are in flight, and has listeners know of it.
    let observe operation (ids: int64 list) brokerName (send: unit -> Task<Result<'Answer, RemotingError>>) =
        let messages =
            [|
                for id in ids do
                    match tickets.TryGetValue id with
                    | true, ticket -> ticket.Popped.Message
                    | _ -> ()
            |]

        client.Telemetry.Settle(operation, true, messages, (fun () -> client.TryBroker brokerName), send)

    /// Hides a message for a time from now on, be it longer or shorter.
    let change operation id (target: AckTarget) time =
        if MessageTelemetry.areSettlementsObserved () then
            observe operation [ id ] target.Receipt.BrokerName (fun () -> client.Change(target, time, ending.Token))
        else
            client.Change(target, time, ending.Token)

    let renew id (target: AckTarget) : Task =
        backgroundTask {
            let! answer = change TelemetryNames.extend id target invisible

            report (Renewed(id, answerOf answer))
        }

    let nack id (target: AckTarget) afterMillis : Task =
        backgroundTask {
            let! answer =
                change TelemetryNames.nack id target (TimeSpan.FromMilliseconds(afterMillis, 0L))

            report (Nacked(id, answerOf (Result.map ignore<PopReceipt> answer)))
        }

    let ack brokerName (targets: (int64 * AckTarget) list) : Task =
        backgroundTask {
            for request, targets, ids in AckBatch.numbered group targets do
                let! answer =
                    if MessageTelemetry.areSettlementsObserved () then
                        observe TelemetryNames.ack ids brokerName (fun () -> client.Ack(request, targets, ending.Token))
                    else
                        client.Ack(request, targets, ending.Token)

                report (Acked(brokerName, ids, answerOf answer))
        }

    let forget (id: int64) =
        tickets.TryRemove id |> ignore<bool * PopTicket>

    let lose (id: int64) =
        match tickets.TryRemove id with
        | true, ticket ->
            Interlocked.Increment &lost |> ignore<int64>
            PopLog.receiptLost log ticket.MessageId

            match ticket.Lose() with
            | ValueSome(struct (run, stamp)) -> HandlerCancellation.request log group run stamp
            | ValueNone -> ()
        | _ -> ()

    let perform effect =
        match effect with
        | RenewInvisibleTime(id, target) -> start (fun () -> renew id target)
        | SendNack(id, target, afterMillis) -> start (fun () -> nack id target afterMillis)
        | SendAck(brokerName, targets) -> start (fun () -> ack brokerName targets)
        | HasAcked id ->
            Interlocked.Increment &acked |> ignore<int64>
            forget id
        | HasNacked id -> forget id
        | HasLost id -> lose id

    let alarm =
        clock.CreateTimer((fun _ -> report ClockTicked), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    /// If the clock has been moved past the time meanwhile, and stands still again, no alarm would ever ring.
    let rec ringAt due =
        let seen = now ()

        if due <= seen then
            report ClockTicked
        else
            alarm.Change(TimeSpan.FromMilliseconds(due - seen, 0L), Timeout.InfiniteTimeSpan)
            |> ignore<bool>

            // What the clock was moved by in between the alarm would ring too late.
            if now () <> seen then
                ringAt due

    let setAlarm (pops: PopInFlight) =
        match PopInFlight.nextDue pops with
        | ValueSome due -> ringAt due
        | ValueNone -> alarm.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) |> ignore<bool>

    let answerWaits (pops: PopInFlight) =
        for lane in List.ofSeq waitingForRoom.Keys do
            match PopInFlight.room lane pops with
            | 0 -> ()
            | room ->
                for waiter in waitingForRoom[lane] do
                    waiter.TrySetResult room |> ignore<bool>

                waitingForRoom.Remove lane |> ignore<bool>

        if pops.InFlight.IsEmpty then
            for waiter in waitingForIdle do
                waiter.TrySetResult() |> ignore<bool>

            waitingForIdle.Clear()

    let apply (pops: PopInFlight) event =
        let next, effects = PopInFlight.transition (now ()) pops event
        List.iter perform effects

        if PopInFlight.nextDue next <> PopInFlight.nextDue pops || event = ClockTicked then
            setAlarm next

        answerWaits next

        match event with
        | Renewed(_, Taken _) -> Interlocked.Increment &renewals |> ignore<int64>
        | _ -> ()

        next

    let take lane (popped: Popped[]) (taker: TaskCompletionSource<(int64 * PopTicket) list>) (pops: PopInFlight) =
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
        taker.TrySetResult taken |> ignore<bool>
        pops

    let waitForRoom lane waiter =
        match waitingForRoom.TryGetValue lane with
        | true, waiters -> waiters.Add waiter
        | _ -> waitingForRoom[lane] <- List [ waiter ]

    let handle pops message =
        match message with
        | Happened event -> apply pops event
        | Took(lane, popped, taker) -> take lane popped taker pops
        | WaitForRoom(lane, waiter) ->
            waitForRoom lane waiter
            answerWaits pops
            pops
        | WaitForIdle waiter ->
            waitingForIdle.Add waiter
            answerWaits pops
            pops

    let loop () : Task =
        backgroundTask {
            let mutable pops = PopInFlight.create limits

            while true do
                let! message = messages.Reader.ReadAsync ending.Token

                try
                    pops <- handle pops message
                with error ->
                    Log.agentOfClientFailed log error
        }

    member _.Start() = start loop

    member _.Acked = Volatile.Read &acked
    member _.Lost = Volatile.Read &lost
    member _.Renewals = Volatile.Read &renewals
    member _.InFlight = tickets.Count

    /// How many are in flight of each topic, as the application knows it.
    member _.InFlightByTopic: struct (string * int) list =
        [
            for topic, all in tickets.Values |> Seq.countBy _.Popped.Message.Topic ->
                struct (client.Telemetry.Visible topic, all)
        ]

    /// Whether a message is neither settled nor lost.
    member _.IsInFlight(id: int64) = tickets.ContainsKey id

    /// Takes messages in flight, and gives them their numbers.
    member _.Take(lane: int, popped: Popped[], cancellation: CancellationToken) : Task<(int64 * PopTicket) list> =
        let taker =
            TaskCompletionSource<(int64 * PopTicket) list> TaskCreationOptions.RunContinuationsAsynchronously

        post (Took(lane, popped, taker))
        taker.Task.WaitAsync cancellation

    member _.Handled(id: int64, verdict: PopVerdict) = report (Handled(id, verdict))
    member _.SendBack(afterMillis: int64) = report (SentBack afterMillis)

    /// Waits until there is room in a lane, and tells how much.
    member _.Room(lane: int, cancellation: CancellationToken) : Task<int> =
        let waiter =
            TaskCompletionSource<int> TaskCreationOptions.RunContinuationsAsynchronously

        post (WaitForRoom(lane, waiter))
        waiter.Task.WaitAsync cancellation

    /// Ends when nothing is in flight, or with the drain. Whether nothing is in flight.
    member _.WaitUntilIdle(drain: Drain) : Task<bool> =
        let waiter = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
        post (WaitForIdle waiter)
        drain.WaitFor(waiter.Task, CancellationToken.None)

    /// Asks brokers for nothing any more.
    member _.Close() =
        ending.Cancel()
        alarm.Dispose()
