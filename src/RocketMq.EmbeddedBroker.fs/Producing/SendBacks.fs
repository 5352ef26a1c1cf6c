namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Messages that consumers send back: consumed again after a while, or put to the dead letters of their group.
module internal SendBacks =
    /// Below it clients do not say how often, as brokers see it. Source: AbstractSendMessageProcessor.java.
    let private maxSince = ProtocolVersion.ofRelease 3 4 9

    /// As the request says, or else the group's settings.
    let private maxTimes (arrival: Arrival) (requested: int option) (group: SubscriptionGroup) =
        match requested with
        | Some times when arrival.Command.Version >= maxSince -> times
        | _ -> group.RetryMaxTimes

    /// The level that a first retry has; each further one has the next.
    let private firstLevel = 3

    let private tryFind offset (state: BrokerState) : StoredMessage option =
        Store.tryFindAt offset state.Store
        |> Option.bind (fun record ->
            match MessageCodec.decodeAll state.Settings.BrokerName record.Bytes with
            | Ok [| message |] -> Some message
            | _ -> None)

    let private addIfMissing name (value: string) (properties: Properties) =
        if Properties.contains name properties then
            properties
        else
            Properties.add name value properties

    /// The message as it is retried: it remembers the topic and the id that it had at first.
    let private copyOf topic queueId level (message: StoredMessage) : Incoming =
        {
            Message =
                {
                    Topic = topic
                    Body = message.StoredBody
                    Flag = message.Flag
                    Properties =
                        message.Properties
                        |> addIfMissing PropertyName.retryTopic message.Topic
                        |> addIfMissing PropertyName.originMessageId message.OffsetId
                        |> Properties.add PropertyName.waitStoreOk "false"
                        |> Properties.add PropertyName.delayLevel (string level)
                }
            QueueId = queueId
            SysFlag = message.SysFlag
            BornTimestamp = message.BornTimestamp
            BornHost = message.BornHost
            ReconsumeTimes = message.ReconsumeTimes + 1
            PreparedTransactionOffset = 0L<commitLog>
        }

    let private withTopic topic queues (state: BrokerState) =
        { state with
            Store = RetryTopics.ensure topic queues state.Store
        }

    /// The queues of a retry topic are used in turn, as far as its group's settings and the topic go.
    let private retryQueueOf topic (group: SubscriptionGroup) (state: BrokerState) =
        let queues = min group.RetryQueues state.Store.Topics[topic].Config.WriteQueues
        int (int64 state.Store.NextPhysicalOffset % int64 (max 1 queues))

    /// Of one that goes to the dead letters it is 0.
    let private levelOf (arrival: Arrival) (request: SendBackRequest) group (message: StoredMessage) =
        if
            request.DelayLevel < 0
            || message.ReconsumeTimes >= maxTimes arrival request.MaxReconsumeTimes group
        then
            0
        elif request.DelayLevel = 0 then
            firstLevel + message.ReconsumeTimes
        else
            request.DelayLevel

    /// The topic that a message was sent to at first.
    let private firstTopicOf (message: StoredMessage) =
        Properties.tryFind PropertyName.retryTopic message.Properties
        |> ValueOption.defaultValue message.Topic

    let private put now level (incoming: Incoming) (state: BrokerState) =
        if level > 0 then
            Delays.park now level incoming state
        else
            ScheduledDelivery.append now incoming state

    /// The retry topic is there even if its group's message goes to the dead letters at once.
    let sendBack now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state SendBack.operation.Decode (fun request ->
            let state = Groups.ensure request.Group state
            let group = Groups.configOf request.Group state

            match Groups.checkExists request.Group state, tryFind request.CommitLogOffset state with
            | Error(code, remark), _ -> state, [ Answer.refuse arrival code remark ]
            // As in Java: it is lost.
            | Ok(), _ when group.RetryQueues <= 0 -> state, [ Answer.succeed arrival ]
            | Ok(), None ->
                let remark = invariant $"look message by offset failed, {request.CommitLogOffset}"
                state, [ Answer.refuse arrival ResponseCode.SystemError remark ]
            | Ok(), Some message ->
                let retryTopic = RetryTopics.retryOf request.Group
                let state = withTopic retryTopic group.RetryQueues state
                let level = levelOf arrival request group message

                let topic, queueId =
                    if level > 0 then
                        retryTopic, retryQueueOf retryTopic group state
                    else
                        RetryTopics.deadLettersOf request.Group, 0

                match put now level (copyOf topic queueId level message) (withTopic topic 1 state) with
                | Error error -> state, [ Answer.refuse arrival ResponseCode.SystemError error.Message ]
                | Ok(struct (state, _, woken)) ->
                    state.Statistics.SendBack(request.Group, firstTopicOf message)
                    state, Answer.succeed arrival :: woken)

    /// A message that a consumer sends to its retry topic itself goes to the dead letters once it was retried too often,
    /// and as soon as its group consumes in order, which shows by its locks. Anything else stays as it is. Source:
    /// handleRetryAndDLQ of SendMessageProcessor.java, 5.x; brokers of 4.9 do not look at locks.
    let redirect now (arrival: Arrival) (send: SendRequest) (state: BrokerState) : struct (SendRequest * BrokerState) =
        match RetryTopics.tryGroupOf send.Topic with
        | ValueSome group when
            not send.IsBatch
            && (send.ReconsumeTimes > maxTimes arrival send.MaxReconsumeTimes (Groups.configOf group state)
                || QueueLocking.isAnyLocked now group state)
            ->
            let topic = RetryTopics.deadLettersOf group

            struct ({ send with
                        Topic = topic
                        QueueId = 0
                        Properties = Properties.add PropertyName.delayLevel "-1" send.Properties
                    },
                    withTopic topic 1 state)
        | ValueSome group -> struct (send, withTopic send.Topic (max 0 (Groups.configOf group state).RetryQueues) state)
        | ValueNone -> struct (send, state)
