namespace RocketMq

open System
open RocketMq.Protocol

/// Of a `PullClient`. It is told with each pull what it reads, so that it has no subscriptions and begins nowhere.
type PullClientOptions =
    {
        Client: ClientOptions
        /// In whose name it asks, and whose offsets it reads and commits.
        Group: string
        /// How long a broker holds a pull that finds nothing. Default 15 s.
        LongPollTimeout: TimeSpan
        /// The largest body after inflating, in bytes. Default 64 MiB.
        MaxDecompressedBodySize: int
    }

module PullClientOptions =
    /// Options of a pull client, with the defaults that the fields name.
    let create (group: string) (nameServers: Endpoint list) : PullClientOptions =
        {
            Client = ClientOptions.create nameServers
            Group = group
            LongPollTimeout = ConsumerDefaults.longPollTimeout
            MaxDecompressedBodySize = MessageBody.defaultMaxDecompressedBodySize
        }

    let internal kind: OptionKind<PullClientOptions> =
        ClientOptions.kindOf
            _.Client
            (fun client options -> { options with Client = client })
            [
                Setting.duration "longPollTimeout" _.LongPollTimeout (fun value options ->
                    { options with LongPollTimeout = value })
                Setting.value
                    "maxDecompressedBodySize"
                    ConsumerOptions.maxDecompressedBodySize
                    _.MaxDecompressedBodySize
                    (fun value options ->
                        { options with
                            MaxDecompressedBodySize = value
                        })
            ]
            (fun options -> ClientOptions.ofGroup options.Group)

    /// With its settings and those of its connections from a text, see `OptionText`.
    let ofText (group: string) (text: string) : Result<PullClientOptions, string list> =
        OptionKind.ofText kind text (create group [])

    let internal withClient (client: ClientOptions) (options: PullClientOptions) : PullClientOptions =
        { options with Client = client }

    let internal check (options: PullClientOptions) : Result<unit, RemotingError> = OptionKind.check kind options

    /// The options with what they have from a client that is shared, if there is one, or all problems as one error.
    let internal checkWith
        (client: ClientOptions option)
        (options: PullClientOptions)
        : Result<PullClientOptions, RemotingError> =
        SharedOptions.check kind _.Client withClient (create options.Group []) client options

    /// What a pull consumer's options say that a pull client has too. What it has not is refused, so that no application relies on it.
    let internal ofConsumer (options: PullConsumerOptions) : Result<PullClientOptions, RemotingError> =
        let defaults =
            PullConsumerOptions.create options.Consumer.Group options.Consumer.Client.NameServers

        let isKnown name =
            (Setting.tryFind name kind.Settings).IsSome

        [
            if not options.Consumer.Subscriptions.IsEmpty then
                "subscribe"
            if not options.Assigned.IsEmpty then
                "assignQueues"
            if options.StartAt.IsSome then
                "startAt"
            if options.FlowControl <> defaults.FlowControl then
                "flowControl"
            if QueueAllocation.name options.Strategy <> QueueAllocation.name defaults.Strategy then
                "allocationStrategy"

            for setting in PullConsumerOptions.kind.Settings do
                if not (isKnown setting.Name) && setting.Show options <> setting.Show defaults then
                    setting.Name
        ]
        |> List.map (fun name ->
            $"{name}: a pull client has none, it is told with each pull what it reads, and from where")
        |> RemotingOptions.refusal
        |> Result.map (fun () ->
            {
                Client = options.Consumer.Client
                Group = options.Consumer.Group
                LongPollTimeout = options.LongPollTimeout
                MaxDecompressedBodySize = options.Consumer.MaxDecompressedBodySize
            })
