namespace RocketMq.Embedded

open System
open System.Net
open RocketMq.Protocol

/// A place to answer to. Numbers are given out by the one who performs the effects.
[<Struct>]
type internal Ticket = Ticket of int64

/// Which of the two servers a request came to.
type internal Role =
    | AsNameServer
    | AsBroker

/// A request and where it came from.
type internal Arrival =
    {
        Role: Role
        Connection: int
        Peer: Host
        Ticket: Ticket
        Command: RemotingCommand
    }

type internal BrokerEvent =
    | Arrived of Arrival
    /// A connection ended, and with it all that its client was known for.
    | Left of connection: int
    /// Time has passed.
    | Ticked

type internal BrokerEffect =
    | Reply of Ticket * RemotingCommand
    /// This one will not be answered.
    | Forget of Ticket

/// A pull that waits for a message.
type internal ParkedPull =
    {
        Arrival: Arrival
        Pull: PullRequest
        Wants: int -> bool
        DeadlineMillis: int64
    }

type internal BrokerSettings =
    {
        ClusterName: string
        BrokerName: string
        /// As clients are told, "host:port".
        BrokerAddress: string
        /// Queues of a topic that is made by the first send to it, at most.
        MaxNewTopicQueues: int
        AutoCreateTopics: bool
    }

type internal BrokerState =
    {
        Settings: BrokerSettings
        Store: Store
        /// What each connection's heartbeat said last.
        Clients: Map<int, Heartbeat>
        Parked: ParkedPull list
    }

