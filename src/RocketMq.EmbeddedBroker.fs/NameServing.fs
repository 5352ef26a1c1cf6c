namespace RocketMq.Embedded

open RocketMq.Protocol

/// What the embedded broker says as a name server.
module internal NameServing =
    let private readWrite = 6

    /// Read, write and inherit: what brokers give the topic that others are made from.
    let private templatePermission = 7

    let private brokerOf (settings: BrokerSettings) : BrokerData =
        {
            Cluster = settings.ClusterName
            BrokerName = settings.BrokerName
            Addresses = Map.ofList [ (0L, settings.BrokerAddress) ]
            HasActingMaster = None
            Zone = None
        }

    let private routeOf (settings: BrokerSettings) permission queues : TopicRoute =
        TopicRoute.create
            [
                {
                    BrokerName = settings.BrokerName
                    ReadQueues = queues
                    WriteQueues = queues
                    Permission = permission
                    TopicSysFlag = 0
                }
            ]
            [ brokerOf settings ]

    let private tryRoute topic (state: BrokerState) =
        match Map.tryFind topic state.Store.Topics with
        | Some stored -> Some(routeOf state.Settings readWrite stored.Queues.Length)
        | None when topic = Send.defaultTopic && state.Settings.AutoCreateTopics ->
            Some(routeOf state.Settings templatePermission state.Settings.MaxNewTopicQueues)
        | None -> None

    let route (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state GetRoute.operation.Decode (fun query ->
            let asksStandardJson =
                arrival.Command.Version >= ProtocolVersion.standardJsonRoutes
                || query.AcceptStandardJsonOnly = Some true

            let operation =
                if asksStandardJson then
                    GetRoute.operation
                else
                    GetRoute.old

            match tryRoute query.Topic state with
            | None ->
                let remark = $"No topic route info in name server for the topic: {query.Topic}"
                state, [ Answer.refuse arrival ResponseCode.TopicNotExist remark ]
            | Some route -> state, [ Answer.reply arrival (operation.Answer(route, arrival.Command)) ])

    let cluster (arrival: Arrival) (state: BrokerState) =
        let settings = state.Settings

        let info: ClusterInfo =
            {
                Brokers = Map.ofList [ (settings.BrokerName, brokerOf settings) ]
                Clusters = Map.ofList [ (settings.ClusterName, [ settings.BrokerName ]) ]
            }

        state, [ Answer.reply arrival (Cluster.info.Answer(info, arrival.Command)) ]

    let topics (arrival: Arrival) (state: BrokerState) =
        let topics: TopicList =
            {
                Topics = state.Store.Topics |> Map.toList |> List.map fst
                BrokerAddress = None
            }

        state, [ Answer.reply arrival (NameServerTopics.all.Answer(topics, arrival.Command)) ]

    // The key-value store

    let private spaceOf name (state: BrokerState) =
        Map.tryFind name state.KeyValues |> Option.defaultValue Map.empty

    let private withSpace name (values: Map<string, string>) (state: BrokerState) =
        { state with
            KeyValues = Map.add name values state.KeyValues
        }

    let put (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state KeyValueConfig.put.Decode (fun entry ->
            let values =
                spaceOf entry.Place.Namespace state |> Map.add entry.Place.Key entry.Value

            withSpace entry.Place.Namespace values state, [ Answer.succeed arrival ])

    let delete (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state KeyValueConfig.delete.Decode (fun place ->
            let values = spaceOf place.Namespace state |> Map.remove place.Key
            withSpace place.Namespace values state, [ Answer.succeed arrival ])

    let get (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state KeyValueConfig.get.Decode (fun place ->
            let value = spaceOf place.Namespace state |> Map.tryFind place.Key
            state, [ Answer.reply arrival (KeyValueConfig.get.Answer(value, arrival.Command)) ])

    let list (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state KeyValueConfig.list.Decode (fun space ->
            let values = Map.tryFind space state.KeyValues
            state, [ Answer.reply arrival (KeyValueConfig.list.Answer(values, arrival.Command)) ])
