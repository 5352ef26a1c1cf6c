/// The whole producer against a broker in a process of its own, beside the floor that sends frames encoded beforehand.
module RocketMq.Bench.Producing

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Embedded
open RocketMq.Protocol

let private rounds = 5
let private measured = TimeSpan.FromSeconds 1L

/// Serves as a broker until its standard input ends. Its first line of output is the address of its name server.
let broker () =
    let broker = EmbeddedBroker.StartAsync().GetAwaiter().GetResult()
    Console.Out.WriteLine broker.NameServer
    Console.In.ReadToEnd() |> ignore
    broker.StopAsync().GetAwaiter().GetResult()
    0

/// Runs this program once more, and hands on its first line of output.
let withProcess (arguments: string list) environment (action: string -> 'T) : 'T =
    let assembly =
        typeof<RemotingCommand>.Assembly.Location.Replace("Protocol.dll", "Bench.dll")

    let start =
        ProcessStartInfo("dotnet", assembly :: arguments, RedirectStandardInput = true, RedirectStandardOutput = true)

    for name, value in environment do
        start.Environment[name] <- value

    match Process.Start start with
    | null -> failwith "the process did not start"
    | started ->
        use started = started

        try
            action (string (started.StandardOutput.ReadLine()))
        finally
            started.StandardInput.Close()
            started.WaitForExit()

let private start nameServer =
    let servers = Endpoint.parseList nameServer |> Samples.ok
    let options = ProducerOptions.create "bench-producer" servers

    Producer.Start
        { options with
            Remoting =
                { options.Remoting with
                    Header = Header.Binary
                }
        }
    |> Samples.ok

let private message = Message.ofBytes Samples.sendRequest.Topic Samples.body

let private isStored (receipt: Result<SendReceipt, RemotingError>) =
    match receipt with
    | Ok receipt -> receipt.Status = SendOk
    | Error error -> failwith (RemotingError.describe error)

let private measure nameServer callers =
    let producer = start nameServer

    let send (_: int) =
        ValueTask<Result<SendReceipt, RemotingError>>(producer.Send(message, CancellationToken.None))

    // Makes the topic, and shows where its master is.
    let first = producer.Send(message, CancellationToken.None).Result
    isStored first |> ignore

    let masters = NameServer.Create(nameServer, RemotingOptions.Default) |> Samples.ok

    let route =
        masters.Route(message.Topic, CancellationToken.None).Result |> Samples.ok

    let brokerName = (Samples.ok first).Queue.BrokerName

    let master =
        TopicRoute.masterAddress brokerName route
        |> Option.defaultValue ""
        |> Endpoint.tryParse

    use floor = new Floor(master.Value.Port, callers)
    floor.Start()

    Transport.load (Latencies callers) callers floor.Call ((=) 0) Transport.warmUp
    |> ignore

    Transport.load (Latencies callers) callers send isStored (2.0 * Transport.warmUp)
    |> ignore

    let pairs =
        [
            for _ in 1..rounds ->
                Transport.roundOf measured callers floor.Call ((=) 0), Transport.roundOf measured callers send isStored
        ]

    Transport.print callers "floor" (Transport.medianOf (List.map fst pairs)) [ ""; ""; "" ]

    Transport.print
        callers
        "prod."
        (Transport.medianOf (List.map snd pairs))
        [
            Transport.ratio pairs _.CallsPerSecond
            Transport.ratio pairs _.P99
            Transport.ratio pairs _.CpuPerCall
        ]

    producer.Close().GetAwaiter().GetResult()
    masters.Close().GetAwaiter().GetResult()

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
                isStored receipt |> ignore
        }

    Array.init coldCallers (fun _ -> Task.Run(caller))
    |> Task.WhenAll
    |> fun all -> all.GetAwaiter().GetResult()

    Console.Out.WriteLine $"{Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0}"
    producer.Close().GetAwaiter().GetResult()
    0

let private runCold nameServer =
    let times =
        [
            for _ in 1..5 -> withProcess [ "cold"; nameServer ] [ "DOTNET_ThreadPool_ForceMaxWorkerThreads", "2" ] float
        ]

    Console.Out.WriteLine
        $"The first {coldSends:N0} sends of a new process, {coldCallers} callers, a thread pool of 2: {Samples.median times:N0} ms \
        (median of {times.Length}, the longest {List.max times:N0} ms)."

/// Against a cluster, if one is named, else against an embedded broker.
let run (nameServer: string option) =
    Console.Out.WriteLine
        $"Awaited sends of 128 bytes to a broker in another process. Medians of {rounds} interleaved rounds of \
        {measured.TotalSeconds} s; CPU and bytes are the client process's. x: the producer's figure for each one of the floor, \
        the median of the rounds."

    Transport.printHead ()

    let withServer action =
        match nameServer with
        | Some server -> action server
        | None -> withProcess [ "broker" ] [] action

    for callers in [ 1; 16; 64; 256 ] do
        withServer (fun server -> measure server callers)

    withServer runCold
    0
