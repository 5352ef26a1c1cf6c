namespace RocketMq.Protocol

open System
open System.Buffers
open System.Buffers.Binary
open RocketMq

/// A record that cannot be read, and its offset in its queue.
type DamagedRecord = { Offset: int64; Error: DecodeError }

/// What could be read of a pull's records.
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
    let private magicV1 = 0xDAA320A7
    let private magicV2 = 0xDAA320AB
    let private what = "stored message"

    let private hostBytes isV6 =
        if isV6 then Host.V6Bytes else Host.V4Bytes

    /// What a record takes besides hosts, body, topic and properties.
    let private fixedBytes = 4 * 8 + 8 * 5 + 2 + 2

    /// The topic's text, without a new one if it is the previous record's.
    let private topicText (utf8: ReadOnlySpan<byte>) (previous: string) =
        if Text.Ascii.Equals(utf8, previous.AsSpan()) then
            previous
        else
            Utf8Text.read utf8

    // Places of numbers in a record. Those of the last three leave out the hosts, which stand before them: the bytes of both hosts are
    // to be added.
    let private sysFlagStart = 36
    let private bornHostStart = 48
    let private reconsumeTimesStart = 56
    let private preparedStart = 60
    let private bodyLengthStart = 68

    let inline private int32At (record: ReadOnlySpan<byte>) (place: int) =
        BinaryPrimitives.ReadInt32BigEndian(record.Slice place)

    let inline private int64At (record: ReadOnlySpan<byte>) (place: int) =
        BinaryPrimitives.ReadInt64BigEndian(record.Slice place)

    /// Reads a record that has the room for its numbers and its hosts.
    let private readParts
        brokerName
        previousTopic
        (record: ReadOnlyMemory<byte>)
        bornHostBytes
        storeHostBytes
        : Decoded<StoredMessage> =
        let span = record.Span
        let hostsBytes = bornHostBytes + storeHostBytes
        let mutable reader = ByteReader span
        reader.Skip(bodyLengthStart + hostsBytes)
        let bodyLength = reader.Int32()
        let bodyStart = reader.Position
        reader.Skip bodyLength

        let topicLength =
            if int32At span 4 = magicV1 then
                int (sbyte (reader.Byte()))
            else
                int (reader.Int16())

        let topic = reader.Bytes topicLength
        let propertiesLength = int (reader.Int16())
        let propertiesStart = reader.Position
        reader.Skip propertiesLength

        if reader.Overrun then
            Decoded.Corrupt(
                DecodeError.Malformed(
                    what,
                    invariant $"its parts do not fit into {record.Length} bytes",
                    reader.Position
                )
            )
        elif reader.Remaining > 0 then
            Decoded.Corrupt(
                DecodeError.Malformed(
                    what,
                    invariant $"{reader.Remaining} of {record.Length} bytes are left over",
                    reader.Position
                )
            )
        else
            let message =
                {
                    BrokerName = brokerName
                    Topic = topicText topic previousTopic
                    QueueId = int32At span 12
                    QueueOffset = int64At span 20
                    PhysicalOffset = int64At span 28 * 1L<commitLog>
                    Flag = int32At span 16
                    SysFlag = int32At span sysFlagStart
                    BornTimestamp = int64At span 40
                    BornHost = Host.ofWire (record.Slice(bornHostStart, bornHostBytes))
                    StoreTimestamp = int64At span (bornHostStart + bornHostBytes)
                    StoreHost = Host.ofWire (record.Slice(bornHostStart + bornHostBytes + 8, storeHostBytes))
                    ReconsumeTimes = int32At span (reconsumeTimesStart + hostsBytes)
                    PreparedTransactionOffset = int64At span (preparedStart + hostsBytes) * 1L<commitLog>
                    BodyCrc = int32At span 8
                    StoredBody = record.Slice(bodyStart, bodyLength)
                    Properties = Properties.ofText (record.Slice(propertiesStart, propertiesLength))
                }

            Decoded.Complete(message, record.Length)

    /// Reads the record at the front of `bytes`. `previousTopic` is a topic that it probably has.
    let private readRecord brokerName previousTopic (bytes: ReadOnlyMemory<byte>) : Decoded<StoredMessage> =
        if bytes.Length < 4 then
            Decoded.NeedMore(4 - bytes.Length)
        else
            let span = bytes.Span
            let recordBytes = int32At span 0

            if recordBytes < fixedBytes then
                Decoded.Corrupt(DecodeError.Malformed(what, invariant $"its size is {recordBytes}", 0))
            elif bytes.Length < recordBytes then
                Decoded.NeedMore(recordBytes - bytes.Length)
            else
                let magic = int32At span 4
                let sysFlag = int32At span sysFlagStart
                let bornHostBytes = hostBytes (SysFlag.isBornHostV6 sysFlag)
                let storeHostBytes = hostBytes (SysFlag.isStoreHostV6 sysFlag)

                if magic <> magicV1 && magic <> magicV2 then
                    Decoded.Corrupt(DecodeError.Malformed(what, invariant $"its magic number is {magic:X8}", 4))
                elif recordBytes < bodyLengthStart + 4 + bornHostBytes + storeHostBytes then
                    Decoded.Corrupt(
                        DecodeError.Malformed(
                            what,
                            invariant $"its hosts do not fit into {recordBytes} bytes",
                            bornHostStart
                        )
                    )
                else
                    readParts brokerName previousTopic (bytes.Slice(0, recordBytes)) bornHostBytes storeHostBytes

    /// Reads one record from the front of `bytes`. Body and properties stay views of them.
    let read (brokerName: string) (bytes: ReadOnlyMemory<byte>) : Decoded<StoredMessage> =
        readRecord brokerName "" bytes

    /// How many records there are, if their sizes are right; more than there are bytes for never.
    let private countRecords (bytes: ReadOnlySpan<byte>) =
        let mutable position = 0
        let mutable count = 0

        while bytes.Length - position >= fixedBytes do
            position <-
                position
                + max fixedBytes (min (int32At bytes position) (bytes.Length - position))

            count <- count + 1

        count

    /// Reads records until the bytes are used up. Fails if one is cut short or is no record.
    let decodeAll (brokerName: string) (bytes: ReadOnlyMemory<byte>) : Result<StoredMessage[], DecodeError> =
        let messages: StoredMessage[] = Array.zeroCreate (countRecords bytes.Span)

        let rec next (position: int) count topic =
            if position = bytes.Length then
                Ok messages
            else
                match readRecord brokerName topic (bytes.Slice position) with
                | Decoded.Complete(message, consumed) ->
                    messages[count] <- message
                    next (position + consumed) (count + 1) message.Topic
                | Decoded.NeedMore missing ->
                    Error(DecodeError.Malformed(what, invariant $"the last one lacks {missing} bytes", position))
                | Decoded.Corrupt error -> Error error

        next 0 0 ""

    /// The queue offset that stands in a record, right or wrong.
    let private offsetAt (span: ReadOnlySpan<byte>) position =
        BinaryPrimitives.ReadInt64BigEndian(span.Slice(position + 20))

    /// Where the record after a damaged one begins, if its size can be believed: the bytes end there, or another record begins.
    let private tryNext (span: ReadOnlySpan<byte>) position =
        if span.Length - position < fixedBytes then
            ValueNone
        else
            let size = int32At span position

            if size < fixedBytes || size > span.Length - position then
                ValueNone
            else
                let next = position + size

                if next = span.Length then
                    ValueSome next
                elif span.Length - next < fixedBytes then
                    ValueNone
                else
                    match int32At span (next + 4) with
                    | magic when magic = magicV1 || magic = magicV2 -> ValueSome next
                    | _ -> ValueNone

    /// As `decodeReadable`, where a record is damaged.
    let private decodeAround
        (brokerName: string)
        (start: int64)
        (endsAt: int64)
        (bytes: ReadOnlyMemory<byte>)
        : ReadableRecords =
        let messages = ResizeArray<StoredMessage>(countRecords bytes.Span)
        let damaged = ResizeArray<DamagedRecord>()
        let mutable position = 0
        let mutable expected = start
        let mutable topic = ""
        let mutable next = endsAt

        let pass error =
            let span = bytes.Span

            let offset =
                if span.Length - position >= fixedBytes then
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
            match readRecord brokerName topic (bytes.Slice position) with
            | Decoded.Complete(message, consumed) ->
                messages.Add message
                topic <- message.Topic
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

    /// Reads what can be read of records from `start` on, the offsets of a queue before `endsAt`. A damaged record is named by its
    /// queue offset, as far as that can be known. After one that hides where the next begins nothing can be read: then reading goes on
    /// at the record itself, or behind it if it is the first.
    let decodeReadable
        (brokerName: string)
        (start: int64)
        (endsAt: int64)
        (bytes: ReadOnlyMemory<byte>)
        : ReadableRecords =
        match decodeAll brokerName bytes with
        | Ok messages ->
            {
                Messages = messages
                Damaged = []
                Next = endsAt
            }
        | Error _ -> decodeAround brokerName start endsAt bytes

    /// Writes one record. `BrokerName` is not part of it, and the flag word is made to agree with the hosts.
    let write (message: StoredMessage) (output: IBufferWriter<byte>) : Result<int, EncodeError> =
        let properties = message.Properties.Text

        let span =
            output.GetSpan(
                fixedBytes
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
                    magicV1
                else
                    magicV2
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
