namespace RocketMq.Protocol

open System
open RocketMq

/// A message over the bytes of its record, which `RecordLayout.measure` found sound: no part lies outside of them.
/// One small object, however much the message says.
[<Sealed>]
type internal RecordView(queue: MessageQueue, record: ReadOnlyMemory<byte>) =
    inherit StoredMessage(queue)

    member private _.Int32(place: int) = RecordLayout.int32At record.Span place
    member private _.Int64(place: int) = RecordLayout.int64At record.Span place

    member private message.BornHostBytes = RecordLayout.bornHostBytes message.SysFlag
    member private message.StoreHostBytes = RecordLayout.storeHostBytes message.SysFlag

    member private message.HostsBytes =
        let sysFlag = message.SysFlag
        RecordLayout.bornHostBytes sysFlag + RecordLayout.storeHostBytes sysFlag

    override message.QueueOffset = message.Int64 RecordLayout.queueOffsetPlace

    override message.PhysicalOffset =
        message.Int64 RecordLayout.physicalOffsetPlace * 1L<commitLog>

    override message.Flag = message.Int32 RecordLayout.flagPlace
    override message.SysFlag = message.Int32 RecordLayout.sysFlagPlace
    override message.BornTimestamp = message.Int64 RecordLayout.bornTimestampPlace

    override message.BornHost =
        Host.ofWire (record.Slice(RecordLayout.bornHostPlace, message.BornHostBytes))

    override message.StoreTimestamp =
        message.Int64(RecordLayout.storeTimestampPlace + message.BornHostBytes)

    override message.StoreHost =
        Host.ofWire (record.Slice(RecordLayout.storeHostPlace + message.BornHostBytes, message.StoreHostBytes))

    override message.ReconsumeTimes =
        message.Int32(RecordLayout.reconsumeTimesPlace + message.HostsBytes)

    override message.PreparedTransactionOffset =
        message.Int64(RecordLayout.preparedTransactionOffsetPlace + message.HostsBytes)
        * 1L<commitLog>

    override message.BodyCrc = message.Int32 RecordLayout.bodyCrcPlace

    override message.StoredBody =
        let hostsBytes = message.HostsBytes
        record.Slice(RecordLayout.bodyPlace + hostsBytes, message.Int32(RecordLayout.bodyLengthPlace + hostsBytes))

    override message.Properties =
        let span = record.Span
        let hostsBytes = message.HostsBytes

        let bodyEnd =
            RecordLayout.bodyPlace
            + hostsBytes
            + RecordLayout.int32At span (RecordLayout.bodyLengthPlace + hostsBytes)

        let topicEnd =
            if RecordLayout.int32At span RecordLayout.magicPlace = RecordLayout.magicV1 then
                bodyEnd + 1 + int span[bodyEnd]
            else
                bodyEnd + 2 + RecordLayout.int16At span bodyEnd

        // After their length, to the record's end.
        Properties.ofText (record.Slice(topicEnd + 2))

    override _.WithQueue queue = RecordView(queue, record)
