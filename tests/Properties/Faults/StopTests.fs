/// Clients that are stopped by somebody who does not wait for long.
module RocketMq.Protocol.Tests.StopTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// Consumes all but the first "waits", which ends with its token.
let private obedient (seen: Seen) (received: ReceivedMessage) (cancellation: CancellationToken) : Task<ConsumeResult> =
    task {
        let text = textOf received
        seen.Add text

        if text = "waits" && seen.Of text = 1 then
            do! Task.Delay(Timeout.InfiniteTimeSpan, cancellation)

        return ConsumeResult.Success
    }

let private handlerOf seen =
    ConsumeHandler.EachMessage(fun received cancellation ->
        ValueTask<ConsumeResult>(obedient seen received cancellation))

/// Stops with a token that is cancelled at once. The clock stands still: nothing waits for a drain.
let private stopAtOnce (stop: CancellationToken -> Task) : Task =
    task {
        use source = new CancellationTokenSource()
        let stopping = stop source.Token
        stopping.IsCompleted |> shouldBeFalse
        source.Cancel()
        do! stopping
    }

let private consumers =
    [
        for name, change in [ "concurrent", id; "in order", PushConsumerOptions.orderly ] do
            liveWith
                (withQueues 1)
                $"[stop] {name}: a consumer that is stopped by a token commits what is consumed, and the rest comes again"
                (fun clock cluster ->
                    task {
                        do! PullRig.sendTo cluster 0 [ "a"; "b"; "waits"; "c" ]
                        let seen = Seen()

                        let options =
                            consumerOf cluster clock "C"
                            |> PushConsumerOptions.subscribe "T" Filter.all
                            |> change

                        let! first =
                            startMember
                                clock
                                { options with
                                    Concurrency = 1
                                    DrainTimeout = TimeSpan.FromHours 1
                                }
                                (handlerOf seen)

                        do! ChaosRig.pass clock (fun () -> seen.Of "waits" = 1)
                        do! stopAtOnce first.Stop
                        let! next = startMember clock options (handlerOf seen)
                        do! ChaosRig.pass clock (fun () -> seen.Of "c" = 1 && seen.Of "waits" = 2)
                        do! close clock next
                        [ seen.Of "a"; seen.Of "b" ] |> shouldEqual [ 1; 1 ]
                    })

        liveWith
            (withQueues 1)
            "[stop] POP: a consumer that is stopped by a token sends back what is not consumed, and nothing else comes again"
            (fun clock cluster ->
                task {
                    do! PullRig.sendTo cluster 0 [ "a"; "b"; "waits"; "c" ]
                    let seen = Seen()

                    let options =
                        { popConsumerAt cluster.NameServers clock "C" with
                            Consumer.ConsumeFrom = FirstOffset
                            DrainTimeout = TimeSpan.FromHours 1
                        }

                    let! first = waitFor clock (startPop options (obedient seen))
                    do! ChaosRig.pass clock (fun () -> seen.Count = 4 && first.Acknowledged = 3L)
                    do! stopAtOnce first.Stop
                    let! next = waitFor clock (startPop options (obedient seen))
                    do! ChaosRig.pass clock (fun () -> seen.Of "waits" = 2)
                    do! ChaosRig.finish clock (next.Close())
                    [ for text in [ "a"; "b"; "c" ] -> seen.Of text ] |> shouldEqual [ 1; 1; 1 ]
                })
    ]

let private producers =
    [
        liveWith
            (withQueues 1)
            "[stop] a producer waits for sends up to its drain, or until its token is cancelled; they end with an unknown outcome then"
            (fun clock cluster ->
                task {
                    for isCancelled in [ true; false ] do
                        let queue = OneQueue(PullRig.queueOf cluster 0)
                        let producer = start (producerOf cluster clock)
                        // Finds the way, which those that follow have at once.
                        let! first =
                            producer.SendTo(queue, Message.ofText "T" "first", CancellationToken.None)

                        first |> Buffers.ok |> ignore<SendReceipt>
                        cluster.Brokers[0].Faults.On(RequestCode.SendMessageV2).AnswerLate(TimeSpan.FromHours 2)
                        let sending = producer.SendTo(queue, Message.ofText "T" "m", CancellationToken.None)
                        // On one connection, so that the first has left when the second is stored.
                        let! second = producer.SendTo(queue, Message.ofText "T" "n", CancellationToken.None)
                        second |> Buffers.ok |> ignore<SendReceipt>
                        producer.Health.OnTheirWay |> shouldEqual 1

                        if isCancelled then
                            do! stopAtOnce producer.Stop
                        else
                            let stopping = producer.Stop CancellationToken.None
                            clock.Advance(seconds 2)
                            stopping.IsCompleted |> shouldBeFalse
                            do! ChaosRig.finish clock stopping

                        match! sending with
                        | Error error -> RemotingError.outcome error |> shouldEqual UnknownOutcome
                        | Ok receipt -> failtest $"{receipt}"

                        cluster.Brokers[0].Faults.Heal()
                })
    ]

let private shared =
    [
        liveWith
            (withQueues 1)
            "[stop] a shared client that is stopped by a token has all of its members stop so"
            (fun clock cluster ->
                task {
                    do! PullRig.sendTo cluster 0 [ "a"; "waits" ]
                    let seen = Seen()

                    let options =
                        { PushConsumerOptions.create "C" [] with
                            Consumer.ConsumeFrom = FirstOffset
                            DrainTimeout = TimeSpan.FromHours 1
                        }
                        |> PushConsumerOptions.subscribe "T" Filter.all

                    let client =
                        RocketMqClient.Create (consumerOf cluster clock "C").Consumer.Client
                        |> Buffers.ok

                    let! started = waitFor clock (PushConsumer.Start(client, options, handlerOf seen))
                    started |> Buffers.ok |> ignore<PushConsumer>
                    do! ChaosRig.pass clock (fun () -> seen.Of "waits" = 1)
                    do! stopAtOnce client.Stop
                })
    ]

[<Tests>]
let tests = testList "Stops" (consumers @ producers @ shared)