/// What name server and broker make of requests. Pure: time comes in, answers go out.
module internal Broker =
    /// Read, write and inherit: what brokers give the topic that others are made from.
    let private templatePermission = 7

    let private readWrite = 6

    let start settings (storeHost: Host) : BrokerState =
        {
            Settings = settings
            Store = Store.empty storeHost
            Clients = Map.empty
            Parked = []
        }

    let private reply (arrival: Arrival) answer = Reply(arrival.Ticket, answer)

    let private refuse (arrival: Arrival) code remark =
        reply arrival (Command.response code arrival.Command |> Command.withRemark remark)

    let private succeed (arrival: Arrival) =
        reply arrival (Command.response ResponseCode.Success arrival.Command)

    let private notSupported (arrival: Arrival) =
        refuse arrival ResponseCode.RequestCodeNotSupported $" request type {arrival.Command.Code} not supported"

    /// Answers with what `decode` reads, or says that it could not.
    let private decoding (arrival: Arrival) (state: BrokerState) decode act =
        match decode arrival.Command with
        | Ok request -> act request
        | Error(error: DecodeError) -> state, [ refuse arrival ResponseCode.SystemError error.Message ]

    let private noTopic (arrival: Arrival) topic =
        refuse arrival ResponseCode.TopicNotExist $"topic {topic} does not exist"

    // Routes

    let private routeOf (settings: BrokerSettings) permission queues : TopicRoute =
        {
            Queues =
                [
                    {
                        BrokerName = settings.BrokerName
                        ReadQueues = queues
                        WriteQueues = queues
                        Permission = permission
                        TopicSysFlag = 0
                    }
                ]
            Brokers =
                [
                    {
                        Cluster = settings.ClusterName
                        BrokerName = settings.BrokerName
                        Addresses = Map.ofList [ (0L, settings.BrokerAddress) ]
                    }
                ]
        }

    let private tryRoute topic (state: BrokerState) =
        match Map.tryFind topic state.Store.Topics with
        | Some stored -> Some(routeOf state.Settings readWrite stored.Queues.Length)
        | None when topic = Send.defaultTopic && state.Settings.AutoCreateTopics ->
            Some(routeOf state.Settings templatePermission state.Settings.MaxNewTopicQueues)
        | None -> None

    let private route (arrival: Arrival) (state: BrokerState) =
        decoding arrival state (RequiredField.text "topic") (fun topic ->
            let asksStandardJson =
                arrival.Command.Version >= ProtocolVersion.standardJsonRoutes
                || Fields.tryBoolean "acceptStandardJsonOnly" arrival.Command.Fields = ValueSome true

            match tryRoute topic state with
            | None ->
                let remark = $"No topic route info in name server for the topic: {topic}"
                state, [ refuse arrival ResponseCode.TopicNotExist remark ]
            | Some route ->
                let body =
                    if asksStandardJson then
                        TopicRoute.encode route
                    else
                        TopicRoute.encodeWithBareIds route

                let answer = Command.response ResponseCode.Success arrival.Command
                state, [ reply arrival (Command.withBody body answer) ])

    // Sends

    let private pullAnswer (parked: ParkedPull) (reading: Reading) =
        let answer: PullAnswer =
            {
                Status = reading.Status
                NextOffset = reading.NextOffset
                MinOffset = reading.MinOffset
                MaxOffset = reading.MaxOffset
                SuggestedBrokerId = 0L
                Records = reading.Records
            }

        let remark =
            match reading.Status with
            | Found -> "FOUND"
            | NoNewMessage -> "OFFSET_OVERFLOW_ONE"
            | NoMatch -> "NO_MATCHED_MESSAGE"
            | OffsetMoved -> "OFFSET_OVERFLOW_BADLY"

        reply parked.Arrival (Pull.answer answer parked.Arrival.Command |> Command.withRemark remark)

    let private readFor (parked: ParkedPull) (store: Store) =
        Store.tryQueue parked.Pull.Topic parked.Pull.QueueId store
        |> ValueOption.map (fun queue -> Store.read queue parked.Pull.QueueOffset parked.Pull.MaxMessages parked.Wants)

    /// Answers the parked pulls that have something now.
    let private wake topic queueId (state: BrokerState) =
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

    let private ensureTopic (send: SendRequest) (state: BrokerState) =
        match Map.tryFind send.Topic state.Store.Topics with
        | Some _ -> Ok state
        | None when state.Settings.AutoCreateTopics && (Names.checkTopic send.Topic).IsOk ->
            let queues = max 1 (min send.DefaultTopicQueues state.Settings.MaxNewTopicQueues)

            Ok
                { state with
                    Store = Store.withTopic send.Topic queues state.Store
                }
        | None -> Error()

    /// What a real broker adds to every message's properties.
    let private withBrokerProperties (settings: BrokerSettings) (message: Message) =
        message
        |> Message.withProperty PropertyName.region "DefaultRegion"
        |> Message.withProperty PropertyName.traceSwitch "true"
        |> Message.withProperty "CLUSTER" settings.ClusterName

    let private messagesOf (send: SendRequest) : Result<Message list, DecodeError> =
        if send.IsBatch then
            BatchCodec.decode send.Topic send.Body
        else
            Ok
                [
                    {
                        Topic = send.Topic
                        Body = send.Body
                        Flag = send.Flag
                        Properties = send.Properties
                    }
                ]

    let private appendAll (now: int64) (arrival: Arrival) (send: SendRequest) queueId messages (state: BrokerState) =
        let append result message =
            result
            |> Result.bind (fun (store, stored) ->
                let incoming =
                    {
                        Message = withBrokerProperties state.Settings message
                        QueueId = queueId
                        SysFlag = send.SysFlag
                        BornTimestamp = send.BornTimestamp
                        BornHost = arrival.Peer
                        ReconsumeTimes = send.ReconsumeTimes
                    }

                Store.append now incoming store
                |> Result.map (fun (struct (store, message)) -> store, message :: stored))

        (Ok(state.Store, []), messages)
        ||> List.fold append
        |> Result.map (fun (store, stored) -> { state with Store = store }, List.rev stored)

    let private uniqueKey (message: Message) =
        Properties.tryFind PropertyName.uniqueKey message.Properties
        |> ValueOption.defaultValue ""

    let private sendAnswer (arrival: Arrival) (messages: Message list) (stored: StoredMessage list) =
        let first = List.head stored

        let answer: SendAnswer =
            {
                Status = SendOk
                OffsetId = stored |> List.map (fun message -> message.OffsetId) |> String.concat ","
                QueueId = first.QueueId
                QueueOffset = first.QueueOffset
            }

        reply arrival (Send.answer (messages |> List.map uniqueKey |> String.concat ",") answer arrival.Command)

    let private store now (arrival: Arrival) (send: SendRequest) (state: BrokerState) =
        let queues = state.Store.Topics[send.Topic].Queues.Length

        // A negative number leaves the choice to the broker.
        let queueId =
            if send.QueueId < 0 then
                int (state.Store.NextPhysicalOffset % int64 queues)
            else
                send.QueueId

        let badQueue =
            $"queue {queueId} of topic {send.Topic} does not exist, it has {queues}"

        match messagesOf send with
        | Error error -> state, [ refuse arrival ResponseCode.MessageIllegal error.Message ]
        | Ok [] -> state, [ refuse arrival ResponseCode.MessageIllegal "the batch holds no message" ]
        | Ok _ when queueId >= queues -> state, [ refuse arrival ResponseCode.SystemError badQueue ]
        | Ok messages ->
            match appendAll now arrival send queueId messages state with
            | Error error -> state, [ refuse arrival ResponseCode.MessageIllegal error.Message ]
            | Ok(state, stored) ->
                let state, woken = wake send.Topic queueId state
                state, sendAnswer arrival messages stored :: woken

    let private send now (arrival: Arrival) (state: BrokerState) =
        decoding arrival state Send.decode (fun send ->
            if send.Body.Length > Message.maxBodyBytes then
                state,
                [
                    refuse arrival ResponseCode.MessageIllegal $"the body has {send.Body.Length} bytes"
                ]
            else
                match ensureTopic send state with
                | Ok state -> store now arrival send state
                | Error() -> state, [ noTopic arrival send.Topic ])

    // Pulls

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
            state, [ noTopic parked.Arrival parked.Pull.Topic ]
        | ValueNone ->
            let remark =
                $"queue {parked.Pull.QueueId} of topic {parked.Pull.Topic} does not exist"

            state, [ refuse parked.Arrival ResponseCode.SystemError remark ]
        | ValueSome reading when reading.Status = NoNewMessage && parked.DeadlineMillis > now ->
            { state with
                Parked = parked :: state.Parked
            },
            []
        | ValueSome reading -> state, [ pullAnswer parked reading ]

    let private pull now (arrival: Arrival) (state: BrokerState) =
        decoding arrival state Pull.decode (fun pull ->
            match filterFor pull state with
            | None ->
                let remark = $"the consumer's subscription not exist: {pull.ConsumerGroup}"
                state, [ refuse arrival ResponseCode.SubscriptionNotExist remark ]
            | Some(BySql92 _) ->
                let remark = "the embedded broker filters by tag only"
                state, [ refuse arrival ResponseCode.SystemError remark ]
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
    let private expire now (state: BrokerState) =
        let due, waiting =
            state.Parked |> List.partition (fun parked -> parked.DeadlineMillis <= now)

        let answer (parked: ParkedPull) =
            match readFor parked state.Store with
            | ValueSome reading -> pullAnswer parked reading
            | ValueNone -> noTopic parked.Arrival parked.Pull.Topic

        { state with Parked = waiting }, List.map answer due

    // Offsets

    let private queryCommitted (arrival: Arrival) (state: BrokerState) =
        decoding arrival state Offsets.decodeGroupQueue (fun queue ->
            match Store.committed queue state.Store with
            | ValueSome offset -> state, [ reply arrival (Offsets.answer offset arrival.Command) ]
            | ValueNone ->
                state,
                [
                    refuse arrival ResponseCode.QueryNotFound "Not found, maybe this group is new"
                ])

    let private commit (arrival: Arrival) (state: BrokerState) =
        decoding arrival state Offsets.decodeGroupQueue (fun queue ->
            decoding arrival state Offsets.decodeCommit (fun offset ->
                { state with
                    Store = Store.commit queue offset state.Store
                },
                [ succeed arrival ]))

    let private offsetOf (arrival: Arrival) (state: BrokerState) (measure: _ -> int64) =
        decoding arrival state Offsets.decodeQueue (fun (struct (topic, queueId)) ->
            let offset =
                Store.tryQueue topic queueId state.Store
                |> ValueOption.map measure
                |> ValueOption.defaultValue 0L

            state, [ reply arrival (Offsets.answer offset arrival.Command) ])

    let private search (arrival: Arrival) (state: BrokerState) =
        decoding arrival state Offsets.decodeTimestamp (fun timestamp ->
            offsetOf arrival state (Store.search timestamp))

    // Clients

    let private heartbeat (arrival: Arrival) (state: BrokerState) =
        decoding arrival state Heartbeat.decode (fun heartbeat ->
            { state with
                Clients = Map.add arrival.Connection heartbeat state.Clients
            },
            [ succeed arrival ])

    let private unregister (arrival: Arrival) (state: BrokerState) =
        { state with
            Clients = Map.remove arrival.Connection state.Clients
        },
        [ succeed arrival ]

    let private serve now (arrival: Arrival) (state: BrokerState) =
        match arrival.Role, arrival.Command.RequestCode with
        | AsNameServer, RequestCode.GetRouteInfoByTopic -> route arrival state
        | AsBroker, (RequestCode.SendMessage | RequestCode.SendMessageV2 | RequestCode.SendBatchMessage) ->
            send now arrival state
        | AsBroker, RequestCode.PullMessage -> pull now arrival state
        | AsBroker, RequestCode.QueryConsumerOffset -> queryCommitted arrival state
        | AsBroker, RequestCode.UpdateConsumerOffset -> commit arrival state
        | AsBroker, RequestCode.SearchOffsetByTimestamp -> search arrival state
        | AsBroker, RequestCode.GetMaxOffset -> offsetOf arrival state (fun queue -> int64 queue.Count)
        | AsBroker, RequestCode.GetMinOffset -> offsetOf arrival state (fun _ -> 0L)
        | AsBroker, RequestCode.HeartBeat -> heartbeat arrival state
        | AsBroker, RequestCode.UnregisterClient -> unregister arrival state
        | _ -> state, [ notSupported arrival ]

    let private leave connection (state: BrokerState) =
        let gone, parked =
            state.Parked
            |> List.partition (fun parked -> parked.Arrival.Connection = connection)

        { state with
            Clients = Map.remove connection state.Clients
            Parked = parked
        },
        gone |> List.map (fun parked -> Forget parked.Arrival.Ticket)

    /// `now` in milliseconds since 1970, UTC.
    let transition (now: int64) (state: BrokerState) (event: BrokerEvent) : BrokerState * BrokerEffect list =
        match event with
        | Arrived arrival -> serve now arrival state
        | Left connection -> leave connection state
        | Ticked -> expire now state

    /// When to send `Ticked` next, if at all.
    let nextDeadline (state: BrokerState) : int64 voption =
        match state.Parked with
        | [] -> ValueNone
        | parked ->
            parked
            |> List.map (fun parked -> parked.DeadlineMillis)
            |> List.min
            |> ValueSome
