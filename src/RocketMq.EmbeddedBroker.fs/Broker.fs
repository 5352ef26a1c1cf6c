namespace RocketMq.Embedded

open RocketMq.Protocol

/// What name server and broker make of requests. Pure: time comes in, answers go out.
module internal Broker =
    let start settings (storeHost: Host) : BrokerState =
        {
            Settings = settings
            Store = Store.empty storeHost
            KeyValues = Map.empty
            Clients = Map.empty
            Parked = []
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

    let private unregister (arrival: Arrival) (state: BrokerState) =
        { state with
            Clients = Map.remove arrival.Connection state.Clients
        },
        [ Answer.succeed arrival ]

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
        | AsBroker, RequestCode.PullMessage -> Pulls.pull now arrival state
        | AsBroker, RequestCode.QueryConsumerOffset -> queryCommitted arrival state
        | AsBroker, RequestCode.UpdateConsumerOffset -> commit arrival state
        | AsBroker, RequestCode.SearchOffsetByTimestamp -> search arrival state
        | AsBroker, RequestCode.GetMaxOffset -> maxOffset arrival state
        | AsBroker, RequestCode.GetMinOffset -> minOffset arrival state
        | AsBroker, RequestCode.HeartBeat -> heartbeat arrival state
        | AsBroker, RequestCode.UnregisterClient -> unregister arrival state
        | _ -> state, [ Answer.notSupported arrival ]

    let private leave connection (state: BrokerState) =
        let gone, parked =
            state.Parked
            |> List.partition (fun parked -> parked.Arrival.Connection = connection)

        { state with
            Clients = Map.remove connection state.Clients
            Parked = parked
        },
        gone |> List.map (fun parked -> Forget parked.Arrival.Ticket)

    /// `now` in milliseconds since 1970, UTC.
    let transition (now: int64) (state: BrokerState) (event: BrokerEvent) : BrokerState * BrokerEffect list =
        match event with
        | Arrived arrival -> serve now arrival state
        | Left connection -> leave connection state
        | Ticked -> Pulls.expire now state

    /// When to send `Ticked` next, if at all.
    let nextDeadline (state: BrokerState) : int64 voption =
        match state.Parked with
        | [] -> ValueNone
        | parked ->
            parked
            |> List.map (fun parked -> parked.DeadlineMillis)
            |> List.min
            |> ValueSome
