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
        /// Of this process, in microseconds.
        CpuPerCall: float
        BytesPerCall: float
    }

let private warmUp = TimeSpan.FromSeconds 1L
let private measured = TimeSpan.FromSeconds 1.5
let private rounds = 5

/// Runs `callers` loops of calls for a while, and gives how many calls ended well.
let private load callers (call: int -> ValueTask<'Answer>) (isGood: 'Answer -> bool) (span: TimeSpan) =
    let started = Stopwatch.GetTimestamp()
    let counts: int64[] = Array.zeroCreate callers

    let loop (caller: int) : Task =
        backgroundTask {
            let mutable count = 0L

            while Stopwatch.GetElapsedTime started < span do
                let! answer = call caller

                if not (isGood answer) then
                    failwith $"a call failed: {answer}"

                count <- count + 1L

            counts[caller] <- count
        }

    Array.init callers (fun caller -> Task.Run(fun () -> loop caller))
    |> Task.WhenAll
    |> fun all -> all.GetAwaiter().GetResult()

    Array.sum counts

let private round callers call isGood =
    let started = Stopwatch.GetTimestamp()
    let cpu = Environment.CpuUsage.TotalTime
    let bytes = GC.GetTotalAllocatedBytes true
    let calls = float (load callers call isGood measured)

    {
        CallsPerSecond = calls / (Stopwatch.GetElapsedTime started).TotalSeconds
        CpuPerCall = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / calls
        BytesPerCall = float (GC.GetTotalAllocatedBytes true - bytes) / calls
    }

let private medianOf (rounds: Round list) =
    {
        CallsPerSecond = rounds |> List.map _.CallsPerSecond |> Samples.median
        CpuPerCall = rounds |> List.map _.CpuPerCall |> Samples.median
        BytesPerCall = rounds |> List.map _.BytesPerCall |> Samples.median
    }

let private print (callers: int) name (round: Round) note =
    let rate = $"{round.CallsPerSecond:N0}"
    let cpu = $"{round.CpuPerCall:N2}"
    let bytes = $"{round.BytesPerCall:N0}"
    Console.Out.WriteLine $"| {callers, 9} | %-8s{name} | {rate, 13} | {cpu, 11} | {bytes, 12} | {note, 12} |"

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

    load callers floor.Call ((=) 0) warmUp |> ignore
    load callers callClient isAnswered warmUp |> ignore

    // Interleaved, so that both meet the same hours of the machine.
    let pairs =
        [
            for _ in 1..rounds -> round callers floor.Call ((=) 0), round callers callClient isAnswered
        ]

    let floorMedian = medianOf (List.map fst pairs)
    let clientMedian = medianOf (List.map snd pairs)

    let ratio =
        pairs
        |> List.map (fun (floor, client) -> client.CallsPerSecond / floor.CallsPerSecond)
        |> Samples.median

    print callers "floor" floorMedian ""
    print callers "client" clientMedian $"{ratio:P0}"
    client.Close().GetAwaiter().GetResult()

let run () =
    Console.Out.WriteLine
        $"Awaited calls over loopback: a send request of {(Frame.encode Header.Binary Samples.send |> Samples.ok).Length} bytes \
        and its answer of {(Frame.encode Header.Binary Samples.sendAnswer |> Samples.ok).Length}. Medians of {rounds} \
        interleaved rounds; CPU and bytes are the client process's."

    Console.Out.WriteLine "| in flight | who      | calls/s       | CPU us/call | bytes/call   | of the floor |"
    Console.Out.WriteLine "|-----------|----------|---------------|-------------|--------------|--------------|"
    Responder.withResponder (fun port -> List.iter (measure port) [ 1; 64; 1024 ])
    0
