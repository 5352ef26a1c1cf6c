/// Queues that are not read any more, and handlers that take long.
module RocketMq.Protocol.Tests.WatchTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// The test gets the time before the consumer began, too.
let private withConsumer change handlerOf (test: EmbeddedClock -> DateTimeOffset -> PushConsumer -> Task) : Task =
    withQueues 1 (fun clock cluster ->
        task {
            do! sendAll cluster "T" [ "a" ]

            let options: PushConsumerOptions =
                consumerOf cluster clock "C"
                |> PushConsumerOptions.subscribe "T" Filter.all
                |> change cluster

            let before = clock.GetUtcNow()
            let starting = startConsumer options (handlerOf clock)
            do! ChaosRig.finish clock starting
            do! test clock before starting.Result
            do! ChaosRig.finish clock (starting.Result.Close())
        })

let private limit = TimeSpan.FromMinutes 1L

let private stuckPulls =
    testList
        "stuck pulls"
        [
            live "a queue whose pull is never answered is pulled again after two minutes and not before" (fun () ->
                let seen = Seen()

                let loseFirstPulls (cluster: EmbeddedCluster) options =
                    // One of the topic, and one of the topic of retries.
                    cluster.Brokers[0].Faults.On(RequestCode.PullMessage).LoseRequests 2
                    options

                withConsumer loseFirstPulls (fun _ -> remember seen) (fun clock before consumer ->
                    task {
                        do! ChaosRig.pass clock (fun () -> consumer.Health.RestartedQueues >= 1L)
                        clock.GetUtcNow() - before > TimeSpan.FromMinutes 2L |> shouldBeTrue
                        do! ChaosRig.pass clock (fun () -> seen.Of "a" = 1)
                    }))
        ]

let private stuckHandlers =
    testList
        "stuck handlers"
        [
            live "a handler is cancelled at its timeout and not before" (fun () ->
                let took = TaskCompletionSource<TimeSpan>()
                let begun = TaskCompletionSource()
                let mutable cluster: EmbeddedCluster | null = null

                let handlerOf (clock: EmbeddedClock) =
                    ConsumeHandler.EachMessage(fun received cancellation ->
                        if textOf received <> "long" || received.Message.ReconsumeTimes > 0 then
                            ValueTask<ConsumeResult> ConsumeResult.Success
                        else
                            ValueTask<ConsumeResult>(
                                task {
                                    let began = clock.GetUtcNow()
                                    begun.SetResult()

                                    let told () =
                                        took.TrySetResult(clock.GetUtcNow() - began) |> ignore

                                    use _ = cancellation.Register told
                                    do! Task.Delay(Timeout.InfiniteTimeSpan, cancellation)
                                    return ConsumeResult.Success
                                }
                            ))

                let withLimit started (options: PushConsumerOptions) =
                    cluster <- started
                    { options with ConsumeTimeout = limit }

                withConsumer withLimit handlerOf (fun clock _ consumer ->
                    task {
                        // Nobody moves the clock until the handler has begun.
                        do! ChaosRig.pass clock (fun () -> consumer.Health.Consumed = 1L)
                        do! sendAll (nonNull cluster) "T" [ "long" ]
                        do! begun.Task
                        do! ChaosRig.pass clock (fun () -> consumer.Health.SentBack = 1L)
                        let! took = took.Task
                        took > limit |> shouldBeTrue
                        consumer.Health.OverdueHandlers |> shouldEqual 1L
                        consumer.Health.AbandonedHandlers |> shouldEqual 0L
                        do! ChaosRig.pass clock (fun () -> consumer.Health.Consumed = 2L)
                    }))
        ]

[<Tests>]
let tests = testList "Consumer watch" [ stuckPulls; stuckHandlers ]
