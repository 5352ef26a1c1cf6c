namespace RocketMq

open System
open System.Collections.Generic

/// How many messages are gathered into one batch, and for how long.
type BatchingLimits =
    {
        /// Messages of one batch. Default 1,024.
        MaxMessages: int
        /// Bytes of one batch as it travels, properties and record heads included. Default 32 KiB, Java's too.
        MaxBytes: int
        /// How long the first message of a batch waits for others, in milliseconds. Default 10, Java's too.
        MaxWaitMillis: int64
        /// Whether a message is sent at once while no batch of its target is in flight. Messages that arrive in the meantime, or just after,
        /// form the next batch: its size follows the load, and no message waits for others that never arrive. Otherwise each batch waits
        /// until it is full or its time is up, as in Java. Default true.
        SendsWhenIdle: bool
    }

    /// The defaults that the fields name.
    static member Default =
        {
            MaxMessages = 1024
            MaxBytes = 32 * 1024
            MaxWaitMillis = 10L
            SendsWhenIdle = true
        }

module BatchingLimits =
    /// Ok for limits that a batch can keep; else what is wrong with them.
    let check (limits: BatchingLimits) : Result<BatchingLimits, InputError> =
        let refuse reason =
            Error(InvalidInput("the size of automatic batches", reason))

        if limits.MaxMessages < 1 then
            refuse (invariant $"a batch of {limits.MaxMessages} messages is none")
        elif limits.MaxBytes < 1 || limits.MaxBytes > Message.maxBodyBytes then
            refuse (invariant $"{limits.MaxBytes} bytes is not from 1 to {Message.maxBodyBytes}, which brokers take")
        elif limits.MaxWaitMillis < 1L || limits.MaxWaitMillis > 30_000L then
            refuse (invariant $"a wait of {limits.MaxWaitMillis} ms is not from 1 to 30,000, as in Java")
        else
            Ok limits

/// How a message may travel.
[<Struct>]
type internal Batchability =
    /// With others of its topic that say the same about waiting for the store.
    | Batchable of isWaitingForStore: bool
    /// In a send of its own: brokers treat it in a way that they do not treat members of batches.
    | NotBatchable

module internal Batchability =
    // Bound once: a byte text in place is a new array each time.
    let private timeToLive = "TTL"B
    let private delayLevel = "DELAY"B
    let private producerGroup = "PGROUP"B
    let private transaction = "TRAN_MSG"B
    let private messageType = "MSG_TYPE"B
    let private correlation = "CORRELATION_ID"B
    let private delayMillis = "TIMER_DELAY_MS"B
    let private delaySeconds = "TIMER_DELAY_SEC"B
    let private deliverAt = "TIMER_DELIVER_MS"B
    let private lightQueues = "INNER_MULTI_DISPATCH"B
    let private waitForStore = "WAIT"B
    let private no = "false"B

    /// Properties that work in a send of its own only: delays, transactions, request and reply, copies to light queues.
    /// Sources: MessageBatch.java, DefaultMQProducer.canBatch of 5.3.3, SendMessageProcessor.java.
    let private isLonely (name: ReadOnlySpan<byte>) =
        match name.Length with
        | 3 -> name.SequenceEqual(ReadOnlySpan timeToLive)
        | 5 -> name.SequenceEqual(ReadOnlySpan delayLevel)
        | 6 -> name.SequenceEqual(ReadOnlySpan producerGroup)
        | 8 ->
            name.SequenceEqual(ReadOnlySpan transaction)
            || name.SequenceEqual(ReadOnlySpan messageType)
        | 14 ->
            name.SequenceEqual(ReadOnlySpan correlation)
            || name.SequenceEqual(ReadOnlySpan delayMillis)
        | 15 -> name.SequenceEqual(ReadOnlySpan delaySeconds)
        | 16 -> name.SequenceEqual(ReadOnlySpan deliverAt)
        | 20 -> name.SequenceEqual(ReadOnlySpan lightQueues)
        | _ -> false

    /// How `message`, with all that its producer adds, may travel; `isCompressed` if its body is. One pass over the
    /// properties, no memory.
    let ofMessage (isCompressed: bool) (message: Message) : Batchability =
        if
            isCompressed
            || Names.isRetryTopic message.Topic
            || message.Properties.Text.Length > Properties.maxBatchedBytes
        then
            NotBatchable
        else
            let mutable cursor = PropertyCursor message.Properties.Text.Span
            let mutable isAlone = false
            let mutable isWaiting = true

            while not isAlone && cursor.MoveNext() do
                if isLonely cursor.Name then
                    isAlone <- true
                elif cursor.Name.SequenceEqual(ReadOnlySpan waitForStore) then
                    isWaiting <- not (Text.Ascii.EqualsIgnoreCase(cursor.Value, ReadOnlySpan no))

            if isAlone then NotBatchable else Batchable isWaiting

