namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol.Admin
open RocketMq.Administration

/// Sums of the queues of one topic for one group, at one time.
type TopSample = { Stored: int64; Consumed: int64 }

/// `rocketmq top`: which topics and groups are busy, and which lag.
module TopCommand =
    let private interval = TimeSpan.FromSeconds 2L
    let private defaultRows = 20
    let private clearScreen = "\u001b[H\u001b[J"

    let private add (one: TopSample) (other: TopSample) : TopSample =
        {
            Stored = one.Stored + other.Stored
            Consumed = one.Consumed + other.Consumed
        }

    /// By topic and group, all queues and brokers together.
    let samples (stats: BrokerConsumeStats list) : Map<string * string, TopSample> =
        let all =
            [
                for one in stats do
                    for groups in one.Groups do
                        for KeyValue(group, topics) in groups do
                            for topic in topics do
                                for KeyValue(queue, progress) in topic.Queues do
                                    (queue.Topic, group),
                                    {
                                        Stored = progress.BrokerOffset
                                        Consumed = progress.ConsumerOffset
                                    }
            ]

        (Map.empty, all)
        ||> List.fold (fun table (key, sample) ->
            match Map.tryFind key table with
            | Some before -> Map.add key (add before sample) table
            | None -> Map.add key sample table)

    let private columns: Column list =
        [
            Report.words "topic"
            Report.words "group"
            Report.figures "storedPerSecond"
            Report.figures "consumedPerSecond"
            Report.figures "lag"
        ]

    /// What has happened between two samples, the busiest and the furthest behind first. Rates are unknown without an earlier one.
    let report
        (before: Map<string * string, TopSample> option)
        (now: Map<string * string, TopSample>)
        (time: TimeSpan)
        (rows: int)
        : Report =
        let rate (get: TopSample -> int64) key (sample: TopSample) : float option =
            before
            |> Option.bind (Map.tryFind key)
            |> Option.map (fun earlier -> float (max 0L (get sample - get earlier)) / max 0.001 time.TotalSeconds)

        let figures =
            now
            |> Map.toList
            |> List.map (fun (key, sample) ->
                key, rate _.Stored key sample, rate _.Consumed key sample, max 0L (sample.Stored - sample.Consumed))
            |> List.sortBy (fun (key, stored, consumed, lag) ->
                -(Option.defaultValue 0.0 stored + Option.defaultValue 0.0 consumed), -lag, key)
            |> List.truncate rows
            |> List.map (fun ((topic, group), stored, consumed, lag) ->
                [
                    Text topic
                    Text group
                    Report.optional Unknown Rate stored
                    Report.optional Unknown Rate consumed
                    Number lag
                ])

        Report.table "top" columns figures

    let private pause (invocation: Invocation) (time: TimeSpan) : Task<bool> =
        backgroundTask {
            try
                do! Task.Delay(time, invocation.Host.Clock, invocation.Cancellation)
                return true
            with :? OperationCanceledException ->
                return false
        }

    /// A sample after each pause: the second one is printed; on a terminal each one takes the place of the one before, until Ctrl-C.
    let private loop (invocation: Invocation) (administrator: Administrator) scope (every: TimeSpan) (rows: int) =
        let host = invocation.Host
        let isLive = host.OutputIsTerminal && invocation.Format = TableFormat

        let rec next (before: (Map<string * string, TopSample> * int64) option) : Task<Result<int, Failure>> =
            backgroundTask {
                let! found = Administering.run invocation administrator (GroupTotals.progress scope)

                match found with
                | Error failure -> return Error failure
                | Ok answers ->
                    let now = samples answers.Values
                    let taken = host.Clock.GetTimestamp()

                    let time =
                        match before with
                        | Some(_, earlier) -> host.Clock.GetElapsedTime(earlier, taken)
                        | None -> TimeSpan.Zero

                    let table =
                        report (Option.map fst before) now time rows
                        |> Administering.withFailures answers.Failures

                    if isLive then
                        match
                            CommandHost.writeText host clearScreen
                            |> Result.bind (fun () -> Invocation.finish invocation [ table ])
                        with
                        | Error failure -> return Error failure
                        | Ok _ -> return! afterPause now taken
                    elif before.IsSome then
                        return Invocation.finish invocation [ table ]
                    else
                        return! afterPause now taken
            }

        and afterPause now taken : Task<Result<int, Failure>> =
            backgroundTask {
                let! isOn = pause invocation every

                if isOn then
                    return! next (Some(now, taken))
                else
                    return Error Interrupted
            }

        next None

    let private run (invocation: Invocation) =
        let settings =
            parsed {
                let! scope = Administering.scope invocation
                let! every = Invocation.span "--every" invocation
                let! rows = Invocation.countOr "--rows" 1 100_000 defaultRows invocation
                return scope, Option.defaultValue interval every, rows
            }

        match settings with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(_, every, _) when every <= TimeSpan.Zero -> Task.FromResult(Error(Usage "--every: more than 0"))
        | Ok(scope, every, rows) ->
            Administering.using invocation (fun administrator -> loop invocation administrator scope every rows)

    /// The command.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "top" ]
                  "Shows which topics and groups are busy, and which lag"
                  []
                  [
                      Spec.value "--every" "span" "How often it looks. Default 2s"
                      Spec.value "--rows" "n" "At most so many rows. Default 20"
                      yield! Administering.scopeOptions
                  ]
                  run with
                Details =
                    [
                        "On a terminal it goes on until Ctrl-C; elsewhere it looks twice and prints once. Masters are asked for all groups at once, so topics that no group has consumed are not there."
                    ]
            }
        ]
