/// POP, with brokers of 5.x: a message is hidden while somebody works on it, and comes again if it is not acknowledged. Members own no
/// queues. A simple consumer leaves each step to you, a POP consumer calls a handler.
module Gallery.FSharp.Pop

open System
open System.Threading
open System.Threading.Tasks
open RocketMq
open Gallery.FSharp.Sample

let rec private next (worker: SimpleConsumer) (cancellation: CancellationToken) : Task<LeasedMessage> =
    task {
        let! leased = worker.Receive(1, TimeSpan.FromSeconds 30L, cancellation)

        match ok leased with
        | message :: _ -> return message
        | [] -> return! next worker cancellation
    }

let private work servers (output: IO.TextWriter) (cancellation: CancellationToken) =
    task {
        let options =
            { SimpleConsumerOptions.create "workers" servers with
                Consumer.ConsumeFrom = FirstOffset
            }
            |> SimpleConsumerOptions.subscribe "Tasks" Filter.all

        let! started = SimpleConsumer.Start options
        use worker = ok started

        let report (leased: LeasedMessage) =
            output.WriteLine $"{textOf leased.Received}: received {leased.Received.Message.ReconsumeTimes + 1} times"

        let! first = next worker cancellation
        report first
        let! hidden = worker.ChangeInvisible(first, TimeSpan.FromSeconds 1L, cancellation) // again in a second
        hidden |> ok |> ignore<LeasedMessage>

        let! second = next worker cancellation
        report second
        let! acknowledged = worker.Ack(second, cancellation)
        ok acknowledged
    }

let run: Sample =
    fun servers output cancellation ->
        task {
            use producer = ProducerOptions.create "shop" servers |> Producer.Start |> ok
            let! _ = Message.ofText "Tasks" "grind" |> send producer cancellation
            do! work servers output cancellation

            let served = signal<string>()

            let handle (message: ReceivedMessage) (_: CancellationToken) =
                served.TrySetResult(textOf message) |> ignore<bool>
                Task.FromResult ConsumeResult.Success // acknowledged

            let baristas =
                { PopConsumerOptions.create "baristas" servers with
                    Consumer.ConsumeFrom = FirstOffset
                }
                |> PopConsumerOptions.subscribe "Tasks" Filter.all
                |> PopConsumerOptions.enablingPopMode // or once by an operator: rocketmq group mode

            let! started = PopConsumer.Start(baristas, handle)
            use _ = ok started
            let! text = served.Task.WaitAsync cancellation
            output.WriteLine $"handled: {text}"
        }
