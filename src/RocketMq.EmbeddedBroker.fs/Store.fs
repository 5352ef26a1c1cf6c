namespace RocketMq.Embedded

open System
open System.Buffers
open System.Collections.Immutable
open RocketMq.Protocol

/// A message as it is kept: the record that pulls hand out, and what decides whether they do.
type internal StoredRecord =
    {
        Bytes: ReadOnlyMemory<byte>
        TagHash: int
        StoreTimestamp: int64
    }

/// The queues of one topic, each a list of records whose index is the queue offset.
type internal StoredTopic =
    {
        Queues: ImmutableList<StoredRecord>[]
    }

/// Every message and every committed offset. Immutable: what changes it gives a new one.
type internal Store =
    {
        StoreHost: Host
        Topics: Map<string, StoredTopic>
        Committed: Map<GroupQueue, int64>
        /// Position of the next record in a commit log that does not exist, but whose positions ids are made of.
        NextPhysicalOffset: int64
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
        }

    let withTopic name queues (store: Store) =
        { store with
            Topics =
                Map.add
                    name
                    {
                        Queues = Array.create queues ImmutableList.Empty
                    }
                    store.Topics
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
        let output = ArrayBufferWriter<byte>(256 + message.StoredBody.Length)

        match MessageCodec.write message output with
        | Error error -> Error error
        | Ok bytes ->
            let stored =
                {
                    Bytes = output.WrittenMemory
                    TagHash = tagHash incoming.Message
                    StoreTimestamp = now
                }

            let queues = Array.copy topic.Queues
            queues[incoming.QueueId] <- queue.Add stored

            let store =
                { store with
                    Topics = Map.add message.Topic { Queues = queues } store.Topics
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

    /// Reads a queue from `offset` on: at most `maxMessages` of those whose tag hash `wants`.
    let read (queue: ImmutableList<StoredRecord>) (offset: int64) (maxMessages: int) (wants: int -> bool) : Reading =
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

                if not (wants record.TagHash) then
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
