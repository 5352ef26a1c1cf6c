namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol.Admin
open RocketMq.Protocol

/// What consumers that pop say of themselves.
type PopClientOptions =
    {
        Group: string
        NameServers: Endpoint list
        /// Finds name servers over HTTP instead, as Java's clients do, and looks again every two minutes. Default none.
        AddressServer: AddressServer option
        /// What topics and group belong to, see `Namespaced`. Default none.
        Namespace: string
        /// Topics and what is wanted of them.
        Subscriptions: (string * Filter) list
        /// Tells this client from others of the host. Default: of its own.
        InstanceName: string option
        UnitName: string option
        /// Where a group begins that has popped nothing. Default `LastOffset`. A queue whose first message is still there
        /// begins with that all the same.
        ConsumeFrom: ConsumeFrom
        /// The largest body after inflating, in bytes. Default 64 MiB.
        MaxDecompressedBodySize: int
        /// What inflates bodies. Default: zlib, and LZ4 and Zstandard where the system has them.
        Codecs: BodyCodecs
        Remoting: RemotingOptions
    }

module PopClientOptions =
    let create (group: string) (nameServers: Endpoint list) : PopClientOptions =
        {
            Group = group
            NameServers = nameServers
            AddressServer = None
            Namespace = ""
            Subscriptions = []
            InstanceName = None
            UnitName = None
            ConsumeFrom = LastOffset
            MaxDecompressedBodySize = MessageBody.defaultMaxDecompressedBodySize
            Codecs = BodyCodecs.standard
            Remoting =
                { RemotingOptions.Default with
                    WhenDisconnected = FailWithDial
                }
        }

    /// Adds a topic, and what is wanted of it, in place of what was wanted before.
    let subscribe (topic: string) (filter: Filter) (membership: PopClientOptions) =
        let others =
            membership.Subscriptions |> List.filter (fun (other, _) -> other <> topic)

        { membership with
            Subscriptions = others @ [ (topic, filter) ]
        }

    let consumeFromWhere (start: ConsumeFrom) (membership: PopClientOptions) = { membership with ConsumeFrom = start }

    let withNameServers nameServers (membership: PopClientOptions) =
        { membership with
            NameServers = nameServers
        }

    let withAddressServer server (membership: PopClientOptions) =
        { membership with
            AddressServer = Some server
        }

    let withNamespace name (membership: PopClientOptions) = { membership with Namespace = name }

    let withMaxDecompressedBodySize bytes (membership: PopClientOptions) =
        { membership with
            MaxDecompressedBodySize = bytes
        }

    let withCodecs codecs (membership: PopClientOptions) = { membership with Codecs = codecs }

    let withInstanceName name (membership: PopClientOptions) =
        { membership with
            InstanceName = Some name
        }

    let withUnitName name (membership: PopClientOptions) =
        { membership with UnitName = Some name }

    let withRemoting remoting (membership: PopClientOptions) = { membership with Remoting = remoting }

    /// Settings with a text of all consumers that pop, of options that hold a membership.
    let internal settings
        (get: 'Options -> PopClientOptions)
        (put: PopClientOptions -> 'Options -> 'Options)
        : OwnSetting<'Options> list =
        let change (set: 'T -> PopClientOptions -> PopClientOptions) value options =
            put (set value (get options)) options

        [
            OwnSetting.consumeFromWhere (change (fun value membership -> { membership with ConsumeFrom = value }))
            OwnSetting.count
                "maxDecompressedBodySize"
                1
                Int32.MaxValue
                (change (fun value membership ->
                    { membership with
                        MaxDecompressedBodySize = value
                    }))
            OwnSetting.text
                "namespace"
                Names.checkNamespace
                (change (fun value membership -> { membership with Namespace = value }))
            OwnSetting.text
                "instanceName"
                OwnSetting.notEmpty
                (change (fun value membership ->
                    { membership with
                        InstanceName = Some value
                    }))
            OwnSetting.text
                "unitName"
                OwnSetting.notEmpty
                (change (fun value membership ->
                    { membership with
                        UnitName = Some value
                    }))
        ]

    /// Options that hold a membership, changed by a text of their settings and of those of their connections.
    let internal ofText
        (settings: OwnSetting<'Options> list)
        (get: 'Options -> PopClientOptions)
        (put: PopClientOptions -> 'Options -> 'Options)
        (text: string)
        (options: 'Options)
        : Result<'Options, string list> =
        OptionText.parseOwn settings text (options, [], (get options).Remoting)
        |> Result.map (fun (options, nameServers, remoting) ->
            put
                { get options with
                    NameServers = nameServers
                    Remoting = remoting
                }
                options)

    let internal problems (membership: PopClientOptions) : string list =
        [
            if membership.NameServers.IsEmpty && membership.AddressServer.IsNone then
                "no name server is named: set NameServers (builders in C# also read the variable NAMESRV_ADDR), or AddressServer"

            if membership.Subscriptions.IsEmpty then
                "a consumer needs a subscription: call Subscribe before it starts"

            yield!
                ValueKind.problem
                    "maxDecompressedBodySize"
                    (ValueKind.count 1 Int32.MaxValue)
                    membership.MaxDecompressedBodySize
            yield! RemotingOptions.check membership.Remoting
        ]

    /// Ok if these and all other settings can be used.
    let internal check others (membership: PopClientOptions) : Result<unit, RemotingError> =
        match Names.checkOwnGroup membership.Group, RemotingOptions.refusal (problems membership @ others) with
        | Error error, _ -> Error(Invalid error)
        | Ok _, Error error -> Error error
        | Ok _, Ok() -> SubscriptionRules.ofAll membership.Subscriptions |> Result.mapError Invalid

/// For how long messages may be hidden.
module internal InvisibleTime =
    let private least = TimeSpan.FromSeconds 1L
    let private most = TimeSpan.FromHours 12

    let check what (time: TimeSpan) : string option =
        if time >= least && time <= most then
            None
        else
            Some $"{what} is {time}: it must be from {least} to {most}"

type SimpleConsumerOptions =
    {
        Membership: PopClientOptions
        /// How long `Receive` waits for a message. Default 15 s.
        Await: TimeSpan
    }

module SimpleConsumerOptions =
    let create (group: string) (nameServers: Endpoint list) : SimpleConsumerOptions =
        {
            Membership = PopClientOptions.create group nameServers
            Await = TimeSpan.FromSeconds 15L
        }

    let withMembership membership (options: SimpleConsumerOptions) =
        { options with Membership = membership }

    /// Settings of its own with a text, see `OptionText`.
    let internal settings () : OwnSetting<SimpleConsumerOptions> list =
        OwnSetting.duration "awaitDuration" (fun value options -> { options with Await = value })
        :: PopClientOptions.settings _.Membership withMembership

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;await=5s".
    let ofText (group: string) (text: string) : Result<SimpleConsumerOptions, string list> =
        PopClientOptions.ofText (settings ()) _.Membership withMembership text (create group [])

    /// Adds a topic, and what is wanted of it.
    let subscribe (topic: string) (filter: Filter) (options: SimpleConsumerOptions) =
        { options with
            Membership = PopClientOptions.subscribe topic filter options.Membership
        }

    let consumeFromWhere (start: ConsumeFrom) (options: SimpleConsumerOptions) =
        withMembership (PopClientOptions.consumeFromWhere start options.Membership) options

    let withAwaitDuration time (options: SimpleConsumerOptions) = { options with Await = time }

    let withNamespace name (options: SimpleConsumerOptions) =
        withMembership (PopClientOptions.withNamespace name options.Membership) options

    let withAddressServer server (options: SimpleConsumerOptions) =
        withMembership (PopClientOptions.withAddressServer server options.Membership) options

    let withMaxDecompressedBodySize bytes (options: SimpleConsumerOptions) =
        withMembership (PopClientOptions.withMaxDecompressedBodySize bytes options.Membership) options

    let withCodecs codecs (options: SimpleConsumerOptions) =
        withMembership (PopClientOptions.withCodecs codecs options.Membership) options

    let withInstanceName name (options: SimpleConsumerOptions) =
        withMembership (PopClientOptions.withInstanceName name options.Membership) options

    let withRemoting remoting (options: SimpleConsumerOptions) =
        withMembership (PopClientOptions.withRemoting remoting options.Membership) options

    let internal check (options: SimpleConsumerOptions) =
        PopClientOptions.check (ValueKind.problem "awaitDuration" ValueKind.duration options.Await) options.Membership

/// Handles one message. The token is cancelled when the handler has taken longer than the consume timeout, when the message's
/// receipt is lost, so that it comes again whatever the handler does, and when the consumer ends and has waited long enough. An
/// exception counts as `ConsumeResult.Retry`.
type PopHandler = ReceivedMessage -> CancellationToken -> Task<ConsumeResult>

type PopConsumerOptions =
    {
        Membership: PopClientOptions
        /// How many handlers run at a time. Default 20.
        Concurrency: int
        /// Messages of a queue one after the other, and none before the one before it is consumed. Default false.
        IsOrderly: bool
        /// For how long messages are hidden; while a handler runs that is renewed, until its consume timeout. Default 60 s.
        InvisibleTime: TimeSpan
        /// When a handler counts as stuck: its token is cancelled then, and if it does not return, its message comes again as one
        /// that failed and another handler takes its place. Default 15 minutes.
        ConsumeTimeout: TimeSpan
        /// The most messages one pop asks for, 1 to 32. Default 32.
        PopBatch: int
        /// How long a broker holds a pop that finds nothing. Default 15 s.
        Poll: TimeSpan
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
    let private mostInAPop = 32

    let create (group: string) (nameServers: Endpoint list) : PopConsumerOptions =
        {
            Membership = PopClientOptions.create group nameServers
            Concurrency = 20
            IsOrderly = false
            InvisibleTime = TimeSpan.FromSeconds 60L
            ConsumeTimeout = TimeSpan.FromMinutes 15L
            PopBatch = mostInAPop
            Poll = TimeSpan.FromSeconds 15L
            MaxUnackedMessages = PopLimits.Default.MaxUnackedMessages
            EnablePopMode = false
            TraceTopic = None
            DrainTimeout = TimeSpan.FromSeconds 30L
        }

    let withMembership membership (options: PopConsumerOptions) =
        { options with Membership = membership }

    /// Settings of its own with a text, see `OptionText`.
    let internal settings () : OwnSetting<PopConsumerOptions> list =
        [
            OwnSetting.count "concurrency" 1 10_000 (fun value options -> { options with Concurrency = value })
            OwnSetting.switch "orderly" (fun options -> { options with IsOrderly = true })
            OwnSetting.duration "invisibleTime" (fun value options -> { options with InvisibleTime = value })
            OwnSetting.duration "consumeTimeout" (fun value options -> { options with ConsumeTimeout = value })
            OwnSetting.count "popBatch" 1 mostInAPop (fun value options -> { options with PopBatch = value })
            OwnSetting.duration "longPollTimeout" (fun value options -> { options with Poll = value })
            OwnSetting.count "maxUnackedMessages" 1 100_000 (fun value options ->
                { options with
                    MaxUnackedMessages = value
                })
            OwnSetting.switch "enablePopMode" (fun options -> { options with EnablePopMode = true })
            OwnSetting.text "trace" Names.checkTopic (fun value options -> { options with TraceTopic = Some value })
            OwnSetting.duration "drainTimeout" (fun value options -> { options with DrainTimeout = value })
        ]
        @ PopClientOptions.settings _.Membership withMembership

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;popBatch=16".
    let ofText (group: string) (text: string) : Result<PopConsumerOptions, string list> =
        PopClientOptions.ofText (settings ()) _.Membership withMembership text (create group [])

    /// Adds a topic, and what is wanted of it.
    let subscribe (topic: string) (filter: Filter) (options: PopConsumerOptions) =
        { options with
            Membership = PopClientOptions.subscribe topic filter options.Membership
        }

    let consumeFromWhere (start: ConsumeFrom) (options: PopConsumerOptions) =
        withMembership (PopClientOptions.consumeFromWhere start options.Membership) options

    let withConcurrency count (options: PopConsumerOptions) = { options with Concurrency = count }
    let orderly (options: PopConsumerOptions) = { options with IsOrderly = true }
    let withInvisibleTime time (options: PopConsumerOptions) = { options with InvisibleTime = time }
    let withConsumeTimeout time (options: PopConsumerOptions) = { options with ConsumeTimeout = time }
    let withPopBatch count (options: PopConsumerOptions) = { options with PopBatch = count }
    let withLongPollTimeout time (options: PopConsumerOptions) = { options with Poll = time }

    let withMaxUnackedMessages count (options: PopConsumerOptions) =
        { options with
            MaxUnackedMessages = count
        }

    let enablingPopMode (options: PopConsumerOptions) = { options with EnablePopMode = true }

    let withTrace topic (options: PopConsumerOptions) =
        { options with TraceTopic = Some topic }

    let withDrainTimeout time (options: PopConsumerOptions) = { options with DrainTimeout = time }

    let withNamespace name (options: PopConsumerOptions) =
        withMembership (PopClientOptions.withNamespace name options.Membership) options

    let withAddressServer server (options: PopConsumerOptions) =
        withMembership (PopClientOptions.withAddressServer server options.Membership) options

    let withMaxDecompressedBodySize bytes (options: PopConsumerOptions) =
        withMembership (PopClientOptions.withMaxDecompressedBodySize bytes options.Membership) options

    let withCodecs codecs (options: PopConsumerOptions) =
        withMembership (PopClientOptions.withCodecs codecs options.Membership) options

    let withInstanceName name (options: PopConsumerOptions) =
        withMembership (PopClientOptions.withInstanceName name options.Membership) options

    let withRemoting remoting (options: PopConsumerOptions) =
        withMembership (PopClientOptions.withRemoting remoting options.Membership) options

    let internal check (options: PopConsumerOptions) =
        let problems =
            [
                yield! ValueKind.problem "concurrency" (ValueKind.count 1 10_000) options.Concurrency
                yield! InvisibleTime.check "invisibleTime" options.InvisibleTime |> Option.toList
                yield! ValueKind.problem "consumeTimeout" ValueKind.duration options.ConsumeTimeout
                yield! ValueKind.problem "popBatch" (ValueKind.count 1 mostInAPop) options.PopBatch
                yield! ValueKind.problem "longPollTimeout" ValueKind.duration options.Poll
                yield! ValueKind.problem "maxUnackedMessages" (ValueKind.count 1 100_000) options.MaxUnackedMessages
                yield! ValueKind.problem "drainTimeout" ValueKind.duration options.DrainTimeout

                match options.TraceTopic with
                | Some topic -> yield! ProducerOptions.problemOf "traceTopic" (Names.checkTopic topic)
                | None -> ()
            ]

        PopClientOptions.check problems options.Membership

    let internal limits (options: PopConsumerOptions) : PopLimits =
        { PopLimits.Default with
            InvisibleMillis = int64 options.InvisibleTime.TotalMilliseconds
            MaxUnackedMessages = options.MaxUnackedMessages
        }
