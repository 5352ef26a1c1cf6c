namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol.Admin
open RocketMq.Protocol

/// A message, and its body as its sender wrote it.
type ReceivedMessage =
    {
        /// With the topic that the application knows: for a retried message the one that it was first sent to.
        Message: StoredMessage
        Body: Result<ReadOnlyMemory<byte>, BodyError>
    }

    override received.ToString() =
        let size =
            match received.Body with
            | Ok body -> $"{body.Length} bytes"
            | Error error -> error.Message

        $"{received.Message.Topic} {received.Message.QueueId}@{received.Message.QueueOffset}: {size}"

/// What an application does with messages. An exception counts as `ConsumeResult.Retry`. The token is cancelled when the handler has
/// taken longer than the consume timeout, and when the consumer stops and cannot wait any longer.
type ConsumeHandler =
    /// One message a call.
    | EachMessage of (ReceivedMessage -> CancellationToken -> ValueTask<ConsumeResult>)
    /// Up to `PushConsumerOptions.BatchSize` messages of one queue a call; the result is that of all of them.
    | Batches of (ReceivedMessage[] -> CancellationToken -> ValueTask<ConsumeResult>)

/// How much of one queue a consumer holds before it stops pulling from it. Source: DefaultMQPushConsumer.java.
type FlowControlLimits =
    {
        /// Messages that are not consumed. Default 1,000.
        Messages: int
        /// Bytes of their bodies as stored. Default 100 MiB.
        Bytes: int64
        /// From the oldest offset that is not consumed to the newest one held; not of ordered consumers. Default 2,000.
        Span: int64
    }

    static member Default =
        {
            Messages = 1000
            Bytes = 100L * 1024L * 1024L
            Span = 2000L
        }

    static member internal problems(limits: FlowControlLimits) : string list =
        let atLeastOne name (value: int64) =
            [
                if value < 1L then
                    $"{name} is {value}, it must be at least 1"
            ]

        atLeastOne "flowControl.messages" limits.Messages
        @ atLeastOne "flowControl.bytes" limits.Bytes
        @ atLeastOne "flowControl.span" limits.Span

type PushConsumerOptions =
    {
        Group: string
        NameServers: Endpoint list
        /// Finds name servers over HTTP instead, as Java's clients do, and looks again every two minutes. Default none.
        AddressServer: AddressServer option
        /// What topics and group belong to, see `Namespaced`. Default none.
        Namespace: string
        /// Topics and what is wanted of them. All members of a group must have the same.
        Subscriptions: (string * Filter) list
        /// Default `Clustering`: the members of the group share the messages. `Broadcasting`: each gets all of them.
        Model: MessageModel
        /// Whether the messages of a queue are handled one after the other: the next when the one before is consumed.
        /// Default no.
        IsOrderly: bool
        /// Where a group begins that has committed nothing. Default `LastOffset`, as in Java. A queue whose first message
        /// is still there counts as committed at 0.
        ConsumeFrom: ConsumeFrom
        /// How the queues are shared; all members of a group must use the same. Default `Averagely`.
        Strategy: AllocationStrategy
        /// How many handlers work at a time. Default 20.
        Concurrency: int
        /// The most messages for one call of a `Batches` handler. Default 32.
        BatchSize: int
        /// The most messages a pull asks for. Default 32, the most that brokers deliver unless they are set up otherwise.
        PullBatch: int
        /// How long a broker holds a pull that finds nothing. Default 15 s.
        LongPollTimeout: TimeSpan
        /// Of each queue.
        FlowControl: FlowControlLimits
        /// Of each topic besides, all its queues that this member reads together: each gets an equal part. Default none.
        TopicFlowControl: TopicFlowControlLimits
        /// When a handler counts as stuck. Default 15 minutes.
        ConsumeTimeout: TimeSpan
        /// How often a message is given again before it goes to the dead letters. Default: 16 times, and without end for
        /// ordered consumers, as in Java.
        MaxRetries: int option
        /// How long an ordered consumer leaves a queue alone whose message failed: 10 ms to 30 s. Default 1 s.
        SuspendCurrentQueueTime: TimeSpan
        /// How often offsets are committed. Default 5 s.
        CommitInterval: TimeSpan
        /// How long handlers may go on whose queue goes to another member, and when the consumer stops. Default 10 s.
        DrainTimeout: TimeSpan
        /// The largest body after inflating, in bytes. Default 64 MiB.
        MaxDecompressedBodySize: int
        /// What inflates bodies. Default: zlib, and LZ4 and Zstandard where the system has them.
        Codecs: BodyCodecs
        /// Where a broadcasting consumer keeps its offsets. Default ".rocketmq_offsets" in the user's home directory.
        OffsetDirectory: string option
        /// Writes a trace before and after each call of the handler to a topic, mostly `TraceRecords.defaultTopic`. Default
        /// none.
        TraceTopic: string option
        /// Tells this client from others of the host. Default: of its own. A broadcasting consumer finds its offsets
        /// again only if it has the same name again.
        InstanceName: string option
        UnitName: string option
        Remoting: RemotingOptions
    }

