/// Consumers that pop, and handlers that take too long, by one clock that tests move.
module RocketMq.Protocol.Tests.OverduePopTests

open System
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// Receipts and waits at the broker outlive what happens here, so that the clock may be moved far at once. Handlers are looked at
/// about every 30 s.
let private patientPop (cluster: EmbeddedCluster) clock : PopConsumerOptions =
    popConsumerAt cluster.NameServers clock "G"
    |> (fun options ->
        { options with
            Consumer.ConsumeFrom = FirstOffset
            InvisibleTime = TimeSpan.FromHours 12
            LongPollTimeout = TimeSpan.FromHours 1
            ConsumeTimeout = seconds 600
        })

let private withLog log (options: PopConsumerOptions) =
    { options with
        Consumer.Client.Remoting.Logger = log
    }

/// What handlers saw, how many were told to end, and those that hang.
[<Sealed>]
type private Handling() =
    let seen = ConcurrentQueue<string * int>()
    let release = TaskCompletionSource()
    let mutable told = 0
    member _.Seen = List.ofSeq seen
    member _.Told = Volatile.Read &told
    member _.Release() = release.TrySetResult() |> ignore<bool>

    /// A message whose text begins with "hangs" hangs the first time, whatever its token says.
    member _.Handle (onTold: unit -> unit) (received: ReceivedMessage) (cancellation: CancellationToken) =
        task {
            let text = textOf received
            seen.Enqueue(text, received.Message.ReconsumeTimes)

            if
                text.StartsWith("hangs", StringComparison.Ordinal)
                && received.Message.ReconsumeTimes = 0
            then
                use _ =
                    cancellation.Register(fun () ->
                        Interlocked.Increment &told |> ignore<int>
                        onTold ())

                do! release.Task

            return ConsumeResult.Success
        }

let private has (log: LogLines) (text: string) =
    log.All
    |> List.exists (fun (struct (_, _, line)) -> line.Contains(text, StringComparison.Ordinal))

let private callbackFailed = "A callback of the token"

/// Lets others keep up while a second passes.
let private passSlowly = ChaosRig.passAtPace (TimeSpan.FromMilliseconds 100.0)

/// A member whose two handlers hang until they are told to end. Two messages that they have not begun wait behind them.
let private startStuck (clock: EmbeddedClock) cluster (handling: Handling) : Task<PopConsumer> =
    task {
        for text in [ "hangs1"; "hangs2"; "good1"; "good2" ] do
            do! sendAll cluster "T" [ text ]

        let! consumer =
            startPop
                { patientPop cluster clock with
                    Concurrency = 2
                }
                (handling.Handle ignore)

        do! until (fun () -> consumer.InFlight = 4 && handling.Seen.Length = 2)
        clock.Advance(seconds 599)
        handling.Told |> shouldEqual 0
        do! ChaosRig.pass clock (fun () -> handling.Told = 2)
        return consumer
    }

/// A queue with a message that hangs.
let private withHanging (test: EmbeddedClock -> EmbeddedCluster -> Handling -> LogLines -> Task) : Task =
    withQueues 1 (fun clock cluster ->
        task {
            do! sendAll cluster "T" [ "hangs" ]
            do! test clock cluster (Handling()) (LogLines())
        })

let private queuedMessages =
    testList
        "queued messages"
        [
            liveWith
                (withQueues 1)
                "queued messages are released while all handlers are overdue, their slots are freed, and their messages are redelivered"
                (fun clock cluster ->
                    task {
                        let handling = Handling()
                        use! consumer = startStuck clock cluster handling
                        consumer.Health.IsHealthy |> shouldBeFalse
                        consumer.Health.StuckHandlers |> shouldEqual 2
                        do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 4L)
                        handling.Release()

                        let begun = List.groupBy fst handling.Seen |> Map.ofList

                        for text in [ "hangs1"; "hangs2" ] do
                            begun[text] |> List.map snd |> List.head |> shouldEqual 0
                            begun[text].Length |> shouldEqual 2

                        // They were not begun before they came again.
                        for text in [ "good1"; "good2" ] do
                            let count = begun[text] |> List.exactlyOne |> snd
                            count > 0 |> shouldBeTrue

                        let health = consumer.Health
                        health.IsHealthy |> shouldBeTrue

                        (health.InFlight, health.OverdueHandlers, health.AbandonedHandlers)
                        |> shouldEqual (0, 2L, 2L)
                    })
        ]

