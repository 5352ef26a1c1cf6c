namespace RocketMq.Protocol

open System
open System.Buffers
open System.Buffers.Binary
open RocketMq

/// A record that cannot be read, and its offset in its queue.
type DamagedRecord = { Offset: int64; Error: DecodeError }

/// What could be read of a pull's records.
[<Struct>]
type ReadableRecords =
    {
        Messages: StoredMessage[]
        Damaged: DamagedRecord list
        /// Where the next pull is to begin.
        Next: int64
    }


/// Stored messages, both directions. Answers to pulls hold any number of them, one after the other. Layout, big-endian:
///
///     i32 recordBytes | i32 magic | i32 bodyCrc | i32 queueId | i32 flag | i64 queueOffset | i64 physicalOffset
///     i32 sysFlag | i64 bornTimestamp | bornHost | i64 storeTimestamp | storeHost | i32 reconsumeTimes
///     i64 preparedTransactionOffset | i32 bodyBytes | body | topicBytes | topic | i16 propertyBytes | properties
///
/// A host has 8 bytes, or 20 if `sysFlag` calls it IPv6. `topicBytes` is a signed byte, and with the second magic, for
/// topics over 127 bytes, a signed 16-bit number. Source: MessageDecoder.java, MessageExtEncoder.java.
module MessageCodec =
    let private what = "stored message"

    /// Which queue a record is of, without a new object if it is the previous one's.
    let private queueOf (topic: ReadOnlySpan<byte>) (queueId: int) (previous: MessageQueue) : MessageQueue =
        let isSameTopic = Text.Ascii.Equals(topic, previous.Topic.AsSpan())

        if isSameTopic && queueId = previous.QueueId then
            previous
        else
            {
                Topic = if isSameTopic then previous.Topic else Utf8Text.read topic
                BrokerName = previous.BrokerName
                QueueId = queueId
            }

    /// The queue of a sound record at the front of `bytes`. It is probably `previous`, and of the same broker.
    let private queueIn (previous: MessageQueue) (bytes: ReadOnlySpan<byte>) (measured: RecordMeasure) : MessageQueue =
        queueOf
            (bytes.Slice(measured.TopicStart, measured.TopicLength))
            (RecordLayout.int32At bytes RecordLayout.queueIdPlace)
            previous

    /// What is wrong with the record at the front of `bytes`, which is not sound.
    let private explain (bytes: ReadOnlySpan<byte>) (measured: RecordMeasure) : Decoded<StoredMessage> =
        let corrupt reason place =
            Decoded.Corrupt(DecodeError.Malformed(what, reason, place))

        match measured.Fault with
        | RecordFault.CutShort -> Decoded.NeedMore measured.Size
        | RecordFault.WrongSize -> corrupt (invariant $"its size is {measured.Size}") 0
        | RecordFault.UnknownMagic ->
            let magic = RecordLayout.int32At bytes RecordLayout.magicPlace
            corrupt (invariant $"its magic number is {magic:X8}") RecordLayout.magicPlace
        | RecordFault.NoRoomForHosts ->
            corrupt (invariant $"its hosts do not fit into {measured.Size} bytes") RecordLayout.bornHostPlace
        | RecordFault.LeftOver ->
            let size = measured.TopicStart + measured.Size
            corrupt (invariant $"{measured.Size} of {size} bytes are left over") measured.TopicStart
        | _ -> corrupt (invariant $"its parts do not fit into {measured.Size} bytes") measured.TopicStart

    /// Reads the record at the front of `bytes`. It is probably of the queue `previous`, and of the same broker.
    let private readRecord (previous: MessageQueue) (bytes: ReadOnlyMemory<byte>) : Decoded<StoredMessage> =
        let span = bytes.Span
        let measured = RecordLayout.measure span

        match measured.Fault with
        | RecordFault.Sound ->
            let queue = queueIn previous span measured
            Decoded.Complete(RecordView(queue, bytes.Slice(0, measured.Size)), measured.Size)
        | _ -> explain span measured

    /// A queue of a broker that no record is of.
    let private unknownQueue brokerName : MessageQueue =
        {
            Topic = ""
            BrokerName = brokerName
            QueueId = -1
        }

    /// Reads one record from the front of `bytes`. The message is a view of them.
    let read (brokerName: string) (bytes: ReadOnlyMemory<byte>) : Decoded<StoredMessage> =
        readRecord (unknownQueue brokerName) bytes

    /// How many records there are, if their sizes are right; more than there are bytes for never.
    let private countRecords (bytes: ReadOnlySpan<byte>) =
        let mutable position = 0
        let mutable count = 0

        while bytes.Length - position >= RecordLayout.fixedBytes do
            position <-
                position
                + max RecordLayout.fixedBytes (min (RecordLayout.int32At bytes position) (bytes.Length - position))

            count <- count + 1

        count

    /// As `decodeAll`, of records that are probably of one queue. They share it.
    let internal decodeAllOf
        (queue: MessageQueue)
        (bytes: ReadOnlyMemory<byte>)
        : Result<StoredMessage[], DecodeError> =
        let span = bytes.Span
        let messages: StoredMessage[] = Array.zeroCreate (countRecords span)
        // Stored through a span, none is asked whether it is of the array's type.
        let places = messages.AsSpan()
        let mutable position = 0
        let mutable count = 0
        let mutable queue = queue
        let mutable failure = ValueNone

        while position < span.Length && failure.IsNone do
            let rest = span.Slice position
            let measured = RecordLayout.measure rest

            match measured.Fault with
            | RecordFault.Sound ->
                queue <- queueIn queue rest measured
                places[count] <- RecordView(queue, bytes.Slice(position, measured.Size))
                count <- count + 1
                position <- position + measured.Size
            | _ ->
                failure <-
                    match explain rest measured with
                    | Decoded.Corrupt error -> ValueSome error
                    | _ ->
                        let reason = invariant $"the last one lacks {measured.Size} bytes"
                        ValueSome(DecodeError.Malformed(what, reason, position))

        match failure with
        | ValueSome error -> Error error
        | ValueNone -> Ok messages

    /// Reads records until the bytes are used up. Fails if one is cut short or is no record. The messages are views of the bytes.
    let decodeAll (brokerName: string) (bytes: ReadOnlyMemory<byte>) : Result<StoredMessage[], DecodeError> =
        decodeAllOf (unknownQueue brokerName) bytes

    /// The queue offset that stands in a record, right or wrong.
    let private offsetAt (span: ReadOnlySpan<byte>) position =
        RecordLayout.int64At span (position + RecordLayout.queueOffsetPlace)

    /// Where the record after a damaged one begins, if its size can be believed: the bytes end there, or another record begins.
    let private tryNext (span: ReadOnlySpan<byte>) position =
        if span.Length - position < RecordLayout.fixedBytes then
            ValueNone
        else
            let size = RecordLayout.int32At span position

            if size < RecordLayout.fixedBytes || size > span.Length - position then
                ValueNone
            else
                let next = position + size

                if next = span.Length then
                    ValueSome next
                elif span.Length - next < RecordLayout.fixedBytes then
                    ValueNone
                else
                    match RecordLayout.int32At span (next + RecordLayout.magicPlace) with
                    | magic when magic = RecordLayout.magicV1 || magic = RecordLayout.magicV2 -> ValueSome next
                    | _ -> ValueNone

    /// As `decodeReadable`, where a record is damaged.
    let private decodeAround
        (queue: MessageQueue)
        (start: int64)
        (endsAt: int64)
        (bytes: ReadOnlyMemory<byte>)
        : ReadableRecords =
        let messages = ResizeArray<StoredMessage>(countRecords bytes.Span)
        let damaged = ResizeArray<DamagedRecord>()
        let mutable position = 0
        let mutable expected = start
        let mutable queue = queue
        let mutable next = endsAt

        let pass error =
            let span = bytes.Span

            let offset =
                if span.Length - position >= RecordLayout.fixedBytes then
                    match offsetAt span position with
                    | offset when offset >= expected && offset < endsAt -> offset
                    | _ -> expected
                else
                    expected

            match tryNext span position with
            | ValueSome after ->
                damaged.Add { Offset = offset; Error = error }
                expected <- offset + 1L
                position <- after
            | ValueNone when position = 0 ->
                damaged.Add { Offset = start; Error = error }
                next <- start + 1L
                position <- bytes.Length
            | ValueNone ->
                next <- expected
                position <- bytes.Length

        while position < bytes.Length do
            match readRecord queue (bytes.Slice position) with
            | Decoded.Complete(message, consumed) ->
                messages.Add message
                queue <- message.Queue
                expected <- max expected (message.QueueOffset + 1L)
                position <- position + consumed
            | Decoded.NeedMore missing ->
                pass (DecodeError.Malformed(what, invariant $"it lacks {missing} bytes", position))
            | Decoded.Corrupt error -> pass error

        {
            Messages = messages.ToArray()
            Damaged = List.ofSeq damaged
            Next = next
        }

    /// As `decodeReadable`, of records that are probably of one queue. They share it.
    let internal decodeReadableOf
        (queue: MessageQueue)
        (start: int64)
        (endsAt: int64)
        (bytes: ReadOnlyMemory<byte>)
        : ReadableRecords =
        match decodeAllOf queue bytes with
        | Ok messages ->
            {
                Messages = messages
                Damaged = []
                Next = endsAt
            }
        | Error _ -> decodeAround queue start endsAt bytes

    /// Reads what can be read of records from `start` on, the offsets of a queue before `endsAt`. A damaged record is named by its
    /// queue offset, as far as that can be known. After one that hides where the next begins nothing can be read: then reading goes on
    /// at the record itself, or behind it if it is the first.
    let decodeReadable
        (brokerName: string)
        (start: int64)
        (endsAt: int64)
        (bytes: ReadOnlyMemory<byte>)
        : ReadableRecords =
        decodeReadableOf (unknownQueue brokerName) start endsAt bytes

    /// Records as a broker keeps them in a queue of its own, made those of the static topic's queue that lies there: with its number, and
    /// offsets that are higher by `delta`. The bytes are copied; where no record can be told from the next, the rest stays as it is.
    let internal relocate (queueId: int) (delta: int64) (bytes: ReadOnlyMemory<byte>) : ReadOnlyMemory<byte> =
        let copy = bytes.ToArray()
        let mutable rest = copy.AsSpan()

        while rest.Length >= RecordLayout.fixedBytes do
            let size = BinaryPrimitives.ReadInt32BigEndian(rest)
            let offset = rest.Slice RecordLayout.queueOffsetPlace
            BinaryPrimitives.WriteInt32BigEndian(rest.Slice RecordLayout.queueIdPlace, queueId)
            BinaryPrimitives.WriteInt64BigEndian(offset, BinaryPrimitives.ReadInt64BigEndian(offset) + delta)

            rest <-
                if size < RecordLayout.fixedBytes || size > rest.Length then
                    Span<byte>.Empty
                else
                    rest.Slice size

        ReadOnlyMemory copy

    /// Writes one record. `BrokerName` is not part of it, and the flag word is made to agree with the hosts.
    let write (message: StoredMessage) (output: IBufferWriter<byte>) : Result<int, EncodeError> =
        let properties = message.Properties.Text

        let span =
            output.GetSpan(
                RecordLayout.fixedBytes
                + 2 * Host.V6Bytes
                + message.StoredBody.Length
                + message.Topic.Length * 3
                + properties.Length
            )

        let topic: byte[] = Array.zeroCreate (message.Topic.Length * 3)
        let topicBytes = Utf8Text.write message.Topic (topic.AsSpan())

        if topicBytes < 0 || topicBytes > int Int16.MaxValue then
            Error(NotEncodable("the topic", "it is no text of at most 32767 bytes"))
        elif properties.Length > Properties.maxBytes then
            Error(EncodedTooLarge("the property text", int64 properties.Length, int64 Properties.maxBytes))
        else
            let mutable writer = ByteWriter span
            writer.Int32 0

            writer.Int32(
                if topicBytes <= Names.maxTopicChars then
                    RecordLayout.magicV1
                else
                    RecordLayout.magicV2
            )

            writer.Int32 message.BodyCrc
            writer.Int32 message.QueueId
            writer.Int32 message.Flag
            writer.Int64 message.QueueOffset
            writer.Int64(int64 message.PhysicalOffset)
            writer.Int32(SysFlag.withHosts message.BornHost.IsV6 message.StoreHost.IsV6 message.SysFlag)
            writer.Int64 message.BornTimestamp
            writer.Bytes message.BornHost.Wire.Span
            writer.Int64 message.StoreTimestamp
            writer.Bytes message.StoreHost.Wire.Span
            writer.Int32 message.ReconsumeTimes
            writer.Int64(int64 message.PreparedTransactionOffset)
            writer.Int32 message.StoredBody.Length
            writer.Bytes message.StoredBody.Span

            if topicBytes <= Names.maxTopicChars then
                writer.Byte(byte topicBytes)
            else
                writer.Int16(int16 topicBytes)

            writer.Bytes(ReadOnlySpan(topic, 0, topicBytes))
            writer.Int16(int16 properties.Length)
            writer.Bytes properties.Span
            BinaryPrimitives.WriteInt32BigEndian(span, writer.Position)
            output.Advance writer.Position
            Ok writer.Position
