namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

/// For how long messages may be hidden.
module internal InvisibleTime =
    let private least = TimeSpan.FromSeconds 1L
    let private most = TimeSpan.FromHours 12

    let kind: ValueKind<TimeSpan> =
        ValueKind.duration
        |> ValueKind.restrict (fun time ->
            if time >= least && time <= most then
                None
            else
                Some(invariant $"{time} is no time from {least} to {most}"))

    let check (what: string) (time: TimeSpan) : string option =
        kind.Check time |> Option.map (fun problem -> $"{what}: {problem}")

/// Options of a simple consumer.
type SimpleConsumerOptions =
    {
        Consumer: ConsumerOptions
        /// How long `Receive` waits for a message. Default 15 s.
        AwaitDuration: TimeSpan
    }

module SimpleConsumerOptions =
    /// Options of a simple consumer, with the defaults that the fields name and no subscription yet.
    let create (group: string) (nameServers: Endpoint list) : SimpleConsumerOptions =
        {
            Consumer = ConsumerOptions.create group nameServers
            AwaitDuration = ConsumerDefaults.longPollTimeout
        }

    let internal kind: OptionKind<SimpleConsumerOptions> =
        ConsumerOptions.kindOf
            _.Consumer
            (fun consumer options -> { options with Consumer = consumer })
            [
                Setting.duration "awaitDuration" _.AwaitDuration (fun value options ->
                    { options with AwaitDuration = value })
            ]
            (fun options ->
                ConsumerOptions.needsSubscription options.Consumer
                @ ConsumerOptions.beginsAtNoTime options.Consumer)

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;awaitDuration=5s".
    let ofText (group: string) (text: string) : Result<SimpleConsumerOptions, string list> =
        OptionKind.ofText kind text (create group [])

    /// Adds a topic, and what is wanted of it; what was wanted of it before counts no more.
    let subscribe (topic: string) (filter: Filter) (options: SimpleConsumerOptions) : SimpleConsumerOptions =
        { options with
            Consumer = ConsumerOptions.subscribe topic filter options.Consumer
        }

    let internal withClient (client: ClientOptions) (options: SimpleConsumerOptions) : SimpleConsumerOptions =
        { options with
            Consumer.Client = client
        }

    let internal check (options: SimpleConsumerOptions) : Result<unit, RemotingError> = OptionKind.check kind options

    /// The options with what they have from a client that is shared, if there is one, or all problems as one error.
    let internal checkWith
        (client: ClientOptions option)
        (options: SimpleConsumerOptions)
        : Result<SimpleConsumerOptions, RemotingError> =
        SharedOptions.check kind _.Consumer.Client withClient (create options.Consumer.Group []) client options

/// Handles one message. The token is cancelled when the handler has taken longer than the consume timeout, when the message's
/// receipt is lost, so that it comes again whatever the handler does, and when the consumer ends and has waited long enough. An
/// exception counts as `ConsumeResult.Retry`.
type PopHandler = ReceivedMessage -> CancellationToken -> Task<ConsumeResult>

/// Options of a consumer that pops.
type PopConsumerOptions =
    {
        Consumer: ConsumerOptions
        /// How many handlers run at a time. Default 20.
        Concurrency: int
        /// Messages of a queue one after the other, and none before the one before it is consumed. Default false.
        IsOrderly: bool
        /// For how long messages are hidden, 1 s to 12 h; while a handler runs that is renewed, until its consume timeout.
        /// Default 60 s.
        InvisibleTime: TimeSpan
        /// When a handler counts as stuck: its token is cancelled then, and if it does not return, its message comes again as one
        /// that failed and another handler takes its place. Default 15 minutes.
        ConsumeTimeout: TimeSpan
        /// The most messages one pop asks for, 1 to 32. Default 32.
        PopBatch: int
        /// How long a broker holds a pop that finds nothing. Default 15 s.
        LongPollTimeout: TimeSpan
        /// How many messages of a broker, or of a queue where queues are shared out, may be unacknowledged. Default 96.
        MaxUnackedMessages: int
        /// Asks brokers at the start to hand the topics out by pop to this group, which they do not unless they are asked.
        /// Default false: an operator does so.
        EnablePopMode: bool
        /// Writes a trace before and after each call of the handler to a topic, mostly `TraceRecords.defaultTopic`. Default
        /// none.
        TraceTopic: string option
        /// How long `Close` waits for handlers. Default 30 s.
        DrainTimeout: TimeSpan
    }

