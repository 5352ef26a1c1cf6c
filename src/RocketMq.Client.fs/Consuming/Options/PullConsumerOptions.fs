namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

/// Options of a pull consumer.
type PullConsumerOptions =
    {
        /// Its subscriptions' queues are shared with the other members of the group.
        Consumer: ConsumerOptions
        /// In place of subscriptions: these queues, shared with no other member.
        Assigned: MessageQueue list
        /// What is wanted of assigned queues. Default all.
        AssignedFilter: Filter
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
        /// Writes a trace of what the application receives to a topic, mostly `TraceRecords.defaultTopic`, in the background: when it
        /// receives messages, as in Java, not when it has consumed them. Default none.
        TraceTopic: string option
    }

module PullConsumerOptions =
    /// Options of a pull consumer, with the defaults that the fields name and no subscription yet.
    let create (group: string) (nameServers: Endpoint list) : PullConsumerOptions =
        {
            Consumer = ConsumerOptions.create group nameServers
            Assigned = []
            AssignedFilter = Filter.all
            StartAt = None
            Strategy = AllocationStrategy.Averagely
            PullBatch = ConsumerDefaults.batch
            LongPollTimeout = ConsumerDefaults.longPollTimeout
            FlowControl =
                { FlowControlLimits.Default with
                    Span = Int64.MaxValue
                }
            AutoCommit = true
            CommitInterval = ConsumerDefaults.commitInterval
            TraceTopic = None
        }

    let private rules (options: PullConsumerOptions) : string list =
        [
            match options.Consumer.Subscriptions, options.Assigned with
            | [], [] ->
                "subscriptions: a consumer needs a subscription, or queues assigned to it: call Subscribe or AssignQueues before it starts"
            | _ :: _, _ :: _ -> "subscriptions: a consumer has subscriptions or assigned queues, not both"
            | [], assigned ->
                match SubscriptionRules.problem [ for queue in assigned -> queue.Topic, options.AssignedFilter ] with
                | Some problem -> $"assignQueues: {problem}"
                | None -> ()
            | _ -> ()
        ]

    let internal kind: OptionKind<PullConsumerOptions> =
        ConsumerOptions.kindOf
            _.Consumer
            (fun consumer options -> { options with Consumer = consumer })
            [
                Setting.ofProgram "startAt" (fun _ -> None) _.StartAt (fun value options ->
                    { options with StartAt = Some value })
                Setting.ofProgram "allocationStrategy" (fun _ -> None) (_.Strategy >> Some) (fun value options ->
                    { options with Strategy = value })
                Setting.count "pullBatch" 1 1024 _.PullBatch (fun value options -> { options with PullBatch = value })
                Setting.duration "longPollTimeout" _.LongPollTimeout (fun value options ->
                    { options with LongPollTimeout = value })
                Setting.flag "manualCommit" (_.AutoCommit >> not) (fun value options ->
                    { options with AutoCommit = not value })
                Setting.duration "commitInterval" _.CommitInterval (fun value options ->
                    { options with CommitInterval = value })
                Setting.optional "trace" (ValueKind.text Names.checkTopic) _.TraceTopic (fun value options ->
                    { options with TraceTopic = Some value })
                yield!
                    FlowControlLimits.settings
                    |> Setting.within _.FlowControl (fun value options -> { options with FlowControl = value })
            ]
            rules

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;pullBatch=16".
    let ofText (group: string) (text: string) : Result<PullConsumerOptions, string list> =
        OptionKind.ofText kind text (create group [])

    /// Adds a topic, and what is wanted of it; what was wanted of it before counts no more.
    let subscribe (topic: string) (filter: Filter) (options: PullConsumerOptions) : PullConsumerOptions =
        { options with
            Consumer = ConsumerOptions.subscribe topic filter options.Consumer
        }

    /// Reads these queues, shared with no other member.
    let assign (queues: MessageQueue list) (filter: Filter) (options: PullConsumerOptions) : PullConsumerOptions =
        { options with
            Assigned = queues
            AssignedFilter = filter
        }

    /// Nothing is committed but by `Commit`.
    let manualCommit (options: PullConsumerOptions) : PullConsumerOptions = { options with AutoCommit = false }

    let internal checkMost most : Result<unit, RemotingError> =
        if most < 1 then
            Error(
                RemotingError.Invalid(
                    InvalidInput("the number of messages", invariant $"it is {most}, it must be at least 1")
                )
            )
        else
            Ok()

    let internal withClient (client: ClientOptions) (options: PullConsumerOptions) : PullConsumerOptions =
        { options with
            Consumer.Client = client
        }

    let internal check (options: PullConsumerOptions) : Result<unit, RemotingError> = OptionKind.check kind options

    /// The options with what they have from a client that is shared, if there is one, or all problems as one error.
    let internal checkWith
        (client: ClientOptions option)
        (options: PullConsumerOptions)
        : Result<PullConsumerOptions, RemotingError> =
        SharedOptions.check kind _.Consumer.Client withClient (create options.Consumer.Group []) client options
