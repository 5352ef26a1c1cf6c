/// Awaited calls over loopback, beside the floor, in the same run.
module RocketMq.Bench.Transport

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// What a round of calls cost.
type Round =
    {
        CallsPerSecond: float
        /// Half of the calls took no longer, in microseconds.
        Median: float
        /// 99 of a hundred took no longer.
        P99: float
        /// Of this process, in microseconds.
        CpuPerCall: float
        BytesPerCall: float
    }

let warmUp = TimeSpan.FromSeconds 1L
let private measured = TimeSpan.FromSeconds 1L

/// What is called: for a caller's number, and until it has failed for good.
type Target<'Answer> =
    {
        Call: int -> ValueTask<'Answer>
        IsGood: 'Answer -> bool
        /// Ends with a reason when no call will be answered any more.
        Failed: Task<string>
    }

/// A client's calls, which end by themselves.
let clientTarget isGood (call: unit -> Task<'Answer>) =
    {
        Call = fun _ -> ValueTask<'Answer>(task = call ())
        IsGood = isGood
        Failed = Limited.never
    }

let floorTarget (floor: Floor) =
    {
        Call = floor.Call
        IsGood = (=) 0
        Failed = floor.Failed
    }

/// Runs `callers` loops of calls for a while, and gives how many calls ended well.
let load (latencies: Latencies) callers (target: Target<'Answer>) (span: TimeSpan) =
    let started = Stopwatch.GetTimestamp()
    let counts: int64[] = Array.zeroCreate callers

    let loop (caller: int) : Task =
        backgroundTask {
            let mutable count = 0L
            let mutable now = Stopwatch.GetTimestamp()

            while Stopwatch.GetElapsedTime(started, now) < span do
                let! answer = target.Call caller

                if not (target.IsGood answer) then
                    raise (BenchFailed $"a call failed: {answer}")

                // One look at the clock for a call: its end is the beginning of the next.
                let ended = Stopwatch.GetTimestamp()
                latencies.Add(caller, ended - now)
                now <- ended
                count <- count + 1L

            counts[caller] <- count
        }

    Array.init callers (fun caller -> Task.Run(fun () -> loop caller))
    |> Task.WhenAll
    |> Limited.unless target.Failed "the answer to a call" (span + Limited.patience)

    Array.sum counts

/// What calls cost that something makes, which gives how many there were.
let private costOf (latencies: Latencies) (call: unit -> int64) : Round =
    let started = Stopwatch.GetTimestamp()
    let cpu = Environment.CpuUsage.TotalTime
    let bytes = GC.GetTotalAllocatedBytes true
    let calls = float (call ())
    let elapsed = Stopwatch.GetElapsedTime started
    let cpu = Environment.CpuUsage.TotalTime - cpu
    let bytes = GC.GetTotalAllocatedBytes true - bytes
    let percentiles = latencies.Percentiles [ 0.5; 0.99 ]

    {
        CallsPerSecond = calls / elapsed.TotalSeconds
        Median = percentiles[0]
        P99 = percentiles[1]
        CpuPerCall = cpu.TotalMicroseconds / calls
        BytesPerCall = float bytes / calls
    }

let roundOf measured callers target =
    let latencies = Latencies callers
    costOf latencies (fun () -> load latencies callers target measured)

/// The same calls without anybody who awaits them.
let private limitOf (measured: TimeSpan) (limit: Limit) =
    let started = Stopwatch.GetTimestamp()

    costOf (Latencies 1) (fun () ->
        limit.Run((fun () -> Stopwatch.GetElapsedTime started >= measured), measured + Limited.patience))

let medianOf (rounds: Round list) =
    let median value =
        rounds |> List.map value |> Samples.median

    {
        CallsPerSecond = median _.CallsPerSecond
        Median = median _.Median
        P99 = median _.P99
        CpuPerCall = median _.CpuPerCall
        BytesPerCall = median _.BytesPerCall
    }

/// The client's figure for each one of the floor, in rounds that ran one after the other.
let ratio (pairs: (Round * Round) list) (value: Round -> float) =
    let ratio =
        pairs
        |> List.map (fun (floor, client) -> value client / value floor)
        |> Samples.median

    $"{ratio:N2}"

let widths = [ 9; 6; 9; 7; 7; 8; 7; 9; 7; 7 ]

let row (cells: string list) =
    let cells =
        List.map2 (fun (width: int) (cell: string) -> cell.PadLeft width) widths cells

    Console.Out.WriteLine("| " + String.Join(" | ", cells) + " |")

let private printRows (settings: Settings) kind (callers: int) who (round: Round) =
    let figure name value =
        if not (Double.IsNaN value) then
            settings.Row $"{kind} {callers} {who} {name}" value

    figure "calls/s" round.CallsPerSecond
    figure "p50 us" round.Median
    figure "p99 us" round.P99
    figure "CPU us" round.CpuPerCall
    figure "bytes" round.BytesPerCall

let private print settings kind (callers: int) who (round: Round) ratios =
    printRows settings kind callers who round

    let whole (value: float) =
        if Double.IsNaN value then "" else $"{value:N0}"

    row (
        [
            $"{callers}"
            who
            $"{round.CallsPerSecond:N0}"
            whole round.Median
            whole round.P99
            $"{round.CpuPerCall:N2}"
            $"{round.BytesPerCall:N0}"
        ]
        @ ratios
    )

let printHead () =
    row
        [
            "in flight"
            "who"
            "calls/s"
            "p50 us"
            "p99 us"
            "CPU us"
            "bytes"
            "calls/s x"
            "p99 x"
            "CPU x"
        ]

    row [ for width in widths -> String('-', width) ]

/// Rounds of both, interleaved, so that both meet the same hours of the machine; a line for each.
let compareWithFloor
    (settings: Settings)
    kind
    rounds
    measured
    callers
    (limit: Limit)
    (floor: Target<int>)
    who
    (client: Target<'Answer>)
    =
    let measured =
        [
            for _ in 1..rounds ->
                limitOf measured limit, roundOf measured callers floor, roundOf measured callers client
        ]

    let pairs = measured |> List.map (fun (_, floor, client) -> floor, client)
    let limit = measured |> List.map (fun (limit, _, _) -> limit)

    print settings kind callers "limit" (medianOf limit) [ ""; ""; "" ]
    print settings kind callers "floor" (medianOf (List.map fst pairs)) [ ""; ""; "" ]

    print
        settings
        kind
        callers
        who
        (medianOf (List.map snd pairs))
        [ ratio pairs _.CallsPerSecond; ratio pairs _.P99; ratio pairs _.CpuPerCall ]

let private measure settings rounds server callers =
    let options =
        { RemotingOptions.Default with
            Header = Header.Binary
        }

    use limit = new Limit(server, callers)
    limit.Start()
    use floor = new Floor(server, callers)
    floor.Start()
    let client = RemotingClient(server, options)

    let target =
        clientTarget Result.isOk (fun () -> client.Invoke(Samples.send, CancellationToken.None))

    load (Latencies callers) callers (floorTarget floor) warmUp |> ignore<int64>
    load (Latencies callers) callers target warmUp |> ignore<int64>
    compareWithFloor settings "transport" rounds measured callers limit (floorTarget floor) "client" target

    client.Close() |> Limited.action "closing the client" Limited.patience

let run (settings: Settings) =
    let rounds = settings.Pick(7, 2)

    Console.Out.WriteLine
        $"Awaited calls over loopback: a send request of {(Frame.encode Header.Binary Samples.send |> Samples.ok).Length} bytes \
        and its answer of {(Frame.encode Header.Binary Samples.sendAnswer |> Samples.ok).Length}. Medians of {rounds} \
        interleaved rounds of {measured.TotalSeconds} s; CPU and bytes are the client process's. x: the client's \
        figure for each one of the floor, the median of the rounds."

    printHead ()

    Responder.withResponder (fun port ->
        let server = { Host = "127.0.0.1"; Port = port }
        List.iter (measure settings rounds server) [ 1; 64; 1024 ])

    0
