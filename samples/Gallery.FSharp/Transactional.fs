/// A message is delivered if, and only if, the change in the database that it tells of was made.
module Gallery.FSharp.Transactional

open System.Collections.Concurrent
open System.Threading.Tasks
open RocketMq
open Gallery.FSharp.Sample

let run: Sample =
    fun servers output cancellation ->
        task {
            let database = ConcurrentDictionary<string, int>() // in place of a table of orders

            // The broker asks this when it has heard nothing, perhaps after the process that sent the message is gone.
            let check (half: StoredMessage) =
                if database.ContainsKey(keyOf half.Properties) then
                    Task.FromResult TransactionDecision.Commit
                else
                    Task.FromResult TransactionDecision.Rollback

            let! started =
                TransactionProducer.Start(ProducerOptions.create "orders" servers, [ "Orders" ], check)

            use producer = ok started

            for order, cups in [ "o-1", 2; "o-2", 0; "o-3", 1 ] do
                let local (_: Message) =
                    if cups = 0 then
                        Task.FromResult TransactionDecision.Rollback
                    else
                        database[order] <- cups // your transaction, committed
                        Task.FromResult TransactionDecision.Commit

                let message =
                    Message.ofText "Orders" $"{cups} coffees" |> Message.withKeys [ order ]

                let! receipt = producer.Send(message, local, cancellation)
                output.WriteLine $"{order}: {(ok receipt).Decision}"

            let billing =
                { PullConsumerOptions.create "billing" servers with
                    Consumer.ConsumeFrom = FirstOffset
                }
                |> PullConsumerOptions.subscribe "Orders" Filter.all

            let! started = PullConsumer.Start billing
            use consumer = ok started
            let! delivered = receive consumer database.Count cancellation
            let keys = delivered |> List.map (fun message -> keyOf message.Message.Properties)
            output.WriteLine $"delivered: {joined keys}"
        }
