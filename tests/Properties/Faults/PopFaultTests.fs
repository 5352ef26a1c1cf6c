/// Consumers that pop, and transactions: what is never told, and what never ends.
module RocketMq.Protocol.Tests.PopFaultTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private minute = seconds 60

let private popOf (cluster: EmbeddedCluster) clock name =
    popConsumerAt cluster.NameServers clock "C"
    |> (fun options ->
        { options with
            Consumer.Client.InstanceName = Some name
            ConsumeTimeout = minute * 3.0
        })
    // Long enough for renewals to keep up with the clock.
    |> (fun options ->
        { options with
            InvisibleTime = minute * 3.0
        })

/// Hangs on some messages until it is released, whatever its token says.
let private hangingOn isHanging (seen: Seen) (release: Task) : PopHandler =
    fun received _ ->
        task {
            let text = textOf received

            if isHanging text && not release.IsCompleted then
                do! release
            else
                seen.Add text

            return ConsumeResult.Success
        }

let private startHanging clock options isHanging seen (release: TaskCompletionSource) : Task<PopConsumer> =
    waitFor clock (startPop options (hangingOn isHanging seen release.Task))

/// More than the time after which a handler counts as stuck, and the time for which a message is hidden then.
let private longEnough = minute * 10.0

/// Shorter than a pop may be late: an answer that comes after its call has ended hides its messages for nothing.
let private step = seconds 15

let private simpleOf (cluster: EmbeddedCluster) clock =
    waitFor clock (startSimple (simpleConsumerAt cluster.NameServers clock "C"))

let private blockedHandlers =
    testList
        "blocked handlers"
        [
            liveWith
                (withQueues 1)
                "[pophang] messages behind blocked handlers are handled by another member"
                (fun clock cluster ->
                    task {
                        let release = TaskCompletionSource()
                        let seen = Seen()

                        let isHanging (text: string) =
                            text.StartsWith("hang", StringComparison.Ordinal)

                        let! a =
                            startHanging
                                clock
                                { popOf cluster clock "a" with
                                    Concurrency = 2
                                }
                                isHanging
                                seen
                                release

                        do! PullRig.sendTo cluster 0 [ "hang1"; "hang2"; "good1"; "good2" ]
                        do! ChaosRig.pass clock (fun () -> a.InFlight = 4)

                        let! c = startHanging clock (popOf cluster clock "c") (fun _ -> false) seen release

                        let goods = set [ "good1"; "good2" ]

                        let! _ =
                            happensInSteps clock step longEnough (fun () -> Set.isSubset goods seen.Texts)

                        let texts = Set.intersect goods seen.Texts
                        release.SetResult()
                        do! ChaosRig.finish clock (a.Close())
                        do! ChaosRig.finish clock (c.Close())
                        texts |> shouldEqual goods
                    })
        ]

let private lostReceipts =
    testList
        "lost receipts"
        [
            liveWith
                (withQueues 1)
                "[pophang] the message of a blocked handler is redelivered to the first pop, and its slot is free"
                (fun clock cluster ->
                    task {
                        let release = TaskCompletionSource()
                        let seen = Seen()
                        let mutable calls = 0
                        let isFirst _ = Interlocked.Increment &calls = 1

                        let! a =
                            startHanging
                                clock
                                { popOf cluster clock "a" with
                                    Concurrency = 1
                                }
                                isFirst
                                seen
                                release

                        do! PullRig.sendTo cluster 0 [ "hang" ]
                        do! ChaosRig.pass clock (fun () -> a.InFlight = 1)

                        let! c = startHanging clock (popOf cluster clock "c") (fun _ -> false) seen release

                        let! _ =
                            happensInSteps clock step longEnough (fun () -> seen.Of "hang" = 1 && a.InFlight = 0)

                        let outcome = seen.Of "hang", a.InFlight
                        release.SetResult()
                        do! ChaosRig.finish clock (a.Close())
                        do! ChaosRig.finish clock (c.Close())
                        outcome |> shouldEqual (1, 0)
                    })
        ]

let private transactions =
    testList
        "transactions"
        [
            liveWith
                (withStrictCluster ignore<EmbeddedClusterOptions>)
                "[tx] a transaction producer that starts while no name server answers is checked later"
                (fun clock cluster ->
                    task {
                        do! cluster.CreateTopicAsync("Tx", 1)
                        let mutable asked = 0

                        let check (_: StoredMessage) =
                            Interlocked.Increment &asked |> ignore<int>
                            Task.FromResult TransactionDecision.Commit

                        let start () =
                            waitFor clock (TransactionProducer.Start(producerOf cluster clock, [ "Tx" ], check))

                        let! first = start ()
                        let first = Buffers.ok first

                        let! sent =
                            first.Send(
                                Message.ofText "Tx" "half",
                                (fun _ -> Task.FromResult TransactionDecision.Undecided),
                                CancellationToken.None
                            )

                        sent
                        |> Result.mapError RemotingError.describe
                        |> Buffers.ok
                        |> ignore<TransactionReceipt>

                        do! ChaosRig.finish clock (first.Close())
                        do! cluster.NameServerNodes[0].StopAsync()

                        match! start () with
                        // That says that it is not known, too.
                        | Error _ -> do! cluster.NameServerNodes[0].StartAsync()
                        | Ok second ->
                            do! cluster.NameServerNodes[0].StartAsync()
                            let! _ = happensWithin clock (minute * 3.0) (fun () -> asked > 0)
                            do! ChaosRig.finish clock (second.Close())
                            asked > 0 |> shouldBeTrue
                    })
        ]

let private acknowledgements =
    testList
        "acknowledgements"
        [
            liveWith
                (withQueues 1)
                "[D9] an acknowledgement is not reported as done when the broker may have redelivered the message"
                (fun clock cluster ->
                    task {
                        do! PullRig.sendTo cluster 0 [ "a" ]
                        let! consumer = simpleOf cluster clock
                        // Hidden from when the broker pops it; its answer is a little late.
                        cluster.Brokers[0]
                            .Faults.On(RequestCode.PopMessage)
                            .AnswerLate(TimeSpan.FromMilliseconds 500.0)

                        let receiving = consumer.Receive(1, seconds 10, CancellationToken.None)

                        // In steps so small that no second passes between the answer and what is consumed it.
                        while not receiving.IsCompleted do
                            clock.Advance(TimeSpan.FromMilliseconds 50.0)
                            do! Task.WhenAny(receiving, Task.Delay 20) :> Task

                        let! received = receiving

                        let leased =
                            received
                            |> Result.mapError RemotingError.describe
                            |> Buffers.ok
                            |> List.exactlyOne

                        clock.Advance(TimeSpan.FromMilliseconds 9_600.0)
                        let! acked = consumer.Ack(leased, CancellationToken.None)
                        do! ChaosRig.finish clock (consumer.Close())
                        acked |> Result.isError |> shouldBeTrue
                    })
        ]

[<Tests>]
let tests =
    testList "Proven faults" [ blockedHandlers; lostReceipts; transactions; acknowledgements ]
