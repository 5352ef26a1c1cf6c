namespace RocketMq.Embedded

open RocketMq.Protocol

/// What a name server says of routes, brokers, topics and values.
module internal NameServerRequests =
    let private orderedTopics = "ORDER_TOPIC_CONFIG"

    /// The queues that an operator has fixed. Name servers of Apache's have orderMessageEnable off until somebody sets it.
    let private tryOrder topic (state: NameServerState) =
        if NameServerConfiguration.isOn "orderMessageEnable" state then
            Map.tryFind orderedTopics state.KeyValues |> Option.bind (Map.tryFind topic)
        else
            None

    let private tryRoute topic (state: NameServerState) =
        match Map.tryFind topic state.Topics with
        | None -> None
        | Some queues ->
            let brokers =
                queues.Keys
                |> Seq.choose (fun name -> Map.tryFind name state.Brokers)
                |> List.ofSeq

            if brokers.IsEmpty then
                None
            else
                Some
                    { TopicRoute.create (List.ofSeq queues.Values) brokers with
                        OrderedTopic = tryOrder topic state
                    }

    let route (arrival: Arrival) (state: NameServerState) =
        Answer.decoding arrival state GetRoute.operation.Decode (fun query ->
            let isStandardJson =
                arrival.Command.Version >= ProtocolVersion.standardJsonRoutes
                || query.AcceptStandardJsonOnly = Some true

            let operation = if isStandardJson then GetRoute.operation else GetRoute.old

            match tryRoute query.Topic state with
            | None ->
                let remark = $"No topic route info in name server for the topic: {query.Topic}"
                state, [ Answer.refuse arrival ResponseCode.TopicNotExist remark ]
            | Some route -> state, [ Answer.reply arrival (operation.Answer(route, arrival.Command)) ])

    let private clusters (state: NameServerState) : Map<string, string list> =
        state.Brokers.Values
        |> List.ofSeq
        |> List.groupBy _.Cluster
        |> List.map (fun (cluster, brokers) -> cluster, brokers |> List.map _.BrokerName)
        |> Map.ofList

    let cluster (arrival: Arrival) (state: NameServerState) =
        let info: ClusterInfo =
            {
                Brokers = state.Brokers
                Clusters = clusters state
            }

        state, [ Answer.reply arrival (Cluster.info.Answer(info, arrival.Command)) ]

    // Topics

    let private answerTopics
        (arrival: Arrival)
        (operation: Operation<'Query, TopicList>)
        address
        topics
        (state: NameServerState)
        =
        let topics: TopicList =
            {
                Topics = topics
                BrokerAddress = address
            }

        state, [ Answer.reply arrival (operation.Answer(topics, arrival.Command)) ]

    /// Lists that a setting has switched off are refused.
    let private ifOn setting (arrival: Arrival) (state: NameServerState) answer =
        if NameServerConfiguration.isOn setting state then
            answer ()
        else
            state, [ Answer.refuse arrival ResponseCode.SystemError "disable" ]

    let topics (arrival: Arrival) (state: NameServerState) =
        ifOn "enableAllTopicList" arrival state (fun () ->
            answerTopics arrival NameServerTopics.all None (List.ofSeq state.Topics.Keys) state)

    let private unit' = 1
    let private unitSubscribers = 2

    let private topicsByFlag (arrival: Arrival) operation isSought (state: NameServerState) =
        ifOn "enableTopicList" arrival state (fun () ->
            let names =
                [
                    for KeyValue(topic, queues) in state.Topics do
                        match Seq.tryHead queues.Values with
                        | Some first when isSought first.TopicSysFlag -> topic
                        | _ -> ()
                ]

            answerTopics arrival operation None names state)

    let unitTopics arrival state =
        topicsByFlag arrival NameServerTopics.ofUnits (fun flag -> flag &&& unit' <> 0) state

    let topicsWithUnitSubscribers arrival state =
        topicsByFlag arrival NameServerTopics.withUnitSubscribers (fun flag -> flag &&& unitSubscribers <> 0) state

    let topicsOutsideUnits arrival state =
        topicsByFlag
            arrival
            NameServerTopics.outsideUnitsWithUnitSubscribers
            (fun flag -> flag &&& unitSubscribers <> 0 && flag &&& unit' = 0)
            state

    /// Clusters and brokers: each has a topic of its name on real brokers.
    let systemTopics (arrival: Arrival) (state: NameServerState) =
        let names =
            clusters state
            |> Map.toList
            |> List.collect (fun (cluster, brokers) -> cluster :: brokers)

        let address =
            state.Brokers.Values
            |> Seq.tryPick (fun broker -> Seq.tryHead broker.Addresses.Values)

        answerTopics arrival NameServerTopics.system address names state

    let topicsOfCluster (arrival: Arrival) (state: NameServerState) =
        ifOn "enableTopicList" arrival state (fun () ->
            Answer.decoding arrival state NameServerTopics.ofCluster.Decode (fun cluster ->
                let brokers = Map.tryFind cluster (clusters state) |> Option.defaultValue []

                let names =
                    brokers
                    |> List.collect (fun broker ->
                        state.Topics
                        |> Map.toList
                        |> List.filter (fun (_, queues) -> queues.ContainsKey broker)
                        |> List.map fst)
                    // As in Java each broker of the cluster tells its own: a topic of two brokers is there twice.

                answerTopics arrival NameServerTopics.ofCluster None names state))

    let deleteTopic (arrival: Arrival) (state: NameServerState) =
        Answer.decoding arrival state NameServerTopics.delete.Decode (fun removal ->
            let state =
                match removal.ClusterName with
                | Some cluster when cluster <> "" -> Registry.withoutTopicIn cluster removal.Topic state
                | _ ->
                    { state with
                        Topics = Map.remove removal.Topic state.Topics
                    }

            state, [ Answer.succeed arrival ])

    /// Queues on a broker that is not known are a reason to take none of them, and are no error, as in Java.
    let registerTopic (arrival: Arrival) (state: NameServerState) =
        Answer.decoding arrival state NameServerTopics.register.Decode (fun registration ->
            let queues = registration.Route.Queues

            let areKnown =
                queues
                |> List.forall (fun queues -> state.Brokers.ContainsKey queues.BrokerName)

            let state =
                if areKnown && not queues.IsEmpty then
                    List.fold (fun state queues -> Registry.withQueues registration.Topic queues state) state queues
                else
                    state

            state, [ Answer.succeed arrival ])

    // Permissions

    let private changePermission
        (arrival: Arrival)
        (operation: Operation<string, int>)
        change
        (state: NameServerState)
        =
        Answer.decoding arrival state operation.Decode (fun brokerName ->
            let struct (touched, state) = Registry.changePermission brokerName change state
            state, [ Answer.reply arrival (operation.Answer(touched, arrival.Command)) ])

    let wipeWritePermission arrival state =
        changePermission
            arrival
            NameServerTopics.wipeWritePermission
            (fun permission -> permission &&& ~~~Permission.write)
            state

    /// As in Java the topic can be read then as well, whatever it was before.
    let addWritePermission arrival state =
        changePermission arrival NameServerTopics.addWritePermission (fun _ -> Permission.readWrite) state

    // The key-value store

    let private spaceOf name (state: NameServerState) =
        Map.tryFind name state.KeyValues |> Option.defaultValue Map.empty

    let private withSpace name (values: Map<string, string>) (state: NameServerState) =
        { state with
            KeyValues = Map.add name values state.KeyValues
        }

    let put (arrival: Arrival) (state: NameServerState) =
        Answer.decoding arrival state KeyValueConfig.put.Decode (fun entry ->
            let values =
                spaceOf entry.Place.Namespace state |> Map.add entry.Place.Key entry.Value

            withSpace entry.Place.Namespace values state, [ Answer.succeed arrival ])

    let delete (arrival: Arrival) (state: NameServerState) =
        Answer.decoding arrival state KeyValueConfig.delete.Decode (fun place ->
            let values = spaceOf place.Namespace state |> Map.remove place.Key
            withSpace place.Namespace values state, [ Answer.succeed arrival ])

    let get (arrival: Arrival) (state: NameServerState) =
        Answer.decoding arrival state KeyValueConfig.get.Decode (fun place ->
            match spaceOf place.Namespace state |> Map.tryFind place.Key with
            | Some value ->
                state,
                [
                    Answer.reply arrival (KeyValueConfig.get.Answer(Some value, arrival.Command))
                ]
            | None ->
                let remark = $"No config item, Namespace: {place.Namespace} Key: {place.Key}"
                state, [ Answer.refuse arrival ResponseCode.QueryNotFound remark ])

    let list (arrival: Arrival) (state: NameServerState) =
        Answer.decoding arrival state KeyValueConfig.list.Decode (fun space ->
            match Map.tryFind space state.KeyValues with
            | Some values ->
                state,
                [
                    Answer.reply arrival (KeyValueConfig.list.Answer(Some values, arrival.Command))
                ]
            | None ->
                let remark = $"No config item, Namespace: {space}"
                state, [ Answer.refuse arrival ResponseCode.QueryNotFound remark ])
