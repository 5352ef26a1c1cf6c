namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Administration

/// `rocketmq group lag`: of one group queue by queue, or a line for each group.
module LagCommands =
    let private span (millis: int64) =
        Duration(TimeSpan.FromMilliseconds(millis, 0L))

    let private queueColumns: Column list =
        [
            Report.words "topic"
            Report.words "broker"
            Report.figures "queue"
            Report.figures "min"
            Report.figures "max"
            Report.figures "committed"
            Report.figures "lag"
            Report.figures "inFlight"
            Report.figures "delay"
            Report.words "owner"
        ]

    let private queueCells (one: QueueLag) : Cell list =
        [
            Text one.Queue.Topic
            Text one.Queue.BrokerName
            Number(int64 one.Queue.QueueId)
            Administering.known one.MinOffset
            Number one.MaxOffset
            Report.optional Missing Number one.Committed
            Administering.known one.Lag
            Administering.known one.InFlight
            Report.optional Missing span one.DelayMillis
            Report.optional Missing Text one.Owner
        ]

    let private kindText (lag: GroupLag) =
        match lag.Members.Type with
        | Some kind -> Text((string kind).ToLowerInvariant())
        | None -> Unknown

    let private ofGroup (lag: GroupLag) : Report list =
        [
            { Report.table "queues" queueColumns (lag.Queues |> List.map queueCells) with
                Totals =
                    [
                        "lag", (if lag.IsComplete then Number lag.Total else Unknown)
                        "delay", Report.optional Missing span lag.DelayMillis
                        "deadLetters", Administering.known lag.DeadLetters
                        "members", Number(int64 lag.Members.Members.Length)
                        "type", kindText lag
                        "consumedPerSecond", Rate lag.ConsumedPerSecond
                    ]
                Failures = Administering.failures lag.Failures
            }
        ]

    /// What makes a lag a bad one.
    type private Limits =
        {
            Lag: int64 option
            Delay: TimeSpan option
        }

    let private limits (invocation: Invocation) : Result<Limits, Failure> =
        Invocation.count "--max-lag" 0L Int64.MaxValue invocation
        |> Result.bind (fun lag ->
            Invocation.span "--max-delay" invocation
            |> Result.map (fun delay -> { Lag = lag; Delay = delay }))

    let private isBeyond (limits: Limits) (lag: int64) (delayMillis: int64 option) =
        (match limits.Lag with
         | Some most -> lag > most
         | None -> false)
        || (match limits.Delay, delayMillis with
            | Some most, Some delay -> float delay > most.TotalMilliseconds
            | _ -> false)

    let private ofAll (totals: GroupTotals) : Report list =
        let rows =
            totals.Groups
            |> List.map (fun one ->
                [
                    Text one.Group
                    Number(int64 one.Topics)
                    Number(int64 one.Queues)
                    Number one.Lag
                    Rate one.ConsumedPerSecond
                ])

        [
            Report.table
                "groups"
                [
                    Report.words "group"
                    Report.figures "topics"
                    Report.figures "queues"
                    Report.figures "lag"
                    Report.figures "consumedPerSecond"
                ]
                rows
            |> Administering.withFailures totals.Failures
        ]

    let private run (invocation: Invocation) =
        match
            limits invocation
            |> Result.bind (fun limits -> Administering.scope invocation |> Result.map (fun scope -> limits, scope))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(limits, scope) ->
            match invocation.TryArgument "group" with
            | Some group ->
                let isBad (lag: GroupLag) =
                    isBeyond limits lag.Total lag.DelayMillis
                    // What is not known may be anything.
                    || (limits.Lag.IsSome && not lag.IsComplete)

                Administering.check ofGroup isBad (GroupLags.ofGroup scope group) invocation
            | None when limits.Delay.IsSome ->
                Task.FromResult(Error(Usage "--max-delay goes with one group: delays of all are not looked at"))
            | None ->
                let isBad (totals: GroupTotals) =
                    totals.Groups |> List.exists (fun one -> isBeyond limits one.Lag None)
                    || (limits.Lag.IsSome && not totals.Failures.IsEmpty)

                Administering.check ofAll isBad (GroupTotals.all scope) invocation

    /// The command.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "group"; "lag" ]
                  "Shows how far a group is in each queue, or how far behind all groups are"
                  [ { Spec.group with Need = Optional } ]
                  [
                      Spec.value
                          "--max-lag"
                          "n"
                          "Exit code 4 if more messages are not consumed, or if that is not known"
                      Spec.value "--max-delay" "span" "Exit code 4 if a message has waited for longer"
                      yield! Administering.scopeOptions
                  ]
                  run with
                Details =
                    [
                        "Of one group: the first and the next offset of each queue, what is committed (- if nothing is), what is in flight, how long the next message has waited by the broker's clock, and who reads the queue. What a server does not say is '?', never 0."
                        "Without a group each master is asked for all of them at once: a line for each group. Where a group has committed nothing, brokers count from offset 0 there."
                    ]
                Examples =
                    [
                        "rocketmq group lag billing --watch 2s", "How a group catches up"
                        "rocketmq group lag billing --max-lag 1000 --max-delay 5m -q > /dev/null",
                        "For a monitor: exit code 4 says that it lags"
                    ]
            }
        ]
