namespace RocketMq.Cli

open System
open System.Threading
open System.Threading.Tasks
open RocketMq

/// `rocketmq bench`: a load of messages with a bound, live figures, and how long sends took.
module BenchCommand =
    let private defaultCount = 10_000L
    let private defaultSize = 1024
    let private defaultCallers = 16

    /// What is sent, and until when.
    type private Load =
        {
            Topic: string
            Size: int
            Callers: int
            Count: int64
            Time: TimeSpan option
        }

    /// One caller's figures. Only its own loop writes them.
    [<Sealed>]
    type private Caller() =
        member val Latencies = LatencyHistogram()
        member val Sent = 0L with get, set
        member val Failed = 0L with get, set
        member val FirstFailure: RemotingError option = None with get, set

    let private size (invocation: Invocation) : Result<int, Failure> =
        match invocation.Value "--size" |> Option.map TimeText.parseBytes with
        | None -> Ok defaultSize
        | Some(Error problem) -> Error(Usage $"--size: {problem}")
        | Some(Ok size) when size < 1L || size > int64 Message.maxBodyBytes ->
            Error(Usage(invariant $"--size: not from 1 to {Message.maxBodyBytes} bytes"))
        | Some(Ok size) -> Ok(int size)

    let private load (invocation: Invocation) : Result<Load, Failure> =
        parsed {
            let! callers = Invocation.countOr "--callers" 1 4096 defaultCallers invocation
            let! count = Invocation.count "--count" 1L 1_000_000_000L invocation
            let! time = Invocation.span "--duration" invocation
            let! size = size invocation

            return
                {
                    Topic = invocation.Argument "topic"
                    Size = size
                    Callers = callers
                    // Some bound there always is.
                    Count =
                        count
                        |> Option.defaultValue (if time.IsSome then Int64.MaxValue else defaultCount)
                    Time = time
                }
        }

    let private body (size: int) =
        Array.init size (fun index -> byte (int 'a' + index % 26))

    /// Sends until the messages are used up, the time is over, or a send has failed in a way that will not pass.
    let private call
        (host: CommandHost)
        (producer: Producer)
        (load: Load)
        (next: unit -> bool)
        (caller: Caller)
        cancellation
        =
        let clock = host.Clock
        let message = Message.ofBytes load.Topic (body load.Size)

        backgroundTask {
            let mutable failures = 0

            while failures < 10 && next () do
                let started = clock.GetTimestamp()
                let! receipt = producer.Send(message, cancellation)

                match receipt with
                | Ok _ ->
                    failures <- 0
                    caller.Sent <- caller.Sent + 1L
                    caller.Latencies.Record(clock.GetElapsedTime started)
                | Error(RemotingError.Cancelled _) when cancellation.IsCancellationRequested -> failures <- 10
                | Error error ->
                    failures <- failures + 1
                    caller.Failed <- caller.Failed + 1L

                    if caller.FirstFailure.IsNone then
                        caller.FirstFailure <- Some error
        }
        :> Task

    let private rateOf (count: int64) (time: TimeSpan) =
        if time > TimeSpan.Zero then
            float count / time.TotalSeconds
        else
            0.0

    /// The live line, on a terminal.
    let private show (host: CommandHost) (started: int64) (callers: Caller[]) (load: Load) =
        let time = host.Clock.GetElapsedTime started
        let sent = callers |> Array.sumBy _.Sent
        let failed = callers |> Array.sumBy _.Failed
        let rate = CellText.rate (rateOf sent time)
        let bytes = CellText.bytes (int64 (rateOf (sent * int64 load.Size) time))

        CommandHost.replaceLine
            host
            (invariant $"{sent} sent, {failed} failed, {rate}/s, {bytes}/s, {CellText.duration time}")

    let private reports (load: Load) (time: TimeSpan) (callers: Caller[]) : Report list =
        let all = LatencyHistogram()

        for caller in callers do
            all.Add caller.Latencies

        let failed = callers |> Array.sumBy _.Failed
        let rate = rateOf all.Count time

        let latency share =
            if all.Count = 0L then
                Missing
            else
                Duration(all.Quantile share)

        let summary =
            Report.record
                "bench"
                [
                    "topic", Text load.Topic
                    "callers", Number(int64 load.Callers)
                    "bodySize", Bytes(int64 load.Size)
                    "sent", Number all.Count
                    "failed", Number failed
                    "time", Duration time
                    "messagesPerSecond", Rate(Math.Round(rate, 1))
                    "bytesPerSecond", Bytes(int64 (rate * float load.Size))
                    "shortest", (if all.Count = 0L then Missing else Duration all.Shortest)
                    "p50", latency 0.5
                    "p90", latency 0.9
                    "p99", latency 0.99
                    "p999", latency 0.999
                    "longest", (if all.Count = 0L then Missing else Duration all.Longest)
                ]

        let bar (count: int64) =
            String('#', int (Math.Ceiling(40.0 * float count / float (max 1L all.Count))))

        let rows =
            [
                for upTo, count in all.Doublings ->
                    [
                        Duration upTo
                        Number count
                        Share(float count / float (max 1L all.Count))
                        Text(bar count)
                    ]
            ]

        let columns =
            [
                Report.figures "upTo"
                Report.figures "count"
                Report.figures "share"
                Report.words "bar"
            ]

        [ summary; Report.table "latencies" columns rows ]

    let private measure (invocation: Invocation) (load: Load) (producer: Producer) =
        let host = invocation.Host

        backgroundTask {
            use ending =
                CancellationTokenSource.CreateLinkedTokenSource(invocation.Cancellation: CancellationToken)

            let callers = Array.init load.Callers (fun _ -> Caller())
            let mutable left = load.Count
            let started = host.Clock.GetTimestamp()

            let isInTime () =
                match load.Time with
                | Some time -> host.Clock.GetElapsedTime started < time
                | None -> true

            let next () =
                not ending.IsCancellationRequested
                && isInTime ()
                && Interlocked.Decrement &left >= 0L

            let timer =
                if CommandHost.isLively host && not invocation.IsQuiet then
                    let interval = TimeSpan.FromMilliseconds(500L, 0L)
                    Some(host.Clock.CreateTimer((fun _ -> show host started callers load), null, interval, interval))
                else
                    None

            do!
                Task.WhenAll(
                    callers
                    |> Array.map (fun caller -> call host producer load next caller ending.Token)
                )

            let time = host.Clock.GetElapsedTime started

            match timer with
            | Some timer ->
                do! timer.DisposeAsync()
                CommandHost.replaceLine host ""
            | None -> ()

            let sent = callers |> Array.sumBy _.Sent
            let failure = callers |> Array.tryPick _.FirstFailure

            match failure with
            | Some error when sent = 0L -> return Error(Connecting.failure error)
            | failure ->
                failure
                |> Option.iter (fun error -> CommandHost.note host $"The first failure: {error.Message}")

                return
                    Invocation.write invocation (reports load time callers)
                    |> Result.bind (fun () ->
                        if invocation.Cancellation.IsCancellationRequested then
                            Error Interrupted
                        elif failure.IsSome then
                            Ok ExitCode.partly
                        else
                            Ok ExitCode.ok)
        }

    let private run (invocation: Invocation) =
        match load invocation with
        | Error failure -> Task.FromResult(Error failure)
        | Ok load when invocation.IsDryRun ->
            let fields =
                [
                    "topic", Text load.Topic
                    "callers", Number(int64 load.Callers)
                    "bodySize", Bytes(int64 load.Size)
                    "count",
                    (if load.Count = Int64.MaxValue then
                         Missing
                     else
                         Number load.Count)
                    "time", Report.optional Missing Duration load.Time
                ]

            Task.FromResult(Invocation.finish invocation [ Report.record "bench" fields ])
        | Ok load ->
            Connecting.using invocation (fun client ->
                backgroundTask {
                    match Producer.Start(client, ProducerOptions.create SendCommand.defaultGroup []) with
                    | Error error -> return Error(Connecting.failure error)
                    | Ok producer -> return! measure invocation load producer
                })

    /// The command.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "bench" ]
                  "Sends a load of messages to a topic, and shows how long sends take"
                  [ Spec.topic ]
                  [
                      Spec.value "--count" "n" "So many messages. Default 10000, with --duration no limit"
                      Spec.value "--duration" "span" "For so long at most"
                      Spec.value "--size" "bytes" "The size of each body. Default 1KB"
                      Spec.value "--callers" "n" "So many sends at a time. Default 16"
                  ]
                  run with
                Details =
                    [
                        "It ends by itself. Each caller sends one message after the other and waits for each answer. The messages stay in the topic."
                    ]
                Examples =
                    [
                        "rocketmq bench Load --duration 30s --callers 64", "Half a minute of 64 callers"
                    ]
            }
        ]
