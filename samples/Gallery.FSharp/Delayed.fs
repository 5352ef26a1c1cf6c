/// Messages that come later: by level on any server, after a time or at a time since 5.0, taken back since 5.3.
module Gallery.FSharp.Delayed

open System
open RocketMq
open Gallery.FSharp.Sample

let run: Sample =
    fun servers output cancellation ->
        task {
            use producer = ProducerOptions.create "reminders" servers |> Producer.Start |> ok
            let store message = send producer cancellation message

            let! _ =
                Message.ofText "Reminders" "by level 1, one second"
                |> Message.withDelayLevel 1
                |> store

            let! _ =
                Message.ofText "Reminders" "after a time, one second"
                |> Message.withDelay (TimeSpan.FromSeconds 1L)
                |> store

            let! tomorrow =
                Message.ofText "Reminders" "tomorrow"
                |> Message.withDeliveryAt (DateTimeOffset.Now.AddDays 1.0)
                |> store

            output.WriteLine $"stored: {tomorrow.Status = SendOk}"

            match tomorrow.RecallHandle with
            | Some handle ->
                let! recalled = producer.Recall("Reminders", handle, cancellation)
                recalled |> ok |> ignore<string>
                output.WriteLine "taken back: tomorrow"
            | None -> ()

            let bell =
                { PullConsumerOptions.create "bell" servers with
                    Consumer.ConsumeFrom = FirstOffset
                }
                |> PullConsumerOptions.subscribe "Reminders" Filter.all

            let! started = PullConsumer.Start bell
            use consumer = ok started
            let! due = receive consumer 2 cancellation

            for text in due |> List.map textOf |> List.sort do
                output.WriteLine $"due: {text}"
        }
