namespace RocketMq.Embedded

open System
open System.Collections.Immutable
open RocketMq

/// A message as it is kept: the record that pulls deliver, and what decides whether they do.
type internal StoredRecord =
    {
        Bytes: ReadOnlyMemory<byte>
        PhysicalOffset: int64<commitLog>
        TagHash: int
        StoreTimestamp: int64
    }

/// The messages of one queue that are still kept. Those before them are gone, and their offsets with them.
type internal StoredQueue =
    {
        /// Of the first record; of the next one while there is none.
        MinOffset: int64
        Records: ImmutableList<StoredRecord>
    }

    /// The offset that the next message will have.
    member queue.MaxOffset = queue.MinOffset + int64 queue.Records.Count

module internal StoredQueue =
    let empty =
        {
            MinOffset = 0L
            Records = ImmutableList.Empty
        }

    let append record (queue: StoredQueue) =
        { queue with
            Records = queue.Records.Add record
        }

    let tryAt offset (queue: StoredQueue) : StoredRecord voption =
        if offset >= queue.MinOffset && offset < queue.MaxOffset then
            ValueSome queue.Records[int (offset - queue.MinOffset)]
        else
            ValueNone

    /// Whether there is such a record at an offset or after it.
    let existsFrom offset (isSought: StoredRecord -> bool) (queue: StoredQueue) =
        let rec look offset =
            match tryAt offset queue with
            | ValueSome record -> isSought record || look (offset + 1L)
            | ValueNone -> false

        look (max offset queue.MinOffset)

    /// How many records there are before the first one that `isReached` holds for. It holds for all after that one.
    let private countBefore (isReached: StoredRecord -> bool) (queue: StoredQueue) =
        let rec search low high =
            if low = high then
                low
            else
                let middle = low + (high - low) / 2

                if isReached queue.Records[middle] then
                    search low middle
                else
                    search (middle + 1) high

        search 0 queue.Records.Count

    /// The offset of the first record that `isReached` holds for, which holds for all after it; the highest offset if
    /// there is none.
    let firstOffset isReached (queue: StoredQueue) =
        queue.MinOffset + int64 (countBefore isReached queue)

    /// The record that begins at an offset of the commit log. Within a queue these offsets grow.
    let tryAtPhysical physicalOffset (queue: StoredQueue) : StoredRecord voption =
        match tryAt (firstOffset (fun record -> record.PhysicalOffset >= physicalOffset) queue) queue with
        | ValueSome record when record.PhysicalOffset = physicalOffset -> ValueSome record
        | _ -> ValueNone

    /// Lets the records go that come before the first one that `isRetained` holds for, which holds for all after it.
    let trim isRetained (queue: StoredQueue) =
        let gone = countBefore isRetained queue
        let retained = queue.Records.Count - gone

        if gone = 0 then
            queue
        else
            {
                MinOffset = queue.MinOffset + int64 gone
                Records =
                    // One by one a list drops records, or takes them over: whichever are fewer.
                    if retained < gone then
                        queue.Records.GetRange(gone, retained)
                    else
                        queue.Records.RemoveRange(0, gone)
            }