/// Where a batch goes: to any queue of a topic, or to one that was chosen.
[<Struct>]
type internal BatchTarget =
    {
        Topic: string
        Queue: MessageQueue voption
    }

/// Targets are looked up for each message, and F#'s own comparison of values takes memory.
[<Sealed>]
type private BatchTargetComparer() =
    interface IEqualityComparer<BatchTarget> with
        member _.Equals(one, other) =
            String.Equals(one.Topic, other.Topic)
            && (match one.Queue, other.Queue with
                | ValueNone, ValueNone -> true
                | ValueSome one, ValueSome other ->
                    one.QueueId = other.QueueId
                    && String.Equals(one.BrokerName, other.BrokerName)
                    && String.Equals(one.Topic, other.Topic)
                | _ -> false)

        member _.GetHashCode target =
            match target.Queue with
            | ValueNone -> target.Topic.GetHashCode()
            | ValueSome queue -> HashCode.Combine(target.Topic, queue.BrokerName, queue.QueueId)

/// Messages to be sent now, in the order in which they came. One alone is sent as it is, without a batch's envelope.
type internal ReadyBatch<'Ticket> =
    {
        Target: BatchTarget
        Tickets: 'Ticket[]
        /// The body of the batch will have this size; for one message alone, that of its record.
        Bytes: int
    }

/// A batch that more messages may join.
[<Sealed; AllowNullLiteral>]
type internal OpenBatch<'Ticket>(target: BatchTarget, isWaitingForStore: bool, deadline: int64) =
    member _.Target = target
    member _.IsWaitingForStore = isWaitingForStore
    member _.Deadline = deadline
    member val Tickets = ResizeArray<'Ticket>()
    member val Bytes = 0 with get, set
    member val IsOpen = true with get, set

/// What becomes of a deferred batch when it is looked at.
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type internal DeferredBatch<'Ticket> =
    /// More have come since: so many are in it now.
    | Grows of count: int
    | Ready of ReadyBatch<'Ticket>
    /// It has left, or waits for the end of another one.
    | Gone

