namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// A pop, as a consumer decides on it.
[<Struct>]
type internal PopAttempt =
    {
        Topic: string
        BrokerName: string
        /// -1: any.
        QueueId: int
        MaxMessages: int
        InvisibleTime: TimeSpan
        PollTime: TimeSpan
        IsOrderly: bool
    }

/// What consumers that pop ask brokers: of a group's messages, and as one of its members.
[<Sealed>]
type internal PopClient(membership: PopMembership) =
    /// What a broker may take to answer a pop, besides the time for which it holds it.
    static let popLateness = TimeSpan.FromSeconds 10L

    /// Brokers end a wait 50 ms before its time, and look every 20 ms. Source: PopLongPollingService.java.
    static let earlyEnd = TimeSpan.FromMilliseconds 100L

    let options = membership.Remoting
    let clocks = BrokerClocks options.Ports.Clock
    let subscriptions = Subscriptions options.Ports.Clock

    do
        for topic, filter in membership.Subscriptions do
            subscriptions.Set(topic, filter)

    let instance =
        ClientInstance(
            {
                NameServers = membership.NameServers
                AddressServer = None
                Template = TopicTemplate.Default
                InstanceName = membership.InstanceName
                UnitName = None
                Remoting = options
            },
            Consumes(fun () ->
                GroupRequests.memberOf membership.Group Passively Clustering membership.ConsumeFrom subscriptions.All),
            fun _ -> Map.empty
        )

    let clientId = instance.ClientId
    let clients = instance.Clients
    let routes = instance.Routes
    let presence = instance.Presence

    let filterOf topic =
        (subscriptions.Of topic).Subscription.Filter

    /// None once a broker has said that it knows no acknowledgements of several messages.
    let mutable knowsBatches = true

    let noMaster brokerName =
        Error(NotConnected({ Host = brokerName; Port = 0 }, "no name server knows a master of it"))

    let masterOf topic brokerName cancellation =
        backgroundTask {
            match! routes.Get(topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                match TopicRoute.masterAddress brokerName route with
                | Some address -> return clients.TryGet address
                | None -> return noMaster brokerName
        }

    let ask topic brokerName (request: Request<'Answer>) timeout cancellation =
        backgroundTask {
            match! masterOf topic brokerName cancellation with
            | Error error -> return Error error
            | Ok client ->
                let! answer = client.AskWithin(request, timeout, cancellation)

                match answer with
                | Error error when RemotingError.isTransient error -> routes.Refresh topic |> ignore
                | _ -> ()

                return answer
        }

    let popRequest (attempt: PopAttempt) (timing: PopTiming) : PopRequest =
        let filter = filterOf attempt.Topic

        {
            ConsumerGroup = membership.Group
            Topic = attempt.Topic
            QueueId = attempt.QueueId
            MaxMessages = attempt.MaxMessages
            InvisibleTime = attempt.InvisibleTime
            PollTime = TimeSpan.FromMilliseconds(timing.PollMillis, 0L)
            BornTimestamp = timing.BornTimestamp
            Start =
                if membership.ConsumeFrom = FirstOffset then
                    FromMin
                else
                    FromMax
            ExpressionType = Some(Filter.typeName filter)
            Expression = Some(Filter.expression filter)
            IsOrderly = Some attempt.IsOrderly
            AttemptId = None
        }

    let readPop brokerName request (answer: PopAnswer) =
        if answer.Status <> PopStatus.Popped then
            Ok(struct (answer.Status, Array.empty))
        else
            match PoppedMessages.ofAnswer brokerName request answer with
            | Ok popped -> Ok(struct (answer.Status, popped))
            | Error error -> Error(NotDecoded({ Host = brokerName; Port = 0 }, RequestCode.PopMessage, error))

    /// Asks once. The broker may hold the pop for as long as `pollMillis`, unless its clock is to be measured first.
    let popOnce (attempt: PopAttempt) pollMillis cancellation =
        backgroundTask {
            let sent = clocks.Now
            let timing = BrokerClock.timing sent pollMillis (clocks.Of attempt.BrokerName)
            let request = popRequest attempt timing
            let timeout = request.PollTime + popLateness

            match! ask attempt.Topic attempt.BrokerName (Pop.messages.Request request) timeout cancellation with
            | Error error ->
                clocks.Failed(attempt.BrokerName, error)
                return Error error
            | Ok answer ->
                clocks.Answered(
                    attempt.BrokerName,
                    {
                        SentMillis = sent
                        ReceivedMillis = clocks.Now
                        PollMillis = timing.PollMillis
                        IsEmpty = answer.Status <> PopStatus.Popped
                        BrokerTimestamp = answer.PopTimestamp
                    }
                )
                |> ignore<BrokerClock>

                return readPop attempt.BrokerName request answer
        }

    let wait (time: TimeSpan) (cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            try
                do! Task.Delay(time, options.Ports.Clock, cancellation)
                return Ok()
            with :? OperationCanceledException ->
                return Error(Cancelled RequestCode.PopMessage)
        }

    /// Asks until there are messages or the time is over: a broker whose clock was set, or that is about to stop, may end a wait
    /// before. That a pop is too old is told once it has been made anew with the clock measured.
    let rec popUntil (attempt: PopAttempt) (until: int64) wasRefused cancellation =
        backgroundTask {
            let before = clocks.Of attempt.BrokerName
            let! answer = popOnce attempt (max 0L (until - clocks.Now)) cancellation
            let isEarly = until - clocks.Now > int64 earlyEnd.TotalMilliseconds

            match answer with
            | Error(Refused(_, _, _, ResponseCode.PollingTimeout, _)) when not wasRefused ->
                return! popUntil attempt until true cancellation
            | Ok(struct ((NothingToPop | NothingYet), _)) when isEarly ->
                match before, clocks.Of attempt.BrokerName with
                | Unmeasured, Ahead _ -> return! popUntil attempt until wasRefused cancellation
                | _ ->
                    match! wait earlyEnd cancellation with
                    | Ok() -> return! popUntil attempt until wasRefused cancellation
                    | Error error -> return Error error
            | answer -> return answer
        }

    let topicOf (message: PoppedMessage) (targets: AckTarget list) =
        match targets with
        | target :: _ -> target.Topic
        | [] -> message.Topic

    let askToAck (request: AckRequest) (targets: AckTarget list) cancellation =
        match request with
        | AckAlone message ->
            let brokerName = targets.Head.Receipt.BrokerName

            ask
                (topicOf message targets)
                brokerName
                (PopReceipts.acknowledge.Request message)
                options.RequestTimeout
                cancellation
        | AckTogether batch ->
            ask
                targets.Head.Topic
                batch.BrokerName
                (PopReceipts.acknowledgeMany.Request batch)
                options.RequestTimeout
                cancellation

    let rec ackAlone (targets: AckTarget list) cancellation =
        backgroundTask {
            match targets with
            | [] -> return Ok()
            | target :: rest ->
                match! askToAck (AckBatch.alone membership.Group target) [ target ] cancellation with
                | Error error -> return Error error
                | Ok() -> return! ackAlone rest cancellation
        }

    let ack request targets cancellation =
        backgroundTask {
            match request with
            | AckTogether _ when not knowsBatches -> return! ackAlone targets cancellation
            | _ ->
                match! askToAck request targets cancellation with
                | Error(Refused(_, _, _, ResponseCode.RequestCodeNotSupported, _)) when targets.Length > 1 ->
                    knowsBatches <- false
                    return! ackAlone targets cancellation
                | answer -> return answer
        }

    /// Has every master of a topic know the group's member, and gives their names.
    let greet topic cancellation : Task<Result<string list, RemotingError>> =
        backgroundTask {
            match! routes.Get(topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                let masters =
                    route.Brokers
                    |> List.choose (fun broker ->
                        TopicRoute.masterAddress broker.BrokerName route
                        |> Option.map (fun address -> broker.BrokerName, address))

                let! greeted =
                    masters
                    |> List.map (fun (name, address) ->
                        backgroundTask {
                            let! answer = presence.At address
                            return name, answer
                        })
                    |> Task.WhenAll

                let known =
                    greeted |> Array.filter (snd >> Result.isOk) |> Array.map fst |> List.ofArray

                match known, greeted with
                | [], [||] -> return Error(NoQueue(topic, RouteProblems.ofReading route))
                | [], _ -> return greeted[0] |> snd |> Result.map (fun () -> [])
                | known, _ -> return Ok known
        }

    /// Whether a broker can filter by what is wanted of a topic: it checks an SQL92 expression.
    let checkFilter topic brokerName cancellation : Task<Result<unit, RemotingError>> =
        match filterOf topic with
        | ByTag _ -> Task.FromResult(Ok())
        | BySql92 _ as filter ->
            let request = GroupRequests.check clientId membership.Group topic filter
            ask topic brokerName request options.RequestTimeout cancellation

    member _.ClientId = clientId
    member _.Options = options
    member _.Clients = clients
    member _.Routes = routes
    member _.Topics: string list = List.map fst membership.Subscriptions

    member _.Start() = instance.Start()

    /// The masters of a topic that know the member. Fails if there is none.
    member _.Greet(topic, cancellation) = greet topic cancellation

    /// The masters of a topic that route tables name. Fails if there is none that can be read from.
    member _.Masters(topic: string, cancellation: CancellationToken) : Task<Result<string list, RemotingError>> =
        backgroundTask {
            match! routes.Get(topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                let masters =
                    TopicRoute.subscribeQueues topic route
                    |> List.map _.BrokerName
                    |> List.distinct
                    |> List.filter (fun name -> (TopicRoute.masterAddress name route).IsSome)

                return
                    if masters.IsEmpty then
                        Error(NoQueue(topic, RouteProblems.ofReading route))
                    else
                        Ok masters
        }

    /// Messages, if any come within the poll time of the attempt; none not before a tenth of a second before its end.
    member _.Pop
        (attempt: PopAttempt, cancellation: CancellationToken)
        : Task<Result<struct (PopStatus * Popped[]), RemotingError>> =
        popUntil attempt (clocks.Now + int64 attempt.PollTime.TotalMilliseconds) false cancellation

    /// How much before its time an empty answer to `Pop` may come.
    static member EarlyEnd = earlyEnd

    /// Lets time pass.
    member _.Wait(time: TimeSpan, cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        wait time cancellation

    /// Acknowledges messages of one request.
    member _.Ack(request: AckRequest, targets: AckTarget list, cancellation) : Task<Result<unit, RemotingError>> =
        ack request targets cancellation

    /// Hides a message for a time from now on, and gives its new receipt.
    member _.Change
        (target: AckTarget, time: TimeSpan, cancellation: CancellationToken)
        : Task<Result<PopReceipt, RemotingError>> =
        backgroundTask {
            let request =
                PopReceipts.changeInvisibleTime.Request
                    {
                        Message = PopReceipt.message membership.Group target.Topic target.Receipt
                        InvisibleTime = time
                    }

            let! answer =
                ask target.Topic target.Receipt.BrokerName request options.RequestTimeout cancellation

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
                    ConsumerGroup = membership.Group
                    ClientId = clientId
                    Strategy = "AVG"
                    Model = Clustering
                }

        ask topic brokerName request options.RequestTimeout cancellation

    /// Has a broker hand a topic out to the group by pop.
    member _.SetMode(topic: string, brokerName: string, cancellation) : Task<Result<unit, RemotingError>> =
        let request =
            Assignments.setMode.Request
                {
                    Topic = topic
                    ConsumerGroup = membership.Group
                    Mode = PopMode
                    SharingMembers = 0
                }

        ask topic brokerName request options.RequestTimeout cancellation

    /// Makes the member known to the masters of a topic, of which there must be one, and has one of them check what is wanted.
    member _.GreetAndCheck(topic: string, cancellation) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! greet topic cancellation with
            | Ok(broker :: _) -> return! checkFilter topic broker cancellation
            | Ok [] -> return Ok()
            | Error error -> return Error error
        }

    /// As the application sees it: mostly one message, and of an outer one, see `InnerBatch`, those that it holds and that
    /// are wanted. They have its receipt.
    member _.Received(popped: Popped) : ReceivedMessage list =
        let outer = popped.Message
        let keeps = Filter.keeper (filterOf outer.Topic)

        let messages =
            [| outer |]
            |> InnerBatch.expand BodyCodecs.standard membership.InflatedLimit outer.QueueOffset
            |> Array.filter (fun message -> not (InnerBatch.isInner message) || keeps message)

        [
            for message in messages ->
                {
                    Message = message
                    Body = MessageBody.decode membership.InflatedLimit message
                }
        ]

    /// Leaves the group and closes the connections.
    member _.Close() : Task = instance.Close()

    /// Closes the connections, and tells nobody.
    member _.Kill() : Task = clients.CloseAll()
