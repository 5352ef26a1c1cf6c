namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
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

    /// A group on all brokers, from the figures that each broker has of all groups.
    type private GroupTotal =
        {
            Group: string
            Topics: int
            Lag: int64
            InFlight: int64 option
            PerSecond: float
        }

    let private totals (stats: BrokerConsumeStats list) : GroupTotal list =
        let entries =
            [
                for one in stats do
                    for groups in one.Groups do
                        for KeyValue(group, topics) in groups -> group, topics
            ]

        let lagOf (queue: QueueProgress) =
            max 0L (queue.BrokerOffset - queue.ConsumerOffset)

        let inFlightOf (queue: QueueProgress) =
            queue.PullOffset
            |> Option.map (fun pulled -> max 0L (pulled - queue.ConsumerOffset))

        entries
        |> List.groupBy fst
        |> List.map (fun (group, entries) ->
            let topics = entries |> List.collect snd
            let queues = topics |> List.collect (fun one -> Map.toList one.Queues)
            let inFlight = queues |> List.map (snd >> inFlightOf)

            {
                Group = group
                Topics =
                    queues
                    |> List.map (fun (queue, _) -> queue.Topic)
                    |> List.distinct
                    |> List.length
                Lag = queues |> List.sumBy (snd >> lagOf)
                InFlight =
                    if inFlight |> List.forall Option.isSome then
                        Some(inFlight |> List.sumBy (Option.defaultValue 0L))
                    else
                        None
                PerSecond = topics |> List.sumBy _.ConsumedPerSecond
            })
        |> List.sortBy (fun one -> -one.Lag, one.Group)

    /// Two requests to each master, however many groups there are: brokers tell ordered topics from others. Offsets that are not there
    /// count as 0 there.
    let allGroups (scope: BrokerScope) : Plan<Answers<BrokerConsumeStats>> =
        plan {
            let! masters = Directory.brokers scope BrokerRoles.Masters

            let! answers =
                Answers.query masters "progress of all groups" (Statistics.ofGroups.Request false)

            and! ordered =
                Answers.query masters "progress of groups in order" (Statistics.ofGroups.Request true)

            return!
                Answers.needOne
                    {
                        Answers = answers.Answers @ ordered.Answers
                        Failures = answers.Failures @ ordered.Failures |> List.distinctBy _.Server
                    }
        }

    let private ofAll (answers: Answers<BrokerConsumeStats>) : Report list =
        let rows =
            totals answers.Values
            |> List.map (fun one ->
                [
                    Text one.Group
                    Number(int64 one.Topics)
                    Number one.Lag
                    Administering.known one.InFlight
                    Rate one.PerSecond
                ])

        [
            Report.table
                "groups"
                [
                    Report.words "group"
                    Report.figures "topics"
                    Report.figures "lag"
                    Report.figures "inFlight"
                    Report.figures "consumedPerSecond"
                ]
                rows
            |> Administering.withFailures answers.Failures
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
                let isBad (answers: Answers<BrokerConsumeStats>) =
                    totals answers.Values |> List.exists (fun one -> isBeyond limits one.Lag None)
                    || (limits.Lag.IsSome && not answers.Failures.IsEmpty)

                Administering.check ofAll isBad (allGroups scope) invocation

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
                        "Without a group each master is asked for all of them at once: a line for each group."
                    ]
                Examples =
                    [
                        "rocketmq group lag billing --watch 2s", "How a group catches up"
                        "rocketmq group lag billing --max-lag 1000 --max-delay 5m -q > /dev/null",
                        "For a monitor: exit code 4 says that it lags"
                    ]
            }
        ]
