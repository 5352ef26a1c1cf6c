namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks

/// Reads all queues of its topics and hands their messages out one by one. A message counts as done with when the next
/// one is asked for; positions of such messages are committed every few seconds and at the end.
///
/// It does not share queues with other members of its group: run one at a time.
[<Sealed>]
type PullConsumer private (options: PullConsumerOptions) =
    /// Brokers forget a client after 120 s; Java tells them at this interval too.
    static let heartbeatInterval = TimeSpan.FromSeconds 30L

    /// A broker looks only so often for pulls that have waited long enough.
    static let lateness = TimeSpan.FromSeconds 5L

    let log = options.Remoting.Logger
    let clock = options.Remoting.Ports.Clock
    let clients = RemotingClients options.Remoting

    let routes =
        Routes(NameServer(Array.ofList options.NameServers, clients), clients, TopicTemplate.Default)

    let clientId =
        $"{UniqueIds.LocalAddress}@{Environment.ProcessId}#{Random.Shared.Next()}"

    let readers = ConcurrentDictionary<MessageQueue, QueueReader>()
    let ending = new CancellationTokenSource()
    let mutable loops: Task list = []
    let loopsGate = obj ()

    let handed =
        Channel.CreateBounded<Handed>(BoundedChannelOptions(options.Buffer, SingleReader = false, SingleWriter = false))

    /// The message that was handed out last; asking for the next one settles it.
    let mutable current: Handed voption = ValueNone

    /// 1 while the application waits for a message.
    let mutable isReceiving = 0

    let mutable stoppedBy: RemotingError voption = ValueNone

    /// Ends the reading for good: the application is told with the next message it asks for.
    let stop error =
        stoppedBy <- ValueSome error
        handed.Writer.TryComplete() |> ignore
        ending.Cancel()

    let settings: GroupSettings =
        {
            Group = options.Group
            Type = Actively
            Model = Clustering
            ConsumeFrom = options.ConsumeFrom
            PullBatch = options.PullBatch
            Suspend = options.Suspend
            IsLite = false
        }

    let subscriptions = Subscriptions clock

    do
        for topic, filter in options.Subscriptions do
            subscriptions.Set(topic, filter)

    let heartbeat: Request<HeartbeatAnswer> =
        Heartbeat.send.Request
            {
                ClientId = clientId
                ProducerGroups = []
                Consumers = [ GroupRequests.membership settings subscriptions.All ]
                Fingerprint = None
                IsWithoutSubscriptions = None
            }

    let departure: Request<unit> =
        Heartbeat.unregister.Request
            {
                ClientId = clientId
                ProducerGroup = None
                ConsumerGroup = Some options.Group
            }

    /// The client of the broker that a queue is on: its master, or a slave if there is none.
    let brokerOf (queue: MessageQueue) cancellation =
        backgroundTask {
            match! routes.Get(queue.Topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                return
                    TopicRoute.anyAddress queue.BrokerName route
                    |> Option.defaultValue ""
                    |> clients.TryGet
        }

    let askBrokerOf queue (request: Request<'Answer>) cancellation =
        backgroundTask {
            match! brokerOf queue cancellation with
            | Error error -> return Error error
            | Ok client -> return! client.Ask(request, cancellation)
        }

    let startOffset (queue: MessageQueue) cancellation =
        backgroundTask {
            let! committed =
                askBrokerOf queue (GroupRequests.committed settings queue) cancellation

            match StartOffset.afterCommitted options.ConsumeFrom false committed with
            | BeginAt offset -> return Ok offset
            | AskMax -> return! askBrokerOf queue (GroupRequests.max queue) cancellation
            | AskByTime millis -> return! askBrokerOf queue (GroupRequests.searchByTime queue millis) cancellation
            | CannotStart error -> return Error error
        }

    let pull (reader: QueueReader) cancellation =
        backgroundTask {
            match! brokerOf reader.Queue cancellation with
            | Error error -> return Error error
            | Ok client ->
                let timeout = options.Suspend + lateness + options.Remoting.RequestTimeout
                let wanted = subscriptions.Of reader.Queue.Topic

                let request =
                    GroupRequests.pull settings reader.Queue reader.Next wanted.Subscription

                return! client.AskWithin(request, timeout, cancellation)
        }

    let handOn (reader: QueueReader) (answer: PullAnswer) cancellation =
        backgroundTask {
            match MessageCodec.decodeAll reader.Queue.BrokerName answer.Records with
            | Error error ->
                let endpoint =
                    {
                        Host = reader.Queue.BrokerName
                        Port = 0
                    }

                return Error(NotDecoded(endpoint, RequestCode.PullMessage, error))
            | Ok messages ->
                let keeps = (subscriptions.Of reader.Queue.Topic).Keeps

                let wanted =
                    messages
                    |> InnerBatch.expand BodyCodecs.standard options.InflatedLimit reader.Next
                    |> Array.filter (fun message -> keeps message || InnerBatch.isOuter message)

                reader.Pulled(answer.NextOffset, wanted.Length)

                for message in wanted do
                    let received =
                        {
                            Message = message
                            Body = MessageBody.decode options.InflatedLimit message
                        }

                    do! handed.Writer.WriteAsync({ Received = received; Reader = reader }, cancellation)

                return Ok()
        }

    let pullOnce reader cancellation =
        backgroundTask {
            match! pull reader cancellation with
            | Error error -> return Error error
            | Ok answer -> return! handOn reader answer cancellation
        }

    /// Runs a loop until the consumer ends.
    let run (loop: CancellationToken -> Task) =
        let untilEnd () : Task =
            backgroundTask {
                try
                    do! loop ending.Token
                with :? OperationCanceledException ->
                    ()
            }

        lock loopsGate (fun () -> loops <- Task.Run untilEnd :: loops)

    let pullLoop (reader: QueueReader) (cancellation: CancellationToken) : Task =
        backgroundTask {
            let mutable failures = 0

            while not cancellation.IsCancellationRequested do
                match! pullOnce reader cancellation with
                | Ok() -> failures <- 0
                | Error(Cancelled _) -> ()
                | Error error ->
                    failures <- failures + 1
                    Log.pullFailed log reader.Queue (RemotingError.describe error)
                    routes.Refresh reader.Queue.Topic |> ignore

                    match PullProgress.afterFailure failures error with
                    | PullAgain -> ()
                    | PullAfter wait -> do! Task.Delay(wait, clock, cancellation)
                    | Stop error -> stop error
        }

    let commit (reader: QueueReader) cancellation : Task =
        backgroundTask {
            match reader.TryCommittable() with
            | ValueNone -> ()
            | ValueSome position ->
                match! askBrokerOf reader.Queue (GroupRequests.commit settings reader.Queue position) cancellation with
                | Ok() -> reader.Committed position
                | Error error -> Log.commitFailed log reader.Queue (RemotingError.describe error)
        }

    let commitAll cancellation : Task =
        readers.Values
        |> Seq.map (fun reader -> commit reader cancellation)
        |> Task.WhenAll

    let every (interval: TimeSpan) (act: CancellationToken -> Task) (cancellation: CancellationToken) : Task =
        backgroundTask {
            while not cancellation.IsCancellationRequested do
                do! Task.Delay(interval, clock, cancellation)
                do! act cancellation
        }

    /// Asks every broker of a route for the same. A failure is logged: the pulls will meet it too.
    let tellBrokers (request: Request<'Answer>) (route: TopicRoute) cancellation : Task =
        let tell (broker: BrokerData) : Task =
            backgroundTask {
                let address =
                    TopicRoute.anyAddress broker.BrokerName route |> Option.defaultValue ""

                let! outcome =
                    match clients.TryGet address with
                    | Ok client -> client.Ask(request, cancellation)
                    | Error error -> Task.FromResult(Error error)

                match outcome with
                | Ok _ -> ()
                | Error error ->
                    Log.tellFailed log request.Command.RequestCode broker.BrokerName (RemotingError.describe error)
            }

        route.Brokers |> List.map tell |> Task.WhenAll

    /// Begins to read a queue that is not being read.
    let join (queue: MessageQueue) cancellation =
        backgroundTask {
            match! startOffset queue cancellation with
            | Error error -> return Error error
            | Ok offset ->
                let reader = QueueReader(queue, offset)

                if readers.TryAdd(queue, reader) then
                    run (pullLoop reader)

                return Ok()
        }

    let rec joinAll queues cancellation =
        backgroundTask {
            match queues with
            | [] -> return Ok()
            | queue :: rest ->
                match! join queue cancellation with
                | Error error -> return Error error
                | Ok() -> return! joinAll rest cancellation
        }

    /// Greets the brokers of a topic and begins to read those of its queues that are not being read.
    let joinTopic topic cancellation =
        backgroundTask {
            match! routes.Get(topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                do! tellBrokers heartbeat route cancellation

                let newQueues =
                    TopicRoute.subscribeQueues topic route
                    |> List.filter (readers.ContainsKey >> not)

                return! joinAll newQueues cancellation
        }

    let rec joinTopics topics cancellation =
        backgroundTask {
            match topics with
            | [] -> return Ok()
            | topic :: rest ->
                match! joinTopic topic cancellation with
                | Error error -> return Error error
                | Ok() -> return! joinTopics rest cancellation
        }

    let topics = List.map fst options.Subscriptions

    let refresh cancellation : Task =
        backgroundTask {
            for topic in topics do
                do! routes.Refresh topic

            match! joinTopics topics cancellation with
            | Ok() -> ()
            | Error error -> Log.refreshFailed log options.Group (RemotingError.describe error)
        }

    let settleCurrent () =
        match current with
        | ValueSome handed ->
            handed.Reader.Settled handed.Received.Message.QueueOffset
            current <- ValueNone
        | ValueNone -> ()

    let nextHanded (cancellation: CancellationToken) =
        backgroundTask {
            match! handed.Reader.WaitToReadAsync cancellation with
            | false ->
                return
                    stoppedBy
                    |> ValueOption.defaultValue (Misconfigured "the consumer has been closed")
                    |> Error
            | true ->
                let! next = handed.Reader.ReadAsync cancellation
                current <- ValueSome next
                return Ok next.Received
        }

    let join () =
        backgroundTask {
            match! joinTopics topics CancellationToken.None with
            | Error error -> return Error error
            | Ok() ->
                run (every heartbeatInterval refresh)
                run (every options.CommitInterval commitAll)
                return Ok()
        }

    /// Tells the brokers that this member is gone, as far as they can be reached.
    let leave () : Task =
        backgroundTask {
            for topic in topics do
                match! routes.Get(topic, CancellationToken.None) with
                | Ok route -> do! tellBrokers departure route CancellationToken.None
                | Error error -> Log.refreshFailed log options.Group (RemotingError.describe error)
        }

    /// Joins the group and begins to read. Fails if a topic does not exist or no broker can be reached.
    static member Start(options: PullConsumerOptions) : Task<Result<PullConsumer, RemotingError>> =
        backgroundTask {
            match PullConsumerOptions.check options with
            | Error error -> return Error error
            | Ok() ->
                let consumer = new PullConsumer(options)

                match! consumer.Join() with
                | Ok() -> return Ok consumer
                | Error error ->
                    do! consumer.Close()
                    return Error error
        }

    member private _.Join() = join ()

    /// Waits for the next message, and settles the one before it. One call at a time.
    member _.Receive(cancellation: CancellationToken) : Task<Result<ReceivedMessage, RemotingError>> =
        if Interlocked.Exchange(&isReceiving, 1) = 1 then
            Task.FromResult(Error(Misconfigured "a pull consumer hands out one message at a time"))
        else
            backgroundTask {
                try
                    try
                        settleCurrent ()
                        return! nextHanded cancellation
                    with :? OperationCanceledException ->
                        return Error(Cancelled RequestCode.PullMessage)
                finally
                    Volatile.Write(&isReceiving, 0)
            }

    /// Settles the message that was handed out last, and commits now.
    member _.Commit(cancellation: CancellationToken) : Task =
        settleCurrent ()
        commitAll cancellation

    /// Stops reading, commits what is settled, leaves the group and closes the connections.
    member _.Close() : Task =
        backgroundTask {
            ending.Cancel()
            handed.Writer.TryComplete() |> ignore
            do! Task.WhenAll loops
            do! commitAll CancellationToken.None
            do! leave ()
            routes.Close()
            do! clients.CloseAll()
        }

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
