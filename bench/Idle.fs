/// What open connections cost that nobody uses.
module RocketMq.Bench.Idle

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

let private connections = 100
let private window = TimeSpan.FromSeconds 10L

/// Waits, and prints what this process has used of a core meanwhile.
let private watch (what: string) =
    let started = Stopwatch.GetTimestamp()
    let cpu = Environment.CpuUsage.TotalTime
    let bytes = GC.GetTotalAllocatedBytes true
    Thread.Sleep window
    let used = Environment.CpuUsage.TotalTime - cpu
    let allocated = GC.GetTotalAllocatedBytes true - bytes
    let share = used / Stopwatch.GetElapsedTime started
    let timers = Timer.ActiveCount
    Console.Out.WriteLine $"| %-36s{what} | {share, 8:P2} | {timers, 6} | {allocated / 1024L, 9:N0} |"

/// Opens connections, watches them, and closes them.
let private watchOpen port what probeAfter =
    let options =
        { RemotingOptions.Default with
            Header = Header.Binary
            Liveness =
                { Liveness.Default with
                    ProbeAfter = probeAfter
                }
        }

    let clients =
        Array.init connections (fun _ -> RemotingClient({ Host = "127.0.0.1"; Port = port }, options))

    for client in clients do
        client.Open(CancellationToken.None).GetAwaiter().GetResult() |> Samples.ok

    watch what

    let closing: Task =
        clients |> Array.map (fun client -> client.Close()) |> Task.WhenAll

    closing.GetAwaiter().GetResult()

let run () =
    Console.Out.WriteLine
        $"{connections} open connections that nobody uses, to a server in another process, for {window.TotalSeconds} s; CPU of \
        one core, and memory, are the client process's."

    Console.Out.WriteLine "| what                                 | CPU      | timers | KiB       |"
    Console.Out.WriteLine "|--------------------------------------|----------|--------|-----------|"

    Responder.withResponder (fun port ->
        watch "no connection"
        watchOpen port "100, probed each 30 s, the default" Liveness.Default.ProbeAfter
        watchOpen port "100, probed each second" (TimeSpan.FromSeconds 1L))

    0
