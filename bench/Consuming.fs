/// Push consumers on messages that wait, each in a process of its own, beside a floor that keeps nothing.
module RocketMq.Bench.Consuming

open System
open System.Diagnostics
open System.Globalization
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

let private messages = 200_000
let private queues = 8
let private topic = "BenchWaiting"

/// What one process reports: messages a second from first to last, processor time and bytes a message.
type private Report =
    {
        Rate: float
        CpuMicros: float
        Bytes: float
    }

let private serversOf nameServer =
    Endpoint.parseList nameServer |> Samples.ok

/// The longest that the messages may take to come, all of them together.
let private limit = TimeSpan.FromMinutes 2L

/// Stores the messages, in batches of 100 for each queue in turn.
let private fill nameServer =
    let options = ProducerOptions.create "bench-producer" (serversOf nameServer)

    let producer =
        Producer.Start
            { options with
                Template =
                    { options.Template with
                        Queues = queues
                    }
            }
        |> Samples.ok

    let message = Message.ofBytes topic Samples.body |> Message.withTag "created"

    // Makes the topic.
    producer.Send(message, CancellationToken.None)
    |> Limited.task "the first send" Limited.patience
    |> Samples.ok
    |> ignore<SendReceipt>

    let all =
        producer.Queues(topic, CancellationToken.None)
        |> Limited.task "asking for the queues" Limited.patience
        |> Samples.ok
        |> Array.ofSeq

    if all.Length <> queues then
        raise (BenchFailed $"the topic has {all.Length} queues, not {queues}")

    let batch = List.replicate 100 message

    for number in 0 .. messages / 100 - 1 do
        producer.SendBatch(batch, OneQueue all[number % queues], CancellationToken.None)
        |> Limited.task "sending a batch" Limited.patience
        |> Samples.ok
        |> ignore<SendReceipt list>

    producer.Close() |> Limited.action "closing the producer" Limited.patience

/// `own` is what one message takes up by its body and its properties, which is not counted.
let private report (count: int) (first: int64) (own: int) (before: int64) =
    let took = Stopwatch.GetElapsedTime first
    let cpu = Environment.CpuUsage.TotalTime

    let numbers =
        [
            float count / took.TotalSeconds
            cpu.TotalMicroseconds / float count
            float (GC.GetTotalAllocatedBytes true - before) / float count - float own
        ]

    Console.Out.WriteLine(
        String.Join(' ', numbers |> List.map (fun number -> number.ToString CultureInfo.InvariantCulture))
    )

/// The floor, as a process.
let private consumeFloor nameServer =
    let before = GC.GetTotalAllocatedBytes true

    let producer =
        Producer.Start(ProducerOptions.create "bench-producer" (serversOf nameServer))
        |> Samples.ok

    let queue =
        producer.Queues(topic, CancellationToken.None)
        |> Limited.task "asking for the queues" Limited.patience
        |> Samples.ok
        |> Seq.head

    use floor =
        new PullFloor(Producing.masterOf nameServer topic queue.BrokerName, topic, queues, messages)

    let first = Stopwatch.GetTimestamp()
    floor.Run() |> Limited.action "pulling all messages" limit
    report messages first 0 before

let private start options handler =
    PushConsumer.Start(options, handler)
    |> Limited.task "starting the consumer" Limited.patience
    |> Samples.ok

let private optionsOf nameServer group =
    { PushConsumerOptions.create group (serversOf nameServer) with
        Consumer.ConsumeFrom = FirstOffset
        Consumer.Client.Remoting.Header = Header.Binary
    }

