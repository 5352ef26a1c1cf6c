namespace RocketMq.Embedded

open System
open RocketMq.Protocol

/// What reading a queue from an offset gave.
type internal Reading =
    {
        Status: PullStatus
        /// As Java's brokers name it.
        Remark: string
        NextOffset: int64
        MinOffset: int64
        MaxOffset: int64
        Records: ReadOnlyMemory<byte>
        /// How many messages these are.
        Count: int
        /// What was read is so far from the end of the log that a broker would not have it in memory.
        IsFarBehind: bool
    }

/// Reading a queue for a pull or a pop. Source: getMessage of DefaultMessageStore.java.
module internal QueueReading =
    /// A pull delivers at most this much, and at least one message.
    let private maxBytesInMemory = 256 * 1024

    let private maxMessagesInMemory = 32

    /// The same, if what is read next is not in memory.
    let private maxBytesOnDisk = 64 * 1024

    let private maxMessagesOnDisk = 8

    /// A pull looks at this many messages at most before it answers that none matched.
    let private maxScanned = 800

    let private concat (records: ResizeArray<StoredRecord>) (totalBytes: int) : ReadOnlyMemory<byte> =
        let bytes: byte[] = Array.zeroCreate totalBytes
        let mutable position = 0

        for record in records do
            record.Bytes.Span.CopyTo(bytes.AsSpan position)
            position <- position + record.Bytes.Length

        ReadOnlyMemory bytes

    let private nothing status remark nextOffset (queue: StoredQueue) =
        {
            Status = status
            Remark = remark
            NextOffset = nextOffset
            MinOffset = queue.MinOffset
            MaxOffset = queue.MaxOffset
            Records = ReadOnlyMemory.Empty
            Count = 0
            IsFarBehind = false
        }

    let private isFull maxMessages (found: ResizeArray<StoredRecord>) totalBytes (record: StoredRecord) isInMemory =
        found.Count > 0
        && (found.Count >= maxMessages
            || (if isInMemory then
                    found.Count >= maxMessagesInMemory
                    || totalBytes + record.Bytes.Length > maxBytesInMemory
                else
                    found.Count >= maxMessagesOnDisk
                    || totalBytes + record.Bytes.Length > maxBytesOnDisk))

    let private scan (store: Store) (queue: StoredQueue) offset maxMessages (matches: StoredRecord -> bool) =
        let found = ResizeArray<StoredRecord>()
        let end' = min queue.MaxOffset (offset + int64 (max maxScanned maxMessages))

        let rec next offset totalBytes lastIsFar =
            if offset = end' then
                struct (offset, totalBytes, lastIsFar)
            else
                let record = queue.Records[int (offset - queue.MinOffset)]
                let isInMemory = Store.isInMemory store record

                if isFull maxMessages found totalBytes record isInMemory then
                    struct (offset, totalBytes, lastIsFar)
                elif matches record then
                    found.Add record
                    next (offset + 1L) (totalBytes + record.Bytes.Length) (not isInMemory)
                else
                    next (offset + 1L) totalBytes (not isInMemory)

        let struct (nextOffset, totalBytes, isFar) = next offset 0 false

        let reading =
            if found.Count = 0 then
                nothing PullStatus.NoMatch "NO_MATCHED_MESSAGE" nextOffset queue
            else
                { nothing PullStatus.Found "FOUND" nextOffset queue with
                    Records = concat found totalBytes
                    Count = found.Count
                }

        { reading with IsFarBehind = isFar }

    /// Reads a queue from `offset` on: at most `maxMessages` of those that `matches` lets through.
    let read (store: Store) (queue: StoredQueue) (offset: int64) maxMessages (matches: StoredRecord -> bool) : Reading =
        if queue.MaxOffset = 0L then
            let status =
                if offset = 0L then
                    PullStatus.NoNewMessage
                else
                    PullStatus.OffsetMoved

            nothing status "NO_MESSAGE_IN_QUEUE" 0L queue
        elif offset < queue.MinOffset then
            nothing PullStatus.OffsetMoved "OFFSET_TOO_SMALL" queue.MinOffset queue
        elif offset = queue.MaxOffset then
            nothing PullStatus.NoNewMessage "OFFSET_OVERFLOW_ONE" offset queue
        elif offset > queue.MaxOffset then
            nothing PullStatus.OffsetMoved "OFFSET_OVERFLOW_BADLY" queue.MaxOffset queue
        else
            scan store queue offset maxMessages matches
