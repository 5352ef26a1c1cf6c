namespace RocketMq.Embedded

open RocketMq.Protocol

/// What name server and broker make of requests. Pure: time comes in, answers go out.
module internal Broker =
    let start settings (storeHost: Host) : BrokerState =
        {
            Settings = settings
            Store = SystemTopics.add settings.ClusterName (Store.empty storeHost)
            KeyValues = Map.empty
            Clients = Map.empty
            Parked = []
            Rules = []
            Fates = Map.empty
            Late = []
            Held = HeldMessages.none
            Transactions = OpenTransactions.none
            Replies = Map.empty
        }

    // Offsets

    let private queryCommitted (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Offsets.queryCommitted.Decode (fun query ->
            match Store.committed query.Queue state.Store with
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
        offsetOf arrival state Offsets.max _.Queue (fun _ queue -> int64 queue.Count)

    let private minOffset (arrival: Arrival) (state: BrokerState) =
        offsetOf arrival state Offsets.min id (fun _ _ -> 0L)

    // Clients

    let private heartbeat (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Heartbeat.send.Decode (fun heartbeat ->
            { state with
                Clients = Map.add arrival.Connection heartbeat state.Clients
            },
            [ Answer.succeed arrival ])

    /// A client may go on as a consumer when it stops to be a producer, and the other way round.
    let private unregister (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Heartbeat.unregister.Decode (fun departure ->
            let without (heartbeat: Heartbeat) =
                { heartbeat with
                    ProducerGroups =
                        heartbeat.ProducerGroups
                        |> List.filter (fun group -> Some group <> departure.ProducerGroup)
                    Consumers =
                        heartbeat.Consumers
                        |> List.filter (fun consumer -> Some consumer.Group <> departure.ConsumerGroup)
                }

            { state with
                Clients = Map.change arrival.Connection (Option.map without) state.Clients
            },
            [ Answer.succeed arrival ])

    let private serve now (arrival: Arrival) (state: BrokerState) =
        match arrival.Role, arrival.Command.RequestCode with
        | AsNameServer, RequestCode.GetRouteInfoByTopic -> NameServing.route arrival state
        | AsNameServer, RequestCode.GetBrokerClusterInfo -> NameServing.cluster arrival state
        | AsNameServer, RequestCode.GetAllTopicListFromNameServer -> NameServing.topics arrival state
        | AsNameServer, RequestCode.PutKvConfig -> NameServing.put arrival state
        | AsNameServer, RequestCode.GetKvConfig -> NameServing.get arrival state
        | AsNameServer, RequestCode.DeleteKvConfig -> NameServing.delete arrival state
        | AsNameServer, RequestCode.GetKvListByNamespace -> NameServing.list arrival state
        | AsBroker, (RequestCode.SendMessage | RequestCode.SendMessageV2 | RequestCode.SendBatchMessage) ->
            Sends.send now arrival state
        | AsBroker, (RequestCode.SendReplyMessage | RequestCode.SendReplyMessageV2) ->
            ReplyServing.receive now arrival state
        | AsBroker, RequestCode.EndTransaction -> HalfMessages.finish now arrival state
        | AsBroker, RequestCode.RecallMessage -> Recalls.recall now arrival state
        | AsBroker, RequestCode.PullMessage -> Pulls.pull now arrival state
        | AsBroker, RequestCode.QueryConsumerOffset -> queryCommitted arrival state
        | AsBroker, RequestCode.UpdateConsumerOffset -> commit arrival state
        | AsBroker, RequestCode.SearchOffsetByTimestamp -> search arrival state
        | AsBroker, RequestCode.GetMaxOffset -> maxOffset arrival state
        | AsBroker, RequestCode.GetMinOffset -> minOffset arrival state
        | AsBroker, RequestCode.HeartBeat -> heartbeat arrival state
        | AsBroker, RequestCode.UnregisterClient -> unregister arrival state
        | _ -> state, [ Answer.notSupported arrival ]

    /// Serves a request, if no fault is made for it.
    let private arrive now (arrival: Arrival) (state: BrokerState) =
        let struct (action, rules) = RequestRules.take arrival.Command.Code state.Rules
        let state = { state with Rules = rules }

        match action with
        | ValueNone -> serve now arrival state
        | ValueSome(RefuseWith(code, remark)) -> state, [ Answer.refuse arrival code remark ]
        | ValueSome LoseRequest -> state, [ Forget arrival.Ticket ]
        | ValueSome LoseAnswer -> serve now arrival (Fates.decide arrival IsLost state)
        | ValueSome(AnswerAfter delay) -> serve now arrival (Fates.decide arrival (ComesLate delay) state)

    let private leave connection (state: BrokerState) =
        let gone, parked =
            state.Parked
            |> List.partition (fun parked -> parked.Arrival.Connection = connection)

        let state, late = Fates.leave connection { state with Parked = parked }
        let state, replies = ReplyServing.leave connection state

        { state with
            Clients = Map.remove connection state.Clients
        },
        late @ replies @ (gone |> List.map (fun parked -> Forget parked.Arrival.Ticket))

    let private tick now (state: BrokerState) =
        let state, late = Fates.expire now state
        let state, delivered = Deliveries.expire now state
        let state, checks = TransactionChecks.expire now state
        let state, pulls = Pulls.expire now state
        // What was late once is not made late again.
        let state, others = Fates.apply now (state, delivered @ checks @ pulls)
        state, late @ others

    /// `now` in milliseconds since 1970, UTC.
    let transition (now: int64) (state: BrokerState) (event: BrokerEvent) : BrokerState * BrokerEffect list =
        match event with
        | Arrived arrival when state.Rules.IsEmpty -> serve now arrival state |> Fates.apply now
        | Arrived arrival -> arrive now arrival state |> Fates.apply now
        | Left connection -> leave connection state |> Fates.apply now
        | Ticked -> tick now state
        | Faulted rule ->
            { state with
                Rules = state.Rules @ [ rule ]
            },
            []
        | Healed -> Fates.heal { state with Rules = [] }
        | ClientsForgotten -> { state with Clients = Map.empty }, []
        | Advertised address ->
            { state with
                BrokerState.Settings.BrokerAddress = address
            },
            []
        | CallEnded(ticket, answer) -> ReplyServing.passed now ticket answer state |> Fates.apply now

    /// When to send `Ticked` next, if at all.
    let nextDeadline (state: BrokerState) : int64 voption =
        let deadlines =
            (state.Parked |> List.map (fun parked -> parked.DeadlineMillis))
            @ (state.Late |> List.map (fun late -> late.DueMillis))
            @ ValueOption.toList (Deliveries.nextDue state)
            @ ValueOption.toList state.Transactions.NextRoundMillis

        match deadlines with
        | [] -> ValueNone
        | deadlines -> ValueSome(List.min deadlines)

    /// Whether what `nextDeadline` goes by has changed.
    let waitsDiffer (before: BrokerState) (after: BrokerState) =
        not (obj.ReferenceEquals(after.Parked, before.Parked))
        || not (obj.ReferenceEquals(after.Late, before.Late))
        || not (obj.ReferenceEquals(after.Held, before.Held))
        || after.Transactions.NextRoundMillis <> before.Transactions.NextRoundMillis
