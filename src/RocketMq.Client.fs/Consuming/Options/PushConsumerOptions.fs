namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What an application does with messages. An exception counts as `ConsumeResult.Retry`. The token is cancelled when the handler has
/// taken longer than the consume timeout, when the consumer stops, or its queue goes to another member, and the drain timeout is over, and in
/// order when the lock of its queue is lost.
[<RequireQualifiedAccess>]
type ConsumeHandler =
    /// One message a call.
    | EachMessage of (ReceivedMessage -> CancellationToken -> ValueTask<ConsumeResult>)
    /// Up to `PushConsumerOptions.BatchSize` messages of one queue a call; the result is that of all of them.
    | Batches of (ReceivedMessage[] -> CancellationToken -> ValueTask<ConsumeResult>)
    /// As `Batches`, with a result for each message, in their order. Another number of results counts as an exception.
    | BatchesWithVerdicts of (ReceivedMessage[] -> CancellationToken -> ValueTask<ConsumeResult[]>)

    override one.ToString() =
        match one with
        | EachMessage _ -> "EachMessage"
        | Batches _ -> "Batches"
        | BatchesWithVerdicts _ -> "BatchesWithVerdicts"

/// How much of one queue a consumer holds before it stops pulling from it. Source: DefaultMQPushConsumer.java.
type FlowControlLimits =
    {
        /// Messages that are not consumed. Default 1,000.
        Messages: int
        /// Bytes of their bodies as stored. Default 100 MiB.
        Bytes: int64
        /// From the oldest offset that is not consumed to the newest one held; in order of keys to the newest one pulled, consumed or not; not of
        /// consumers in order of queues, which leave no gaps. Default 2,000.
        Span: int64
    }

    /// The defaults that the fields name.
    static member Default =
        {
            Messages = 1000
            Bytes = 100L * 1024L * 1024L
            Span = 2000L
        }

module internal FlowControlLimits =
    let private count = ValueKind.count 1 Int32.MaxValue

    let private large: ValueKind<int64> =
        ValueKind.ofProgram (fun value ->
            if value >= 1L then
                None
            else
                Some(invariant $"{value} is no number above 0"))

    /// One by one, without texts.
    let settings: Setting<FlowControlLimits> list =
        [
            Setting.part "flowControlMessages" count (fun limits -> Some limits.Messages) (fun value limits ->
                { limits with Messages = value })
            Setting.part "flowControlBytes" large (fun limits -> Some limits.Bytes) (fun value limits ->
                { limits with Bytes = value })
            Setting.part "flowControlSpan" large (fun limits -> Some limits.Span) (fun value limits ->
                { limits with Span = value })
        ]

    let topicSettings: Setting<TopicFlowControlLimits> list =
        [
            Setting.part "topicFlowControlMessages" count _.Messages (fun value limits ->
                { limits with Messages = Some value })
            Setting.part "topicFlowControlBytes" large _.Bytes (fun value limits -> { limits with Bytes = Some value })
        ]

/// Options of a push consumer.
type PushConsumerOptions =
    {
        Consumer: ConsumerOptions
        /// Default `Clustering`: the members of the group share the messages. `Broadcasting`: each gets all of them.
        Model: MessageModel
        /// Whether the messages of a queue are handled one after the other: the next when the one before is consumed.
        /// Default no.
        IsOrderly: bool
        /// In order: what a message that fails holds up, all of its queue or its key alone. Default `Queue`, as in Java.
        OrderBy: OrderBy
        /// How the queues are shared; all members of a group must use the same. Default `Averagely`.
        Strategy: AllocationStrategy
        /// Whether the members share the queues by themselves, as in Java, whose setting has this name. Without it brokers of 5.0 or later
        /// assign them, `Averagely` or `AveragelyByCircle`, and say whether a topic is pulled or popped; those before 5.0 leave it to the
        /// members. Default true.
        ClientRebalance: bool
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
        /// How long an ordered consumer leaves a queue, or a key of it, alone whose message failed: 10 ms to 30 s. Default 1 s.
        SuspendCurrentQueueTime: TimeSpan
        /// How often offsets are committed. Default 5 s.
        CommitInterval: TimeSpan
        /// How long handlers may go on whose queue goes to another member, and when the consumer stops. Default 10 s.
        DrainTimeout: TimeSpan
        /// Where a broadcasting consumer keeps its offsets. Default ".rocketmq_offsets" in the user's home directory.
        OffsetDirectory: string option
        /// Writes a trace before and after each call of the handler to a topic, mostly `TraceRecords.defaultTopic`. Default
        /// none.
        TraceTopic: string option
    }

