namespace RocketMq.Protocol

open RocketMq.Protocol.Admin
open RocketMq

/// Who asks whom.
[<RequireQualifiedAccess>]
type Direction =
    | ClientToBroker
    | ClientToNameServer
    /// From administrators' tools.
    | AdminToBroker
    | AdminToNameServer
    /// From a tool to a broker, which asks a client with the same request.
    | AdminThroughBrokerToClient
    | BrokerToClient
    /// Among brokers, name servers, containers and controllers.
    | BetweenServers
    /// Named in Java's list; no server of 4.9.8 or 5.3.3 answers it.
    | Unanswered

    override one.ToString() =
        match one with
        | ClientToBroker -> "ClientToBroker"
        | ClientToNameServer -> "ClientToNameServer"
        | AdminToBroker -> "AdminToBroker"
        | AdminToNameServer -> "AdminToNameServer"
        | AdminThroughBrokerToClient -> "AdminThroughBrokerToClient"
        | BrokerToClient -> "BrokerToClient"
        | BetweenServers -> "BetweenServers"
        | Unanswered -> "Unanswered"

/// Every operation, by code.
module Operations =
    let private between direction (operations: AnyOperation list) =
        operations |> List.map (fun operation -> direction, operation)

    let private directed: (Direction * AnyOperation) list =
        [
            yield!
                between
                    Direction.ClientToBroker
                    [
                        Send.withLongNames
                        Send.message
                        Send.batch
                        Send.replyWithLongNames
                        Send.reply
                        SendBack.operation
                        Pull.messages
                        Pull.lite
                        Offsets.queryCommitted
                        Offsets.commit
                        Offsets.search
                        Offsets.max
                        Offsets.min
                        Offsets.earliestStoreTime
                        Heartbeat.send
                        Heartbeat.unregister
                        Heartbeat.check
                        Heartbeat.members
                        QueueLocks.acquire
                        QueueLocks.release
                        Transactions.finish
                        MessageQuery.byKey
                        MessageQuery.byOffset
                        Pop.messages
                        PopReceipts.acknowledge
                        PopReceipts.acknowledgeMany
                        PopReceipts.changeInvisibleTime
                        Pop.peek
                        Pop.await
                        Pop.waiting
                        Assignments.query
                        Recall.operation
                    ]
            yield! between Direction.ClientToNameServer [ GetRoute.operation; Cluster.info ]
            yield!
                between
                    Direction.AdminToBroker
                    [
                        Topics.create
                        Topics.createMany
                        Topics.createStatic
                        Topics.all
                        Topics.config
                        Topics.delete
                        Topics.system
                        SubscriptionGroups.update
                        SubscriptionGroups.updateMany
                        SubscriptionGroups.all
                        SubscriptionGroups.get
                        SubscriptionGroups.delete
                        SubscriptionGroups.permission
                        Statistics.ofTopic
                        Statistics.ofGroup
                        Statistics.ofGroups
                        Statistics.ofBroker
                        Connections.ofConsumers
                        Connections.ofProducers
                        Connections.ofAllProducers
                        ConsumerOffsets.resetAll
                        ConsumerOffsets.ofMembers
                        GroupProgress.groupsOf
                        GroupProgress.topicsOf
                        GroupProgress.subscriptionOf
                        GroupProgress.timeSpans
                        GroupProgress.corrections
                        GroupProgress.clone
                        GroupProgress.consumeQueue
                        GroupProgress.allOffsets
                        GroupProgress.delayOffsets
                        Transactions.resumeCheck
                        Settings.updateBroker
                        Settings.ofBroker
                        Settings.updateColdDataControl
                        Settings.removeColdDataControl
                        Settings.coldDataControl
                        Settings.commitLogReadMode
                        Maintenance.runtimeInfo
                        Maintenance.cleanConsumeQueues
                        Maintenance.cleanTopics
                        Maintenance.deleteCommitLog
                        Maintenance.timerMetrics
                        Maintenance.replication
                        Maintenance.checkRocksDb
                        Maintenance.exportRocksDb
                        AclConfig.update
                        AclConfig.delete
                        AclConfig.versions
                        AclConfig.updateGlobalWhiteAddresses
                        Users.create
                        Users.update
                        Users.delete
                        Users.get
                        Users.list
                        Acls.create
                        Acls.update
                        Acls.delete
                        Acls.get
                        Acls.list
                        Assignments.setMode
                        Assignments.allModes
                        Pop.rollback
                    ]
            yield!
                between
                    Direction.AdminToNameServer
                    [
                        KeyValueConfig.put
                        KeyValueConfig.get
                        KeyValueConfig.delete
                        KeyValueConfig.list
                        NameServerTopics.all
                        NameServerTopics.system
                        NameServerTopics.ofUnits
                        NameServerTopics.withUnitSubscribers
                        NameServerTopics.outsideUnitsWithUnitSubscribers
                        NameServerTopics.ofCluster
                        NameServerTopics.delete
                        NameServerTopics.register
                        NameServerTopics.wipeWritePermission
                        NameServerTopics.addWritePermission
                        Settings.updateNameServer
                        Settings.ofNameServer
                    ]
            yield! between Direction.AdminThroughBrokerToClient [ RunningInfo.operation; DirectConsumption.operation ]
            yield!
                between
                    Direction.BrokerToClient
                    [
                        Transactions.check
                        ConsumerOffsets.membersChanged
                        ConsumerOffsets.pushReset
                        ConsumerOffsets.ofClient
                        Replies.push
                    ]
            yield!
                between
                    Direction.BetweenServers
                    [
                        BrokerRegistration.register
                        BrokerRegistration.unregister
                        BrokerRegistration.queryVersion
                        BrokerRegistration.heartbeat
                        BrokerRegistration.exchangeAddresses
                        BrokerRegistration.resetFlushOffset
                        BrokerRegistration.timerCheckPoint
                        Cluster.memberGroupOf
                    ]
        ]

    let private byCode =
        directed
        |> List.map (fun (direction, operation) -> operation.Code, (direction, operation))
        |> Map.ofList

    /// All of them.
    let all: AnyOperation list = List.map snd directed

    /// The operation of a code; none for codes that only servers use among themselves, that nothing answers, or that this
    /// library has never heard of.
    let tryFind (code: RequestCode) : AnyOperation option =
        Map.tryFind code byCode |> Option.map snd

    let private unanswered =
        [
            RequestCode.QueryBrokerOffset
            RequestCode.GetTopicConfigList
            RequestCode.GetTopicNameList
            RequestCode.TriggerDeleteFiles
            RequestCode.GetClientConfig
            RequestCode.SuspendConsumer
            RequestCode.ResumeConsumer
            RequestCode.ResetConsumerOffsetInConsumer
            RequestCode.ResetConsumerOffsetInBroker
            RequestCode.AdjustConsumerThreadPool
            RequestCode.WhoConsumeTheMessage
            RequestCode.RegisterFilterServer
            RequestCode.RegisterMessageFilterClass
        ]

    /// What containers and controllers say among themselves: clients may not, so there are no operations.
    let private internals =
        [
            RequestCode.AddBroker
            RequestCode.RemoveBroker
            RequestCode.NotifyMinBrokerIdChange
            RequestCode.ControllerAlterSyncStateSet
            RequestCode.ControllerElectMaster
            RequestCode.ControllerRegisterBroker
            RequestCode.ControllerGetReplicaInfo
            RequestCode.ControllerGetMetadataInfo
            RequestCode.ControllerGetSyncStateData
            RequestCode.GetBrokerEpochCache
            RequestCode.NotifyBrokerRoleChanged
            RequestCode.UpdateControllerConfig
            RequestCode.GetControllerConfig
            RequestCode.CleanBrokerData
            RequestCode.ControllerGetNextBrokerId
            RequestCode.ControllerApplyBrokerId
        ]

    /// Who asks whom with a code; none for one that is not in Java's list.
    let tryDirection (code: RequestCode) : Direction option =
        match Map.tryFind code byCode with
        | Some(direction, _) -> Some direction
        | None when List.contains code unanswered -> Some Direction.Unanswered
        | None when List.contains code internals -> Some Direction.BetweenServers
        | None -> None

    /// A request, or an answer to a request of `code`, as typed text for people to read.
    let show (code: RequestCode) (command: RemotingCommand) : string =
        match tryFind code, command.Kind with
        | None, _ -> invariant $"{command}"
        | Some operation, CommandKind.Response ->
            match operation.ShowAnswer command with
            | Ok text -> text
            | Error error -> error.Message
        | Some operation, _ ->
            match operation.Show command with
            | Ok text -> text
            | Error error -> error.Message
