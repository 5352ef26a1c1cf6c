namespace RocketMq

open System
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open RocketMq.Protocol

/// Writes traces of what a client does to a topic, some at a time, in the background. It never holds up or fails what is
/// traced: while it cannot keep up, records are dropped and counted.
[<Sealed>]
type internal Tracing
    (topic: string, ns: string, clock: TimeProvider, send: TraceBody -> Task<Result<SendReceipt, RemotingError>>) =
    /// Java's sizes: so many traces wait, and so many go into one message. A trace is a record, or those of one call of a
    /// consumer.
    static let waitingTraces = 2048

    static let batchTraces = 20

    let mutable dropped = 0L

    let traces =
        Channel.CreateBounded<TraceRecord list>(
            BoundedChannelOptions(waitingTraces, SingleReader = true, FullMode = BoundedChannelFullMode.Wait)
        )

    let takeSome () =
        let some = ResizeArray()
        let mutable more = true

        while more && some.Count < batchTraces do
            match traces.Reader.TryRead() with
            | true, records -> some.Add records
            | _ -> more <- false

        List.concat some

    let write (some: TraceRecord list) : Task =
        backgroundTask {
            match TraceRecords.encode TraceRecords.maxBodyBytes some with
            | Error _ -> Interlocked.Add(&dropped, int64 some.Length) |> ignore<int64>
            | Ok bodies ->
                for body in bodies do
                    match! send body with
                    | Ok _ -> ()
                    | Error _ -> Interlocked.Add(&dropped, int64 body.Records) |> ignore<int64>
        }

    let writeAll () : Task =
        backgroundTask {
            let mutable isOpen = true

            while isOpen do
                let! hasMore = traces.Reader.WaitToReadAsync()
                isOpen <- hasMore

                if hasMore then
                    do! write (takeSome ())
        }

    let writing = writeAll ()

    let kindOf (prepared: OutgoingMessage) =
        let has name =
            Properties.contains name prepared.Properties

        if prepared.SysFlag &&& SysFlag.transactionHalf <> 0 then
            TracedMessageKind.TransactionHalf
        elif
            has PropertyName.delayLevel
            || has PropertyName.timerDelayMillis
            || has PropertyName.timerDeliverMillis
        then
            TracedMessageKind.Delayed
        elif has PropertyName.shardingKey then
            TracedMessageKind.Ordered
        else
            TracedMessageKind.Ordinary

    let optional name (prepared: OutgoingMessage) =
        Properties.tryFind name prepared.Properties |> ValueOption.toOption

    /// Records that found no room, or whose trace was not stored.
    member _.Dropped = Volatile.Read &dropped

    /// What traces call a topic or a group: without the namespace, as Java's do.
    member _.NameOf(name: string) = Namespaced.unwrap ns name

    /// Records that stay together.
    member _.AddAll(records: TraceRecord list) =
        if not records.IsEmpty && not (traces.Writer.TryWrite records) then
            Interlocked.Add(&dropped, int64 records.Length) |> ignore<int64>

    member tracing.Add(record: TraceRecord) = tracing.AddAll [ record ]

    /// Whether a message, by the name of its topic that travels, is a trace itself.
    member _.IsTrace(travelling: string) = travelling = topic

    /// The trace of a send, unless the broker wants none, or it is one of a trace.
    member tracing.Sent(group: string, attempt: Attempt) =
        let prepared = attempt.OutgoingMessage

        let isTraced =
            match attempt.Outcome with
            | Ok answer -> answer.IsTraced <> Some false
            | Error _ -> true

        if isTraced && not (tracing.IsTrace prepared.Topic) then
            let answer = attempt.Outcome |> Result.map Some |> Result.defaultValue None
            let now = clock.GetUtcNow().ToUnixTimeMilliseconds()

            tracing.Add(
                SendTraced
                    {
                        Timestamp = now - int64 attempt.Took.TotalMilliseconds
                        Region = answer |> Option.bind _.Region
                        Group = tracing.NameOf group
                        Topic = tracing.NameOf prepared.Topic
                        MessageId = prepared.UniqueId
                        Tags = optional PropertyName.tags prepared
                        Keys = optional PropertyName.keys prepared
                        StoreHost = Some(string attempt.Broker)
                        BodyBytes = prepared.Body.Length
                        CostMillis = int attempt.Took.TotalMilliseconds
                        Kind = kindOf prepared
                        OffsetMessageId = answer |> Option.map _.OffsetId
                        IsSuccess = attempt.Outcome.IsOk
                        ClientHost = None
                    }
            )

    /// Writes what waits, and takes nothing any more.
    member _.Close() : Task =
        traces.Writer.TryComplete() |> ignore<bool>
        writing

    /// As `Close`, and waits no longer than the limit.
    member tracing.CloseWithin(limit: TimeSpan) : Task =
        Task.WhenAny(tracing.Close(), Task.Delay(limit, clock))

    /// Traces of a producer ("PRODUCE") or consumer ("CONSUME") of a group, sent over the client's own connections.
    static member Start
        (
            topic: string,
            options: ProducerOptions,
            group: string,
            side: string,
            uniqueIds: UniqueIds,
            clients: RemotingClients,
            routes: Routes
        ) : Tracing =
        let sender =
            Sender(
                // As in Java, traces never go by the VIP channel.
                { options with UseVipChannel = false },
                invariant $"_INNER_TRACE_PRODUCER-{group}-{side}-1",
                clients,
                routes,
                SendOutcomes clients.Options.Ports.Clock,
                SendsInFlight(),
                None
            )

        let send (body: TraceBody) =
            let id = uniqueIds.NextPacked()

            Message.ofBytes topic body.Body
            |> Message.withSystemProperty PropertyName.keys (String.Join(' ', body.Keys))
            |> Message.withSystemProperty PropertyName.uniqueKey (id.ToString())
            |> Message.withSystemProperty PropertyName.waitStoreOk "true"
            |> OutgoingMessage.ofIdentified options id
            |> function
                | Error error -> Task.FromResult(Error error)
                | Ok prepared -> sender.Send(prepared, AnyQueue, CancellationToken.None)

        Tracing(topic, options.Client.Namespace, options.Client.Remoting.Ports.Clock, send)
