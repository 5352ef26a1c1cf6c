namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What consumers that pop ask brokers: of a group's messages, and as one of its members. So many handlers work at a time.
[<Sealed>]
type internal PopClient
    (consumer: ConsumerOptions, subscriptions: Subscriptions, instance: ClientInstance, concurrency: int) =
    /// Java's consumers look for the other members at this interval.
    static let comparisonInterval = TimeSpan.FromSeconds 20L

    let options = consumer.Client.Remoting
    let group = Namespaced.wrap consumer.Client.Namespace consumer.Group

    /// A topic as it travels.
    let travelling topic =
        Namespaced.wrap consumer.Client.Namespace topic

    let outcomes = PopOutcomes options.Ports.Clock
    let membersChanged = Event<unit>()

    let report =
        ConsumerRunningInfoBuilder(
            {
                Type = ConsumeType.Pop
                IsOrderly = false
                NeedsLock = false
                NameServers = consumer.Client.NameServers
                Concurrency = concurrency
                Clock = options.Ports.Clock
            },
            subscriptions,
            ProcessQueueTable()
        )

    /// Brokers keep the offsets of what is popped, and hand it out: of these a member knows nothing.
    let callbacks =
        { new IConsumerCallbacks with
            member _.Group = group
            member _.MembersChanged() = membersChanged.Trigger()
            member _.Reset(_, _) = ()
            member _.Offsets _ = Map.empty
            member _.RunningInfo() = report.RunningInfo()

            member _.Consume _ =
                Task.FromResult(Error "messages of this group are popped")
        }

    let participant =
        Participant(
            Consumes
                {
                    Membership =
                        fun () ->
                            GroupRequests.memberOf
                                group
                                ConsumeType.ConsumePassively
                                MessageModel.Clustering
                                consumer.ConsumeFrom
                                subscriptions.All
                    Callbacks = callbacks
                }
        )

    let clientId = instance.ClientId
    let clients = instance.Clients
    let routes = instance.Routes
    let presence = instance.HeartbeatService

    let filterOf topic =
        (subscriptions.Of topic).Subscription.Filter

    /// Cancelled when no topic is looked for any more.
    let ending = new CancellationTokenSource()

    let joining =
        TopicJoining(
            MissingTopics(
                options.Logger,
                group,
                (fun _ -> false),
                (fun topic error -> outcomes.Report(PopDuty.find topic, RemotingError.describe error)),
                (fun topic -> outcomes.Forget(PopDuty.find topic))
            ),
            options,
            ending.Token
        )

    let brokers = GroupBrokers(clients, routes)

    let comparison =
        MemberComparison(options.Logger, group, subscriptions, outcomes.Standing, brokers, ending.Token)

    let notifications = MemberNotifications(options, ending.Token, comparison.Look)

    let polling = PopPolling(group, consumer.ConsumeFrom, options, brokers, filterOf)

    let acks = AckSender(group, brokers, options.RequestTimeout)

    let requestFrom topic brokerName (request: Request<'Answer>) cancellation =
        brokers.RequestFromMasterOf(topic, brokerName, request, options.RequestTimeout, cancellation)

    /// As the application knows it. The answer to a pop names the topic that was asked for, whichever it came from.
    let visible (message: StoredMessage) =
        VisibleMessage.restore "" consumer.Client.Namespace message

    /// What became of what a broker was asked.
    let note what attempt (answer: Result<'Answer, RemotingError>) =
        match answer with
        | Ok _ -> outcomes.Succeeded(what, attempt)
        | Error error -> outcomes.Failed(what, attempt, error)

    let refusals = GroupRefusals(options, group)

    let noteGroup topic brokerName (answer: Result<'Answer, RemotingError>) =
        match answer with
        | Ok _ -> refusals.Served(topic, brokerName)
        | Error error -> refusals.Report(topic, brokerName, error) |> ignore<bool>

    let telemetry =
        ConsumerTelemetry(consumer.Client, consumer.Group, MessageModel.Clustering)

    /// As a member that pulls would have them.
    let settings: GroupSettings =
        {
            Group = group
            Type = ConsumeType.ConsumePassively
            Model = MessageModel.Clustering
            ConsumeFrom = consumer.ConsumeFrom
            PullBatch = 1
            LongPollTimeout = TimeSpan.Zero
        }

    /// Has every master of a topic know the group's member, and gives their names.
    let register topic cancellation : Task<Result<string list, RemotingError>> =
        backgroundTask {
            match! routes.Get(topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                let masters =
                    route.Brokers
                    |> List.choose (fun broker ->
                        TopicRoute.masterAddress broker.BrokerName route
                        |> Option.map (fun address -> broker.BrokerName, address))

                let! registered =
                    masters
                    |> List.map (fun (name, address) ->
                        backgroundTask {
                            let! answer = presence.At address
                            return name, answer
                        })
                    |> Task.WhenAll

                let known =
                    registered |> Array.filter (snd >> Result.isOk) |> Array.map fst |> List.ofArray

                match known, registered with
                | [], [||] -> return Error(RemotingError.NoQueue(topic, RouteProblems.ofReading route))
                | [], _ -> return registered[0] |> snd |> Result.map (fun () -> [])
                | known, _ -> return Ok known
        }

    /// Whether a broker can filter by what is wanted of a topic: it checks an SQL92 expression.
    let checkFilter topic brokerName cancellation : Task<Result<unit, RemotingError>> =
        match filterOf topic with
        | ByTag _ -> Task.FromResult(Ok())
        | BySql92 _ as filter ->
            let request = GroupRequests.check clientId group topic filter
            requestFrom topic brokerName request cancellation

    member _.ClientId = clientId
    member _.Options = options
    member _.Clients = clients
    member _.Routes = routes
    /// The group, as it travels.
    member _.Group: string = group

    member _.Outcomes = outcomes

    /// What listeners learn of it.
    member _.Telemetry = telemetry

    /// The address of a broker, as far as it is known.
    member _.TryBroker(brokerName: string) : Endpoint voption = brokers.TryMaster brokerName

    /// As they travel.
    member _.Topics: string list = consumer.Subscriptions |> List.map (fst >> travelling)

    /// How a message is acknowledged that the application has.
    member _.Target(message: StoredMessage, receipt: PopReceipt) : AckTarget =
        {
            Topic = travelling message.Topic
            Receipt = receipt
        }

    /// Other members have joined or left the group, a broker says.
    member _.MembersChanged = membersChanged.Publish

    /// Begins to tell brokers of this member, and to compare its subscriptions with the other members'. `close` is called when a
    /// client that it shares is closed.
    member _.Start(close: CancellationToken -> Task) : Result<unit, RemotingError> =
        instance.Join(participant, close)
        |> Result.map (fun () ->
            membersChanged.Publish.Add notifications.Notify
            PeriodicTask.run options comparisonInterval ending.Token comparison.Look)

    /// Cancelled when it leaves.
    member _.Ending = ending.Token

    /// The masters of a topic that know the member. Fails if there is none.
    member _.Register(topic, cancellation) = register topic cancellation

    /// The masters of a topic that route tables name. Fails if there is none that can be read from.
    member _.Masters(topic: string, cancellation: CancellationToken) : Task<Result<string list, RemotingError>> =
        taskResult {
            let! route = routes.Get(topic, cancellation)

            let masters =
                TopicRoute.readableBrokers route
                |> List.filter (fun name -> (TopicRoute.masterAddress name route).IsSome)

            if masters.IsEmpty then
                return! Error(RemotingError.NoQueue(topic, RouteProblems.ofReading route))
            else
                return masters
        }

    /// Messages, if any come within the poll time of the attempt; none not before a tenth of a second before its end.
    member _.Pop(attempt: PopAttempt, cancellation: CancellationToken) : Task<Result<PopOutcome, RemotingError>> =
        backgroundTask {
            let number = outcomes.Begin()
            let! outcome = polling.Pop(attempt, cancellation)

            let queue =
                {
                    Topic = attempt.Topic
                    BrokerName = attempt.BrokerName
                    QueueId = attempt.QueueId
                }

            note (PopDuty.pop queue) number outcome
            noteGroup attempt.Topic attempt.BrokerName outcome
            return outcome
        }

    /// Lets time pass.
    member _.Wait(time: TimeSpan, cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        polling.Wait(time, cancellation)

    /// Acknowledges messages of one request.
    member _.Ack(request: AckRequest, targets: AckTarget list, cancellation) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            let number = outcomes.Begin()
            let! answer = acks.Send(request, targets, cancellation)
            note (PopDuty.acknowledge targets.Head.Receipt.BrokerName) number answer
            return answer
        }

    /// Hides a message for a time from now on, and gives its new receipt.
    member _.Change
        (target: AckTarget, time: TimeSpan, cancellation: CancellationToken)
        : Task<Result<PopReceipt, RemotingError>> =
        backgroundTask {
            let request =
                PopReceipts.changeInvisibleTime.Request
                    {
                        Message = PopReceipt.message group target.Topic target.Receipt
                        InvisibleTime = time
                    }

            let number = outcomes.Begin()
            let! answer = requestFrom target.Topic target.Receipt.BrokerName request cancellation

            note (PopDuty.acknowledge target.Receipt.BrokerName) number answer
            return answer |> Result.map (fun answer -> PopReceipt.changed answer target.Receipt)
        }

    /// What this member may read of a topic; none if the broker cannot say yet.
    member _.Assignments
        (topic: string, brokerName: string, cancellation: CancellationToken)
        : Task<Result<Assignment list option, RemotingError>> =
        let request =
            Assignments.query.Request
                {
                    Topic = topic
                    ConsumerGroup = group
                    ClientId = clientId
                    Strategy = "AVG"
                    Model = MessageModel.Clustering
                }

        requestFrom topic brokerName request cancellation

    /// What a broker says of the group, if it says that it does not exist: it assigns such a group nothing, without a reason.
    member _.FindMissingGroup(topic: string, cancellation: CancellationToken) : Task<RemotingError option> =
        backgroundTask {
            let subscription = (subscriptions.Of topic).Subscription

            match! MissingGroup.find brokers routes settings subscription options.RequestTimeout cancellation with
            | Some(struct (brokerName, error)) ->
                refusals.Report(topic, brokerName, error) |> ignore<bool>
                return Some error
            | None -> return None
        }

    /// Has a broker hand a topic out to the group by pop.
    member _.SetMode(topic: string, brokerName: string, cancellation) : Task<Result<unit, RemotingError>> =
        let request =
            Assignments.setMode.Request
                {
                    Topic = topic
                    ConsumerGroup = group
                    Mode = PopMode
                    SharingMembers = 0
                }

        requestFrom topic brokerName request cancellation

    /// How topics are joined that may not be there yet.
    member _.Joining = joining

    /// Makes the member known to the masters of a topic, of which there must be one, and has one of them check what is wanted.
    member _.RegisterAndCheck(topic: string, cancellation) : Task<Result<unit, RemotingError>> =
        taskResult {
            let! masters = register topic cancellation

            match masters with
            | broker :: _ -> return! checkFilter topic broker cancellation
            | [] -> return ()
        }

    /// Whether there is a codec for its body.
    member _.CanRead(popped: Popped) : bool =
        MessageBody.hasCodec consumer.Client.Codecs popped.Message

    /// Nothing more is popped from there: a message has no codec here. It is not acknowledged, so that it comes again when its
    /// receipt has run out. The error is what a caller is told.
    member _.StopAt(queue: MessageQueue, popped: Popped) : RemotingError =
        let reason = UnreadableMessage.reason popped.Message
        let error = UnreadableMessage.error queue popped.Message
        // Whoever has read the log finds it in the health.
        outcomes.Report(PopDuty.read queue, RemotingError.describe error)
        PopLog.codecMissing options.Logger group queue (PopMessage.id popped) reason
        error

    /// As the application sees it: mostly one message, and of an outer one, see `InnerBatch`, those that it holds and that
    /// are wanted. They have its receipt.
    member _.Messages(popped: Popped) : StoredMessage[] =
        let outer = popped.Message
        let matches = Filter.matcher (filterOf outer.Topic)

        [| outer |]
        |> InnerBatch.expand consumer.Client.Codecs consumer.MaxDecompressedBodySize outer.QueueOffset
        |> Array.filter (fun message -> not (InnerBatch.isInner message) || matches message)
        |> Array.map visible

    /// The same with their bodies.
    member client.Received(popped: Popped) : ReceivedMessage list =
        [
            for message in client.Messages popped ->
                ReceivedMessage.Decode(consumer.Client.Codecs, consumer.MaxDecompressedBodySize, message)
        ]

    /// The subscriptions of a consumer that pops all its topics.
    static member SubscriptionsOf(consumer: ConsumerOptions) : Subscriptions =
        let subscriptions = Subscriptions consumer.Client.Remoting.Ports.Clock

        for topic, filter in consumer.Subscriptions do
            subscriptions.Set(Namespaced.wrap consumer.Client.Namespace topic, filter)

        subscriptions

    /// Asks nothing any more, of a member that joined the group otherwise.
    member _.End() = ending.Cancel()

    /// Leaves the group and closes the connections that it does not share.
    member _.Close() : Task =
        ending.Cancel()
        instance.Leave participant

    /// Closes the connections, and sends nothing to brokers.
    member _.Kill() : Task =
        ending.Cancel()
        instance.Kill participant
