/// What happens to one order is consumed in the order in which it happened. Different orders go side by side.
module Gallery.FSharp.Ordered

open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq
open Gallery.FSharp.Sample

let run: Sample =
    fun servers output cancellation ->
        task {
            let steps = ConcurrentDictionary<string, string>()
            use left = new CountdownEvent(6)
            let all = signal<unit>()

            use producer = ProducerOptions.create "shop" servers |> Producer.Start |> ok

            for step in [ "created"; "paid"; "shipped" ] do
                for order in [ "o-1"; "o-2" ] do
                    let message = Message.ofText "Orders" step |> Message.withKeys [ order ]
                    // The same key, the same queue: that is what order needs.
                    let! receipt = producer.SendTo(SelectedQueue(ByKey order), message, cancellation)
                    receipt |> ok |> ignore<SendReceipt>

            let handle (message: ReceivedMessage) (_: CancellationToken) =
                let step = textOf message

                steps.AddOrUpdate(keyOf message.Message.Properties, step, (fun _ before -> $"{before}, {step}"))
                |> ignore<string>

                if left.Signal() then
                    all.SetResult()

                ValueTask<ConsumeResult>(ConsumeResult.Success)

            let options =
                { PushConsumerOptions.create "ledger" servers with
                    Consumer.ConsumeFrom = FirstOffset
                }
                |> PushConsumerOptions.subscribe "Orders" Filter.all
                |> PushConsumerOptions.orderly // one handler at a time for each queue

            let! started = PushConsumer.Start(options, ConsumeHandler.EachMessage handle)
            use _ = ok started
            do! all.Task.WaitAsync cancellation

            for order in Seq.sort steps.Keys do
                output.WriteLine $"{order}: {steps[order]}"
        }
