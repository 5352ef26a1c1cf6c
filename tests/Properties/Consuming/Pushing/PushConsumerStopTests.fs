/// What a push consumer does from the moment that it is to stop.
module RocketMq.Protocol.Tests.PushConsumerStopTests

open RocketMq
open PushRig

/// Ends when the first of many messages is being handled. The handler goes on when the source is set.
let private startBlocked cluster isOrderly (release: TaskCompletionSource) =
    task {
        let mutable begun = 0
        let first = TaskCompletionSource()

        let handler =
            ConsumeHandler.EachMessage(fun _ _ ->
                ValueTask<ConsumeResult>(
                    task {
                        Interlocked.Increment &begun |> ignore
                        first.TrySetResult() |> ignore
                        do! release.Task
                        return ConsumeResult.Success
                    }
                ))

        let! consumer =
            startConsumer
                { subscribed cluster system with
                    Concurrency = 1
                    IsOrderly = isOrderly
                }
                handler

        do! first.Task
        return consumer, (fun () -> Volatile.Read &begun)
    }

let private beginsNoMore name isOrderly =
    liveWith
        withTopic
        $"{name}: a handler that ends once the consumer is to stop is followed by no other"
        (fun cluster ->
            task {
                do! sendAll cluster "T" (numbered 0 200)

                // What stops is on its way while the handler ends: sooner or later it is late.
                for _ in 1..20 do
                    let release = TaskCompletionSource()
                    let! consumer, begun = startBlocked cluster isOrderly release
                    let closing = consumer.Close()
                    // Whoever pauses and resumes does not know of the stop.
                    consumer.Resume()
                    release.SetResult()
                    do! closing
                    begun () |> shouldEqual 1
            })

[<Tests>]
let tests =
    testList "Push consumer stop" [ beginsNoMore "concurrent" false; beginsNoMore "in order" true ]
