/// Expressions that no consumer can subscribe with: refused before anybody is asked.
module RocketMq.Protocol.Tests.SubscriptionCheckTests

open RocketMq

/// Nothing listens there.
let private nowhere = "127.0.0.1:1"

let private meaningless = [ "||"; " "; "\t*"; "* " ]

let private isRefused (filter: Filter) (started: Result<'Consumer, RemotingError>) =
    match started with
    | Error(RemotingError.Misconfigured problems) ->
        problems |> shouldMention "subscriptions: "
        problems |> shouldMention $"'{Filter.expression filter}'"
    | Error(RemotingError.Invalid error) -> error.Message |> shouldMention $"'{Filter.expression filter}'"
    | Error error -> failtest (RemotingError.describe error)
    | Ok _ -> failtest $"{filter} was taken"

let private consume (_: ReceivedMessage) (_: System.Threading.CancellationToken) = Task.FromResult ConsumeResult.Success

let private handler =
    ConsumeHandler.EachMessage(fun _ _ -> ValueTask<ConsumeResult> ConsumeResult.Success)

let private atTheStart =
    testList
        "at the start"
        [
            live "no consumer starts with an invalid expression" (fun () ->
                task {
                    for expression in meaningless do
                        let filter = ByTag expression

                        let! push =
                            PushConsumer.Start(
                                consumerAt nowhere PushRig.system "C"
                                |> PushConsumerOptions.subscribe "T" filter,
                                handler
                            )

                        isRefused filter push

                        let! pull =
                            PullConsumerOptions.create "C" (endpointsOf nowhere)
                            |> PullConsumerOptions.subscribe "T" filter
                            |> PullConsumer.Start

                        isRefused filter pull

                        let popping =
                            PopConsumerOptions.create "C" (endpointsOf nowhere)
                            |> PopConsumerOptions.subscribe "T" filter

                        let! pop = PopConsumer.Start(popping, consume)
                        isRefused filter pop

                        let! simple =
                            SimpleConsumerOptions.create "C" []
                            |> (fun options ->
                                { options with
                                    Consumer = popping.Consumer
                                })
                            |> SimpleConsumer.Start

                        isRefused filter simple
                })
        ]

let private whileRunning =
    testList
        "while running"
        [
            live "a running consumer keeps its subscriptions when a new one is invalid" (fun () ->
                PushRig.withTopic (fun cluster ->
                    task {
                        let seen = Seen()

                        let! consumer =
                            startConsumer
                                (PushRig.subscribed cluster PushRig.system)
                                (ConsumeHandler.EachMessage(fun received _ ->
                                    seen.Add(textOf received)
                                    ValueTask<ConsumeResult> ConsumeResult.Success))

                        for expression in meaningless do
                            let! changed = consumer.Subscribe("T", ByTag expression)
                            isRefused (ByTag expression) changed

                        do! sendAll cluster "T" [ "a" ]
                        do! until (fun () -> seen.Count = 1)
                        do! consumer.Close()
                    }))
        ]

[<Tests>]
let tests = testList "Subscription checks" [ atTheStart; whileRunning ]
