namespace RocketMq.Embedded

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Pulls, and those of them that wait for a message.
module internal Pulls =
    /// A slave whose master runs sends those away who find nothing, and no slave corrects an offset.
    let private asOfRole (state: BrokerState) (parked: ParkedPull) (reading: Reading) : Reading =
        if state.Settings.BrokerId = 0L || reading.Status = PullStatus.Found then
            reading
        elif reading.Status = PullStatus.OffsetMoved then
            { reading with
                Status = PullStatus.NoMatch
                NextOffset = parked.Pull.QueueOffset
            }
        elif state.HasMaster && not reading.IsFarBehind then
            { reading with
                Status = PullStatus.NoMatch
            }
        else
            reading

    /// The broker that a group is to pull from next, as its settings say.
    let private suggestedBroker (state: BrokerState) (parked: ParkedPull) (reading: Reading) =
        if not state.Settings.SlaveReads then
            0L
        else
            let group = Groups.configOf parked.Pull.ConsumerGroup state

            if reading.IsFarBehind then
                group.BrokerIdWhenSlow
            else
                group.BrokerId

    let private pullAnswer (state: BrokerState) (parked: ParkedPull) (reading: Reading) =
        let answer: PullAnswer =
            {
                Status = reading.Status
                NextOffset = reading.NextOffset
                MinOffset = reading.MinOffset
                MaxOffset = reading.MaxOffset
                SuggestedBrokerId = suggestedBroker state parked reading
                OffsetDelta = None
                TopicSysFlag = None
                GroupSysFlag = None
                Records = reading.Records
            }

        Answer.reply
            parked.Arrival
            (Pull.messages.Answer(answer, parked.Arrival.Command)
             |> Command.withRemark reading.Remark)

    let private count (pull: PullRequest) (reading: Reading) (statistics: BrokerStatistics) =
        if reading.Status = PullStatus.Found then
            statistics.Get(pull.ConsumerGroup, pull.Topic, reading.Count, reading.Records.Length)
        else
            statistics.Miss()

        statistics.PullTo(pull.ConsumerGroup, pull.Topic, pull.QueueId, reading.NextOffset)

    let private readFor (parked: ParkedPull) (state: BrokerState) =
        Store.tryQueue parked.Pull.Topic parked.Pull.QueueId state.Store
        |> ValueOption.map (fun queue ->
            let reading =
                QueueReading.read state.Store queue parked.Pull.QueueOffset parked.Pull.MaxMessages parked.Matches

            count parked.Pull reading state.Statistics
            asOfRole state parked reading)

    let private key (pull: PullRequest) : TopicQueue =
        {
            Topic = pull.Topic
            QueueId = pull.QueueId
        }

    let private park (parked: ParkedPull) (state: BrokerState) =
        let wait =
            {
                Ticket = parked.Arrival.Ticket
                Connection = parked.Arrival.Connection
                DeadlineMillis = parked.DeadlineMillis
                Key = key parked.Pull
                Request = parked
            }

        { state with
            Parked = Waits.add wait state.Parked
        }

    /// Forgets the pulls that a connection that has ended waited for.
    let leave connection (state: BrokerState) =
        match Waits.ofConnection connection state.Parked with
        | [] -> state, []
        | gone ->
            { state with
                Parked = Waits.removeAll gone state.Parked
            },
            gone |> List.map (fun wait -> Forget wait.Ticket)

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

    /// Why a topic cannot be read so.
    let private checkTopic (pull: PullRequest) (state: BrokerState) : Result<unit, ResponseCode * string> =
        match Map.tryFind pull.Topic state.Store.Topics with
        | _ when not (Permission.isReadable state.Settings.Permission) ->
            Error(ResponseCode.NoPermission, $"the broker[{state.Settings.BrokerAddress}] pulling message is forbidden")
        | None -> Error(ResponseCode.TopicNotExist, $"topic {pull.Topic} does not exist")
        | Some topic when not topic.Config.IsReadable ->
            Error(ResponseCode.NoPermission, $"the topic[{pull.Topic}] pulling message is forbidden")
        // A topic may have had more queues once; they are still there, and are not read any more.
        | Some topic when pull.QueueId < 0 || pull.QueueId >= topic.Config.ReadQueues ->
            let remark =
                invariant $"queue {pull.QueueId} of topic {pull.Topic} does not exist, it has {topic.Config.ReadQueues}"

            Error(ResponseCode.SystemError, remark)
        | Some _ -> Ok()

    /// What a pull may have, as its topic and its group's subscriptions are now.
    let private admit (pull: PullRequest) (state: BrokerState) =
        Groups.check pull.ConsumerGroup state
        |> Result.bind (fun () -> checkTopic pull state)
        |> Result.bind (fun () -> filterFor pull state)

    /// Answers a pull that has waited as if it came now, and would not wait.
    let private replay (state: BrokerState) (parked: ParkedPull) =
        match admit parked.Pull state with
        | Error(code, remark) -> Answer.refuse parked.Arrival code remark
        | Ok matches ->
            match readFor { parked with Matches = matches } state with
            | ValueSome reading -> pullAnswer state parked reading
            | ValueNone -> Answer.noTopic parked.Arrival parked.Pull.Topic

    /// Answers those parked pulls of a queue that want one of its messages from an offset on.
    let private wakeFrom (key: TopicQueue) firstNew (state: BrokerState) =
        match Waits.withKey key state.Parked, Store.tryQueue key.Topic key.QueueId state.Store with
        | [], _
        | _, ValueNone -> state, []
        | parked, ValueSome queue ->
            let canServe (wait: Wait<TopicQueue, ParkedPull>) =
                StoredQueue.existsFrom firstNew wait.Request.Matches queue

            match List.filter canServe parked with
            | [] -> state, []
            | woken ->
                let state =
                    { state with
                        Parked = Waits.removeAll woken state.Parked
                    }

                state, woken |> List.map (fun wait -> replay state wait.Request)

    /// Answers the parked pulls that want one of the messages that have come to a queue: those from `firstNew` on. Others
    /// are not looked at again, so that a pull that waits for one of many costs little.
    let wake topic queueId (firstNew: int64) (state: BrokerState) =
        if Waits.isEmpty state.Parked then
            state, []
        else
            wakeFrom { Topic = topic; QueueId = queueId } firstNew state

    /// Answers the parked pulls that want one of the messages that were not there before, in any queue.
    let wakeAll (before: Store) (state: BrokerState) =
        ((state, []), state.Parked.ByKey.Keys)
        ||> Seq.fold (fun (state, effects) key ->
            let known =
                Store.tryQueue key.Topic key.QueueId before
                |> ValueOption.map _.MaxOffset
                |> ValueOption.defaultValue 0L

            let state, woken = wakeFrom key known state
            state, effects @ woken)

    let private answerOrPark now (parked: ParkedPull) (state: BrokerState) =
        match readFor parked state with
        | ValueNone -> state, [ Answer.noTopic parked.Arrival parked.Pull.Topic ]
        | ValueSome reading when reading.Status = PullStatus.NoNewMessage && parked.DeadlineMillis > now ->
            park parked state, []
        | ValueSome reading -> state, [ pullAnswer state parked reading ]

    /// Pulls that wait are answered in bursts, as by Apache's brokers, whose bursts are 5 s apart. So thousands of idle queues cost both
    /// sides few wakes.
    let private burstMillis = 100L

    /// When a pull that may wait so long is answered at the latest: a hundredth late at most, so short waits to the millisecond.
    let private deadlineOf now (longest: TimeSpan) =
        let deadline = now + int64 longest.TotalMilliseconds

        if longest.TotalMilliseconds < float (100L * burstMillis) then
            deadline
        else
            (deadline + burstMillis - 1L) / burstMillis * burstMillis

    let pull now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Pull.messages.Decode (fun pull ->
            let state = Groups.ensure pull.ConsumerGroup state

            match admit pull state with
            | Error(code, remark) -> state, [ Answer.refuse arrival code remark ]
            | Ok matches ->
                let parked =
                    {
                        Arrival = arrival
                        Pull = pull
                        Matches = matches
                        DeadlineMillis = deadlineOf now pull.LongPollTimeout
                    }

                answerOrPark now parked (commitOf pull state))

    /// Answers the parked pulls whose time is up.
    let expire now (state: BrokerState) =
        match Waits.takeDue now state.Parked with
        | [], _ -> state, []
        | due, waiting ->
            let state = { state with Parked = waiting }
            state, due |> List.map (fun wait -> replay state wait.Request)
