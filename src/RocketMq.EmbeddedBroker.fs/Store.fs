namespace RocketMq.Embedded

open System
open System.Buffers
open System.Collections.Immutable
open RocketMq.Protocol

/// The queues of one topic, each a list of records whose index is the queue offset.
type internal StoredTopic =
    {
        Config: TopicConfig
        /// As many as can be read or written, or could be earlier: what lies in them stays.
        Queues: ImmutableList<StoredRecord>[]
        Index: KeyIndex
    }

/// Every message and every committed offset. Immutable: what changes it gives a new one.
type internal Store =
    {
        StoreHost: Host
        Topics: Map<string, StoredTopic>
        Committed: Map<GroupQueue, int64>
        /// Position of the next record in a commit log that does not exist, but whose positions ids are made of.
        NextPhysicalOffset: int64
        /// How often topics were made, changed or deleted.
        ConfigChanges: int64
    }

/// A message that the broker has taken, before it has a place.
type internal Incoming =
    {
        Message: Message
        QueueId: int
        SysFlag: int
        BornTimestamp: int64
        BornHost: Host
        ReconsumeTimes: int
        /// Of a committed transaction: where its half message lay in the commit log. Otherwise 0.
        PreparedTransactionOffset: int64
    }

/// What reading a queue from a position gave.
type internal Reading =
    {
        Status: PullStatus
        NextOffset: int64
        MinOffset: int64
        MaxOffset: int64
        Records: ReadOnlyMemory<byte>
    }

