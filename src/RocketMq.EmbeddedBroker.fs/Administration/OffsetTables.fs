namespace RocketMq.Embedded

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Who has consumed what, and offsets of groups as a whole. Source: AdminBrokerProcessor.java, ConsumerOffsetManager.java.
module internal OffsetTables =
    /// QUERY_TOPIC_CONSUME_BY_WHO: who subscribes to a topic now, and who has committed something of it.
    let groupsOf (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state GroupProgress.groupsOf.Decode (fun topic ->
            let subscribed =
                [
                    for KeyValue(name, group) in state.Groups do
                        if group.Subscriptions.ContainsKey topic then
                            name
                ]

            let groups =
                subscribed @ CommittedOffsets.groupsOf topic state.Store.Committed
                |> List.distinct

            state, [ Answer.reply arrival (GroupProgress.groupsOf.Answer(groups, arrival.Command)) ])

    /// QUERY_TOPICS_BY_CONSUMER: the topics that a group has committed something of.
    let topicsOf (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state GroupProgress.topicsOf.Decode (fun group ->
            let topics: TopicList =
                {
                    Topics = CommittedOffsets.topicsOf group state.Store.Committed
                    BrokerAddress = Some state.Settings.BrokerAddress
                }

            state, [ Answer.reply arrival (GroupProgress.topicsOf.Answer(topics, arrival.Command)) ])

    /// QUERY_SUBSCRIPTION_BY_CONSUMER: what the members said of a topic.
    let subscriptionOf (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state GroupProgress.subscriptionOf.Decode (fun query ->
            let topic = Option.defaultValue "" query.Topic

            let answer: GroupSubscription =
                {
                    Group = query.Group
                    Topic = topic
                    Subscription =
                        Map.tryFind query.Group state.Groups
                        |> Option.bind (fun group -> Map.tryFind topic group.Subscriptions)
                }

            state, [ Answer.reply arrival (GroupProgress.subscriptionOf.Answer(answer, arrival.Command)) ])

    let private version counter (state: BrokerState) : DataVersion =
        {
            Timestamp = state.Statistics.BootMillis
            Counter = counter
            StateVersion = if state.Settings.IsBefore5 then None else Some 0L
        }

    /// GET_ALL_CONSUMER_OFFSET.
    let all (arrival: Arrival) (state: BrokerState) =
        let since5 value =
            if state.Settings.IsBefore5 then None else Some value

        let offsets =
            Map.ofList
                [
                    for KeyValue(group, topics) in state.Store.Committed do
                        for KeyValue(topic, queues) in topics do
                            $"{topic}@{group}", queues
                ]

        let topics =
            state.Store.Committed |> Map.map (fun _ topics -> List.ofSeq topics.Keys)

        let table: ConsumerOffsetTable =
            {
                Offsets = offsets
                Version = Some(version 0L state)
                Topics = since5 topics
                PullOffsets = since5 Map.empty
                ResetOffsets = since5 Map.empty
            }

        state, [ Answer.reply arrival (GroupProgress.allOffsets.Answer(table, arrival.Command)) ]

    /// GET_ALL_DELAY_OFFSET.
    let delays (arrival: Arrival) (state: BrokerState) =
        let table: DelayOffsetTable =
            {
                Offsets =
                    ScheduledDelivery.progress state
                    |> List.map (fun (level, delivered, _) -> level, delivered)
                    |> Map.ofList
                Version = Some(version 0L state)
            }

        state, [ Answer.reply arrival (GroupProgress.delayOffsets.Answer(table, arrival.Command)) ]

    /// Whether a group that is online would not be asked about a topic.
    let private isElsewhere group topic (state: BrokerState) =
        match Map.tryFind group state.Groups with
        | Some members -> not members.Subscriptions.IsEmpty && not (members.Subscriptions.ContainsKey topic)
        | None -> false

    /// CLONE_GROUP_OFFSET of one topic. As in Java without a topic nothing is cloned, and that is a success.
    let clone (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state GroupProgress.clone.Decode (fun clone ->
            let topic = Option.defaultValue "" clone.Topic

            let isLeftOut =
                not (state.Store.Topics.ContainsKey topic)
                || (clone.IsOffline <> Some true && isElsewhere clone.FromGroup topic state)

            let state =
                if isLeftOut then
                    state
                else
                    { state with
                        BrokerState.Store.Committed =
                            CommittedOffsets.clone clone.FromGroup clone.ToGroup topic state.Store.Committed
                    }

            state, [ Answer.succeed arrival ])

    /// By queue the least offset that groups have committed, of what is still there.
    let private leastOffsets topic (ignored: string list) (state: BrokerState) : Map<int, int64> =
        let isThere queueId offset =
            match Store.tryQueue topic queueId state.Store with
            | ValueSome queue -> offset >= queue.MinOffset
            | ValueNone -> true

        (Map.empty, CommittedOffsets.groupsOf topic state.Store.Committed)
        ||> List.fold (fun least group ->
            if List.contains group ignored then
                least
            else
                (least, CommittedOffsets.ofTopic group topic state.Store.Committed)
                ||> Map.fold (fun least queueId offset ->
                    if isThere queueId offset then
                        Map.change queueId (fun known -> Some(min offset (Option.defaultValue offset known))) least
                    else
                        least))

    /// QUERY_CORRECTION_OFFSET. Java's broker also forgets the offsets of the groups to be ignored; this one does not.
    let corrections (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state GroupProgress.corrections.Decode (fun query ->
            let ignored =
                (Option.defaultValue "" query.FilterGroups).Split(',', StringSplitOptions.RemoveEmptyEntries)
                |> List.ofArray

            let least = leastOffsets query.Topic ignored state

            let offsets =
                (least, CommittedOffsets.ofTopic query.CompareGroup query.Topic state.Store.Committed)
                ||> Map.fold (fun offsets queueId compared ->
                    match Map.tryFind queueId offsets with
                    | Some offset when offset > compared -> Map.add queueId Int64.MaxValue offsets
                    | _ -> offsets)

            state, [ Answer.reply arrival (GroupProgress.corrections.Answer(offsets, arrival.Command)) ])
