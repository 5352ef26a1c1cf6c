namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

type ProducerOptions =
    {
        Group: string
        NameServers: Endpoint list
        /// For one message, all attempts together. Default 3 s.
        SendTimeout: TimeSpan
        /// How often a message is tried, the first time included. Default 3.
        Attempts: int
        /// Bodies of this many bytes and more are compressed. Default 4,096.
        CompressFromBytes: int
        Remoting: RemotingOptions
    }

module ProducerOptions =
    let create (group: string) (nameServers: Endpoint list) : ProducerOptions =
        {
            Group = group
            NameServers = nameServers
            SendTimeout = TimeSpan.FromSeconds 3L
            Attempts = 3
            CompressFromBytes = 4096
            Remoting =
                { RemotingOptions.Default with
                    WhenDisconnected = FailWithDial
                }
        }

    /// With name servers and remoting options from a text, see `OptionText`: "nameServers=a:9876,b:9876;requestTimeout=5s".
    let ofText (group: string) (text: string) : Result<ProducerOptions, string list> =
        let options = create group []

        OptionText.parseWithNameServers text ([], options.Remoting)
        |> Result.map (fun (nameServers, remoting) ->
            { options with
                NameServers = nameServers
                Remoting = remoting
            })

    let internal check (options: ProducerOptions) : Result<unit, RemotingError> =
        let problems =
            [
                if options.NameServers.IsEmpty then
                    "a producer needs a name server"

                yield! ValueKind.problem "sendTimeout" ValueKind.duration options.SendTimeout
                yield! ValueKind.problem "attempts" (ValueKind.count 1 100) options.Attempts
                yield!
                    ValueKind.problem "compressFromBytes" (ValueKind.count 1 Int32.MaxValue) options.CompressFromBytes
                yield! RemotingOptions.check options.Remoting
            ]

        match Names.checkOwnGroup options.Group with
        | Error error -> Error(Invalid error)
        | Ok _ -> RemotingOptions.refusal problems

/// What is known of a message that a broker has stored.
type SendReceipt =
    {
        /// All of them mean stored; what they add is how safely.
        Status: SendStatus
        Queue: MessageQueue
        QueueOffset: int64
        /// The id that the sender gave the message. Consumers see it.
        UniqueId: string
        /// Where the broker keeps the message.
        OffsetId: string
        /// How often it was sent. If more than once, it may be stored more than once.
        Attempts: int
    }

/// Sends messages to the queues of their topics in turn. Safe to use from any thread.
[<Sealed>]
type Producer private (options: ProducerOptions) =
    let clock = options.Remoting.Ports.Clock
    let clients = RemotingClients options.Remoting

    let routes = Routes(NameServer(Array.ofList options.NameServers, clients), clock)

    let uniqueIds = UniqueIds clock
    let mutable turn = Random.Shared.Next()

    let compressed (body: ReadOnlyMemory<byte>) =
        if body.Length >= options.CompressFromBytes then
            ReadOnlyMemory(Zlib.deflate body), SysFlag.withCompression Zlib 0
        else
            body, 0

    let requestFor (message: Message) (queue: MessageQueue) body sysFlag : SendRequest =
        {
            ProducerGroup = options.Group
            Topic = message.Topic
            DefaultTopic = Send.defaultTopic
            DefaultTopicQueues = Send.defaultTopicQueues
            QueueId = queue.QueueId
            SysFlag = sysFlag
            BornTimestamp = clock.GetUtcNow().ToUnixTimeMilliseconds()
            Flag = message.Flag
            Properties = message.Properties
            ReconsumeTimes = 0
            IsUnit = false
            MaxReconsumeTimes = None
            BrokerName = queue.BrokerName
            IsBatch = false
            Body = body
        }

    let queueFor topic avoided cancellation =
        backgroundTask {
            match! routes.GetOrTemplate(topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                let queues = TopicRoute.publishQueues topic route |> Array.ofList

                match QueueChoice.choose queues (Interlocked.Increment &turn) avoided with
                | None -> return Error(NoRoute topic)
                | Some queue ->
                    return
                        TopicRoute.masterAddress queue.BrokerName route
                        |> Option.defaultValue ""
                        |> clients.TryGet
                        |> Result.map (fun client -> struct (queue, client))
        }

    let receipt (queue: MessageQueue) uniqueId attempt (answer: SendAnswer) : SendReceipt =
        {
            Status = answer.Status
            Queue = { queue with QueueId = answer.QueueId }
            QueueOffset = answer.QueueOffset
            UniqueId = uniqueId
            OffsetId = answer.OffsetId
            Attempts = attempt
        }

    /// One attempt. On failure also the broker that was tried.
    let attemptOnce (message: Message) body sysFlag avoided rest cancellation =
        backgroundTask {
            match! queueFor message.Topic avoided cancellation with
            | Error error -> return Error(struct (error, None))
            | Ok(struct (queue, client: RemotingClient)) ->
                let send = requestFor message queue body sysFlag

                match! client.Call(Send.message, send, rest, cancellation) with
                | Ok answer -> return Ok(struct (queue, answer))
                | Error error -> return Error(struct (error, Some queue.BrokerName))
        }

    let rec sendWithin started attempt earlier avoided (message: Message) uniqueId body sysFlag cancellation =
        backgroundTask {
            let rest () =
                options.SendTimeout - clock.GetElapsedTime started

            match! attemptOnce message body sysFlag avoided (rest ()) cancellation with
            | Ok(struct (queue, answer)) -> return Ok(receipt queue uniqueId attempt answer)
            | Error(struct (error, broker)) ->
                match SendRetry.decide options.Attempts attempt (rest ()) earlier error with
                | GiveUp error -> return Error error
                | TryAgain ->
                    routes.Doubt message.Topic
                    let graver = Some(SendRetry.graver earlier error)
                    return! sendWithin started (attempt + 1) graver broker message uniqueId body sysFlag cancellation
        }

    /// Checks the options. Nothing is connected before the first message.
    static member Start(options: ProducerOptions) : Result<Producer, RemotingError> =
        ProducerOptions.check options |> Result.map (fun () -> new Producer(options))

    /// Sends a message and waits until a broker has stored it. Failed attempts are repeated at another broker where that
    /// may help; `RemotingError.outcome` tells whether the message may be stored all the same.
    member _.Send(message: Message, cancellation: CancellationToken) : Task<Result<SendReceipt, RemotingError>> =
        match Message.check message with
        | Error error -> Task.FromResult(Error(Invalid error))
        | Ok message ->
            let uniqueId = uniqueIds.Next()
            let message = Message.withSystemProperty PropertyName.uniqueKey uniqueId message
            let body, sysFlag = compressed message.Body
            sendWithin (clock.GetTimestamp()) 1 None None message uniqueId body sysFlag cancellation

    /// Closes the connections. Messages on their way fail with an unknown outcome.
    member _.Close() : Task = clients.CloseAll()

    interface IAsyncDisposable with
        member producer.DisposeAsync() = ValueTask(producer.Close())
