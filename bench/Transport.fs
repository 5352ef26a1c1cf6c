/// Awaited calls over loopback, beside the floor, in the same run.
module RocketMq.Bench.Transport

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

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
let private rounds = 7

/// Runs `callers` loops of calls for a while, and gives how many calls ended well.
let load (latencies: Latencies) callers (call: int -> ValueTask<'Answer>) (isGood: 'Answer -> bool) (span: TimeSpan) =
    let started = Stopwatch.GetTimestamp()
    let counts: int64[] = Array.zeroCreate callers

    let loop (caller: int) : Task =
        backgroundTask {
            let mutable count = 0L
            let mutable now = Stopwatch.GetTimestamp()

            while Stopwatch.GetElapsedTime(started, now) < span do
                let! answer = call caller

                if not (isGood answer) then
                    failwith $"a call failed: {answer}"

                // One look at the clock for a call: its end is the beginning of the next.
                let ended = Stopwatch.GetTimestamp()
                latencies.Add(caller, ended - now)
                now <- ended
                count <- count + 1L

            counts[caller] <- count
        }

    Array.init callers (fun caller -> Task.Run(fun () -> loop caller))
    |> Task.WhenAll
    |> fun all -> all.GetAwaiter().GetResult()

    Array.sum counts

let roundOf measured callers call isGood =
    let latencies = Latencies callers
    let started = Stopwatch.GetTimestamp()
    let cpu = Environment.CpuUsage.TotalTime
    let bytes = GC.GetTotalAllocatedBytes true
    let calls = float (load latencies callers call isGood measured)
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

let private round callers call isGood = roundOf measured callers call isGood

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

let print (callers: int) who (round: Round) ratios =
    row (
        [
            $"{callers}"
            who
            $"{round.CallsPerSecond:N0}"
            $"{round.Median:N0}"
            $"{round.P99:N0}"
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

let private measure port callers =
    let options =
        { RemotingOptions.Default with
            Header = Header.Binary
        }

    use floor = new Floor(port, callers)
    floor.Start()
    let client = RemotingClient({ Host = "127.0.0.1"; Port = port }, options)

    let callClient (_: int) =
        ValueTask<Result<RemotingCommand, RemotingError>>(client.Invoke(Samples.send, CancellationToken.None))

    let isAnswered (answer: Result<RemotingCommand, RemotingError>) = answer.IsOk

    load (Latencies callers) callers floor.Call ((=) 0) warmUp |> ignore
    load (Latencies callers) callers callClient isAnswered warmUp |> ignore

    // Interleaved, so that both meet the same hours of the machine.
    let pairs =
        [
            for _ in 1..rounds -> round callers floor.Call ((=) 0), round callers callClient isAnswered
        ]

    print callers "floor" (medianOf (List.map fst pairs)) [ ""; ""; "" ]

    print
        callers
        "client"
        (medianOf (List.map snd pairs))
        [ ratio pairs _.CallsPerSecond; ratio pairs _.P99; ratio pairs _.CpuPerCall ]

    client.Close().GetAwaiter().GetResult()

let run () =
    Console.Out.WriteLine
        $"Awaited calls over loopback: a send request of {(Frame.encode Header.Binary Samples.send |> Samples.ok).Length} bytes \
        and its answer of {(Frame.encode Header.Binary Samples.sendAnswer |> Samples.ok).Length}. Medians of {rounds} \
        interleaved rounds of {measured.TotalSeconds} s; CPU and bytes are the client process's. x: the client's \
        figure for each one of the floor, the median of the rounds."

    printHead ()
    Responder.withResponder (fun port -> List.iter (measure port) [ 1; 64; 1024 ])
    0
