/// Each member of the group gets every message, such as news of which caches to clear.
module Gallery.FSharp.Broadcasting

open System.Collections.Concurrent
open System.IO
open System.Threading
open System.Threading.Tasks
open RocketMq
open Gallery.FSharp.Sample

/// One member, which would be a process of its own.
let private clear servers (folder: string) (cancellation: CancellationToken) (name: string) =
    task {
        let cleared = ConcurrentDictionary<string, bool>()
        let all = signal<unit>()

        let handle (message: ReceivedMessage) (_: CancellationToken) =
            cleared[textOf message] <- true

            if cleared.Count = 2 then
                all.TrySetResult() |> ignore<bool>

            ValueTask<ConsumeResult>(ConsumeResult.Success)

        let options =
            { PushConsumerOptions.create "shops" servers with
                Consumer.ConsumeFrom = FirstOffset
                Consumer.Client.InstanceName = Some name // a name that stays: offsets are found again by it
                OffsetDirectory = Some folder // offsets are the member's own, in a file
            }
            |> PushConsumerOptions.subscribe "PriceChanges" Filter.all
            |> PushConsumerOptions.broadcasting

        let! started = PushConsumer.Start(options, ConsumeHandler.EachMessage handle)
        use _ = ok started
        do! all.Task.WaitAsync cancellation
        return cleared.Keys |> List.ofSeq
    }

let run: Sample =
    fun servers output cancellation ->
        task {
            let offsets = Directory.CreateTempSubdirectory "rocketmq-offsets-"

            try
                use producer = ProducerOptions.create "catalogue" servers |> Producer.Start |> ok

                for product in [ "coffee"; "tea" ] do
                    let! _ = Message.ofText "PriceChanges" product |> send producer cancellation
                    ()

                let members = [ "shop-1"; "shop-2" ]

                let! cleared =
                    members
                    |> List.map (clear servers offsets.FullName cancellation)
                    |> Task.WhenAll

                for name, products in Seq.zip members cleared do
                    output.WriteLine $"{name}: {joined products}"
            finally
                offsets.Delete(recursive = true)
        }
