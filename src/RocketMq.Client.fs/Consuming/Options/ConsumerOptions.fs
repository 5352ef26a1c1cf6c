namespace RocketMq

open System
open RocketMq.Protocol

/// What consumers of every kind have in common: members of a group that read topics.
type ConsumerOptions =
    {
        Client: ClientOptions
        Group: string
        /// Topics and what is wanted of them. All members of a group must have the same.
        Subscriptions: (string * Filter) list
        /// Where a group begins that has consumed nothing. Default `LastOffset`, as in Java. A queue whose first message
        /// is still there counts as committed at 0. Consumers that pop begin with the first or the last offset, at no time.
        ConsumeFrom: ConsumeFrom
        /// The largest body after inflating, in bytes. Default 64 MiB.
        MaxDecompressedBodySize: int
    }

/// Defaults of several kinds of consumers.
module internal ConsumerDefaults =
    /// How long a broker holds a pull or a pop that finds nothing.
    let longPollTimeout = TimeSpan.FromSeconds 15L

    /// The most messages a pull or a pop asks for: the most that brokers deliver unless they are set up otherwise.
    let batch = 32

    let commitInterval = TimeSpan.FromSeconds 5L

    /// Handlers that work at a time.
    let concurrency = 20

    /// When a handler counts as stuck.
    let consumeTimeout = TimeSpan.FromMinutes 15L

module ConsumerOptions =
    /// Options of a member of a group, with the defaults that the fields name and no subscription yet.
    let create (group: string) (nameServers: Endpoint list) : ConsumerOptions =
        {
            Client = ClientOptions.create nameServers
            Group = group
            Subscriptions = []
            ConsumeFrom = LastOffset
            MaxDecompressedBodySize = MessageBody.defaultMaxDecompressedBodySize
        }

    /// Adds a topic, and what is wanted of it; what was wanted of it before counts no more.
    let subscribe (topic: string) (filter: Filter) (options: ConsumerOptions) : ConsumerOptions =
        let others = options.Subscriptions |> List.filter (fst >> (<>) topic)

        { options with
            Subscriptions = others @ [ (topic, filter) ]
        }

    let internal maxDecompressedBodySize = ValueKind.count 1 Int32.MaxValue

    let private settings: Setting<ConsumerOptions> list =
        [
            Setting.ofProgram "subscriptions" (fun _ -> None) (_.Subscriptions >> Some) (fun value options ->
                { options with Subscriptions = value })
            Setting.value
                "consumeFromWhere"
                // A time has no text.
                (ValueKind.word [ "first", FirstOffset; "last", LastOffset ])
                _.ConsumeFrom
                (fun value options -> { options with ConsumeFrom = value })
            Setting.value
                "maxDecompressedBodySize"
                maxDecompressedBodySize
                _.MaxDecompressedBodySize
                (fun value options ->
                    { options with
                        MaxDecompressedBodySize = value
                    })
        ]

    let private rules (options: ConsumerOptions) : string list =
        [
            yield! ClientOptions.ofGroup options.Group

            match SubscriptionRules.problem options.Subscriptions with
            | Some problem -> $"subscriptions: {problem}"
            | None -> ()
        ]

    /// Without a topic there is nothing to read.
    let internal needsSubscription (options: ConsumerOptions) : string list =
        [
            if options.Subscriptions.IsEmpty then
                "subscriptions: a consumer needs a subscription: call Subscribe before it starts"
        ]

    /// Brokers know no time at which to begin with pops.
    let internal beginsAtNoTime (options: ConsumerOptions) : string list =
        match options.ConsumeFrom with
        | AtTime _ ->
            [
                "consumeFromWhere: it is a time, and what is popped begins with the first or the last offset"
            ]
        | FirstOffset
        | LastOffset -> []

    /// The kind of consumer whose options hold these, with settings and rules of its own.
    let internal kindOf
        (get: 'Options -> ConsumerOptions)
        (set: ConsumerOptions -> 'Options -> 'Options)
        (own: Setting<'Options> list)
        (ownRules: 'Options -> string list)
        : OptionKind<'Options> =
        ClientOptions.kindOf
            (fun options -> (get options).Client)
            (fun client options -> set { get options with Client = client } options)
            (own @ Setting.within get set settings)
            (fun options -> rules (get options) @ ownRules options)