let private otherMembers =
    testList
        "other members"
        [
            liveWith
                (withQueues 1)
                "while its handlers hang, a member leaves messages that it has not started to another one"
                (fun clock cluster ->
                    task {
                        let stuck = Handling()
                        use! first = startStuck clock cluster stuck
                        do! until (fun () -> first.InFlight = 2)
                        let seen = Handling()
                        use! second = startPop (patientPop cluster clock) (seen.Handle ignore)
                        // Less than it takes until the first member's handlers are given up.
                        do! passSlowly clock (fun () -> second.Acknowledged = 2L)
                        seen.Seen |> List.map fst |> List.sort |> shouldEqual [ "good1"; "good2" ]
                        stuck.Seen.Length |> shouldEqual 2
                        stuck.Release()
                        do! until (fun () -> first.Acknowledged = 2L)
                    })
        ]

let private handlers =
    testList
        "handlers"
        [
            liveWith
                withHanging
                "an overdue handler that obeys its token keeps its slot"
                (fun clock cluster handling _ ->
                    task {

                        use! consumer =
                            startPop
                                { patientPop cluster clock with
                                    Concurrency = 1
                                }
                                (handling.Handle handling.Release)

                        do! until (fun () -> handling.Seen.Length = 1)
                        clock.Advance(seconds 599)
                        do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 1L)
                        do! sendAll cluster "T" [ "next" ]
                        do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 2L)
                        handling.Seen |> shouldEqual [ "hangs", 0; "next", 0 ]
                    })

            liveWith
                (withQueues 1)
                "in order, messages behind a blocked handler are redelivered after its message"
                (fun clock cluster ->
                    task {
                        for text in [ "hangs"; "behind" ] do
                            do! sendAll cluster "T" [ text ]

                        let handling = Handling()

                        use! consumer =
                            startPop (patientPop cluster clock |> PopConsumerOptions.orderly) (handling.Handle ignore)

                        do! until (fun () -> consumer.InFlight = 2 && handling.Seen.Length = 1)
                        clock.Advance(seconds 599)
                        do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 2L)
                        handling.Release()
                        handling.Seen |> List.map fst |> shouldEqual [ "hangs"; "hangs"; "behind" ]
                    })
        ]

let private callbacksAtTimeouts =
    testList
        "callbacks at timeouts"
        [
            liveWith
                withHanging
                "a callback of a handler's token that throws at the timeout is logged, and the consumer goes on"
                (fun clock cluster handling log ->
                    task {
                        use! consumer =
                            startPop
                                (patientPop cluster clock
                                 |> (fun options -> { options with Concurrency = 1 })
                                 |> withLog log)
                                (handling.Handle(fun () -> failwith "on purpose"))

                        do! until (fun () -> handling.Seen.Length = 1)
                        clock.Advance(seconds 599)
                        do! ChaosRig.pass clock (fun () -> has log callbackFailed)
                        do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 1L)
                        handling.Release()
                        handling.Seen |> shouldEqual [ "hangs", 0; "hangs", 1 ]
                    })
        ]

let private callbacksAtLostReceipts =
    testList
        "callbacks at lost receipts"
        [
            liveWith
                withHanging
                "a callback of a handler's token that throws when the receipt is lost is logged, and the consumer goes on"
                (fun clock cluster handling log ->
                    task {
                        cluster.Brokers[0]
                            .Faults.On(RequestCode.ChangeMessageInvisibleTime)
                            .Refuse(ResponseCode.SystemError, "on purpose", Int32.MaxValue)

                        use! consumer =
                            startPop
                                (popConsumerAt cluster.NameServers clock "G"
                                 |> (fun options ->
                                     { options with
                                         Consumer.ConsumeFrom = FirstOffset
                                     })
                                 |> withLog log)
                                (handling.Handle(fun () -> failwith "on purpose"))

                        do! until (fun () -> handling.Seen.Length = 1 && consumer.InFlight = 1)
                        clock.Advance(seconds 58)
                        do! until (fun () -> has log callbackFailed && consumer.Lost = 1L)
                        cluster.Brokers[0].Faults.Heal()
                        do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 1L)
                        handling.Release()
                        handling.Seen |> List.map fst |> shouldEqual [ "hangs"; "hangs" ]
                    })

            liveWith
                withHanging
                "a callback that throws when the consumer ends is logged, and the consumer ends"
                (fun clock cluster handling log ->
                    task {
                        let! consumer =
                            startPop
                                (patientPop cluster clock |> withLog log)
                                (handling.Handle(fun () -> failwith "on purpose"))

                        do! until (fun () -> handling.Seen.Length = 1)
                        let closing = consumer.Close()
                        do! ChaosRig.finish clock closing
                        do! until (fun () -> has log callbackFailed)
                        handling.Release()
                    })
        ]

[<Tests>]
let tests =
    testList
        "Overdue pops"
        [
            queuedMessages
            otherMembers
            handlers
            callbacksAtTimeouts
            callbacksAtLostReceipts
        ]