/// Gathers messages into batches, one open batch for each target. It knows messages by tickets, numbers or whatever
/// stands for them. It sends nothing and looks at no clock: each method says what is to be sent now, which follows from the
/// calls so far alone. Batches of one target come out in the order in which their messages came in, those that travel
/// alone included. Not safe for two threads at once. `now` is in milliseconds; a time before the last one counts as it.
[<Sealed>]
type internal BatchAccumulator<'Ticket>(limits: BatchingLimits) =
    let openBatches = Dictionary<BatchTarget, OpenBatch<'Ticket>>(BatchTargetComparer())

    /// In the order of their deadlines, those that were sent in the meantime included.
    let deadlines = Queue<OpenBatch<'Ticket>>()
    /// How many batches of a target are on their way, if there are any and that matters.
    let onTheirWay = Dictionary<BatchTarget, int>(BatchTargetComparer())

    /// The targets whose last batch had several messages.
    let shared = HashSet<BatchTarget>(BatchTargetComparer())

    let mutable deferred: BatchTarget voption = ValueNone
    let mutable latest = Int64.MinValue
    let mutable waiting = 0

    let countSent target =
        if limits.SendsWhenIdle then
            match onTheirWay.TryGetValue target with
            | true, count -> onTheirWay[target] <- count + 1
            | _ -> onTheirWay[target] <- 1

    let isIdle target =
        limits.SendsWhenIdle && not (onTheirWay.ContainsKey target)

    let close (batch: OpenBatch<'Ticket>) : ReadyBatch<'Ticket> =
        countSent batch.Target
        batch.IsOpen <- false
        openBatches.Remove batch.Target |> ignore
        waiting <- waiting - batch.Tickets.Count

        if batch.Tickets.Count > 1 then
            shared.Add batch.Target |> ignore<bool>
        else
            shared.Remove batch.Target |> ignore<bool>

        {
            Target = batch.Target
            Tickets = batch.Tickets.ToArray()
            Bytes = batch.Bytes
        }

    /// Of an idle target. Where several went together the last time, their senders come back together, or nearly: who comes first is deferred
    /// for those right behind.
    let closeOrDefer (batch: OpenBatch<'Ticket>) =
        if shared.Contains batch.Target then
            deferred <- ValueSome batch.Target
            []
        else
            [ close batch ]

    let dropSent () =
        while deadlines.Count > 0 && not (deadlines.Peek().IsOpen) do
            deadlines.Dequeue() |> ignore

    let closeWhile (isOver: OpenBatch<'Ticket> -> bool) =
        dropSent ()

        if deadlines.Count = 0 || not (isOver (deadlines.Peek())) then
            []
        else
            let sent = ResizeArray()

            while deadlines.Count > 0 && isOver (deadlines.Peek()) do
                sent.Add(close (deadlines.Dequeue()))
                dropSent ()

            List.ofSeq sent

    let closeDue now =
        latest <- max latest now
        closeWhile (fun batch -> batch.Deadline <= latest)

    let openFor target isWaitingForStore =
        let batch =
            OpenBatch<'Ticket>(target, isWaitingForStore, latest + limits.MaxWaitMillis)

        openBatches[target] <- batch
        deadlines.Enqueue batch
        batch

    let put (batch: OpenBatch<'Ticket>) ticket bytes =
        batch.Tickets.Add ticket
        batch.Bytes <- batch.Bytes + bytes
        waiting <- waiting + 1

        if batch.Tickets.Count >= limits.MaxMessages || batch.Bytes >= limits.MaxBytes then
            [ close batch ]
        elif isIdle batch.Target && batch.Tickets.Count = 1 then
            closeOrDefer batch
        else
            []

    let alone target ticket bytes : ReadyBatch<'Ticket> =
        countSent target

        {
            Target = target
            Tickets = [| ticket |]
            Bytes = bytes
        }

    /// The target whose batch is deferred since the last call, if one is: to be looked at as soon as those who come at the same time have
    /// had their turn. A call defers one at most.
    member _.TakeDeferred() : BatchTarget voption =
        let target = deferred
        deferred <- ValueNone
        target

    /// Whether the deferred batch of a target is to leave now: when no more have come since it had `seen` messages.
    member _.Look(target: BatchTarget, seen: int) : DeferredBatch<'Ticket> =
        match openBatches.TryGetValue target with
        | true, batch when isIdle target ->
            if batch.Tickets.Count > seen then
                DeferredBatch.Grows batch.Tickets.Count
            else
                DeferredBatch.Ready(close batch)
        | _ -> DeferredBatch.Gone

    /// Messages that wait in open batches.
    member _.Waiting = waiting

    /// Takes a message of `bytes` encoded bytes (see `BatchCodec.recordBytes`) and gives what is to be sent now: nothing,
    /// mostly. What is due by `now` is sent too. A message over the limit of bytes goes alone.
    member _.Add
        (target: BatchTarget, gatherable: Batchability, ticket: 'Ticket, bytes: int, now: int64)
        : ReadyBatch<'Ticket> list =
        let due = closeDue now

        let added =
            match openBatches.TryGetValue target, gatherable with
            | (true, batch), Batchable isWaitingForStore when
                batch.IsWaitingForStore = isWaitingForStore
                && batch.Bytes + bytes <= limits.MaxBytes
                ->
                put batch ticket bytes
            | (isOpen, batch), _ ->
                // Sent before the message, so that their order stays.
                let before = if isOpen then [ close batch ] else []

                match gatherable with
                | Batchable isWaitingForStore when bytes < limits.MaxBytes ->
                    before @ put (openFor target isWaitingForStore) ticket bytes
                | _ -> before @ [ alone target ticket bytes ]

        if due.IsEmpty then added else due @ added

    /// A batch of a target is not on its way any more. What has gathered meanwhile is sent or deferred now, if it was the last one and batches
    /// are sent when idle.
    member _.Ended(target: BatchTarget) : ReadyBatch<'Ticket> list =
        match onTheirWay.TryGetValue target with
        | true, count when count > 1 ->
            onTheirWay[target] <- count - 1
            []
        | true, _ ->
            onTheirWay.Remove target |> ignore<bool>

            match openBatches.TryGetValue target with
            | true, batch -> closeOrDefer batch
            | _ -> []
        | _ -> []

    /// What is due by `now`.
    member _.Tick(now: int64) : ReadyBatch<'Ticket> list = closeDue now

    /// Everything that waits. Nothing remains.
    member _.Flush() : ReadyBatch<'Ticket> list = closeWhile (fun _ -> true)

    /// When the next batch is due; nothing while none waits.
    member _.NextDeadline: int64 voption =
        dropSent ()

        if deadlines.Count = 0 then
            ValueNone
        else
            ValueSome(deadlines.Peek().Deadline)
