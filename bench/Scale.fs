/// One push consumer on many topics: how long until all queues are read, and what it costs while nothing happens.
module RocketMq.Bench.Scale

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

let private queuesPerTopic = 4

/// After the first commits brokers are asked once more what they have: idle is what comes after that.
let private settling = TimeSpan.FromSeconds 30L

let private topicNamed (number: int) = $"BenchScale{number}"

/// Each topic gets one message.
let private fill nameServer topics =
    let servers = Endpoint.parseList nameServer |> Samples.ok

    let producer =
        Producer.Start
            { ProducerOptions.create "bench-producer" servers with
                Client.Remoting.Header = Header.Binary
            }
        |> Samples.ok

    for numbers in List.chunkBySize 16 [ 1..topics ] do
        [|
            for number in numbers ->
                producer.Send(Message.ofBytes (topicNamed number) Samples.body, CancellationToken.None)
        |]
        |> Task.WhenAll
        |> Limited.task "making topics" Limited.patience
        |> Array.iter (Samples.ok >> ignore<SendReceipt>)

    producer.Close() |> Limited.action "closing the producer" Limited.patience

let private optionsOf nameServer topics =
    let options =
        { PushConsumerOptions.create $"bench-{Guid.NewGuid():N}" (Endpoint.parseList nameServer |> Samples.ok) with
            Consumer.ConsumeFrom = FirstOffset
            Consumer.Client.Remoting.Header = Header.Binary
            // A broker keeps a pull of each queue.
            Consumer.Client.Remoting.MaxInFlight = max RemotingOptions.Default.MaxInFlight (2 * queuesPerTopic * topics)
        }

    (options, [ 1..topics ])
    ||> List.fold (fun options number -> PushConsumerOptions.subscribe (topicNamed number) Filter.all options)

let private measure (settings: Settings) nameServer topics =
    fill nameServer topics
    let all = new CountdownEvent(topics)

    let handler =
        ConsumeHandler.EachMessage(fun _ _ ->
            if all.CurrentCount > 0 then
                all.Signal() |> ignore<bool>

            ValueTask<ConsumeResult> ConsumeResult.Success)

    GC.Collect()
    let before = GC.GetTotalMemory true
    let began = Stopwatch.GetTimestamp()

    let consumer =
        PushConsumer.Start(optionsOf nameServer topics, handler)
        |> Limited.task "starting the consumer" Limited.patience
        |> Samples.ok

    Limited.condition "the first message of each topic" (2.0 * Limited.patience) (fun () -> all.CurrentCount = 0)
    let started = Stopwatch.GetElapsedTime began

    // A queue without messages has something to commit when its first pull has been answered.
    Limited.condition "the first commit of each queue" (2.0 * Limited.patience) (fun () ->
        Thread.Sleep 1_000

        consumer.Health.Queues |> List.forall _.Committed.IsSome)

    Thread.Sleep settling
    let memory = (GC.GetTotalMemory true - before) / 1024L
    let window = TimeSpan.FromSeconds(settings.Pick(40.0, 20.0))
    let from = Stopwatch.GetTimestamp()
    let cpu = Environment.CpuUsage.TotalTime
    let bytes = GC.GetTotalAllocatedBytes true
    Thread.Sleep window
    let elapsed = (Stopwatch.GetElapsedTime from).TotalSeconds
    let share = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / elapsed

    let garbage = float (GC.GetTotalAllocatedBytes true - bytes) / 1024.0 / elapsed

    let queues = topics * queuesPerTopic
    settings.Row $"scale {queues} start ms" started.TotalMilliseconds
    settings.Row $"scale {queues} CPU %%" (100.0 * share)
    settings.Row $"scale {queues} KiB/s" garbage
    settings.Row $"scale {queues} KiB" (float memory)

    Console.Out.WriteLine
        $"| {topics, 6:N0} | {queues, 6:N0} | {started.TotalMilliseconds, 8:N0} | {share, 7:P2} | {garbage, 7:N0} | {memory, 9:N0} |"

    consumer.Close()
    |> Limited.action "closing the consumer" (2.0 * Limited.patience)

/// Against a cluster, if one is named, else against an embedded broker in a process of its own.
let run (settings: Settings) (nameServer: string option) =
    Console.Out.WriteLine
        "One push consumer on topics of 4 queues with one message each: until all were read, and then, while nothing happens, its share of \
        a core, its garbage, and its memory."

    Console.Out.WriteLine "| topics | queues | start ms | CPU     | KiB/s   | KiB       |"
    Console.Out.WriteLine "|--------|--------|----------|---------|---------|-----------|"

    let measureAll server =
        List.iter (measure settings server) [ 25; 250; 1_000; 2_500 ]

    match nameServer with
    | Some server -> measureAll server
    | None -> Child.broker settings measureAll

    0
