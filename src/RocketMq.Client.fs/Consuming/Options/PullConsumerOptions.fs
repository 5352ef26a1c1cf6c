namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol.Admin
open RocketMq.Protocol

type PullConsumerOptions =
    {
        Group: string
        NameServers: Endpoint list
        /// Finds name servers over HTTP instead, as Java's clients do, and looks again every two minutes. Default none.
        AddressServer: AddressServer option
        /// What topics and group belong to, see `Namespaced`. Default none.
        Namespace: string
        /// Topics and what is wanted of them: their queues are shared with the other members of the group, which must all have
        /// the same.
        Subscriptions: (string * Filter) list
        /// In place of subscriptions: these queues, shared with nobody.
        Assigned: MessageQueue list
        /// What is wanted of assigned queues. Default all.
        AssignedFilter: Filter
        /// Where a queue begins of which the group has committed nothing. Default `LastOffset`, as in Java. A queue whose first
        /// message is still there counts as committed at 0.
        ConsumeFrom: ConsumeFrom
        /// Where a queue begins that the consumer gets, in place of the committed offset; `None` for that one. For offsets
        /// that are kept elsewhere, with the results. Default the committed one.
        StartAt: (MessageQueue -> CancellationToken -> Task<int64 option>) option
        /// How the queues are shared; all members of a group must use the same. Default `Averagely`.
        Strategy: AllocationStrategy
        /// The most messages a pull asks for. Default 32, the most that brokers deliver.
        PullBatch: int
        /// How long a broker holds a pull that finds nothing. Default 15 s.
        LongPollTimeout: TimeSpan
        /// How much of each queue may wait that the application has not asked for. Default 1,000 messages, 100 MiB, any span.
        FlowControl: FlowControlLimits
        /// Whether offsets are committed by themselves: every `CommitInterval`, and when a queue is left. A message counts as
        /// consumed when the next one is asked for. Otherwise only `Commit` commits. Default yes.
        AutoCommit: bool
        /// Default 5 s.
        CommitInterval: TimeSpan
        /// The largest body after inflating, in bytes. Default 64 MiB.
        MaxDecompressedBodySize: int
        /// What inflates bodies. Default: zlib, and LZ4 and Zstandard where the system has them.
        Codecs: BodyCodecs
        /// Tells this client from others of the host. Default: of its own.
        InstanceName: string option
        UnitName: string option
        Remoting: RemotingOptions
    }

