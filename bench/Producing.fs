/// The whole producer against a broker in a process of its own, beside the floor that sends frames encoded beforehand.
module RocketMq.Bench.Producing

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Embedded
open RocketMq.Protocol
open RocketMq

let private measured = TimeSpan.FromSeconds 1L

/// Until the runtimes of both sides have compiled what they run often. One caller alone makes too few calls for that.
let private warmUp = TimeSpan.FromSeconds 3L

let private warmUpCallers = 16

/// Serves as a broker until its standard input ends. Its first line of output is the address of its name server.
let broker () =
    let broker =
        EmbeddedBroker.StartAsync()
        |> Limited.task "starting the broker" Limited.patience

    Console.Out.WriteLine broker.NameServer
    Console.In.ReadToEnd() |> ignore
    broker.StopAsync() |> Limited.action "stopping the broker" Limited.patience
    0

let private start nameServer =
    let servers = Endpoint.parseList nameServer |> Samples.ok

    Producer.Start
        { ProducerOptions.create "bench-producer" servers with
            Client.Remoting.Header = Header.Binary
        }
    |> Samples.ok

let private message = Message.ofBytes Samples.sendRequest.Topic Samples.body

let private isStored (receipt: Result<SendReceipt, RemotingError>) =
    match receipt with
    | Ok receipt -> receipt.Status = SendOk
    | Error error -> raise (BenchFailed(RemotingError.describe error))

/// How many callers await at a time.
let callerCounts = [ 1; 16; 64; 256; 1024 ]

/// The master that stores the messages of a topic.
let masterOf nameServer topic brokerName =
    let names = NameServer.Create(nameServer, RemotingOptions.Default) |> Samples.ok

    let route =
        names.Route(topic, CancellationToken.None)
        |> Limited.task "asking for the route" Limited.patience
        |> Samples.ok

    names.Close() |> Limited.action "closing" Limited.patience

    let address = TopicRoute.masterAddress brokerName route |> Option.defaultValue ""

    match Endpoint.tryParse address with
    | ValueSome endpoint -> endpoint
    | ValueNone -> raise (BenchFailed $"the broker {brokerName} has no master with an address, only '{address}'")

let private measure settings rounds nameServer callers =
    let producer = start nameServer

    let target =
        Transport.clientTarget isStored (fun () -> producer.Send(message, CancellationToken.None))

    // Makes the topic, and shows where its master is.
    let first =
        producer.Send(message, CancellationToken.None)
        |> Limited.task "the first send" Limited.patience

    isStored first |> ignore<bool>

    let master = masterOf nameServer message.Topic (Samples.ok first).Queue.BrokerName
    use limit = new Limit(master, callers)
    limit.Start()
    use floor = new Floor(master, callers)
    floor.Start()
    let floor = Transport.floorTarget floor

    Transport.load (Latencies warmUpCallers) warmUpCallers target warmUp
    |> ignore<int64>

    Transport.load (Latencies callers) callers floor Transport.warmUp
    |> ignore<int64>

    Transport.load (Latencies callers) callers target Transport.warmUp
    |> ignore<int64>

    Transport.compareWithFloor settings "producer" rounds measured callers limit floor "prod." target
    producer.Close() |> Limited.action "closing the producer" Limited.patience

let private coldCallers = 256
let private coldSends = 1000

/// The first sends of a process, in milliseconds from its first line on.
let cold nameServer =
    let started = Stopwatch.GetTimestamp()
    let producer = start nameServer
    let mutable sent = 0

    let caller () : Task =
        backgroundTask {
            while Interlocked.Increment &sent <= coldSends do
                let! receipt = producer.Send(message, CancellationToken.None)
                isStored receipt |> ignore<bool>
        }

    Array.init coldCallers (fun _ -> Task.Run(caller))
    |> Task.WhenAll
    |> Limited.action "the first sends" Limited.patience

    Console.Out.WriteLine $"{Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0}"
    producer.Close() |> Limited.action "closing the producer" Limited.patience
    0

let private runCold (settings: Settings) nameServer =
    let times =
        [
            for _ in 1 .. settings.Pick(5, 2) ->
                Child.run [ "cold"; nameServer ] [ "DOTNET_ThreadPool_ForceMaxWorkerThreads", "2" ] float
        ]

    settings.Row "producer cold ms" (Samples.median times)

    Console.Out.WriteLine
        $"The first {coldSends:N0} sends of a new process, {coldCallers} callers, a thread pool of 2: {Samples.median times:N0} ms \
        (median of {times.Length}, the longest {List.max times:N0} ms)."

/// Against a cluster, if one is named, else against an embedded broker.
let run (settings: Settings) (nameServer: string option) =
    let rounds = settings.Pick(5, 2)

    Console.Out.WriteLine
        $"Awaited sends of 128 bytes to a broker in another process. Medians of {rounds} interleaved rounds of \
        {measured.TotalSeconds} s; CPU and bytes are the client process's. x: the producer's figure for each one of the floor, \
        the median of the rounds."

    Transport.printHead ()

    let withServer action =
        match nameServer with
        | Some server -> action server
        | None -> Child.broker settings action

    for callers in callerCounts do
        withServer (fun server -> measure settings rounds server callers)

    withServer (runCold settings)
    0
