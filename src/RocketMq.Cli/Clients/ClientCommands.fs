namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open RocketMq.Administration

/// `rocketmq client queues` and `stack`: what members of groups report of themselves.
module ClientCommands =
    /// The release of a client.
    let release (version: int) : Cell =
        match ProtocolVersion.tryRelease version with
        | ValueSome(struct (major, minor, patch)) -> Text(invariant $"{major}.{minor}.{patch}")
        | ValueNone -> Number(int64 version)

    let private clientCells (one: ClientReport) : Cell list =
        let head =
            [
                Text one.Member.ClientId
                Text one.Member.Address
                Text one.Member.Language
                release one.Member.Version
            ]

        match one.Info with
        // A member that does not answer is a row all the same.
        | Error failure -> head @ [ Unknown; Unknown; Text failure.Reason ]
        | Ok info ->
            let popped = info.PopQueues |> Option.defaultValue Map.empty

            head
            @ [
                Number(int64 info.Queues.Count + int64 popped.Count)
                Number(info.Queues.Values |> Seq.sumBy (fun state -> int64 state.CachedMessages))
                Missing
            ]

    let private clients (reports: ClientReports) : Report =
        Report.table
            "clients"
            [
                Report.words "client"
                Report.words "address"
                Report.words "language"
                Report.words "version"
                Report.figures "queues"
                Report.figures "cached"
                Report.prose "reason"
            ]
            (reports.Clients |> List.map clientCells)
        |> Administering.withFailures reports.AllFailures

    /// A row for each thing that a member reports.
    let private rowsOf (reports: ClientReports) (rows: ConsumerRunningInfo -> Cell list list) : Cell list list =
        reports.Clients
        |> List.collect (fun one ->
            match one.Info with
            | Ok info -> rows info |> List.map (fun row -> Text one.Member.ClientId :: row)
            | Error _ -> [])

    let private queueCells (queue: MessageQueue) : Cell list =
        [ Text queue.Topic; Text queue.BrokerName; Number(int64 queue.QueueId) ]

    /// The first and last offset of what is cached; of nothing there are none.
    let private cachedCells (state: ProcessQueueInfo) : Cell list =
        if state.CachedMessages = 0 then
            [ Missing; Missing ]
        else
            [ Number state.CachedMinOffset; Number state.CachedMaxOffset ]

    let private pulledCells (queue: MessageQueue, state: ProcessQueueInfo) : Cell list =
        queueCells queue
        @ [ Number state.CommitOffset; Number(int64 state.CachedMessages) ]
        @ cachedCells state
        @ [
            Bytes(int64 state.CachedSize * 1024L * 1024L)
            Missing
            Flag state.IsLocked
            Administering.time state.LastPullTimestamp
            Administering.time state.LastConsumeTimestamp
            Flag state.IsDropped
        ]

    let private poppedCells (queue: MessageQueue, state: PopProcessQueueInfo) : Cell list =
        queueCells queue
        @ [
            Missing
            Missing
            Missing
            Missing
            Missing
            Number(int64 state.WaitingAcks)
            Missing
            Administering.time state.LastPopTimestamp
            Missing
            Flag state.IsDropped
        ]

    let private queues (reports: ClientReports) : Report =
        Report.table
            "queues"
            [
                Report.words "client"
                Report.words "topic"
                Report.words "broker"
                Report.figures "queue"
                Report.figures "committed"
                Report.figures "cached"
                Report.figures "cachedFrom"
                Report.figures "cachedTo"
                Report.detail (Report.figures "cachedSize")
                Report.figures "unacknowledged"
                Report.words "locked"
                Report.words "lastPull"
                Report.words "lastConsume"
                Report.detail (Report.words "dropped")
            ]
            (rowsOf reports (fun info ->
                (info.Queues |> Map.toList |> List.map pulledCells)
                @ (info.PopQueues
                   |> Option.defaultValue Map.empty
                   |> Map.toList
                   |> List.map poppedCells)))

    let private millis (value: float) : Cell =
        if Double.IsFinite value && value >= 0.0 && value < 1e12 then
            Duration(TimeSpan.FromMilliseconds value)
        else
            Unknown

    let private statistics (reports: ClientReports) : Report =
        Report.table
            "topics"
            [
                Report.words "client"
                Report.words "topic"
                Report.figures "pullsPerSecond"
                Report.figures "pullTook"
                Report.figures "consumedPerSecond"
                Report.figures "failedPerSecond"
                Report.figures "consumeTook"
                Report.figures "failed"
            ]
            (rowsOf reports (fun info ->
                info.Status
                |> Map.toList
                |> List.map (fun (topic, status) ->
                    [
                        Text topic
                        Rate status.PullsPerSecond
                        millis status.PullMillis
                        Rate status.ConsumedPerSecond
                        Rate status.FailedPerSecond
                        millis status.ConsumeMillis
                        Number status.FailedMessages
                    ])))

    let private subscriptions (reports: ClientReports) : Report =
        Report.table
            "subscriptions"
            [
                Report.words "client"
                Report.words "topic"
                Report.words "type"
                Report.words "expression"
            ]
            (rowsOf reports (fun info ->
                info.Subscriptions
                |> List.sortBy _.Topic
                |> List.map (fun one -> [ Text one.Topic; Text one.ExpressionType; Text one.Expression ])))

    let private properties (reports: ClientReports) : Report =
        Report.table
            "properties"
            [ Report.words "client"; Report.words "name"; Report.prose "value" ]
            (rowsOf reports (fun info ->
                info.Properties
                |> Map.toList
                |> List.map (fun (name, value) -> [ Text name; Text(BrokerSettings.shown name value) ])))

    let private ofGroup (reports: ClientReports) : Report list =
        [ clients reports; queues reports; statistics reports ]

    let private ofClient (reports: ClientReports) : Report list =
        ofGroup reports @ [ subscriptions reports; properties reports ]

    let private showQueues (invocation: Invocation) =
        let group = invocation.Argument "group"

        Administering.withScope invocation (fun scope ->
            match invocation.TryArgument "client" with
            | Some client -> Administering.show ofClient (ClientReports.ofClient scope group client false) invocation
            | None -> Administering.show ofGroup (ClientReports.ofGroup scope group) invocation)

    /// The stacks as the client writes them where people look, in a cell elsewhere.
    let private writeStacks (invocation: Invocation) (reports: ClientReports) : Result<int, Failure> =
        match reports.Clients with
        | [ {
                Member = client
                Info = Ok { Stacks = Some stacks }
            } ] when stacks <> "" ->
            match invocation.Format with
            | TableFormat ->
                let text =
                    stacks.ReplaceLineEndings("\n").TrimEnd('\n').Split '\n'
                    |> Array.map (fun line -> CellText.oneLine (line.Replace("\t", "    ")) + "\n")
                    |> String.concat ""

                CommandHost.writeText invocation.Host text |> Result.map (fun () -> ExitCode.ok)
            | _ ->
                Invocation.finish
                    invocation
                    [
                        Report.record "stack" [ "client", Text client.ClientId; "stacks", Text stacks ]
                    ]
        | [ { Info = Error failure } ] -> Error(Failed(string failure))
        | _ ->
            let client = invocation.Argument "client"
            Error(Failed $"{client} reports no stacks: clients in Java do, those in .NET do not.")

    let private showStack (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Administering.using invocation (fun administrator ->
                backgroundTask {
                    let! found =
                        ClientReports.ofClient scope (invocation.Argument "group") (invocation.Argument "client") true
                        |> Administering.run invocation administrator

                    return found |> Result.bind (writeStacks invocation)
                }))

    /// Its client id.
    let client: ArgumentSpec =
        Spec.argument "client" "The member's client id, as `rocketmq group members` shows it"

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "client"; "queues" ]
                  "Shows which queues members of a group read, how far, and how fast"
                  [ Spec.group; { client with Need = Optional } ]
                  Administering.scopeOptions
                  showQueues with
                Details =
                    [
                        "Each member is asked through a broker that it is connected to. One that does not answer is a row with the reason: exit code 3."
                        "Of one client subscriptions and properties are shown as well. COMMITTED is the offset that the client will commit."
                    ]
                Examples =
                    [
                        "rocketmq client queues billing", "All members, their queues, and what waits in each"
                    ]
            }
            { Spec.command
                  [ "client"; "stack" ]
                  "Shows the stacks of a member's threads"
                  [ Spec.group; client ]
                  Administering.scopeOptions
                  showStack with
                Details = [ "Clients in Java report them, those in .NET do not." ]
            }
        ]
