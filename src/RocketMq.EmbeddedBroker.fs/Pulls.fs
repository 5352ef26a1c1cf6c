namespace RocketMq.Embedded

open RocketMq.Protocol

/// Pulls, and those of them that wait for a message.
module internal Pulls =
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

    let private readFor (parked: ParkedPull) (store: Store) =
        Store.tryQueue parked.Pull.Topic parked.Pull.QueueId store
        |> ValueOption.map (fun queue -> Store.read queue parked.Pull.QueueOffset parked.Pull.MaxMessages parked.Wants)

    /// Answers the parked pulls that have something now.
    let wake topic queueId (state: BrokerState) =
        let tryAnswer (parked: ParkedPull) =
            if parked.Pull.Topic = topic && parked.Pull.QueueId = queueId then
                match readFor parked state.Store with
                | ValueSome reading when reading.Status = Found || reading.Status = OffsetMoved ->
                    Choice1Of2(pullAnswer parked reading)
                | _ -> Choice2Of2 parked
            else
                Choice2Of2 parked

        let answers, parked = List.partitionWith tryAnswer state.Parked
        { state with Parked = parked }, answers

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

    let private wants expression =
        match Filter.tags expression |> List.map Filter.tagHash with
        | [] -> fun _ -> true
        | hashes -> fun hash -> List.contains hash hashes

    let private commitOf (pull: PullRequest) (state: BrokerState) =
        match pull.CommitOffset with
        | Some offset ->
            let queue =
                {
                    ConsumerGroup = pull.ConsumerGroup
                    Topic = pull.Topic
                    QueueId = pull.QueueId
                }

            { state with
                Store = Store.commit queue offset state.Store
            }
        | None -> state

    let private answerOrPark now (parked: ParkedPull) (state: BrokerState) =
        match readFor parked state.Store with
        | ValueNone when not (Map.containsKey parked.Pull.Topic state.Store.Topics) ->
            state, [ Answer.noTopic parked.Arrival parked.Pull.Topic ]
        | ValueNone ->
            let remark =
                $"queue {parked.Pull.QueueId} of topic {parked.Pull.Topic} does not exist"

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
            match readFor parked state.Store with
            | ValueSome reading -> pullAnswer parked reading
            | ValueNone -> Answer.noTopic parked.Arrival parked.Pull.Topic

        { state with Parked = waiting }, List.map answer due
