/// What open connections cost that no caller uses.
module RocketMq.Bench.Idle

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

let private connections = 100

/// Waits, and prints what this process has used of a core meanwhile.
let private watch (settings: Settings) (window: TimeSpan) (what: string) =
    let started = Stopwatch.GetTimestamp()
    let cpu = Environment.CpuUsage.TotalTime
    let bytes = GC.GetTotalAllocatedBytes true
    Thread.Sleep window
    let used = Environment.CpuUsage.TotalTime - cpu
    let allocated = GC.GetTotalAllocatedBytes true - bytes
    let share = used / Stopwatch.GetElapsedTime started
    let timers = Timer.ActiveCount
    settings.Row $"idle {what} CPU %%" (100.0 * share)
    settings.Row $"idle {what} timers" (float timers)
    settings.Row $"idle {what} KiB" (float allocated / 1024.0)

    Console.Out.WriteLine $"| %-36s{what} | {share, 8:P2} | {timers, 6} | {allocated / 1024L, 9:N0} |"

/// Opens connections, watches them, and closes them.
let private watchOpen watch port what probeAfter =
    let options =
        { RemotingOptions.Default with
            Header = Header.Binary
            KeepAlive =
                { KeepAlive.Default with
                    ProbeAfter = probeAfter
                }
        }

    let clients =
        Array.init connections (fun _ -> RemotingClient({ Host = "127.0.0.1"; Port = port }, options))

    for client in clients do
        client.Open CancellationToken.None
        |> Limited.task "connecting" Limited.patience
        |> Samples.ok

    watch what

    clients
    |> Array.map (fun client -> client.Close())
    |> Task.WhenAll
    |> Limited.action "closing" Limited.patience

let run (settings: Settings) =
    let window = TimeSpan.FromSeconds(settings.Pick(10.0, 3.0))
    let watch = watch settings window

    Console.Out.WriteLine
        $"{connections} open connections that no caller uses, to a server in another process, for {window.TotalSeconds} s; CPU of \
        one core, and memory, are the client process's."

    Console.Out.WriteLine "| what                                 | CPU      | timers | KiB       |"
    Console.Out.WriteLine "|--------------------------------------|----------|--------|-----------|"

    Responder.withResponder (fun port ->
        watch "no connection"
        watchOpen watch port "100, probed each 30 s, the default" KeepAlive.Default.ProbeAfter
        watchOpen watch port "100, probed each second" (TimeSpan.FromSeconds 1L))

    0
