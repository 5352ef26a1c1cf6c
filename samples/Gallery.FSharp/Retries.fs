/// A message that fails comes again, with growing delays, and becomes a dead letter when it has failed too often or makes no sense.
module Gallery.FSharp.Retries

open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq
open Gallery.FSharp.Sample

let run: Sample =
    fun servers output cancellation ->
        task {
            let attempts = ConcurrentDictionary<string, int>()
            let billed = signal<unit>()
            use producer = ProducerOptions.create "shop" servers |> Producer.Start |> ok

            for key, text in [ "o-1", "one coffee"; "o-2", "one petrol"; "o-3", "???" ] do
                let! _ =
                    Message.ofText "Orders" text
                    |> Message.withKeys [ key ]
                    |> send producer cancellation

                ()

            let handle (message: ReceivedMessage) (_: CancellationToken) =
                attempts.AddOrUpdate(keyOf message.Message.Properties, 1, (fun _ before -> before + 1))
                |> ignore<int>

                match textOf message with
                | "???" -> ConsumeResult.DeadLetter // no retry would help
                | text when text = "one petrol" || message.Message.ReconsumeTimes = 0 -> ConsumeResult.RetryAtLevel 1 // after a second; Retry begins at ten
                | _ ->
                    billed.SetResult()
                    ConsumeResult.Success
                |> ValueTask<ConsumeResult>

            let billing =
                { PushConsumerOptions.create "billing" servers with
                    Consumer.ConsumeFrom = FirstOffset
                    MaxRetries = Some 1 // 16 if nothing is set
                }
                |> PushConsumerOptions.subscribe "Orders" Filter.all

            let! started = PushConsumer.Start(billing, ConsumeHandler.EachMessage handle)
            use _ = ok started

            // Dead letters are messages of a topic like any other. Operators use: rocketmq dlq peek billing
            let undertaker =
                { PullConsumerOptions.create "undertaker" servers with
                    Consumer.ConsumeFrom = FirstOffset
                }
                |> PullConsumerOptions.subscribe "%DLQ%billing" Filter.all

            let! started = PullConsumer.Start undertaker
            use deadLetters = ok started
            let! dead = receive deadLetters 2 cancellation
            do! billed.Task.WaitAsync cancellation

            let counts = attempts |> Seq.map (fun one -> $"{one.Key} {one.Value}")
            output.WriteLine $"attempts: {joined counts}"
            let keys = dead |> List.map (fun message -> keyOf message.Message.Properties)
            output.WriteLine $"dead letters: {joined keys}"
        }
