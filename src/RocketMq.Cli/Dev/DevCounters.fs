namespace RocketMq.Cli

open System
open System.Globalization
open System.Threading
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// The last line of `rocketmq dev` on a terminal: what its broker counts, asked as any administrator would.
module internal DevCounters =
    let private interval = TimeSpan.FromSeconds 1L

    let private number (name: string) (table: Map<string, string>) : int64 option =
        table
        |> Map.tryFind name
        |> Option.bind (fun text ->
            match Int64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, number -> Some number
            | _ -> None)

    /// Messages that came in today, and that went out.
    let figures (table: Map<string, string>) : (int64 * int64) option =
        match number "msgPutTotalTodayNow" table, number "msgGetTotalTodayNow" table with
        | Some put, Some got -> Some(put, got)
        | _ -> None

    /// The line. `before` are the figures of a second ago.
    let line (up: TimeSpan) (before: (int64 * int64) option) (now: (int64 * int64) option) : string =
        let time = CellText.duration up

        match before, now with
        | _, None -> $"up {time}"
        | None, Some(put, got) -> invariant $"up {time}, {put} stored, {got} delivered"
        | Some(putBefore, gotBefore), Some(put, got) ->
            invariant $"up {time}, {put} stored ({put - putBefore}/s), {got} delivered ({got - gotBefore}/s)"

    let private status (client: RemotingClient) : Task<(int64 * int64) option> =
        backgroundTask {
            let! answer =
                client.Request(Maintenance.runtimeInfo.Request(), CancellationToken.None)

            match answer with
            | Ok table -> return figures table
            | Error _ -> return None
        }

    /// Shows the line until the task ends; without a terminal it only waits.
    let run (invocation: Invocation) (broker: Endpoint) (ended: Task) : Task =
        let host = invocation.Host

        if CommandHost.isLively host && not invocation.IsQuiet then
            backgroundTask {
                let client = new RemotingClient(broker, RemotingOptions.Default)
                let started = host.Clock.GetTimestamp()
                let mutable before = None

                while not ended.IsCompleted do
                    let! now = status client
                    CommandHost.replaceLine host (line (host.Clock.GetElapsedTime started) before now)
                    before <- now
                    let! _ = Task.WhenAny(ended, Task.Delay(interval, host.Clock))
                    ()

                CommandHost.replaceLine host ""
                do! client.Close()
            }
        else
            ended
