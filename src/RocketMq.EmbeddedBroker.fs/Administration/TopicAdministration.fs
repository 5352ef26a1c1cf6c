namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// What administrators ask a broker about its topics. Source: AdminBrokerProcessor.java, TopicConfigManager.java.
module internal TopicAdministration =
    /// The topic that others are made from: read, write and inherit.
    let templateOf (settings: BrokerSettings) : TopicConfig list =
        if settings.AutoCreateTopics then
            [
                { Store.config Send.defaultTopic settings.MaxNewTopicQueues with
                    Permission = 7
                }
            ]
        else
            []

    /// As 5.x answers what is wrong with a request, or 4.x.
    let private refuseInvalid (arrival: Arrival) (state: BrokerState) remark =
        let code =
            if state.Settings.IsBefore5 then
                ResponseCode.SystemError
            else
                ResponseCode.InvalidParameter

        Answer.refuse arrival code remark

    let private isReserved topic (state: BrokerState) =
        SystemTopics.isSystem topic
        || topic = state.Settings.ClusterName
        || topic = state.Settings.BrokerName
        || topic = SystemTopics.reply state.Settings.ClusterName

    let private checkName (topic: string) (state: BrokerState) =
        if isReserved topic state then
            Error $"The topic[{topic}] is conflict with system topic."
        else
            Names.checkTopic topic
            |> Result.map ignore
            |> Result.mapError (fun error -> error.Message)

    let private mostQueues = 65_536

    let private checkQueues (config: TopicConfig) =
        // 0 takes all queues out of use, as in Java.
        let isSensible count = count >= 0 && count <= mostQueues

        if isSensible config.ReadQueues && isSensible config.WriteQueues then
            Ok()
        else
            Error(invariant $"a topic has 0 to {mostQueues} queues, not {config.ReadQueues} and {config.WriteQueues}")

    let private tryConfig topic (state: BrokerState) : TopicConfig option =
        Map.tryFind topic state.Store.Topics |> Option.map _.Config

    /// The settings with the attributes that the topic gets by these changes.
    let private withAttributes (changes: Map<string, string>) (config: TopicConfig) (state: BrokerState) =
        if state.Settings.IsBefore5 then
            Ok { config with Attributes = None }
        else
            let current =
                tryConfig config.Name state
                |> Option.map (fun known -> Option.defaultValue Map.empty known.Attributes)

            Attributes.alter Attributes.ofTopics current changes
            |> Result.map (fun attributes ->
                { config with
                    Attributes = if attributes.IsEmpty then None else Some attributes
                })

    /// Makes a topic or changes it, or says why not.
    let private configure (arrival: Arrival) (config: TopicConfig) changes (state: BrokerState) =
        match checkName config.Name state with
        | Error reason -> Error(refuseInvalid arrival state reason)
        | Ok() ->
            checkQueues config
            |> Result.bind (fun () -> withAttributes changes config state)
            |> Result.mapError (Answer.refuse arrival ResponseCode.SystemError)
            |> Result.map (fun config ->
                if tryConfig config.Name state = Some config then
                    state
                else
                    { state with
                        Store = Store.configure config state.Store
                    })

    let private configOf (create: CreateTopic) (state: BrokerState) : TopicConfig =
        {
            Name = create.Topic
            ReadQueues = create.ReadQueues
            WriteQueues = create.WriteQueues
            Permission = create.Permission
            FilterType = create.FilterType
            SysFlag = Option.defaultValue 0 create.SysFlag
            // 4.x reads it, and forgets it.
            IsOrderly = create.IsOrderly && not state.Settings.IsBefore5
            Attributes = None
        }

    /// UPDATE_AND_CREATE_TOPIC.
    let create (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Topics.create.Decode (fun create ->
            match Attributes.parse (Option.defaultValue "" create.Attributes) with
            | Error reason -> state, [ Answer.refuse arrival ResponseCode.SystemError reason ]
            | Ok changes ->
                match configure arrival (configOf create state) changes state with
                | Error refusal -> state, [ refusal ]
                | Ok state -> state, [ Answer.succeed arrival ])

    /// UPDATE_AND_CREATE_TOPIC_LIST: all or none. As in Java nothing is changed, and nothing refused, if one of the topics is
    /// there already just so.
    let createMany (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Topics.createMany.Decode (fun configs ->
            let isThere (config: TopicConfig) =
                tryConfig config.Name state = Some
                    { config with
                        Attributes = config.Attributes |> Option.filter (fun attributes -> not attributes.IsEmpty)
                    }

            let change result (config: TopicConfig) =
                result
                |> Result.bind (fun state ->
                    configure
                        arrival
                        { config with Attributes = None }
                        (Option.defaultValue Map.empty config.Attributes)
                        state)

            if List.exists isThere configs then
                state, [ Answer.succeed arrival ]
            else
                match List.fold change (Ok state) configs with
                | Error refusal -> state, [ refusal ]
                | Ok state -> state, [ Answer.succeed arrival ])

    // Deleting

    let private without (state: BrokerState) topic =
        state.Statistics.ForgetTopic topic

        let store = Store.withoutTopic topic state.Store

        { state with
            Store =
                if state.Settings.IsBefore5 then
                    store
                else
                    { store with
                        Committed = CommittedOffsets.withoutTopic topic store.Committed
                    }
        }

    /// The topics that pops retry messages of a topic in, whose groups have committed something of it.
    let private popRetryTopics topic (state: BrokerState) : string list =
        if state.Settings.IsBefore5 then
            []
        else
            CommittedOffsets.groupsOf topic state.Store.Committed
            |> List.map (fun group -> PopSource.topicOf group topic OfRetry)
            |> List.filter state.Store.Topics.ContainsKey

    /// DELETE_TOPIC_IN_BROKER. A topic that is not there is deleted as well as any other.
    let delete (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Topics.delete.Decode (fun topic ->
            let refusal =
                if topic.Trim() = "" then
                    Some "The specified topic is blank."
                elif state.Settings.IsBefore5 then
                    match checkName topic state with
                    | Error reason -> Some reason
                    | Ok() -> None
                elif isReserved topic state then
                    Some $"The topic[{topic}] is conflict with system topic."
                else
                    None

            match refusal with
            | Some remark -> state, [ refuseInvalid arrival state remark ]
            | None -> List.fold without state (topic :: popRetryTopics topic state), [ Answer.succeed arrival ])

    // Asking

    /// Brokers of 5.x have attributes of all topics, if only an empty list of them.
    let private shown (settings: BrokerSettings) (config: TopicConfig) : TopicConfig =
        { config with
            Attributes =
                if settings.IsBefore5 then
                    None
                else
                    Some(Option.defaultValue Map.empty config.Attributes)
        }

    /// GET_ALL_TOPIC_CONFIG.
    let all (arrival: Arrival) (state: BrokerState) =
        let settings = state.Settings

        let topics =
            (state.Store.Topics |> Map.map (fun _ topic -> shown settings topic.Config), templateOf settings)
            ||> List.fold (fun topics template -> Map.add template.Name (shown settings template) topics)

        let since5 value =
            if settings.IsBefore5 then None else Some value

        let version counter timestamp =
            {
                Timestamp = timestamp
                Counter = counter
                StateVersion = since5 0L
            }

        let table: TopicTable =
            {
                Topics = topics
                Version = Some(version state.Store.ConfigChanges state.Store.TopicsChangedMillis)
                MappingVersion = since5 (version 0L state.Statistics.BootMillis)
                MappingInfos = None
                MappingDetails = since5 Map.empty
            }

        state, [ Answer.reply arrival (Topics.all.Answer(table, arrival.Command)) ]

    /// GET_TOPIC_CONFIG.
    let one (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Topics.config.Decode (fun query ->
            match
                tryConfig query.Topic state
                |> Option.orElse (
                    templateOf state.Settings
                    |> List.tryFind (fun template -> template.Name = query.Topic)
                )
            with
            | None ->
                let remark = $"No topic in this broker. topic: {query.Topic}"
                state, [ Answer.refuse arrival ResponseCode.TopicNotExist remark ]
            | Some config ->
                let detail =
                    {
                        Config = shown state.Settings config
                        Mapping = None
                    }

                state, [ Answer.reply arrival (Topics.config.Answer(detail, arrival.Command)) ])

    let private rangeOf (queue: StoredQueue) : QueueRange =
        {
            MinOffset = queue.MinOffset
            MaxOffset = queue.MaxOffset
            LastUpdateTimestamp =
                match StoredQueue.tryAt (queue.MaxOffset - 1L) queue with
                | ValueSome record -> record.StoreTimestamp
                // As in Java, of a queue whose messages are all gone.
                | ValueNone when queue.MaxOffset > 0L -> -1L
                | ValueNone -> 0L
        }

    /// GET_TOPIC_STATS_INFO.
    let statistics (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Statistics.ofTopic.Decode (fun name ->
            match Map.tryFind name state.Store.Topics with
            | None ->
                state,
                [
                    Answer.refuse arrival ResponseCode.TopicNotExist $"topic[{name}] not exist"
                ]
            | Some topic ->
                let queues =
                    [
                        for queueId in 0 .. max topic.Config.ReadQueues topic.Config.WriteQueues - 1 ->
                            ({
                                Topic = name
                                BrokerName = state.Settings.BrokerName
                                QueueId = queueId
                            }
                            : MessageQueue),
                            rangeOf topic.Queues[queueId]
                    ]

                let stats: TopicStats =
                    {
                        Queues = Map.ofList queues
                        PutsPerSecond =
                            if state.Settings.IsBefore5 then
                                None
                            else
                                Some(state.Statistics.PutsPerSecond name)
                    }

                state, [ Answer.reply arrival (Statistics.ofTopic.Answer(stats, arrival.Command)) ])

    /// GET_SYSTEM_TOPIC_LIST_FROM_BROKER.
    let system (arrival: Arrival) (state: BrokerState) =
        let settings = state.Settings

        let topics: TopicList =
            {
                Topics = SystemTopics.all settings.ClusterName settings.BrokerName settings.IsBefore5
                BrokerAddress = None
            }

        state, [ Answer.reply arrival (Topics.system.Answer(topics, arrival.Command)) ]