module PushConsumerOptions =
    /// Options of a push consumer, with the defaults that the fields name and no subscription yet.
    let create (group: string) (nameServers: Endpoint list) : PushConsumerOptions =
        {
            Consumer = ConsumerOptions.create group nameServers
            Model = MessageModel.Clustering
            IsOrderly = false
            OrderBy = OrderBy.Queue
            Strategy = AllocationStrategy.Averagely
            ClientRebalance = true
            Concurrency = ConsumerDefaults.concurrency
            BatchSize = 32
            PullBatch = ConsumerDefaults.batch
            LongPollTimeout = ConsumerDefaults.longPollTimeout
            FlowControl = FlowControlLimits.Default
            TopicFlowControl = TopicFlowControlLimits.None
            ConsumeTimeout = ConsumerDefaults.consumeTimeout
            MaxRetries = None
            SuspendCurrentQueueTime = TimeSpan.FromSeconds 1L
            CommitInterval = ConsumerDefaults.commitInterval
            DrainTimeout = TimeSpan.FromSeconds 10L
            OffsetDirectory = None
            TraceTopic = None
        }

    let private suspendTime =
        let struct (least, most) = ReconsumePolicy.suspendLimits

        ValueKind.duration
        |> ValueKind.restrict (fun time ->
            if time >= least && time <= most then
                None
            else
                Some(invariant $"{time} is no time from {least.TotalMilliseconds} ms to {most.TotalSeconds} s"))

    let private orderProblems (options: PushConsumerOptions) : string list =
        match options.OrderBy with
        | OrderBy.Key when not options.IsOrderly ->
            [
                "orderBy: it is key, which only a consumer in order can follow: set orderly too"
            ]
        | OrderBy.Key
        | OrderBy.Queue -> []

    /// What brokers that assign queues cannot do is refused.
    let private rebalanceProblems (options: PushConsumerOptions) : string list =
        if options.ClientRebalance then
            []
        else
            [
                if options.Model = MessageModel.Broadcasting then
                    "clientRebalance: it is false, and each member of a broadcasting group reads all queues"

                match options.Strategy with
                | AllocationStrategy.Averagely
                | AllocationStrategy.AveragelyByCircle -> ()
                | strategy ->
                    $"clientRebalance: it is false, and brokers do not know the allocation strategy {QueueAllocation.name strategy}"

                yield! ConsumerOptions.beginsAtNoTime options.Consumer
            ]

    let internal kind: OptionKind<PushConsumerOptions> =
        ConsumerOptions.kindOf
            _.Consumer
            (fun consumer options -> { options with Consumer = consumer })
            [
                Setting.flag "orderly" _.IsOrderly (fun value options -> { options with IsOrderly = value })
                Setting.value
                    "orderBy"
                    (ValueKind.word [ "queue", OrderBy.Queue; "key", OrderBy.Key ])
                    _.OrderBy
                    (fun value options -> { options with OrderBy = value })
                Setting.flag "broadcasting" _.Model.IsBroadcasting (fun value options ->
                    { options with
                        Model =
                            if value then
                                MessageModel.Broadcasting
                            else
                                MessageModel.Clustering
                    })
                Setting.ofProgram "allocationStrategy" (fun _ -> None) (_.Strategy >> Some) (fun value options ->
                    { options with Strategy = value })
                Setting.flag "clientRebalance" _.ClientRebalance (fun value options ->
                    { options with ClientRebalance = value })
                Setting.count "concurrency" 1 10_000 _.Concurrency (fun value options ->
                    { options with Concurrency = value })
                Setting.count "batchSize" 1 1024 _.BatchSize (fun value options -> { options with BatchSize = value })
                Setting.count "pullBatch" 1 1024 _.PullBatch (fun value options -> { options with PullBatch = value })
                Setting.duration "longPollTimeout" _.LongPollTimeout (fun value options ->
                    { options with LongPollTimeout = value })
                Setting.duration "consumeTimeout" _.ConsumeTimeout (fun value options ->
                    { options with ConsumeTimeout = value })
                Setting.optional "maxRetries" (ValueKind.count 0 Int32.MaxValue) _.MaxRetries (fun value options ->
                    { options with MaxRetries = Some value })
                Setting.value "suspendCurrentQueueTime" suspendTime _.SuspendCurrentQueueTime (fun value options ->
                    { options with
                        SuspendCurrentQueueTime = value
                    })
                Setting.duration "commitInterval" _.CommitInterval (fun value options ->
                    { options with CommitInterval = value })
                Setting.duration "drainTimeout" _.DrainTimeout (fun value options ->
                    { options with DrainTimeout = value })
                Setting.optional "offsetDirectory" ValueKind.notEmpty _.OffsetDirectory (fun value options ->
                    { options with
                        OffsetDirectory = Some value
                    })
                Setting.optional "trace" (ValueKind.text Names.checkTopic) _.TraceTopic (fun value options ->
                    { options with TraceTopic = Some value })
                yield!
                    FlowControlLimits.settings
                    |> Setting.within _.FlowControl (fun value options -> { options with FlowControl = value })
                yield!
                    FlowControlLimits.topicSettings
                    |> Setting.within _.TopicFlowControl (fun value options ->
                        { options with
                            TopicFlowControl = value
                        })
            ]
            (fun options ->
                ConsumerOptions.needsSubscription options.Consumer
                @ orderProblems options
                @ rebalanceProblems options)

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;pullBatch=16".
    let ofText (group: string) (text: string) : Result<PushConsumerOptions, string list> =
        OptionKind.ofText kind text (create group [])

    /// Adds a topic, and what is wanted of it; what was wanted of it before counts no more.
    let subscribe (topic: string) (filter: Filter) (options: PushConsumerOptions) : PushConsumerOptions =
        { options with
            Consumer = ConsumerOptions.subscribe topic filter options.Consumer
        }

    /// The messages of a queue one after the other.
    let orderly (options: PushConsumerOptions) : PushConsumerOptions = { options with IsOrderly = true }

    /// The messages of one key of a queue one after the other, and different keys side by side.
    let orderlyByKey (options: PushConsumerOptions) : PushConsumerOptions =
        { options with
            IsOrderly = true
            OrderBy = OrderBy.Key
        }

    /// Brokers assign the queues, and say whether a topic is pulled or popped. Java's `setClientRebalance(false)`.
    let brokerRebalance (options: PushConsumerOptions) : PushConsumerOptions =
        { options with ClientRebalance = false }

    /// Each member gets all messages.
    let broadcasting (options: PushConsumerOptions) : PushConsumerOptions =
        { options with
            Model = MessageModel.Broadcasting
        }

    let internal retryTopic (options: PushConsumerOptions) =
        Namespaced.retryTopic options.Consumer.Client.Namespace options.Consumer.Group

    let internal withClient (client: ClientOptions) (options: PushConsumerOptions) : PushConsumerOptions =
        { options with
            Consumer.Client = client
        }

    let internal check (options: PushConsumerOptions) : Result<unit, RemotingError> = OptionKind.check kind options

    /// The options with what they have from a client that is shared, if there is one, or all problems as one error.
    let internal checkWith
        (client: ClientOptions option)
        (options: PushConsumerOptions)
        : Result<PushConsumerOptions, RemotingError> =
        SharedOptions.check kind _.Consumer.Client withClient (create options.Consumer.Group []) client options
