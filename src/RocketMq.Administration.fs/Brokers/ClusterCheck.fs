namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// How bad something is that a check has found.
type FindingLevel =
    | Good = 0
    | Warning = 1
    | Bad = 2
    /// It could not be looked at.
    | Unknown = 3

/// One thing that a check has looked at.
type Finding =
    {
        Level: FindingLevel
        /// The broker, topic or cluster.
        Subject: string
        /// What was found, and what to do about it.
        Text: string
    }

/// From where on a check complains.
type CheckLimits =
    {
        /// How full a disk may be, 0 to 1. Default 0.8.
        DiskRatio: float
        /// How long requests may wait, in milliseconds. Default 500.
        WaitMillis: int64
        /// How many bytes a slave, or what can be consumed, may lag. Default 16 MiB.
        BehindBytes: int64
    }

    static member Default =
        {
            DiskRatio = 0.8
            WaitMillis = 500L
            BehindBytes = 16L * 1024L * 1024L
        }

/// Whether a cluster is as it should be.
module ClusterCheck =
    let private finding level subject text =
        {
            Level = level
            Subject = subject
            Text = text
        }

    let private masters (brokers: BrokerAddress list) =
        brokers
        |> List.groupBy (fun broker -> broker.Cluster, broker.Name)
        |> List.map (fun ((_, name), members) ->
            if members |> List.exists _.IsMaster then
                finding FindingLevel.Good name "its master is registered"
            else
                finding
                    FindingLevel.Bad
                    name
                    "no master is registered, only slaves: it takes no sends. Start the master.")

    let private over (limit: 'T) (value: 'T option) =
        match value with
        | Some value when value > limit -> Some value
        | _ -> None

    let private figures (limits: CheckLimits) (status: BrokerStatus) : Finding list =
        let subject = status.Broker.ToString()

        let found =
            [
                match over limits.DiskRatio status.DiskRatio with
                | Some ratio ->
                    finding
                        (if ratio > 0.9 then
                             FindingLevel.Bad
                         else
                             FindingLevel.Warning)
                        subject
                        (invariant
                            $"its disk is {ratio * 100.0:F0} %% full: brokers refuse sends at 90 %%. Make room or shorten retention.")
                | None -> ()
                match over limits.WaitMillis status.SendWaitMillis with
                | Some wait -> finding FindingLevel.Warning subject (invariant $"sends wait {wait} ms")
                | None -> ()
                match over limits.WaitMillis status.PullWaitMillis with
                | Some wait -> finding FindingLevel.Warning subject (invariant $"pulls wait {wait} ms")
                | None -> ()
                match over limits.WaitMillis status.PageCacheLockMillis with
                | Some wait -> finding FindingLevel.Warning subject (invariant $"the page cache is held for {wait} ms")
                | None -> ()
                match over limits.BehindBytes status.DispatchBehindBytes with
                | Some bytes ->
                    finding FindingLevel.Warning subject (invariant $"{bytes} stored bytes cannot be consumed yet")
                | None -> ()
                // Slaves are not, as long as none stands in for its master.
                if status.IsActive = Some false && status.Broker.IsMaster then
                    finding FindingLevel.Bad subject "it is not active"
            ]

        if found.IsEmpty then
            [ finding FindingLevel.Good subject "its figures are within limits" ]
        else
            found

    let private status limits (row: BrokerRow) =
        match row.Status with
        | Ok status -> figures limits status
        | Error failure ->
            [
                finding FindingLevel.Bad failure.Server $"it does not answer: {failure.Reason}"
            ]

    let private slaves
        (limits: CheckLimits)
        (broker: BrokerAddress)
        (answer: Result<ReplicationStatus, RemotingError>)
        =
        match answer with
        | Ok status ->
            status.Connections
            |> List.map (fun slave ->
                let name = slave.Address |> Option.defaultValue "?"

                if slave.Lag > limits.BehindBytes then
                    finding
                        FindingLevel.Warning
                        (broker.ToString())
                        (invariant $"its slave {name} is {slave.Lag} bytes behind")
                else
                    finding
                        FindingLevel.Good
                        (broker.ToString())
                        (invariant $"its slave {name} is {slave.Lag} bytes behind"))
        | Error(RemotingError.Refused(code = ResponseCode.RequestCodeNotSupported)) -> []
        | Error error ->
            [
                finding FindingLevel.Unknown (broker.ToString()) (RemotingError.briefly error)
            ]

    let private number (name: string) (settings: Setting list) =
        BrokerSettings.valueOf name settings
        |> Option.bind (fun (value: string) ->
            match System.Int32.TryParse value with
            | true, number -> Some number
            | _ -> None)

    /// What a master's settings make of its sends. One that does not tell its settings is spoken of where it does not answer.
    let private settings
        (broker: BrokerAddress)
        (answer: Result<BrokerSettingsAnswer, RemotingError>)
        (replication: Result<ReplicationStatus, RemotingError>)
        =
        let subject = broker.ToString()

        match answer with
        | Error _ -> []
        | Ok answer ->
            [
                match number "brokerPermission" answer.Settings with
                | Some permission when not (Permission.isWritable permission) ->
                    finding
                        FindingLevel.Warning
                        subject
                        (invariant
                            $"it takes no sends: its setting brokerPermission is {permission}, 6 lets it take them")
                | _ -> ()
                match BrokerSettings.valueOf "brokerRole" answer.Settings, replication with
                | Some "SYNC_MASTER", Ok status when status.Connections.IsEmpty ->
                    finding
                        FindingLevel.Bad
                        subject
                        "it is a SYNC_MASTER without a slave: sends are stored and answered with SLAVE_NOT_AVAILABLE. Start its slave."
                | _ -> ()
            ]

    /// Whether routes name a master's queues as writable where its own settings do. Any topic of its tells: a drain is of all.
    let private drained (tables: Answers<TopicTable>) (broker: BrokerAddress) : Plan<Finding list> =
        let writable =
            tables.Answers
            |> List.filter (fun (other, _) -> other = broker)
            |> List.collect (fun (_, table) -> table.Topics.Values |> List.ofSeq)
            |> List.filter (fun topic -> topic.IsWritable && topic.WriteQueues > 0)
            |> List.map _.Name
            |> List.sort

        match writable with
        | [] -> Plan.ofResult (Ok [])
        | topic :: _ ->
            Plan.attempt (Directory.route topic)
            |> Plan.map (fun answer ->
                match answer with
                | Error _ -> []
                | Ok route ->
                    match route.Queues |> List.filter (fun queues -> queues.BrokerName = broker.Name) with
                    | [] -> []
                    | queues when queues |> List.exists _.IsWritable -> []
                    | _ ->
                        [
                            finding
                                FindingLevel.Warning
                                (broker.ToString())
                                "routes name it as not writable: it was drained, and producers send it nothing. `rocketmq broker restore` brings it back."
                        ])

    let private topics (tables: Answers<TopicTable>) =
        let byCluster = tables.Answers |> List.groupBy (fun (broker, _) -> broker.Cluster)

        [
            for cluster, tables in byCluster do
                let all =
                    tables
                    |> Seq.collect (fun (_, table) -> table.Topics.Keys)
                    |> Seq.distinct
                    |> Seq.sort
                    |> List.ofSeq

                let isServerName = tables |> List.map fst |> Directory.isServerName
                let mutable count = 0

                for topic in all do
                    if TopicKind.ofName isServerName topic = TopicKind.Normal then
                        let differences =
                            tables
                            |> List.map (fun (broker, table: TopicTable) ->
                                ({
                                    Broker = broker
                                    Config = Map.tryFind topic table.Topics
                                }
                                : TopicOnBroker))
                            |> TopicConfigs.differences

                        count <- count + 1

                        if not differences.IsEmpty then
                            let text = String.concat "; " differences
                            finding FindingLevel.Warning topic $"its settings are not the same on all masters: {text}"

                finding FindingLevel.Good cluster (invariant $"{count} topics were compared on {tables.Length} masters")
        ]

    /// Looks at masters, figures, slaves, and whether topics have the same settings everywhere.
    let run (scope: BrokerScope) (limits: CheckLimits) : Plan<Finding list> =
        plan {
            let! all = Directory.brokers scope BrokerRoles.MastersAndSlaves
            // That a master is not registered is a finding of its own.
            let brokers = all |> List.filter _.IsRegistered
            let ofMasters = brokers |> List.filter _.IsMaster
            let! rows = BrokerStatus.ofBrokers brokers

            and! replication =
                ofMasters
                |> List.map (fun broker ->
                    plan {
                        let! replication =
                            Plan.query (Target.Broker broker) "replication" (Maintenance.replication.Request())

                        and! known =
                            Plan.query (Target.Broker broker) "settings" (Settings.ofBroker.Request())

                        return slaves limits broker replication @ settings broker known replication
                    })
                |> Plan.all

            and! tables = Answers.query ofMasters "settings of all topics" (Topics.all.Request())

            let! drains = ofMasters |> List.map (drained tables) |> Plan.all

            return
                masters brokers
                @ List.collect (status limits) rows
                @ List.concat replication
                @ List.concat drains
                @ topics tables
        }
