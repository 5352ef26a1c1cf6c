namespace RocketMq.Embedded

open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq

/// What a broker makes of requests. Pure: time comes in, answers go out.
module internal Broker =
    /// The groups that every broker has. Source: SubscriptionGroupManager.java.
    let private systemGroups =
        [
            "TOOLS_CONSUMER"
            "FILTERSRV_CONSUMER"
            "SELF_TEST_C_GROUP"
            "CID_ONS-HTTP-PROXY"
            "CID_ONSAPI_PULL"
            "CID_ONSAPI_PERMISSION"
            "CID_ONSAPI_OWNER"
            "CID_RMQ_SYS_TRANS"
        ]

    let private withSystemGroups (store: Store) =
        (store, systemGroups)
        ||> List.fold (fun store name -> StoredSettings.withGroup (SubscriptionGroups.create name) store)

    let start settings (storeHost: Host) : BrokerState =
        {
            Settings = settings
            Store =
                Store.empty settings.Limits storeHost
                |> SystemTopics.add settings.ClusterName settings.BrokerName
                |> withSystemGroups
            Clients = Map.empty
            Peers = Map.empty
            NextLookMillis = ValueNone
            Groups = Map.empty
            Fingerprints = Map.empty
            Locks = Map.empty
            Parked = Waits.empty
            Faults = FaultInjection.none
            HasMaster = settings.BrokerId <> 0L
            Scheduled = ScheduledMessages.none
            Transactions = OpenTransactions.none
            Replies = Map.empty
            Calls = Map.empty
            Pops = PopResultBuilder.none
            Statistics = BrokerStatistics(settings.ClusterName, 0L)
            Configured = Map.empty
            ConfigVersion =
                {
                    Timestamp = 0L
                    Counter = 0L
                    StateVersion = None
                }
            Replication = None
        }

    // Offsets

    /// A group that has committed nothing counts as committed at 0 while the queue's first message is at hand. Source:
    /// ConsumerManageProcessor.java, 5.x; brokers of 4.9 say so of an empty queue too.
    let private offsetFor (query: CommittedOffsetQuery) (state: BrokerState) : int64 voption =
        match Store.committed query.Queue state.Store with
        | ValueNone when
            query.ZeroIfNone <> Some false
            && Store.beginsInMemory query.Queue.Topic query.Queue.QueueId state.Store
            ->
            ValueSome 0L
        | committed -> committed

    let private queryCommitted (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Offsets.queryCommitted.Decode (fun query ->
            match offsetFor query state with
            | ValueSome offset ->
                state,
                [
                    Answer.reply arrival (Offsets.queryCommitted.Answer(Some offset, arrival.Command))
                ]
            | ValueNone ->
                state,
                [
                    Answer.refuse arrival ResponseCode.QueryNotFound "Not found, maybe this group is new"
                ])

    let private commit (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Offsets.commit.Decode (fun commit ->
            { state with
                Store = Store.commit commit.Queue commit.Offset state.Store
            },
            [ Answer.succeed arrival ])

    /// Codes 29, 30 and 31 differ in what they ask of the queue.
    let private offsetOf
        (arrival: Arrival)
        (state: BrokerState)
        (operation: Operation<'Query, int64>)
        topicQueue
        measure
        =
        Answer.decoding arrival state operation.Decode (fun query ->
            let queue: TopicQueue = topicQueue query

            let offset =
                Store.tryQueue queue.Topic queue.QueueId state.Store
                |> ValueOption.map (measure query)
                |> ValueOption.defaultValue 0L

            state, [ Answer.reply arrival (operation.Answer(offset, arrival.Command)) ])

    let private search (arrival: Arrival) (state: BrokerState) =
        offsetOf arrival state Offsets.search _.Queue (fun query -> Store.search query.TimestampMillis)

    let private maxOffset (arrival: Arrival) (state: BrokerState) =
        offsetOf arrival state Offsets.max _.Queue (fun _ queue -> queue.MaxOffset)

    let private minOffset (arrival: Arrival) (state: BrokerState) =
        offsetOf arrival state Offsets.min id (fun _ queue -> queue.MinOffset)

    /// What only a master does, and how a slave refuses it.
    let private tryRefuseAsSlave (arrival: Arrival) =
        match arrival.Command.RequestCode with
        | RequestCode.SendMessage
        | RequestCode.SendMessageV2
        | RequestCode.SendBatchMessage
        | RequestCode.SendReplyMessage
        | RequestCode.SendReplyMessageV2 ->
            let remark = "service not available now: messages are put to the slave"
            ValueSome(Answer.refuse arrival ResponseCode.ServiceNotAvailable remark)
        // As of a broker that does not find its master: real ones of 5.x ask it.
        | RequestCode.ConsumerSendMessageBack ->
            ValueSome(Answer.refuse arrival ResponseCode.SystemError "no master available along with this slave")
        | RequestCode.EndTransaction
        | RequestCode.RecallMessage
        | RequestCode.PopMessage
        | RequestCode.AckMessage
        | RequestCode.BatchAckMessage
        | RequestCode.ChangeMessageInvisibleTime ->
            ValueSome(Answer.refuse arrival ResponseCode.SlaveNotAvailable "the broker is a slave")
        | RequestCode.UpdateAndCreateTopic
        | RequestCode.UpdateAndCreateTopicList
        | RequestCode.DeleteTopicInBroker
        | RequestCode.UpdateAndCreateSubscriptionGroup
        | RequestCode.UpdateAndCreateSubscriptionGroupList
        | RequestCode.DeleteSubscriptionGroup
        | RequestCode.UpdateAndGetGroupForbidden ->
            let remark =
                "Can't modify topic or subscription group from slave broker, please execute it from master broker."

            ValueSome(Answer.refuse arrival ResponseCode.SystemError remark)
        | RequestCode.InvokeBrokerToResetOffset
        | RequestCode.CloneGroupOffset
        | RequestCode.ResumeCheckHalfMessage ->
            let remark = "a slave resets no offset: ask its master"
            ValueSome(Answer.refuse arrival ResponseCode.SystemError remark)
        | _ -> ValueNone

    let private serveAsMaster now (arrival: Arrival) (state: BrokerState) =
        match arrival.Command.RequestCode with
        | RequestCode.SendMessage
        | RequestCode.SendMessageV2
        | RequestCode.SendBatchMessage -> Sends.send now arrival state
        | RequestCode.SendReplyMessage
        | RequestCode.SendReplyMessageV2 -> ReplyRequests.receive now arrival state
        | RequestCode.ConsumerSendMessageBack -> SendBacks.sendBack now arrival state
        | RequestCode.EndTransaction -> HalfMessages.finish now arrival state
        | RequestCode.RecallMessage -> Recalls.recall now arrival state
        | RequestCode.PullMessage
        | RequestCode.LitePullMessage -> Pulls.pull now arrival state
        | RequestCode.PopMessage -> Pops.pop now arrival state
        | RequestCode.AckMessage -> PopAcks.ack now arrival state
        | RequestCode.BatchAckMessage -> PopAcks.ackMany now arrival state
        | RequestCode.ChangeMessageInvisibleTime -> PopAcks.change now arrival state
        | RequestCode.QueryAssignment -> PopAssignments.query arrival state
        | RequestCode.QueryConsumerOffset -> queryCommitted arrival state
        | RequestCode.UpdateConsumerOffset -> commit arrival state
        | RequestCode.SearchOffsetByTimestamp -> search arrival state
        | RequestCode.GetMaxOffset -> maxOffset arrival state
        | RequestCode.GetMinOffset -> minOffset arrival state
        | RequestCode.HeartBeat -> Clients.heartbeat now arrival state
        | RequestCode.UnregisterClient -> Clients.unregister arrival state
        | RequestCode.CheckClientConfig -> Subscriptions.check arrival state
        | RequestCode.LockBatchMq -> QueueLocking.acquire now arrival state
        | RequestCode.UnlockBatchMq -> QueueLocking.release arrival state
        | RequestCode.QueryMessage -> Queries.byKey arrival state
        | RequestCode.ViewMessageById -> Queries.byPhysicalOffset arrival state
        | _ -> AdministrationRequests.serve now arrival state

    let private serve now (arrival: Arrival) (state: BrokerState) =
        if state.Settings.BrokerId = 0L then
            serveAsMaster now arrival state
        else
            match tryRefuseAsSlave arrival with
            | ValueSome refusal -> state, [ refusal ]
            | ValueNone -> serveAsMaster now arrival state

    let private withFaults (state: BrokerState) (faults, effects: BrokerEffect list) =
        { state with Faults = faults }, effects

    let private meetFaults now (state: BrokerState, effects) =
        if state.Faults.FaultInjection.IsEmpty then
            state, effects
        else
            withFaults state (FaultInjection.apply now (state.Faults, effects))

    /// Serves a request, if no fault is made for it.
    let private arrive now (arrival: Arrival) (state: BrokerState) =
        if state.Faults.Rules.IsEmpty then
            serve now arrival state
        else
            let struct (faults, instead) = FaultInjection.arrive arrival state.Faults
            let state = { state with Faults = faults }

            match instead with
            | ValueSome effects -> state, effects
            | ValueNone -> serve now arrival state

    let private leave connection (state: BrokerState) =
        let state, late = withFaults state (FaultInjection.leave connection state.Faults)
        let state, replies = ReplyRequests.leave connection state
        let state, calls = ClientCalls.leave connection state
        let state, pushes = Clients.leave connection state
        let state, pulls = Pulls.leave connection state
        let state, pops = Pops.leave connection state
        state, late @ replies @ calls @ pushes @ pulls @ pops

    let private tick now (state: BrokerState) =
        let state, late = withFaults state (FaultInjection.expire now state.Faults)

        let state =
            { state with
                Store = Store.expire now state.Store
            }

        let state, delivered = ScheduledDelivery.expire now state
        let state, checks = TransactionChecks.expire now state
        let state, revived = PopRevivals.expire now state
        let state, pulls = Pulls.expire now state
        let state, pops = Pops.expire now state
        let state, pushes = Clients.expire now state
        // What was late once is not made late again.
        let state, others =
            meetFaults now (state, delivered @ checks @ revived @ pulls @ pops @ pushes)

        state, late @ others

    let private react now (state: BrokerState) (event: BrokerEvent) : BrokerState * BrokerEffect list =
        match event with
        | Arrived arrival -> arrive now arrival state |> meetFaults now
        | Left connection -> leave connection state |> meetFaults now
        | Ticked -> tick now state
        | Faulted rule -> withFaults state (FaultInjection.add rule state.Faults, [])
        | Healed -> withFaults state (FaultInjection.heal state.Faults)
        | ClientsForgotten -> Clients.forget state, []
        | Restarted ->
            { Clients.forget state with
                Statistics = BrokerStatistics(state.Settings.ClusterName, now)
                Store = StoredSettings.dated now state.Store
            },
            []
        | Advertised address ->
            { state with
                BrokerState.Settings.BrokerAddress = address
            },
            []
        | CallEnded(ticket, answer) when state.Calls.ContainsKey ticket ->
            ClientCalls.answered ticket answer state |> meetFaults now
        | CallEnded(ticket, answer) -> ReplyRequests.passed now ticket answer state |> meetFaults now

    /// What an event makes of a broker, and what is to be done. `now` in milliseconds since 1970, UTC.
    let transition (now: int64) (state: BrokerState) (event: BrokerEvent) : BrokerState * BrokerEffect list =
        state.Statistics.MoveTo now
        let next, effects = react now state event

        let next =
            if obj.ReferenceEquals(next.Store, state.Store) then
                next
            else
                let stamped = StoredSettings.stamped now state.Store next.Store

                if obj.ReferenceEquals(stamped, next.Store) then
                    next
                else
                    { next with Store = stamped }

        Retention.forget state next, effects

    /// When to send `Ticked` next, if at all. It is asked for with every pull that waits: nothing here looks at more than
    /// the first of those that do.
    let nextDeadline (state: BrokerState) : int64 voption =
        let earlier (one: int64 voption) (other: int64 voption) =
            match one, other with
            | ValueSome one, ValueSome other -> ValueSome(min one other)
            | ValueSome _, ValueNone -> one
            | ValueNone, _ -> other

        Waits.nextDeadline state.Parked
        |> earlier (Waits.nextDeadline state.Pops.Parked.Waits)
        |> earlier (PopCheckpoints.nextDue state.Pops.Checkpoints)
        |> earlier (FaultInjection.nextDue state.Faults)
        |> earlier (ScheduledDelivery.nextDue state)
        |> earlier state.Transactions.NextRoundMillis
        |> earlier state.NextLookMillis
        |> earlier state.Store.NextLookMillis

    /// Whether what `nextDeadline` goes by has changed.
    let waitsDiffer (before: BrokerState) (after: BrokerState) =
        not (obj.ReferenceEquals(after.Parked, before.Parked))
        || not (obj.ReferenceEquals(after.Faults.Late, before.Faults.Late))
        || not (obj.ReferenceEquals(after.Scheduled, before.Scheduled))
        || not (obj.ReferenceEquals(after.Pops, before.Pops))
        || after.Transactions.NextRoundMillis <> before.Transactions.NextRoundMillis
        || after.NextLookMillis <> before.NextLookMillis
        || after.Store.NextLookMillis <> before.Store.NextLookMillis