module PushConsumerOptions =
    let create (group: string) (nameServers: Endpoint list) : PushConsumerOptions =
        {
            Group = group
            NameServers = nameServers
            AddressServer = None
            Namespace = ""
            Subscriptions = []
            Model = Clustering
            IsOrderly = false
            ConsumeFrom = LastOffset
            Strategy = Averagely
            Concurrency = 20
            BatchSize = 32
            PullBatch = 32
            LongPollTimeout = TimeSpan.FromSeconds 15L
            FlowControl = FlowControlLimits.Default
            TopicFlowControl = TopicFlowControlLimits.None
            ConsumeTimeout = TimeSpan.FromMinutes 15L
            MaxRetries = None
            SuspendCurrentQueueTime = TimeSpan.FromSeconds 1L
            CommitInterval = TimeSpan.FromSeconds 5L
            DrainTimeout = TimeSpan.FromSeconds 10L
            MaxDecompressedBodySize = MessageBody.defaultMaxDecompressedBodySize
            Codecs = BodyCodecs.standard
            OffsetDirectory = None
            TraceTopic = None
            InstanceName = None
            UnitName = None
            Remoting =
                { RemotingOptions.Default with
                    WhenDisconnected = FailWithDial
                }
        }

    /// Settings of its own with a text, see `OptionText`. Those of several values have none.
    let internal settings () : OwnSetting<PushConsumerOptions> list =
        [
            OwnSetting.consumeFromWhere (fun value (options: PushConsumerOptions) ->
                { options with ConsumeFrom = value })
            OwnSetting.count "pullBatch" 1 1024 (fun value options -> { options with PullBatch = value })
            OwnSetting.duration "longPollTimeout" (fun value options -> { options with LongPollTimeout = value })
            OwnSetting.duration "commitInterval" (fun value options -> { options with CommitInterval = value })
            OwnSetting.count "maxDecompressedBodySize" 1 Int32.MaxValue (fun value options ->
                { options with
                    MaxDecompressedBodySize = value
                })
            OwnSetting.text "namespace" Names.checkNamespace (fun value options -> { options with Namespace = value })
            OwnSetting.text "instanceName" OwnSetting.notEmpty (fun value options ->
                { options with
                    InstanceName = Some value
                })
            OwnSetting.text "unitName" OwnSetting.notEmpty (fun value options -> { options with UnitName = Some value })
            OwnSetting.switch "orderly" (fun options -> { options with IsOrderly = true })
            OwnSetting.switch "broadcasting" (fun options -> { options with Model = Broadcasting })
            OwnSetting.count "concurrency" 1 10_000 (fun value options -> { options with Concurrency = value })
            OwnSetting.count "batchSize" 1 1024 (fun value options -> { options with BatchSize = value })
            OwnSetting.duration "consumeTimeout" (fun value options -> { options with ConsumeTimeout = value })
            OwnSetting.count "maxRetries" 0 Int32.MaxValue (fun value options ->
                { options with MaxRetries = Some value })
            OwnSetting.duration "suspendCurrentQueueTime" (fun value options ->
                { options with
                    SuspendCurrentQueueTime = value
                })
            OwnSetting.duration "drainTimeout" (fun value options -> { options with DrainTimeout = value })
            OwnSetting.text "offsetDirectory" OwnSetting.notEmpty (fun value options ->
                { options with
                    OffsetDirectory = Some value
                })
            OwnSetting.text "trace" Names.checkTopic (fun value options -> { options with TraceTopic = Some value })
        ]

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;pullBatch=16".
    let ofText (group: string) (text: string) : Result<PushConsumerOptions, string list> =
        let options = create group []

        OptionText.parseOwn (settings ()) text (options, [], options.Remoting)
        |> Result.map (fun (options, nameServers, remoting) ->
            { options with
                NameServers = nameServers
                Remoting = remoting
            })

    /// Adds a topic, and what is wanted of it; what was wanted of it before counts no more.
    let subscribe (topic: string) (filter: Filter) (options: PushConsumerOptions) =
        let others = options.Subscriptions |> List.filter (fst >> (<>) topic)

        { options with
            Subscriptions = others @ [ (topic, filter) ]
        }

    let consumeFromWhere (start: ConsumeFrom) (options: PushConsumerOptions) = { options with ConsumeFrom = start }

    /// The messages of a queue one after the other.
    let orderly (options: PushConsumerOptions) = { options with IsOrderly = true }

    /// Each member gets all messages.
    let broadcasting (options: PushConsumerOptions) = { options with Model = Broadcasting }

    let withConcurrency (handlers: int) (options: PushConsumerOptions) = { options with Concurrency = handlers }
    let withBatchSize (messages: int) (options: PushConsumerOptions) = { options with BatchSize = messages }
    let withPullBatch (messages: int) (options: PushConsumerOptions) = { options with PullBatch = messages }
    let withLongPollTimeout (time: TimeSpan) (options: PushConsumerOptions) = { options with LongPollTimeout = time }

    let withFlowControl (limits: FlowControlLimits) (options: PushConsumerOptions) =
        { options with FlowControl = limits }

    let withTopicFlowControl (limits: TopicFlowControlLimits) (options: PushConsumerOptions) =
        { options with
            TopicFlowControl = limits
        }

    let withAllocationStrategy (strategy: AllocationStrategy) (options: PushConsumerOptions) =
        { options with Strategy = strategy }

    let withConsumeTimeout (time: TimeSpan) (options: PushConsumerOptions) = { options with ConsumeTimeout = time }

    let withMaxRetries (retries: int) (options: PushConsumerOptions) =
        { options with
            MaxRetries = Some retries
        }

    let withSuspendCurrentQueueTime (time: TimeSpan) (options: PushConsumerOptions) =
        { options with
            SuspendCurrentQueueTime = time
        }

    let withCommitInterval (time: TimeSpan) (options: PushConsumerOptions) = { options with CommitInterval = time }
    let withDrainTimeout (time: TimeSpan) (options: PushConsumerOptions) = { options with DrainTimeout = time }
    let withCodecs (codecs: BodyCodecs) (options: PushConsumerOptions) = { options with Codecs = codecs }
    let withNamespace (name: string) (options: PushConsumerOptions) = { options with Namespace = name }

    let withMaxDecompressedBodySize (bytes: int) (options: PushConsumerOptions) =
        { options with
            MaxDecompressedBodySize = bytes
        }

    let withOffsetDirectory (path: string) (options: PushConsumerOptions) =
        { options with
            OffsetDirectory = Some path
        }

    let withTrace (topic: string) (options: PushConsumerOptions) =
        { options with TraceTopic = Some topic }

    let withInstanceName (name: string) (options: PushConsumerOptions) =
        { options with
            InstanceName = Some name
        }

    let withUnitName (name: string) (options: PushConsumerOptions) = { options with UnitName = Some name }

    let withAddressServer (server: AddressServer) (options: PushConsumerOptions) =
        { options with
            AddressServer = Some server
        }

    let withNameServers (nameServers: Endpoint list) (options: PushConsumerOptions) =
        { options with
            NameServers = nameServers
        }

    let withRemoting (remoting: RemotingOptions) (options: PushConsumerOptions) = { options with Remoting = remoting }

    let internal retryTopic (options: PushConsumerOptions) =
        Namespaced.retryTopic options.Namespace options.Group

    let internal check (options: PushConsumerOptions) : Result<unit, RemotingError> =
        let atLeastOne = ValueKind.count 1 Int32.MaxValue

        let problems =
            [
                if options.NameServers.IsEmpty && options.AddressServer.IsNone then
                    "no name server is named: set NameServers (builders in C# also read the variable NAMESRV_ADDR)"

                if options.Subscriptions.IsEmpty then
                    "a consumer needs a subscription: call Subscribe before it starts"

                yield! ValueKind.problem "concurrency" (ValueKind.count 1 10_000) options.Concurrency
                yield! ValueKind.problem "batchSize" (ValueKind.count 1 1024) options.BatchSize
                yield! ValueKind.problem "pullBatch" (ValueKind.count 1 1024) options.PullBatch
                yield! ValueKind.problem "longPollTimeout" ValueKind.duration options.LongPollTimeout
                yield! FlowControlLimits.problems options.FlowControl

                match options.TopicFlowControl.Messages with
                | Some limit -> yield! ValueKind.problem "topicFlowControl.messages" atLeastOne limit
                | None -> ()

                match options.TopicFlowControl.Bytes with
                | Some limit when limit < 1L -> $"topicFlowControl.bytes is {limit}, it must be at least 1"
                | _ -> ()

                yield! ValueKind.problem "consumeTimeout" ValueKind.duration options.ConsumeTimeout
                yield! ValueKind.problem "commitInterval" ValueKind.duration options.CommitInterval
                yield! ValueKind.problem "drainTimeout" ValueKind.duration options.DrainTimeout
                yield! ValueKind.problem "maxDecompressedBodySize" atLeastOne options.MaxDecompressedBodySize

                let struct (least, most) = ReconsumePolicy.suspendLimits

                if
                    options.SuspendCurrentQueueTime < least
                    || options.SuspendCurrentQueueTime > most
                then
                    $"suspendCurrentQueueTime is {options.SuspendCurrentQueueTime}, it must be 10 ms to 30 s"

                match options.TraceTopic with
                | Some topic -> yield! ProducerOptions.problemOf "traceTopic" (Names.checkTopic topic)
                | None -> ()

                match options.MaxRetries with
                | Some retries when retries < 0 -> $"maxRetries is {retries}, it must not be negative"
                | _ -> ()

                yield! InstanceNames.problem "instanceName" options.InstanceName
                yield! InstanceNames.problem "unitName" options.UnitName
                yield! RemotingOptions.check options.Remoting
            ]

        match Names.checkOwnGroup options.Group, RemotingOptions.refusal problems with
        | Error error, _ -> Error(Invalid error)
        | Ok _, Error error -> Error error
        | Ok _, Ok() -> SubscriptionRules.ofAll options.Subscriptions |> Result.mapError Invalid