/// A push consumer, as a process; its handler counts.
let private consumePush nameServer handlerOf (change: PushConsumerOptions -> PushConsumerOptions) =
    let before = GC.GetTotalAllocatedBytes true
    let done' = new ManualResetEventSlim()
    let mutable own = 0
    let mutable count = 0
    let mutable first = 0L

    let counted (message: StoredMessage) (more: int) =
        own <- message.StoredBody.Length + message.Properties.Text.Length

        if Volatile.Read &first = 0L then
            Volatile.Write(&first, Stopwatch.GetTimestamp())

        if Interlocked.Add(&count, more) >= messages then
            done'.Set()

        ValueTask<ConsumeResult> ConsumeResult.Success

    let options =
        optionsOf nameServer $"bench-{Guid.NewGuid():N}"
        |> PushConsumerOptions.subscribe topic Filter.all
        |> change

    let consumer = start options (handlerOf counted)

    if not (done'.Wait limit) then
        raise (BenchFailed $"only {count} of {messages} messages came within {limit.TotalSeconds} s")

    report count first own before

    consumer.Close() |> Limited.action "closing the consumer" Limited.patience

let private eachMessage (counted: StoredMessage -> int -> ValueTask<ConsumeResult>) =
    ConsumeHandler.EachMessage(fun received _ ->
        Samples.ok received.Body |> ignore
        counted received.Message 1)

let private batches (counted: StoredMessage -> int -> ValueTask<ConsumeResult>) =
    ConsumeHandler.Batches(fun received _ -> counted received[0].Message received.Length)

/// One measured process. Gives 0.
let consume who nameServer =
    match who with
    | "floor" -> consumeFloor nameServer
    | "default" -> consumePush nameServer eachMessage id
    | "tuned" -> consumePush nameServer batches (fun options -> { options with Concurrency = 4 })
    | _ -> raise (BenchFailed $"there is no consumer {who}")

    0

let private measure nameServer who =
    Child.run [ "consume"; who; nameServer ] [] (fun line ->
        match
            line.Split ' '
            |> Array.map (fun number -> Double.Parse(number, CultureInfo.InvariantCulture))
        with
        | [| rate; cpu; bytes |] ->
            {
                Rate = rate
                CpuMicros = cpu
                Bytes = bytes
            }
        | _ -> raise (BenchFailed $"the consumer said: {line}"))

let private printRow (settings: Settings) (who: string) (reports: Report list) (floors: Report list) =
    let median value =
        reports |> List.map value |> Samples.median

    let share =
        List.map2 (fun report floor -> report.Rate / floor.Rate) reports floors
        |> Samples.median

    settings.Row $"consumer {who} messages/s" (median _.Rate)
    settings.Row $"consumer {who} CPU us" (median _.CpuMicros)
    settings.Row $"consumer {who} bytes" (median _.Bytes)

    Console.Out.WriteLine
        $"| {who, -26} | {median _.Rate, 10:N0} | {share, 7:P0} | {median _.CpuMicros, 7:N2} | {median _.Bytes, 6:N0} |"

let private runWaiting (settings: Settings) nameServer =
    let rounds = settings.Pick(4, 1)
    fill nameServer

    Console.Out.WriteLine
        $"{messages:N0} waiting messages of {Samples.body.Length} bytes in {queues} queues, a new group and a new process each time. \
        Medians of {rounds} interleaved rounds; CPU is the consumer's whole process; bytes are what is \
        allocated beyond body and properties."

    Console.Out.WriteLine "| who                        | messages/s | x floor | CPU us  | bytes  |"
    Console.Out.WriteLine "|----------------------------|------------|---------|---------|--------|"

    let all =
        [
            for _ in 1..rounds -> [ for who in [ "floor"; "default"; "tuned" ] -> measure nameServer who ]
        ]

    let ofIndex index = all |> List.map (List.item index)
    printRow settings "floor" (ofIndex 0) (ofIndex 0)
    printRow settings "push, one message a call" (ofIndex 1) (ofIndex 0)
    printRow settings "push, up to 32, 4 handlers" (ofIndex 2) (ofIndex 0)

/// Against a cluster, if one is named, else against an embedded broker in a process of its own.
let run (settings: Settings) (nameServer: string option) =
    let measureAll server =
        runWaiting settings server
        Paced.run settings server

    match nameServer with
    | Some server -> measureAll server
    | None -> Child.broker settings measureAll

    0
