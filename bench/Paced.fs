/// Messages that come one by one, a thousand a second: how long from the send to the handler.
module RocketMq.Bench.Paced

open System
open System.Buffers.Binary
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

let private rate = 1000

/// Who sends and receives.
type private Way =
    {
        Send: int64 -> unit
        /// How many have come.
        Received: unit -> int
    }

/// Of what is sent, so much is not counted: until it has all been compiled, and stands at its steady pace.
let private warmUp = TimeSpan.FromSeconds 5L

/// What a message carries in place of a time if it is not counted.
let private uncountedTicks = -1L

let private uncounted = rate * int warmUp.TotalSeconds

let private totalOf (span: TimeSpan) =
    uncounted + rate * int span.TotalSeconds

/// Sends at the rate, waits for the last message, and gives the most that were on their way at a time.
let private pace (span: TimeSpan) (way: Way) : int =
    let total = totalOf span
    let mutable sent = 0
    let mutable mostWaiting = 0
    let began = Stopwatch.GetTimestamp()

    while sent < total do
        let due = int ((Stopwatch.GetElapsedTime began).TotalSeconds * float rate)

        while sent < min due total do
            way.Send(
                if sent < uncounted then
                    uncountedTicks
                else
                    Stopwatch.GetTimestamp()
            )

            sent <- sent + 1

        if sent > uncounted then
            mostWaiting <- max mostWaiting (sent - way.Received())

        Thread.Sleep 1

    Limited.condition "the last message" Limited.patience (fun () -> way.Received() >= total)
    mostWaiting

let private print (settings: Settings) (who: string) (latencies: Latencies) mostWaiting =
    match latencies.Percentiles [ 0.5; 0.99; 0.999 ] with
    | [ median; p99; p999 ] ->
        settings.Row $"consumer paced {who} p50 us" median
        settings.Row $"consumer paced {who} p99 us" p99
        settings.Row $"consumer paced {who} p99.9 us" p999
        Console.Out.WriteLine $"| {who, -5} | {median, 7:N0} | {p99, 7:N0} | {p999, 8:N0} | {mostWaiting, 11} |"
    | _ -> ()

/// Counts messages and their time; the first one, which makes the topic, has 0 and counts for nothing. Called by one thread at a time.
[<Sealed>]
type private Arrivals() =
    let latencies = Latencies 1
    let mutable received = 0

    member _.Latencies = latencies

    member _.Add(ticks: int64) =
        if ticks > 0L then
            latencies.Add(0, Stopwatch.GetTimestamp() - ticks)

        if ticks <> 0L then
            Volatile.Write(&received, received + 1)

    member _.Received = Volatile.Read &received

let private runClient settings (span: TimeSpan) servers (topic: string) (producer: Producer) =
    let arrivals = Arrivals()
    let gate = obj ()

    let send (ticks: int64) =
        let body: byte[] = Array.zeroCreate 128
        BinaryPrimitives.WriteInt64BigEndian(body, ticks)

        producer.Send(Message.ofBytes topic body, CancellationToken.None)
        |> ignore<Task<Result<SendReceipt, RemotingError>>>

    let handler =
        ConsumeHandler.EachMessage(fun message _ ->
            let ticks = BinaryPrimitives.ReadInt64BigEndian((Samples.ok message.Body).Span)
            lock gate (fun () -> arrivals.Add ticks)
            ValueTask<ConsumeResult> ConsumeResult.Success)

    let options =
        { PushConsumerOptions.create $"bench-{Guid.NewGuid():N}" servers with
            Consumer.ConsumeFrom = FirstOffset
            Consumer.Client.Remoting.Header = Header.Binary
        }
        |> PushConsumerOptions.subscribe topic Filter.all

    let consumer =
        PushConsumer.Start(options, handler)
        |> Limited.task "starting the consumer" Limited.patience
        |> Samples.ok

    // It reads all of its queues before the first message is sent.
    Limited.condition "the consumer's queues" Limited.patience (fun () -> consumer.Health.Queues.Length >= 4)

    let mostWaiting =
        pace
            span
            {
                Send = send
                Received = fun () -> arrivals.Received
            }

    print settings "prod." arrivals.Latencies mostWaiting
    consumer.Close() |> Limited.action "closing the consumer" Limited.patience

let private maxOffsets master (topic: string) queues =
    let client =
        RemotingClient(
            master,
            { RemotingOptions.Default with
                Header = Header.Binary
            }
        )

    let offsets =
        [|
            for queueId in 0 .. queues - 1 ->
                client.Call(
                    Offsets.max,
                    {
                        Queue = { Topic = topic; QueueId = queueId }
                        IsCommitted = None
                    },
                    Limited.patience,
                    CancellationToken.None
                )
                |> Limited.task "asking for an offset" Limited.patience
                |> Samples.ok
        |]

    client.Close() |> Limited.action "closing" Limited.patience
    offsets

let private runFloor settings (span: TimeSpan) master (topic: string) queues =
    let arrivals = Arrivals()
    let total = totalOf span
    use floor = new PacedFloor(master, topic, queues, arrivals.Add)

    let reading =
        floor.Start(maxOffsets master topic queues, (fun () -> arrivals.Received >= total))

    let mostWaiting =
        pace
            span
            {
                Send = floor.Send
                Received = fun () -> arrivals.Received
            }

    reading |> Limited.action "the floor's last pull" Limited.patience
    print settings "floor" arrivals.Latencies mostWaiting

/// A client and the floor, one after the other, on a topic of their own.
let run (settings: Settings) (nameServer: string) =
    let span = TimeSpan.FromSeconds(settings.Pick(10.0, 3.0))
    let servers = Endpoint.parseList nameServer |> Samples.ok
    let topic = $"BenchPaced{Guid.NewGuid():N}"

    let producer =
        Producer.Start
            { ProducerOptions.create "bench-producer" servers with
                Client.Remoting.Header = Header.Binary
            }
        |> Samples.ok

    // Makes the topic.
    let first =
        producer.Send(Message.ofBytes topic (Array.zeroCreate 128), CancellationToken.None)
        |> Limited.task "the first send" Limited.patience
        |> Samples.ok

    let queues =
        producer.Queues(topic, CancellationToken.None)
        |> Limited.task "asking for the queues" Limited.patience
        |> Samples.ok
        |> List.length

    Console.Out.WriteLine
        $"{rate:N0} messages a second for {span.TotalSeconds} s, from before the send to the handler, in microseconds, and how many were on their way at a time at most."

    Console.Out.WriteLine "| who   | p50     | p99     | p99.9    | on their way |"
    Console.Out.WriteLine "|-------|---------|---------|----------|-------------|"
    runClient settings span servers topic producer
    runFloor settings span (Producing.masterOf nameServer topic first.Queue.BrokerName) topic queues
    producer.Close() |> Limited.action "closing the producer" Limited.patience
