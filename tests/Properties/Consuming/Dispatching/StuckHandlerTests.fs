/// Push consumers whose handlers are stuck, throw, or do not obey.
module RocketMq.Protocol.Tests.StuckHandlerTests

open System
open System.IO
open RocketMq
open RocketMq.Embedded
open PushRig

/// A handler that does what its message says.
[<Sealed>]
type private StubbornHandler() =
    let begun = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let release =
        TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let answer (released: Task) =
        ValueTask<ConsumeResult>(
            task {
                do! released
                return ConsumeResult.Success
            }
        )

    /// Ends when a message that says what it does is being handled: no handler begins any more while its consumer closes.
    member _.Begun: Task = begun.Task

    member _.Release() = release.SetResult()

    member _.Handle =
        ConsumeHandler.EachMessage(fun received cancellation ->
            match textOf received with
            | "ignores" ->
                begun.TrySetResult() |> ignore<bool>
                answer release.Task
            | "obeys" ->
                begun.TrySetResult() |> ignore<bool>
                answer (Task.Delay(Timeout.InfiniteTimeSpan, cancellation))
            | "throws" ->
                begun.TrySetResult() |> ignore<bool>
                raise (InvalidOperationException "on purpose")
            | _ -> ValueTask<ConsumeResult> ConsumeResult.Success)

/// A consumer with such a handler, which is given a message that says what it does and fifty others.
let private withStubborn text change (test: EmbeddedCluster -> PushConsumer -> StubbornHandler -> Task) : Task =
    withTopic (fun cluster ->
        task {
            let handler = StubbornHandler()
            do! sendAll cluster "T" (text :: numbered 0 50)

            let! consumer = startConsumer (change (subscribed cluster system)) handler.Handle

            do! test cluster consumer handler
        })

let private closing =
    testList
        "closing"
        [
            for text in [ "ignores"; "obeys" ] do
                liveWith
                    (withStubborn text (fun options ->
                        { options with
                            ConsumeTimeout = TimeSpan.FromMilliseconds 300L
                            Concurrency = 2
                        }))
                    $"the message of an overdue handler that {text} its token is sent back to the broker, and others go on"
                    (fun cluster consumer handler ->
                        task {
                            do! until (fun () -> consumer.Health.SentBack = 1L && consumer.Health.Consumed = 50L)
                            let health = consumer.Health
                            health.OverdueHandlers |> shouldEqual 1L
                            health.AbandonedHandlers |> shouldEqual (if text = "ignores" then 1L else 0L)
                            handler.Release()
                            do! consumer.Close()
                            let! isCommitted = isAllCommitted cluster "C" "T" queues
                            isCommitted |> shouldBeTrue
                        })
        ]

let private consuming =
    testList
        "consuming"
        [
            for text in [ "ignores"; "obeys"; "throws" ] do
                liveWith
                    (withStubborn text (fun options ->
                        { options with
                            DrainTimeout = TimeSpan.FromMilliseconds 200L
                        }))
                    $"a consumer closes within its limit while a handler {text}, and commits only consumed messages"
                    (fun cluster consumer handler ->
                        task {
                            do! until (fun () -> consumer.Health.Consumed = 50L)
                            do! handler.Begun
                            do! consumer.Close()
                            let! positions = positions cluster "C" "T" queues
                            let open' = positions |> Map.filter (fun _ (committed, last) -> committed < last)
                            // What fails goes back to its broker, and is consumed here.
                            open'.Count |> shouldEqual (if text = "ignores" then 1 else 0)
                            handler.Release()

                            if text = "ignores" then
                                let seen = Seen()
                                let! next = startConsumer (subscribed cluster system) (remember seen)
                                do! until (fun () -> seen.Of text = 1)
                                do! next.Close()
                        })
        ]

[<Tests>]
let tests = testList "Stuck handlers" [ closing; consuming ]
