namespace RocketMq.Embedded

open RocketMq.Protocol

/// Pulls, and those of them that wait for a message.
module internal Pulls =
    /// A slave whose master runs sends those away who find nothing, and no slave corrects a position.
    let private asOfRole (state: BrokerState) (parked: ParkedPull) (reading: Reading) : Reading =
        if state.Settings.BrokerId = 0L || reading.Status = Found then
            reading
        elif reading.Status = OffsetMoved then
            { reading with
                Status = NoMatch
                NextOffset = parked.Pull.QueueOffset
            }
        elif state.HasMaster then
            { reading with Status = NoMatch }
        else
            reading

    let private pullAnswer (parked: ParkedPull) (reading: Reading) =
        let answer: PullAnswer =
            {
                Status = reading.Status
                NextOffset = reading.NextOffset
                MinOffset = reading.MinOffset
                MaxOffset = reading.MaxOffset
                SuggestedBrokerId = 0L
                OffsetDelta = None
                TopicSysFlag = None
                GroupSysFlag = None
                Records = reading.Records
            }

        let remark =
            match reading.Status with
            | Found -> "FOUND"
            | NoNewMessage -> "OFFSET_OVERFLOW_ONE"
            | NoMatch -> "NO_MATCHED_MESSAGE"
            | OffsetMoved -> "OFFSET_OVERFLOW_BADLY"

        Answer.reply
            parked.Arrival
            (Pull.messages.Answer(answer, parked.Arrival.Command)
             |> Command.withRemark remark)

    let private readFor (parked: ParkedPull) (state: BrokerState) =
        Store.tryQueue parked.Pull.Topic parked.Pull.QueueId state.Store
        |> ValueOption.map (fun queue ->
            Store.read queue parked.Pull.QueueOffset parked.Pull.MaxMessages parked.Wants
            |> asOfRole state parked)

    let private wakeThose isTheirs (state: BrokerState) =
        let tryAnswer (parked: ParkedPull) =
            if isTheirs parked then
                match readFor parked state with
                | ValueSome reading when reading.Status = Found || reading.Status = OffsetMoved ->
                    Choice1Of2(pullAnswer parked reading)
                | _ -> Choice2Of2 parked
            else
                Choice2Of2 parked

        if state.Parked.IsEmpty then
            state, []
        else
            match List.partitionWith tryAnswer state.Parked with
            | [], _ -> state, []
            | answers, parked -> { state with Parked = parked }, answers

    /// Answers the parked pulls of a queue that have something now.
    let wake topic queueId (state: BrokerState) =
        wakeThose (fun parked -> parked.Pull.Topic = topic && parked.Pull.QueueId = queueId) state

    /// Answers all parked pulls that have something now.
    let wakeAll (state: BrokerState) = wakeThose (fun _ -> true) state

    /// What the pull's own filter or else the group's heartbeat asks for.
    let private filterFor (pull: PullRequest) (state: BrokerState) =
        let subscribed (heartbeat: Heartbeat) =
            heartbeat.Consumers
            |> List.tryFind (fun consumer -> consumer.Group = pull.ConsumerGroup)
            |> Option.bind (fun consumer ->
                consumer.Subscriptions
                |> List.tryFind (fun subscription -> subscription.Topic = pull.Topic))
            |> Option.map (fun subscription -> subscription.Filter)

        pull.Filter
        |> Option.orElseWith (fun () -> Map.tryPick (fun _ heartbeat -> subscribed heartbeat) state.Clients)

    /// By tags that are joined with "||", or all.
    let wants expression =
        match Filter.tags expression |> List.map Filter.tagHash with
        | [] -> fun _ -> true
        | hashes -> fun hash -> List.contains hash hashes

    let private commitOf (pull: PullRequest) (state: BrokerState) =
        match pull.CommitOffset with
        | Some offset when state.Settings.BrokerId = 0L ->
            let queue =
                {
                    ConsumerGroup = pull.ConsumerGroup
                    Topic = pull.Topic
                    QueueId = pull.QueueId
                }

            { state with
                Store = Store.commit queue offset state.Store
            }
        | _ -> state

    let private readable = 0x4

    let private answerOrPark now (parked: ParkedPull) (state: BrokerState) =
        let pull = parked.Pull

        match Map.tryFind pull.Topic state.Store.Topics with
        | None -> state, [ Answer.noTopic parked.Arrival pull.Topic ]
        | Some topic when topic.Config.Permission &&& readable = 0 ->
            let remark = $"the topic[{pull.Topic}] pulling message is forbidden"
            state, [ Answer.refuse parked.Arrival ResponseCode.NoPermission remark ]
        // A topic may have had more queues once; they are still there, and are not read any more.
        | Some topic when pull.QueueId >= topic.Config.ReadQueues ->
            let remark =
                $"queue {pull.QueueId} of topic {pull.Topic} does not exist, it has {topic.Config.ReadQueues}"

            state, [ Answer.refuse parked.Arrival ResponseCode.SystemError remark ]
        | Some _ ->
            match readFor parked state with
            | ValueNone ->
                let remark = $"queue {pull.QueueId} of topic {pull.Topic} does not exist"
                state, [ Answer.refuse parked.Arrival ResponseCode.SystemError remark ]
            | ValueSome reading when reading.Status = NoNewMessage && parked.DeadlineMillis > now ->
                { state with
                    Parked = parked :: state.Parked
                },
                []
            | ValueSome reading -> state, [ pullAnswer parked reading ]

    let pull now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Pull.messages.Decode (fun pull ->
            match filterFor pull state with
            | None ->
                let remark = $"the consumer's subscription not exist: {pull.ConsumerGroup}"
                state, [ Answer.refuse arrival ResponseCode.SubscriptionNotExist remark ]
            | Some(BySql92 _) ->
                let remark = "the embedded broker filters by tag only"
                state, [ Answer.refuse arrival ResponseCode.SystemError remark ]
            | Some(ByTag expression) ->
                let parked =
                    {
                        Arrival = arrival
                        Pull = pull
                        Wants = wants expression
                        DeadlineMillis = now + int64 pull.Suspend.TotalMilliseconds
                    }

                answerOrPark now parked (commitOf pull state))

    /// Answers the parked pulls whose time is up.
    let expire now (state: BrokerState) =
        let due, waiting =
            state.Parked |> List.partition (fun parked -> parked.DeadlineMillis <= now)

        let answer (parked: ParkedPull) =
            match readFor parked state with
            | ValueSome reading -> pullAnswer parked reading
            | ValueNone -> Answer.noTopic parked.Arrival parked.Pull.Topic

        { state with Parked = waiting }, List.map answer due
