namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What one pull of a queue found.
type PulledBatch =
    {
        Status: PullStatus
        Messages: ReceivedMessage[]
        /// Where to go on.
        NextOffset: int64
        /// The offset of the first message that is still there.
        MinOffset: int64
        /// The offset that the next stored message will have.
        MaxOffset: int64
    }

    override batch.ToString() =
        invariant
            $"{batch.Status}, {batch.Messages.Length} messages, go on at {batch.NextOffset} of {batch.MinOffset} to {batch.MaxOffset}"

/// Reads queues at offsets that the application says and keeps: it belongs to no group, shares nothing and commits nothing by
/// itself. Safe to use from any thread.
[<Sealed>]
type PullClient private (options: PullClientOptions, instance: ClientInstance) =
    static let masterId = 0L
    let routes = instance.Routes
    let brokers = GroupBrokers(instance.Clients, routes)

    let settings: GroupSettings =
        {
            Group = Namespaced.wrap options.Client.Namespace options.Group
            Type = ConsumeType.ConsumeActively
            Model = MessageModel.Clustering
            // Each pull says where it begins, and how much it asks for.
            ConsumeFrom = LastOffset
            PullBatch = ConsumerDefaults.batch
            LongPollTimeout = options.LongPollTimeout
        }

    let mutable isClosed = false

    let guarded (work: unit -> Task<Result<'Answer, RemotingError>>) : Task<Result<'Answer, RemotingError>> =
        if Volatile.Read &isClosed then
            Task.FromResult(Error(RemotingError.AlreadyClosed $"The pull client of group {options.Group}"))
        else
            work ()

    let offsets = OffsetQueries(settings, options.Client.Namespace, brokers)

    let receive (message: StoredMessage) : ReceivedMessage =
        ReceivedMessage.Decode(
            options.Client.Codecs,
            options.MaxDecompressedBodySize,
            VisibleMessage.restore "" options.Client.Namespace message
        )

    let batch (queue: MessageQueue) filter offset (answer: PullAnswer) : Result<PulledBatch, RemotingError> =
        let matches = Filter.matcher filter

        PulledRecords.read queue answer
        |> Result.map (fun messages ->
            {
                Status = answer.Status
                Messages =
                    messages
                    |> InnerBatch.expand options.Client.Codecs options.MaxDecompressedBodySize offset
                    |> Array.filter (PulledRecords.isSeen matches)
                    |> Array.map receive
                NextOffset = answer.NextOffset
                MinOffset = answer.MinOffset
                MaxOffset = answer.MaxOffset
            })

    let pull (queue: MessageQueue) (filter: Filter) (offset: int64) (most: int) (suspend: TimeSpan) cancellation =
        let queue = offsets.Inner queue

        let pull =
            GroupRequests.outgoingPull
                { settings with
                    LongPollTimeout = suspend
                }
                most
                queue
                offset
                {
                    Topic = queue.Topic
                    Filter = filter
                    Version = 0L
                }

        taskResult {
            do! PullConsumerOptions.checkMost most
            let! source = brokers.PullSource(queue, masterId, null, cancellation).AsTask()
            let! answer = brokers.Pull(source, pull, cancellation)
            return! batch queue filter offset answer
        }

    let telemetry =
        ConsumerTelemetry(options.Client, options.Group, MessageModel.Clustering)

    let observedPull (queue: MessageQueue) filter offset most suspend cancellation =
        if MessageTelemetry.areReceivesObserved () then
            telemetry.Receive(
                queue.Topic,
                (fun (batch: PulledBatch) -> batch.Messages |> Array.map _.Message),
                (fun _ -> brokers.TryMasterOf(offsets.Inner queue)),
                fun () -> pull queue filter offset most suspend cancellation
            )
        else
            pull queue filter offset most suspend cancellation

    /// With a client that it shares, or one of its own.
    static member internal CreateWith
        (client: RocketMqClient | null, options: PullClientOptions)
        : Result<PullClient, RemotingError> =
        let shared = RocketMqClient.InstanceOf client

        PullClientOptions.checkWith (shared |> Option.map _.Options) options
        |> Result.map (fun options ->
            let instance =
                shared |> Option.defaultWith (fun () -> ClientInstance.Of options.Client)

            instance.Search()
            new PullClient(options, instance))

    /// A client that asks in the name of a group. No broker is connected to yet; name servers are looked for if an address server is
    /// to know them.
    static member Create(options: PullClientOptions) : Result<PullClient, RemotingError> =
        PullClient.CreateWith(null, options)

    /// As `Create`, over the connections of a client that others share too. What of the options belongs to the client is as it is
    /// there, or is not set.
    static member Create(client: RocketMqClient, options: PullClientOptions) : Result<PullClient, RemotingError> =
        PullClient.CreateWith(client, options)

    /// The queues of a topic that can be read.
    member _.Queues(topic: string, cancellation: CancellationToken) : Task<Result<MessageQueue list, RemotingError>> =
        guarded (fun () ->
            taskResult {
                let inner = Namespaced.wrap options.Client.Namespace topic

                let! route = routes.Get(inner, cancellation)
                return TopicRoute.subscribeQueues inner route |> List.map offsets.Outer
            })

    /// Messages of a queue from an offset on, up to so many, as far as there are any now. A broker may give fewer, and filters
    /// leave out: `NextOffset` says where to go on.
    member _.Pull(queue: MessageQueue, filter: Filter, offset: int64, most: int, cancellation: CancellationToken) =
        guarded (fun () -> observedPull queue filter offset most TimeSpan.Zero cancellation)

    /// As `Pull`, but waits up to the options' `LongPollTimeout` for a message to come.
    member _.PullOrWait
        (queue: MessageQueue, filter: Filter, offset: int64, most: int, cancellation: CancellationToken)
        =
        guarded (fun () -> observedPull queue filter offset most options.LongPollTimeout cancellation)

    /// The offset of the first message that is still there.
    member _.MinOffset(queue: MessageQueue, cancellation: CancellationToken) =
        guarded (fun () -> offsets.Min(queue, cancellation))

    /// The offset that the next stored message will have.
    member _.MaxOffset(queue: MessageQueue, cancellation: CancellationToken) =
        guarded (fun () -> offsets.Max(queue, cancellation))

    /// The offset of the first message stored at or after a time.
    member _.OffsetAt(queue: MessageQueue, time: DateTimeOffset, cancellation: CancellationToken) =
        guarded (fun () -> offsets.AtTime(queue, time, cancellation))

    /// The offset that the group has committed; `None` if none.
    member _.Committed(queue: MessageQueue, cancellation: CancellationToken) =
        guarded (fun () -> offsets.Committed(queue, cancellation))

    /// Commits the next offset to be consumed of a queue for the group.
    member _.Commit(queue: MessageQueue, offset: int64, cancellation: CancellationToken) =
        guarded (fun () -> offsets.Commit(queue, offset, cancellation))

    /// Closes all connections. Calls in flight end with `AlreadyClosed`. Connections that it shares stay, and calls in flight end as
    /// they would have.
    member _.Close() : Task =
        Volatile.Write(&isClosed, true)

        if instance.IsShared then
            Task.CompletedTask
        else
            instance.Close()

    interface IAsyncDisposable with
        member client.DisposeAsync() = ValueTask(client.Close())
