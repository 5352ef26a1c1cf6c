/// A request that waits for the reply of whoever consumes it.
module Gallery.FSharp.RequestReply

open System
open System.Text
open System.Threading
open System.Threading.Tasks
open RocketMq
open Gallery.FSharp.Sample

let run: Sample =
    fun servers output cancellation ->
        task {
            use producer = ProducerOptions.create "shop" servers |> Producer.Start |> ok

            // The side that answers: any consumer, with any producer.
            let answer (request: ReceivedMessage) (token: CancellationToken) =
                task {
                    let price =
                        if textOf request = "coffee" then
                            "3.20"
                        else
                            "not on the menu"

                    let reply =
                        Reply.create request.Message (ReadOnlyMemory(Encoding.UTF8.GetBytes price))

                    match! producer.Send(reply, token) with
                    | Ok _ -> return ConsumeResult.Success
                    | Error _ -> return ConsumeResult.Retry
                }
                |> ValueTask<ConsumeResult>

            let prices =
                { PushConsumerOptions.create "prices" servers with
                    Consumer.ConsumeFrom = FirstOffset
                }
                |> PushConsumerOptions.subscribe "Prices" Filter.all

            let! started = PushConsumer.Start(prices, ConsumeHandler.EachMessage answer)
            use _ = ok started

            // The side that asks.
            let request topic (text: string) (timeout: TimeSpan) =
                producer.Request(Message.ofText topic text, timeout, AnyQueue, cancellation)

            for drink in [ "coffee"; "petrol" ] do
                let! reply = request "Prices" drink (TimeSpan.FromSeconds 10L)
                output.WriteLine $"{drink}: {Encoding.UTF8.GetString (ok reply).StoredBody.Span}"

            match! request "Weather" "nobody consumes this" (TimeSpan.FromMilliseconds 200L) with
            | Error(RemotingError.NoReply(topic, _, _)) -> output.WriteLine $"no reply from {topic}"
            | other -> other |> ok |> ignore<StoredMessage>
        }
