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

    /// The pull's own filter or else what the group's members said.
    let private filterFor (pull: PullRequest) (state: BrokerState) =
        match pull.Filter with
        | Some filter -> Subscriptions.ofFilter filter
        | None ->
            Groups.subscription pull.ConsumerGroup pull.Topic pull.SubscriptionVersion state
            |> Result.bind Subscriptions.ofSubscription

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

    /// Why a topic cannot be read so.
    let private checkTopic (pull: PullRequest) (state: BrokerState) : Result<unit, ResponseCode * string> =
        match Map.tryFind pull.Topic state.Store.Topics with
        | None -> Error(ResponseCode.TopicNotExist, $"topic {pull.Topic} does not exist")
        | Some topic when topic.Config.Permission &&& readable = 0 ->
            Error(ResponseCode.NoPermission, $"the topic[{pull.Topic}] pulling message is forbidden")
        // A topic may have had more queues once; they are still there, and are not read any more.
        | Some topic when pull.QueueId < 0 || pull.QueueId >= topic.Config.ReadQueues ->
            let remark =
                $"queue {pull.QueueId} of topic {pull.Topic} does not exist, it has {topic.Config.ReadQueues}"

            Error(ResponseCode.SystemError, remark)
        | Some _ -> Ok()

    let private answerOrPark now (parked: ParkedPull) (state: BrokerState) =
        match readFor parked state with
        | ValueNone -> state, [ Answer.noTopic parked.Arrival parked.Pull.Topic ]
        | ValueSome reading when reading.Status = NoNewMessage && parked.DeadlineMillis > now ->
            { state with
                Parked = parked :: state.Parked
            },
            []
        | ValueSome reading -> state, [ pullAnswer parked reading ]

    let pull now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Pull.messages.Decode (fun pull ->
            match checkTopic pull state |> Result.bind (fun () -> filterFor pull state) with
            | Error(code, remark) -> state, [ Answer.refuse arrival code remark ]
            | Ok wants ->
                let parked =
                    {
                        Arrival = arrival
                        Pull = pull
                        Wants = wants
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