module PullConsumerOptions =
    let create (group: string) (nameServers: Endpoint list) : PullConsumerOptions =
        {
            Group = group
            NameServers = nameServers
            AddressServer = None
            Namespace = ""
            Subscriptions = []
            Assigned = []
            AssignedFilter = Filter.all
            ConsumeFrom = LastOffset
            StartAt = None
            Strategy = Averagely
            PullBatch = 32
            LongPollTimeout = TimeSpan.FromSeconds 15L
            FlowControl =
                { FlowControlLimits.Default with
                    Span = Int64.MaxValue
                }
            AutoCommit = true
            CommitInterval = TimeSpan.FromSeconds 5L
            MaxDecompressedBodySize = MessageBody.defaultMaxDecompressedBodySize
            Codecs = BodyCodecs.standard
            InstanceName = None
            UnitName = None
            Remoting =
                { RemotingOptions.Default with
                    WhenDisconnected = FailWithDial
                }
        }

    /// Settings of its own with a text, see `OptionText`. Those of several values have none.
    let internal settings () : OwnSetting<PullConsumerOptions> list =
        [
            OwnSetting.consumeFromWhere (fun value options -> { options with ConsumeFrom = value })
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
            OwnSetting.switch "manualCommit" (fun options -> { options with AutoCommit = false })
        ]

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;pullBatch=16".
    let ofText (group: string) (text: string) : Result<PullConsumerOptions, string list> =
        let options = create group []

        OptionText.parseOwn (settings ()) text (options, [], options.Remoting)
        |> Result.map (fun (options, nameServers, remoting) ->
            { options with
                NameServers = nameServers
                Remoting = remoting
            })

    /// Adds a topic, and what is wanted of it; what was wanted of it before counts no more.
    let subscribe (topic: string) (filter: Filter) (options: PullConsumerOptions) =
        let others = options.Subscriptions |> List.filter (fst >> (<>) topic)

        { options with
            Subscriptions = others @ [ (topic, filter) ]
        }

    /// Reads these queues, shared with nobody.
    let assign (queues: MessageQueue list) (filter: Filter) (options: PullConsumerOptions) =
        { options with
            Assigned = queues
            AssignedFilter = filter
        }

    let consumeFromWhere (start: ConsumeFrom) (options: PullConsumerOptions) = { options with ConsumeFrom = start }

    let withStartAt (startAt: MessageQueue -> CancellationToken -> Task<int64 option>) (options: PullConsumerOptions) =
        { options with StartAt = Some startAt }

    let withAllocationStrategy (strategy: AllocationStrategy) (options: PullConsumerOptions) =
        { options with Strategy = strategy }

    let withPullBatch (messages: int) (options: PullConsumerOptions) = { options with PullBatch = messages }
    let withLongPollTimeout (time: TimeSpan) (options: PullConsumerOptions) = { options with LongPollTimeout = time }

    let withFlowControl (limits: FlowControlLimits) (options: PullConsumerOptions) =
        { options with FlowControl = limits }

    /// Nothing is committed but by `Commit`.
    let manualCommit (options: PullConsumerOptions) = { options with AutoCommit = false }

    let withCommitInterval (time: TimeSpan) (options: PullConsumerOptions) = { options with CommitInterval = time }

    let withMaxDecompressedBodySize (bytes: int) (options: PullConsumerOptions) =
        { options with
            MaxDecompressedBodySize = bytes
        }

    let withCodecs (codecs: BodyCodecs) (options: PullConsumerOptions) = { options with Codecs = codecs }
    let withNamespace (name: string) (options: PullConsumerOptions) = { options with Namespace = name }

    let withInstanceName (name: string) (options: PullConsumerOptions) =
        { options with
            InstanceName = Some name
        }

    let withUnitName (name: string) (options: PullConsumerOptions) = { options with UnitName = Some name }

    let withAddressServer (server: AddressServer) (options: PullConsumerOptions) =
        { options with
            AddressServer = Some server
        }

    let withNameServers (nameServers: Endpoint list) (options: PullConsumerOptions) =
        { options with
            NameServers = nameServers
        }

    let withRemoting (remoting: RemotingOptions) (options: PullConsumerOptions) = { options with Remoting = remoting }

    let internal checkMost most : Result<unit, RemotingError> =
        if most < 1 then
            Error(Invalid(InvalidInput("the number of messages", $"it is {most}, it must be at least 1")))
        else
            Ok()

    let internal check (options: PullConsumerOptions) : Result<unit, RemotingError> =
        let problems =
            [
                if options.NameServers.IsEmpty && options.AddressServer.IsNone then
                    "no name server is named: set NameServers (builders in C# also read the variable NAMESRV_ADDR)"

                match options.Subscriptions, options.Assigned with
                | [], [] ->
                    "a consumer needs a subscription, or queues assigned to it: call Subscribe or AssignQueues before it starts"
                | _ :: _, _ :: _ -> "a consumer has subscriptions or assigned queues, not both"
                | _ -> ()

                yield! ValueKind.problem "pullBatch" (ValueKind.count 1 1024) options.PullBatch
                yield! ValueKind.problem "longPollTimeout" ValueKind.duration options.LongPollTimeout
                yield! FlowControlLimits.problems options.FlowControl
                yield! ValueKind.problem "commitInterval" ValueKind.duration options.CommitInterval
                yield!
                    ValueKind.problem
                        "maxDecompressedBodySize"
                        (ValueKind.count 1 Int32.MaxValue)
                        options.MaxDecompressedBodySize
                yield! InstanceNames.problem "instanceName" options.InstanceName
                yield! InstanceNames.problem "unitName" options.UnitName
                yield! RemotingOptions.check options.Remoting
            ]

        let subscriptions =
            options.Subscriptions
            @ [ for queue in options.Assigned -> queue.Topic, options.AssignedFilter ]

        match Names.checkOwnGroup options.Group, RemotingOptions.refusal problems with
        | Error error, _ -> Error(Invalid error)
        | Ok _, Error error -> Error error
        | Ok _, Ok() -> SubscriptionRules.ofAll subscriptions |> Result.mapError Invalid