module internal Store =
    /// A pull hands out at most this much, as a real broker does from memory, and at least one message.
    let private maxPullBytes = 256 * 1024

    let private maxPullMessages = 32

    /// A pull looks at this many messages at most before it answers that none matched.
    let private maxScanned = 4096

    let empty storeHost : Store =
        {
            StoreHost = storeHost
            Topics = Map.empty
            Committed = Map.empty
            NextPhysicalOffset = 0L
            ConfigChanges = 0L
        }

    /// What a record has besides its body, topic and properties, at most.
    let private fixedBytes = 160

    let private readWrite = 6

    let config name queues : TopicConfig =
        {
            Name = name
            ReadQueues = queues
            WriteQueues = queues
            Permission = readWrite
            FilterType = SingleTag
            SysFlag = 0
            IsOrdered = false
            Attributes = None
        }

    /// Makes a topic, or changes one and keeps what lies in it.
    let configure (config: TopicConfig) (store: Store) =
        let queues = max config.ReadQueues config.WriteQueues

        let topic =
            match Map.tryFind config.Name store.Topics with
            | Some topic when topic.Queues.Length >= queues -> { topic with Config = config }
            | Some topic ->
                let more = Array.create (queues - topic.Queues.Length) ImmutableList.Empty

                {
                    Config = config
                    Queues = Array.append topic.Queues more
                    Index = topic.Index
                }
            | None ->
                {
                    Config = config
                    Queues = Array.create queues ImmutableList.Empty
                    Index = KeyIndex.empty
                }

        { store with
            Topics = Map.add config.Name topic store.Topics
            ConfigChanges = store.ConfigChanges + 1L
        }

    let withTopic name queues (store: Store) = configure (config name queues) store

    let withoutTopic name (store: Store) =
        { store with
            Topics = Map.remove name store.Topics
            ConfigChanges = store.ConfigChanges + 1L
        }

    let tryQueue name queueId (store: Store) : ImmutableList<StoredRecord> voption =
        match Map.tryFind name store.Topics with
        | Some topic when queueId >= 0 && queueId < topic.Queues.Length -> ValueSome topic.Queues[queueId]
        | _ -> ValueNone

    let private tagHash (message: Message) =
        match Properties.tryFind PropertyName.tags message.Properties with
        | ValueSome tag -> Filter.tagHash tag
        | ValueNone -> 0

    let private record (store: Store) (now: int64) (queueOffset: int64) (incoming: Incoming) : StoredMessage =
        {
            BrokerName = ""
            Topic = incoming.Message.Topic
            QueueId = incoming.QueueId
            QueueOffset = queueOffset
            PhysicalOffset = store.NextPhysicalOffset
            Flag = incoming.Message.Flag
            SysFlag = incoming.SysFlag
            BornTimestamp = incoming.BornTimestamp
            BornHost = incoming.BornHost
            StoreTimestamp = now
            StoreHost = store.StoreHost
            ReconsumeTimes = incoming.ReconsumeTimes
            PreparedTransactionOffset = incoming.PreparedTransactionOffset
            BodyCrc = Crc32.ofBody incoming.Message.Body.Span
            StoredBody = incoming.Message.Body
            Properties = incoming.Message.Properties
        }

    /// Puts a message at the end of a queue that exists. Gives its place, or why it has no form as a record.
    let append (now: int64) (incoming: Incoming) (store: Store) : Result<struct (Store * StoredMessage), EncodeError> =
        let topic = store.Topics[incoming.Message.Topic]
        let queue = topic.Queues[incoming.QueueId]
        let message = record store now (int64 queue.Count) incoming
        // Enough for the record, and little more: what is left over is kept for as long as the message.
        let capacity =
            fixedBytes
            + message.StoredBody.Length
            + 3 * message.Topic.Length
            + message.Properties.Text.Length

        let output = ArrayBufferWriter<byte> capacity

        match MessageCodec.write message output with
        | Error error -> Error error
        | Ok bytes ->
            let stored =
                {
                    Bytes = output.WrittenMemory
                    PhysicalOffset = message.PhysicalOffset
                    TagHash = tagHash incoming.Message
                    StoreTimestamp = now
                }

            let queues = Array.copy topic.Queues
            queues[incoming.QueueId] <- queue.Add stored

            let store =
                { store with
                    Topics = Map.add message.Topic { topic with Queues = queues } store.Topics
                    NextPhysicalOffset = store.NextPhysicalOffset + int64 bytes
                }

            Ok(struct (store, message))

    let private concat (records: ResizeArray<StoredRecord>) (totalBytes: int) : ReadOnlyMemory<byte> =
        let bytes: byte[] = Array.zeroCreate totalBytes
        let mutable position = 0

        for record in records do
            record.Bytes.Span.CopyTo(bytes.AsSpan position)
            position <- position + record.Bytes.Length

        ReadOnlyMemory bytes

    /// Reads a queue from `offset` on: at most `maxMessages` of those that `wants` lets through.
    let read
        (queue: ImmutableList<StoredRecord>)
        (offset: int64)
        (maxMessages: int)
        (wants: StoredRecord -> bool)
        : Reading =
        let maxOffset = int64 queue.Count

        let nothing status nextOffset =
            {
                Status = status
                NextOffset = nextOffset
                MinOffset = 0L
                MaxOffset = maxOffset
                Records = ReadOnlyMemory.Empty
            }

        let limit = min maxMessages maxPullMessages
        let found = ResizeArray<StoredRecord>()

        let rec scan (position: int) totalBytes =
            let isEnd = position = queue.Count || int64 position - offset >= int64 maxScanned

            if isEnd || found.Count >= limit then
                struct (position, totalBytes)
            else
                let record = queue[position]

                if not (wants record) then
                    scan (position + 1) totalBytes
                elif found.Count > 0 && totalBytes + record.Bytes.Length > maxPullBytes then
                    struct (position, totalBytes)
                else
                    found.Add record
                    scan (position + 1) (totalBytes + record.Bytes.Length)

        if offset < 0L then
            nothing OffsetMoved 0L
        elif offset > maxOffset then
            nothing OffsetMoved maxOffset
        elif offset = maxOffset then
            nothing NoNewMessage offset
        else
            let struct (next, totalBytes) = scan (int offset) 0

            if found.Count = 0 then
                nothing NoMatch (int64 next)
            else
                { nothing Found (int64 next) with
                    Records = concat found totalBytes
                }

    /// Where the messages stored at or after a time begin.
    let search (timestamp: int64) (queue: ImmutableList<StoredRecord>) : int64 =
        match queue.FindIndex(fun record -> record.StoreTimestamp >= timestamp) with
        | -1 -> int64 queue.Count
        | index -> int64 index

    /// The record that begins at a position of the commit log. Within a queue these positions grow.
    let tryFindAt (physicalOffset: int64) (store: Store) : StoredRecord option =
        let find (queue: ImmutableList<StoredRecord>) =
            let rec search low high =
                if low > high then
                    None
                else
                    let middle = low + (high - low) / 2
                    let record = queue[middle]

                    if record.PhysicalOffset = physicalOffset then
                        Some record
                    elif record.PhysicalOffset < physicalOffset then
                        search (middle + 1) high
                    else
                        search low (middle - 1)

            search 0 (queue.Count - 1)

        store.Topics.Values
        |> Seq.collect (fun topic -> topic.Queues)
        |> Seq.tryPick find

    let commit (queue: GroupQueue) offset (store: Store) =
        { store with
            Committed = Map.add queue offset store.Committed
        }

    /// The committed offset; 0 for a queue that nothing was committed for, since its first message is still there.
    let committed (queue: GroupQueue) (store: Store) : int64 voption =
        match Map.tryFind queue store.Committed with
        | Some offset -> ValueSome offset
        | None when (tryQueue queue.Topic queue.QueueId store).IsSome -> ValueSome 0L
        | None -> ValueNone
