/// Members of a group that come, go, are cut off and killed, and a broker that restarts: nothing is lost.
module RocketMq.Protocol.Tests.ConsumerChaosTests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq.Protocol
open RocketMq.Embedded
open ProducerRig
open GroupRig

let private messages = if LongForm.isWanted then 200_000 else 8_000
let private queues = 8
let private most = 4

/// What was handled, by queue and position: how often it began, and whether it has been done with.
[<Sealed>]
type private Ledger() =
    let began = ConcurrentDictionary<struct (int * int64), int>()
    let ended = ConcurrentDictionary<struct (int * int64), bool>()
    let nextEnd: int64[] = Array.zeroCreate queues
    let mutable inversions = 0
    let gate = obj ()

    /// Everything before a position has been done with. Called under the lock.
    let isInOrder queueId position =
        while ended.ContainsKey(struct (queueId, nextEnd[queueId])) do
            nextEnd[queueId] <- nextEnd[queueId] + 1L

        position <= nextEnd[queueId]

    member _.Began(message: StoredMessage) =
        let place = struct (message.QueueId, message.QueueOffset)
        began.AddOrUpdate(place, 1, (fun _ count -> count + 1)) |> ignore

        lock gate (fun () ->
            if not (isInOrder message.QueueId message.QueueOffset) then
                inversions <- inversions + 1)

    member _.Ended(message: StoredMessage) =
        ended[struct (message.QueueId, message.QueueOffset)] <- true

    member _.Done = ended.Count
    member _.Deliveries = began.Values |> Seq.sum

    /// Messages that began before one in front of them had been done with.
    member _.Inversions = inversions

let private handler (ledger: Ledger) =
    EachMessage(fun received _ ->
        ledger.Began received.Message

        if received.Message.QueueOffset % 7L = 0L then
            ValueTask<ConsumeResult>(
                task {
                    do! Task.Yield()
                    ledger.Ended received.Message
                    return Consumed
                }
            )
        else
            ledger.Ended received.Message
            ValueTask<ConsumeResult> Consumed)

/// What passes for a second here. Renewals of locks can keep up with it.
let private second = TimeSpan.FromMilliseconds 10.0

/// Moves the clock until something has happened.
let private pass (clock: EmbeddedClock) (condition: unit -> bool) =
    task {
        while not (condition ()) do
            clock.Advance(TimeSpan.FromSeconds 1L)
            let moved = Stopwatch.GetTimestamp()

            while Stopwatch.GetElapsedTime moved < second && not (condition ()) do
                do! Task.Yield()
    }

/// Until the broker has said that it has the message; it may have it twice then.
let rec private store (producer: Producer) queue number : Task =
    task {
        let! sent =
            producer.SendTo(OneQueue queue, Message.ofText "T" $"m{number}", CancellationToken.None)

        match sent with
        | Ok _ -> ()
        | Error _ -> do! store producer queue number
    }

let private chaos isOrdered : Task =
    task {
        let clock = EmbeddedClock()

        let! broker =
            EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(Clock = clock), CancellationToken.None)

        use broker = broker
        do! broker.CreateTopicAsync("T", queues)
        let ledger = Ledger()
        let random = Random 20261125

        let options =
            { consumerAt broker.NameServer clock "C" with
                IsOrdered = isOrdered
                Subscriptions = [ "T", Filter.all ]
            }

        let members = ResizeArray<PushConsumer>()

        let join () : Task =
            task {
                let starting = startConsumer options (handler ledger)
                do! pass clock (fun () -> starting.IsCompleted)
                members.Add starting.Result
            }

        let remove (ending: PushConsumer -> Task) : Task =
            task {
                let index = random.Next members.Count
                let leaving = ending members[index]
                members.RemoveAt index
                do! pass clock (fun () -> leaving.IsCompleted)
                do! leaving
            }

        let restart () : Task =
            task {
                let restarting = broker.RestartAsync()
                do! pass clock (fun () -> restarting.IsCompleted)
                do! restarting
            }

        do! join ()

        use producer =
            start (
                ProducerOptions.create "G" (endpointsOf broker.NameServer)
                |> patient TimeProvider.System
            )

        let! all = producer.Queues("T", CancellationToken.None)
        let all = Array.ofList (Buffers.ok all)
        let mutable kinds: Map<string, int> = Map.empty

        let rounds = 40

        for round in 0 .. rounds - 1 do
            do!
                inCrowd 16 (round * messages / rounds) (messages / rounds) (fun number ->
                    store producer all[number % queues] number)

            let kind =
                match random.Next 5 with
                | _ when round = 13 || round = 27 -> "restart"
                | 0 when members.Count > 1 -> "leave"
                | 1 when members.Count > 1 -> "kill"
                | 2 -> "cut"
                | _ when members.Count < most -> "join"
                | _ -> "cut"

            kinds <- kinds |> Map.change kind (fun count -> Some(1 + Option.defaultValue 0 count))

            match kind with
            | "restart" -> do! restart ()
            | "leave" -> do! remove _.Close()
            | "kill" -> do! remove _.Kill()
            | "join" -> do! join ()
            | _ -> do! broker.DisconnectClientsAsync()

            let goal = ledger.Done + messages / rounds / 4
            do! pass clock (fun () -> ledger.Done >= min goal ((round + 1) * messages / rounds))

        use client =
            RemotingClient.Create((endpointsOf broker.BrokerAddress).Head, RemotingOptions.Default)
            |> Buffers.ok

        let ask (request: Request<'Answer>) =
            task {
                let! answer = client.Ask(request, CancellationToken.None)
                return Buffers.ok answer
            }

        let ends: int64[] = Array.zeroCreate queues

        for queueId in 0 .. queues - 1 do
            let! last =
                ask (
                    GroupRequests.max
                        {
                            Topic = "T"
                            BrokerName = ""
                            QueueId = queueId
                        }
                )

            ends[queueId] <- last

        let stored = int (Array.sum ends)

        /// Those that are left have read again what members did that were killed before they committed it.
        let isAllRead () =
            let read =
                [
                    for consumer in members do
                        for queue in consumer.Health.Queues do
                            if queue.Queue.Topic = "T" then
                                queue.Queue.QueueId, queue.Committable
                ]

            // While a queue changes hands two members may have it, and the later one is behind.
            List.forall (fun (queueId, position) -> position = ends[queueId]) read
            && set (List.map fst read) = set [ 0 .. queues - 1 ]

        do! pass clock (fun () -> ledger.Done = stored && isAllRead ())

        for leaving in members do
            let closing = leaving.Close()
            do! pass clock (fun () -> closing.IsCompleted)

        for queueId in 0 .. queues - 1 do
            let! committed =
                Offsets.queryCommitted.Request
                    {
                        Queue =
                            {
                                ConsumerGroup = "C"
                                Topic = "T"
                                QueueId = queueId
                            }
                        ZeroIfNone = None
                    }
                |> ask

            committed |> shouldEqual (Some ends[queueId])

        if isOrdered then
            ledger.Inversions |> shouldEqual 0

        let kinds =
            kinds
            |> Map.toList
            |> List.map (fun (kind, count) -> $"{count} {kind}")
            |> String.concat ", "

        printfn
            $"Consumer chaos, ordered {isOrdered}: {stored} messages, {kinds}; {ledger.Deliveries - stored} delivered again"
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Consumer chaos"
        [
            live "concurrent consumers lose nothing, and commit all" (fun () -> chaos false)
            live "ordered consumers lose nothing, and no message passes one before it" (fun () -> chaos true)
        ]
