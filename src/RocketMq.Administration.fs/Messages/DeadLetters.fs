namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// How many messages a group has given up.
type DeadLetterCount =
    {
        Group: string
        Topic: string
        /// Nothing: unknown.
        Messages: int64 option
        /// When the last one came, in milliseconds since 1970.
        LastMillis: int64 option
        Failures: ServerFailure list
    }

/// Where dead letters are sent again.
[<RequireQualifiedAccess>]
type ReplayTarget =
    /// The retry topic of the group that has given them up: no other group gets them.
    | OwnGroup
    /// The topic that they came from: every group that consumes it gets them.
    | OriginTopic

/// Messages that groups have given up.
module DeadLetters =
    let private topicsOf (group: string option) : Plan<string list> =
        match group with
        | Some group -> Plan.Done [ TopicKind.deadLetterTopicOf group ]
        | None ->
            Plan.require Target.AnyNameServer "all topics" (NameServerTopics.all.Request())
            |> Plan.map (fun list ->
                list.Topics
                |> List.filter (fun topic -> (TopicKind.groupOfDeadLetters topic).IsSome)
                |> List.distinct
                |> List.sortWith (fun one other -> String.CompareOrdinal(one, other)))

    let private count (topic: string) : Plan<DeadLetterCount> =
        plan {
            let! route = Directory.tryRoute topic

            let masters =
                route
                |> Option.map Directory.ofRoute
                |> Option.defaultValue []
                |> List.filter _.IsMaster

            let! queues = TopicQueries.queues topic masters
            let all = queues.Values |> List.concat
            let last = all |> List.map _.LastUpdateMillis |> List.fold max 0L

            return
                {
                    Group = TopicKind.groupOfDeadLetters topic |> Option.defaultValue topic
                    Topic = topic
                    Messages =
                        if queues.Failures.IsEmpty then
                            Some(all |> List.sumBy (fun queue -> queue.MaxOffset - queue.MinOffset))
                        else
                            None
                    LastMillis = if last > 0L then Some last else None
                    Failures = queues.Failures
                }
        }

    /// The counts of all groups that have dead letters, or of one.
    let list (group: string option) : Plan<DeadLetterCount list> =
        topicsOf group |> Plan.bind (fun topics -> topics |> List.map count |> Plan.all)

    /// The oldest dead letters of a group that a filter lets through.
    let peek (group: string) (filter: Filter) (most: int) : Plan<FoundMessages> =
        MessageReading.first (TopicKind.deadLetterTopicOf group) filter most

    /// The topic that a dead letter came from.
    let originTopic (message: StoredMessage) : string option =
        Properties.tryFind "DLQ_ORIGIN_TOPIC" message.Properties
        |> ValueOption.orElse (Properties.tryFind PropertyName.retryTopic message.Properties)
        |> ValueOption.toOption

    /// What belongs to the life that has ended: how often and where it was handled, when it was due, how it was popped.
    let private ofOldLife =
        set
            [
                PropertyName.delayLevel
                PropertyName.realTopic
                PropertyName.realQueueId
                PropertyName.reconsumeTimes
                PropertyName.maxReconsumeTimes
                PropertyName.region
                PropertyName.traceSwitch
                PropertyName.cluster
                PropertyName.timerDelayMillis
                PropertyName.timerDelaySeconds
                PropertyName.timerDeliverMillis
                PropertyName.popReceipt
                PropertyName.firstPopTime
                PropertyName.transactionMark
                "TIMER_OUT_MS"
                "TIMER_ENQUEUE_MS"
                "TIMER_DEQUEUE_MS"
                "TIMER_ROLL_TIMES"
                "TIMER_DELAY_LEVEL"
                "DLQ_ORIGIN_TOPIC"
                "DLQ_ORIGIN_MESSAGE_ID"
                "MIN_OFFSET"
                "MAX_OFFSET"
                "CONSUME_START_TIME"
                "POP_CK_OFFSET"
                "INNER_NUM"
                "INNER_BASE"
            ]

    let private propertiesOf (target: ReplayTarget) (origin: string) (message: StoredMessage) : Properties =
        let retained =
            Properties.toMap message.Properties
            |> Map.filter (fun name _ -> not (ofOldLife.Contains name))
            |> Map.remove PropertyName.retryTopic

        let all =
            match target with
            // By this, consumers know what the message of a retry topic is.
            | ReplayTarget.OwnGroup -> Map.add PropertyName.retryTopic origin retained
            | ReplayTarget.OriginTopic -> Map.remove PropertyName.originMessageId retained

        (Properties.empty, all)
        ||> Map.fold (fun properties name value -> Properties.add name value properties)

    /// The producer group that dead letters are sent by.
    let private producerGroup = "ROCKETMQ_DEAD_LETTER_REPLAY"

    let private request
        (target: ReplayTarget)
        group
        (queue: QueueData)
        (message: StoredMessage)
        (origin: string)
        : SendRequest =
        {
            ProducerGroup = producerGroup
            Topic =
                match target with
                | ReplayTarget.OwnGroup -> TopicKind.retryTopicOf group
                | ReplayTarget.OriginTopic -> origin
            DefaultTopic = Send.defaultTopic
            DefaultTopicQueues = Send.defaultTopicQueues
            QueueId = int (message.QueueOffset % int64 (max 1 queue.WriteQueues))
            // Its body stays as it is, compressed or not.
            SysFlag = SysFlag.withCompression (SysFlag.compression message.SysFlag) 0
            BornTimestamp = message.BornTimestamp
            Flag = message.Flag
            Properties = propertiesOf target origin message
            ReconsumeTimes = 0
            IsUnit = false
            MaxReconsumeTimes = None
            BrokerName = queue.BrokerName
            IsBatch = false
            Body = message.StoredBody
        }

    let private uniqueIdOf (message: StoredMessage) =
        match Properties.tryFind PropertyName.uniqueKey message.Properties with
        | ValueSome id -> id
        | ValueNone -> message.OffsetId

    let private writableOf (topic: string) : Plan<(QueueData * BrokerAddress) list> =
        plan {
            let! route = Directory.route topic
            let masters = Directory.ofRoute route |> List.filter _.IsMaster

            let writable =
                route.Queues
                |> List.filter (fun queues -> queues.IsWritable && queues.WriteQueues > 0)
                |> List.choose (fun queues ->
                    masters
                    |> List.tryFind (fun broker -> broker.Name = queues.BrokerName)
                    |> Option.map (fun broker -> queues, broker))

            if writable.IsEmpty then
                return! Plan.Failed(AdminError.NotAllowed $"No queue of {topic} takes sends.")
            else
                return writable
        }

    /// Goes to where a message came from or, if that broker does not take it, to the first that does.
    let private placeFor (message: StoredMessage) (places: (QueueData * BrokerAddress) list) =
        places
        |> List.tryFind (fun (queues, _) -> queues.BrokerName = message.BrokerName)
        |> Option.defaultValue places.Head

    let private groupsOf (topics: string list) : Plan<string list * ServerFailure list> =
        plan {
            let! answers =
                topics
                |> List.map (fun topic ->
                    plan {
                        let! route = Directory.route topic
                        let masters = Directory.ofRoute route |> List.filter _.IsMaster
                        return! TopicQueries.groups topic masters
                    })
                |> Plan.all

            return
                answers |> List.collect _.Values |> List.concat |> List.distinct |> List.sort,
                answers |> List.collect _.Failures |> List.distinct
        }

    /// Sends dead letters again, in their order, side by side. They stay where they are, too.
    let replay (group: string) (target: ReplayTarget) (messages: StoredMessage list) : Plan<Change> =
        plan {
            let known, unknown =
                messages
                |> List.map (fun message -> message, originTopic message)
                |> List.partition (fun (_, origin) -> origin.IsSome)

            let known =
                known
                |> List.map (fun (message, origin) -> message, Option.defaultValue "" origin)

            let destinations =
                match target with
                | ReplayTarget.OwnGroup -> [ TopicKind.retryTopicOf group ]
                | ReplayTarget.OriginTopic -> known |> List.map snd |> List.distinct |> List.sort

            let! places = destinations |> List.map writableOf |> Plan.all

            and! others, silent =
                match target with
                | ReplayTarget.OwnGroup -> Plan.Done([], [])
                | ReplayTarget.OriginTopic -> groupsOf destinations

            let placesOf = List.zip destinations places |> Map.ofList
            let others = others |> List.filter (fun other -> other <> group)

            let write (message: StoredMessage, origin: string) =
                let destination =
                    match target with
                    | ReplayTarget.OwnGroup -> TopicKind.retryTopicOf group
                    | ReplayTarget.OriginTopic -> origin

                let queues, broker = placeFor message placesOf[destination]

                Change.write
                    (Target.Broker broker)
                    (uniqueIdOf message)
                    (Send.message.Request(request target group queues message origin))
                    (Some(invariant $"{message.Topic} {message.BrokerName} {message.QueueId} {message.QueueOffset}"))
                    (Some destination)

            return
                {
                    Summary = invariant $"replay {known.Length} dead letters of group {group}"
                    Destroys = false
                    Warnings =
                        [
                            if not others.IsEmpty then
                                let names = String.concat ", " others
                                $"These groups get them too: {names}."
                            for failure in silent do
                                $"{failure.Server} does not say which groups get them too: {failure.Reason}"
                            if not unknown.IsEmpty then
                                invariant $"{unknown.Length} do not say which topic they came from and are not sent."
                        ]
                    Stages = [ known |> List.map write ]
                    Verify = Plan.Done []
                }
        }

    /// Deletes the dead letters of a group, by deleting their topic.
    let purge (nameServers: Endpoint list) (group: string) : Plan<Change> =
        TopicDeletion.delete nameServers BrokerScope.All (TopicKind.deadLetterTopicOf group)
        |> Plan.map (fun change ->
            { change with
                Summary = $"delete all dead letters of group {group}, and their topic"
            })
