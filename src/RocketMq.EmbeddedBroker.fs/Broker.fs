namespace RocketMq.Embedded

open RocketMq.Protocol

/// What name server and broker make of requests. Pure: time comes in, answers go out.
module internal Broker =
    let start settings (storeHost: Host) : BrokerState =
        {
            Settings = settings
            Store = Store.empty storeHost
            Clients = Map.empty
            Parked = []
        }

    /// Read, write and inherit: what brokers give the topic that others are made from.
    let private templatePermission = 7

    let private readWrite = 6

    let private routeOf (settings: BrokerSettings) permission queues : TopicRoute =
        {
            Queues =
                [
                    {
                        BrokerName = settings.BrokerName
                        ReadQueues = queues
                        WriteQueues = queues
                        Permission = permission
                        TopicSysFlag = 0
                    }
                ]
            Brokers =
                [
                    {
                        Cluster = settings.ClusterName
                        BrokerName = settings.BrokerName
                        Addresses = Map.ofList [ (0L, settings.BrokerAddress) ]
                    }
                ]
        }

    let private tryRoute topic (state: BrokerState) =
        match Map.tryFind topic state.Store.Topics with
        | Some stored -> Some(routeOf state.Settings readWrite stored.Queues.Length)
        | None when topic = Send.defaultTopic && state.Settings.AutoCreateTopics ->
            Some(routeOf state.Settings templatePermission state.Settings.MaxNewTopicQueues)
        | None -> None

    let private route (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state (RequiredField.text "topic") (fun topic ->
            let asksStandardJson =
                arrival.Command.Version >= ProtocolVersion.standardJsonRoutes
                || Fields.tryBoolean "acceptStandardJsonOnly" arrival.Command.Fields = ValueSome true

            match tryRoute topic state with
            | None ->
                let remark = $"No topic route info in name server for the topic: {topic}"
                state, [ Answer.refuse arrival ResponseCode.TopicNotExist remark ]
            | Some route ->
                let body =
                    if asksStandardJson then
                        TopicRoute.encode route
                    else
                        TopicRoute.encodeWithBareIds route

                let answer = Command.response ResponseCode.Success arrival.Command
                state, [ Answer.reply arrival (Command.withBody body answer) ])

    // Offsets

    let private queryCommitted (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Offsets.decodeGroupQueue (fun queue ->
            match Store.committed queue state.Store with
            | ValueSome offset -> state, [ Answer.reply arrival (Offsets.answer offset arrival.Command) ]
            | ValueNone ->
                state,
                [
                    Answer.refuse arrival ResponseCode.QueryNotFound "Not found, maybe this group is new"
                ])

    let private commit (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Offsets.decodeGroupQueue (fun queue ->
            Answer.decoding arrival state Offsets.decodeCommit (fun offset ->
                { state with
                    Store = Store.commit queue offset state.Store
                },
                [ Answer.succeed arrival ]))

    let private offsetOf (arrival: Arrival) (state: BrokerState) (measure: _ -> int64) =
        Answer.decoding arrival state Offsets.decodeQueue (fun (struct (topic, queueId)) ->
            let offset =
                Store.tryQueue topic queueId state.Store
                |> ValueOption.map measure
                |> ValueOption.defaultValue 0L

            state, [ Answer.reply arrival (Offsets.answer offset arrival.Command) ])

    let private search (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Offsets.decodeTimestamp (fun timestamp ->
            offsetOf arrival state (Store.search timestamp))

    // Clients

    let private heartbeat (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Heartbeat.decode (fun heartbeat ->
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
        | AsNameServer, RequestCode.GetRouteInfoByTopic -> route arrival state
        | AsBroker, (RequestCode.SendMessage | RequestCode.SendMessageV2 | RequestCode.SendBatchMessage) ->
            Sends.send now arrival state
        | AsBroker, RequestCode.PullMessage -> Pulls.pull now arrival state
        | AsBroker, RequestCode.QueryConsumerOffset -> queryCommitted arrival state
        | AsBroker, RequestCode.UpdateConsumerOffset -> commit arrival state
        | AsBroker, RequestCode.SearchOffsetByTimestamp -> search arrival state
        | AsBroker, RequestCode.GetMaxOffset -> offsetOf arrival state (fun queue -> int64 queue.Count)
        | AsBroker, RequestCode.GetMinOffset -> offsetOf arrival state (fun _ -> 0L)
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
