namespace RocketMq

open System
open RocketMq.Protocol

/// Where a message is stored. Its ids are made when they are read. Of what was sent more than once it tells of the last attempt.
[<Sealed>]
type SendReceipt
    internal
    (
        status: SendStatus,
        queue: MessageQueue,
        queueOffset: int64,
        uniqueId: PackedId,
        offsetId: PackedId,
        recallHandle: string option,
        attempts: int,
        hostName: string
    ) =
    // Two numbers each, and one place for all texts: a packed id of its own would take a third more.
    let uniqueHigh = uniqueId.High
    let uniqueLow = uniqueId.Low
    let offsetHigh = offsetId.High
    let offsetLow = offsetId.Low

    let isAtItsBroker = String.Equals(hostName, queue.BrokerName)

    let rare: RareParts | null =
        if uniqueId.IsPacked && offsetId.IsPacked && recallHandle.IsNone && isAtItsBroker then
            null
        else
            {
                OtherUniqueId = uniqueId.Other
                OtherOffsetId = offsetId.Other
                RecallHandle = recallHandle
                OtherHostName = if isAtItsBroker then null else hostName
            }

    let textOf (other: string | null) high low =
        match other with
        | null -> PackedId.OfBytes(high, low).ToString()
        | text -> text

    /// A receipt as a broker could have given it, for tests, and for interceptors that do not send.
    new
        (
            status: SendStatus,
            queue: MessageQueue,
            queueOffset: int64,
            uniqueId: string,
            offsetId: string,
            recallHandle: string option,
            attempts: int
        ) =
        SendReceipt(
            status,
            queue,
            queueOffset,
            PackedId.OfText uniqueId,
            PackedId.OfText offsetId,
            recallHandle,
            attempts,
            queue.BrokerName
        )

    /// All of them mean stored; what they add is how safely.
    member _.Status = status

    /// Where the message is, with the topic as the application knows it.
    member _.Queue = queue

    /// Of a message that brokers hold back: its offset in a queue of the broker's own.
    member _.QueueOffset = queueOffset

    /// The id that the sender gave the message. Consumers see it.
    member _.UniqueId: string =
        match rare with
        | null -> textOf null uniqueHigh uniqueLow
        | rare -> textOf rare.OtherUniqueId uniqueHigh uniqueLow

    /// Where the broker keeps the message.
    member _.OffsetId: string =
        match rare with
        | null -> textOf null offsetHigh offsetLow
        | rare -> textOf rare.OtherOffsetId offsetHigh offsetLow

    /// Of a timed message, since 5.3: what recalls it, see `Producer.Recall`.
    member _.RecallHandle: string option =
        match rare with
        | null -> None
        | rare -> rare.RecallHandle

    /// The name of the broker that has the message: of a static topic another one than the queue's.
    member internal _.HostName: string =
        match rare with
        | null -> queue.BrokerName
        | rare ->
            match rare.OtherHostName with
            | null -> queue.BrokerName
            | name -> name

    /// How often it was sent. If more than once, it may be stored more than once.
    member _.Attempts = attempts

    override receipt.ToString() =
        invariant $"{status}, {queue}, offset {queueOffset}, id {receipt.UniqueId}"

    override receipt.Equals other =
        match other with
        | :? SendReceipt as other ->
            status = other.Status
            && queue = other.Queue
            && queueOffset = other.QueueOffset
            && receipt.UniqueId = other.UniqueId
            && receipt.OffsetId = other.OffsetId
            && receipt.RecallHandle = other.RecallHandle
            && attempts = other.Attempts
        | _ -> false

    override receipt.GetHashCode() =
        HashCode.Combine(queue, queueOffset, receipt.UniqueId, attempts)

/// What most receipts do not have.
and [<NoComparison; NoEquality>] internal RareParts =
    {
        OtherUniqueId: string | null
        OtherOffsetId: string | null
        RecallHandle: string option
        OtherHostName: string | null
    }

module internal BatchReceipt =
    /// The receipt of each message of a batch, by the unique ids in their order, from that of the whole. A broker gives their offset ids in
    /// one text; one that gives fewer means the text for all that are left.
    let split (uniqueIds: PackedId[]) (receipt: SendReceipt) : SendReceipt[] =
        let text = receipt.OffsetId
        let whole = PackedId.OfText text
        let receipts = Array.zeroCreate uniqueIds.Length
        let mutable place = 0

        for index in 0 .. uniqueIds.Length - 1 do
            let offsetId =
                if place > text.Length then
                    whole
                else
                    let length =
                        match text.IndexOf(',', place) with
                        | -1 -> text.Length - place
                        | comma -> comma - place

                    let id = PackedId.OfChars(text.AsSpan(place, length))
                    place <- place + length + 1
                    id

            receipts[index] <-
                SendReceipt(
                    receipt.Status,
                    receipt.Queue,
                    receipt.QueueOffset + int64 index,
                    uniqueIds[index],
                    offsetId,
                    receipt.RecallHandle,
                    receipt.Attempts,
                    receipt.HostName
                )

        receipts