module PopConsumerOptions =
    /// Options of a consumer that pops, with the defaults that the fields name and no subscription yet.
    let create (group: string) (nameServers: Endpoint list) : PopConsumerOptions =
        {
            Consumer = ConsumerOptions.create group nameServers
            Concurrency = ConsumerDefaults.concurrency
            IsOrderly = false
            InvisibleTime = TimeSpan.FromSeconds 60L
            ConsumeTimeout = ConsumerDefaults.consumeTimeout
            PopBatch = ConsumerDefaults.batch
            LongPollTimeout = ConsumerDefaults.longPollTimeout
            MaxUnackedMessages = PopLimits.Default.MaxUnackedMessages
            EnablePopMode = false
            TraceTopic = None
            DrainTimeout = TimeSpan.FromSeconds 30L
        }

    let internal kind: OptionKind<PopConsumerOptions> =
        ConsumerOptions.kindOf
            _.Consumer
            (fun consumer options -> { options with Consumer = consumer })
            [
                Setting.count "concurrency" 1 10_000 _.Concurrency (fun value options ->
                    { options with Concurrency = value })
                Setting.flag "orderly" _.IsOrderly (fun value options -> { options with IsOrderly = value })
                Setting.value "invisibleTime" InvisibleTime.kind _.InvisibleTime (fun value options ->
                    { options with InvisibleTime = value })
                Setting.duration "consumeTimeout" _.ConsumeTimeout (fun value options ->
                    { options with ConsumeTimeout = value })
                Setting.count "popBatch" 1 32 _.PopBatch (fun value options -> { options with PopBatch = value })
                Setting.duration "longPollTimeout" _.LongPollTimeout (fun value options ->
                    { options with LongPollTimeout = value })
                Setting.count "maxUnackedMessages" 1 100_000 _.MaxUnackedMessages (fun value options ->
                    { options with
                        MaxUnackedMessages = value
                    })
                Setting.flag "enablePopMode" _.EnablePopMode (fun value options ->
                    { options with EnablePopMode = value })
                Setting.optional "trace" (ValueKind.text Names.checkTopic) _.TraceTopic (fun value options ->
                    { options with TraceTopic = Some value })
                Setting.duration "drainTimeout" _.DrainTimeout (fun value options ->
                    { options with DrainTimeout = value })
            ]
            (fun options ->
                ConsumerOptions.needsSubscription options.Consumer
                @ ConsumerOptions.beginsAtNoTime options.Consumer)

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;popBatch=16".
    let ofText (group: string) (text: string) : Result<PopConsumerOptions, string list> =
        OptionKind.ofText kind text (create group [])

    /// Adds a topic, and what is wanted of it; what was wanted of it before counts no more.
    let subscribe (topic: string) (filter: Filter) (options: PopConsumerOptions) : PopConsumerOptions =
        { options with
            Consumer = ConsumerOptions.subscribe topic filter options.Consumer
        }

    /// The messages of a queue one after the other.
    let orderly (options: PopConsumerOptions) : PopConsumerOptions = { options with IsOrderly = true }

    /// Asks brokers at the start to hand the topics out by pop.
    let enablingPopMode (options: PopConsumerOptions) : PopConsumerOptions = { options with EnablePopMode = true }

    let internal withClient (client: ClientOptions) (options: PopConsumerOptions) : PopConsumerOptions =
        { options with
            Consumer.Client = client
        }

    let internal check (options: PopConsumerOptions) : Result<unit, RemotingError> = OptionKind.check kind options

    /// The options with what they have from a client that is shared, if there is one, or all problems as one error.
    let internal checkWith
        (client: ClientOptions option)
        (options: PopConsumerOptions)
        : Result<PopConsumerOptions, RemotingError> =
        SharedOptions.check kind _.Consumer.Client withClient (create options.Consumer.Group []) client options

    let internal limits (options: PopConsumerOptions) : PopLimits =
        { PopLimits.Default with
            InvisibleMillis = int64 options.InvisibleTime.TotalMilliseconds
            MaxUnackedMessages = options.MaxUnackedMessages
        }
