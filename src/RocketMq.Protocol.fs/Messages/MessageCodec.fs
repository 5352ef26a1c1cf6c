namespace RocketMq.Protocol

open System
open System.Buffers
open System.Buffers.Binary

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
    let private fixedBytes = 4 * 9 + 8 * 5 + 2 + 2

    /// The topic's text, without a new one if it is the previous record's.
    let private topicText (utf8: ReadOnlySpan<byte>) (previous: string) =
        if Text.Ascii.Equals(utf8, previous.AsSpan()) then
            previous
        else
            Utf8Text.read utf8

    /// Reads the record at the front of `bytes`. `previousTopic` is a topic that it probably has.
    let private readRecord brokerName previousTopic (bytes: ReadOnlyMemory<byte>) : Decoded<StoredMessage> =
        let mutable size = ByteReader bytes.Span
        let recordBytes = size.Int32()
        let magic = size.Int32()

        if bytes.Length < 4 then
            NeedMore(4 - bytes.Length)
        elif recordBytes < fixedBytes then
            Corrupt(Malformed(what, $"its size is {recordBytes}", 0))
        elif bytes.Length < recordBytes then
            NeedMore(recordBytes - bytes.Length)
        elif magic <> magicV1 && magic <> magicV2 then
            Corrupt(Malformed(what, $"its magic number is {magic:X8}", 4))
        else
            let record = bytes.Slice(0, recordBytes)
            let mutable reader = ByteReader record.Span
            reader.Skip 8
            let bodyCrc = reader.Int32()
            let queueId = reader.Int32()
            let flag = reader.Int32()
            let queueOffset = reader.Int64()
            let physicalOffset = reader.Int64()
            let sysFlag = reader.Int32()
            let bornTimestamp = reader.Int64()
            let bornHostStart = reader.Position
            let bornHostBytes = hostBytes (SysFlag.isBornHostV6 sysFlag)
            reader.Skip bornHostBytes
            let storeTimestamp = reader.Int64()
            let storeHostStart = reader.Position
            let storeHostBytes = hostBytes (SysFlag.isStoreHostV6 sysFlag)
            reader.Skip storeHostBytes
            let reconsumeTimes = reader.Int32()
            let preparedTransactionOffset = reader.Int64()
            let bodyLength = reader.Int32()
            let bodyStart = reader.Position
            reader.Skip bodyLength

            let topicLength =
                if magic = magicV1 then
                    int (sbyte (reader.Byte()))
                else
                    int (reader.Int16())

            let topic = reader.Bytes topicLength
            let propertiesLength = int (reader.Int16())
            let propertiesStart = reader.Position
            reader.Skip propertiesLength

            if reader.Overrun then
                Corrupt(Malformed(what, $"its parts do not fit into {recordBytes} bytes", reader.Position))
            elif reader.Remaining > 0 then
                Corrupt(Malformed(what, $"{reader.Remaining} of {recordBytes} bytes are left over", reader.Position))
            else
                let message =
                    {
                        BrokerName = brokerName
                        Topic = topicText topic previousTopic
                        QueueId = queueId
                        QueueOffset = queueOffset
                        PhysicalOffset = physicalOffset
                        Flag = flag
                        SysFlag = sysFlag
                        BornTimestamp = bornTimestamp
                        BornHost = Host.ofWire (record.Slice(bornHostStart, bornHostBytes))
                        StoreTimestamp = storeTimestamp
                        StoreHost = Host.ofWire (record.Slice(storeHostStart, storeHostBytes))
                        ReconsumeTimes = reconsumeTimes
                        PreparedTransactionOffset = preparedTransactionOffset
                        BodyCrc = bodyCrc
                        StoredBody = record.Slice(bodyStart, bodyLength)
                        Properties = Properties.ofText (record.Slice(propertiesStart, propertiesLength))
                    }

                Complete(message, recordBytes)

    /// Reads one record from the front of `bytes`. Body and properties stay views of them.
    let read (brokerName: string) (bytes: ReadOnlyMemory<byte>) : Decoded<StoredMessage> =
        readRecord brokerName "" bytes

    /// What a pull asks for unless it is told otherwise.
    let private usualCount = 32

    /// Reads records until the bytes are used up. Fails if one is cut short or is no record.
    let decodeAll (brokerName: string) (bytes: ReadOnlyMemory<byte>) : Result<StoredMessage[], DecodeError> =
        let messages = ResizeArray<StoredMessage> usualCount

        let rec next (position: int) topic =
            if position = bytes.Length then
                Ok(messages.ToArray())
            else
                match readRecord brokerName topic (bytes.Slice position) with
                | Complete(message, consumed) ->
                    messages.Add message
                    next (position + consumed) message.Topic
                | NeedMore missing -> Error(Malformed(what, $"the last one lacks {missing} bytes", position))
                | Corrupt error -> Error error

        next 0 ""

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
            writer.Int64 message.PhysicalOffset
            writer.Int32(SysFlag.withHosts message.BornHost.IsV6 message.StoreHost.IsV6 message.SysFlag)
            writer.Int64 message.BornTimestamp
            writer.Bytes message.BornHost.Wire.Span
            writer.Int64 message.StoreTimestamp
            writer.Bytes message.StoreHost.Wire.Span
            writer.Int32 message.ReconsumeTimes
            writer.Int64 message.PreparedTransactionOffset
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
