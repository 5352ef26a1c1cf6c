namespace RocketMq.Protocol

open System
open System.Buffers.Binary
open RocketMq

/// What is wrong with a record, if anything is.
type internal RecordFault =
    | Sound = 0
    /// There are too few bytes, as far as its size says.
    | CutShort = 1
    | WrongSize = 2
    | UnknownMagic = 3
    | NoRoomForHosts = 4
    | PartsTooLong = 5
    | LeftOver = 6

/// What was found at the front of some bytes. Of a sound record, its size and where its topic is; of another one, up to where it was
/// understood.
[<Struct>]
type internal RecordMeasure =
    {
        Fault: RecordFault
        /// Of the whole record; of one that was cut short the bytes that are missing, of one with bytes left over their number.
        Size: int
        /// Up to where a record was understood that is not sound.
        TopicStart: int
        TopicLength: int
    }

/// Where the parts of a stored record are, and whether they fit. The layout is in `MessageCodec`.
module internal RecordLayout =
    let magicV1 = 0xDAA320A7
    let magicV2 = 0xDAA320AB

    /// What a record takes besides hosts, body, topic and properties.
    let fixedBytes = 4 * 8 + 8 * 5 + 2 + 2

    let magicPlace = 4
    let bodyCrcPlace = 8
    let queueIdPlace = 12
    let flagPlace = 16
    let queueOffsetPlace = 20
    let physicalOffsetPlace = 28
    let sysFlagPlace = 36
    let bornTimestampPlace = 40
    let bornHostPlace = 48

    // Hosts that stand before those that follow are left out of their places: the bytes of the first, or of both, are to be added.
    let storeTimestampPlace = 48
    let storeHostPlace = 56
    let reconsumeTimesPlace = 56
    let preparedTransactionOffsetPlace = 60
    let bodyLengthPlace = 68
    let bodyPlace = 72

    let inline int16At (record: ReadOnlySpan<byte>) (place: int) =
        int (BinaryPrimitives.ReadInt16BigEndian(record.Slice place))

    let inline int32At (record: ReadOnlySpan<byte>) (place: int) =
        BinaryPrimitives.ReadInt32BigEndian(record.Slice place)

    let inline int64At (record: ReadOnlySpan<byte>) (place: int) =
        BinaryPrimitives.ReadInt64BigEndian(record.Slice place)

    let inline bornHostBytes (sysFlag: int) =
        if SysFlag.isBornHostV6 sysFlag then
            Host.V6Bytes
        else
            Host.V4Bytes

    let inline storeHostBytes (sysFlag: int) =
        if SysFlag.isStoreHostV6 sysFlag then
            Host.V6Bytes
        else
            Host.V4Bytes

    let inline private unsound fault size place : RecordMeasure =
        {
            Fault = fault
            Size = size
            TopicStart = place
            TopicLength = 0
        }

    /// The parts after the hosts, for which a record has room.
    let private measureParts (record: ReadOnlySpan<byte>) (bodyStart: int) : RecordMeasure =
        let size = record.Length
        let bodyLength = int32At record (bodyStart - 4)
        let isLong = int32At record magicPlace <> magicV1
        let lengthBytes = if isLong then 2 else 1

        // Not by a sum, which a length might make overflow.
        if bodyLength < 0 || bodyLength > size - bodyStart - lengthBytes then
            unsound RecordFault.PartsTooLong size bodyStart
        else
            let bodyEnd = bodyStart + bodyLength
            let topicStart = bodyEnd + lengthBytes

            let topicLength =
                if isLong then
                    int16At record bodyEnd
                else
                    int (sbyte record[bodyEnd])

            if topicLength < 0 || topicLength > size - topicStart - 2 then
                unsound RecordFault.PartsTooLong size topicStart
            else
                let propertiesStart = topicStart + topicLength + 2
                let propertiesLength = int16At record (propertiesStart - 2)
                let left = size - propertiesStart - propertiesLength

                if propertiesLength < 0 || left < 0 then
                    unsound RecordFault.PartsTooLong size propertiesStart
                elif left > 0 then
                    unsound RecordFault.LeftOver left (size - left)
                else
                    {
                        Fault = RecordFault.Sound
                        Size = size
                        TopicStart = topicStart
                        TopicLength = topicLength
                    }

    /// Looks at the record at the front of some bytes: at its magic number and at all lengths. Members of a `RecordView` rely on it.
    let measure (bytes: ReadOnlySpan<byte>) : RecordMeasure =
        if bytes.Length < 4 then
            unsound RecordFault.CutShort (4 - bytes.Length) 0
        else
            let size = int32At bytes 0

            if size < fixedBytes then
                unsound RecordFault.WrongSize size 0
            elif bytes.Length < size then
                unsound RecordFault.CutShort (size - bytes.Length) 0
            else
                let magic = int32At bytes magicPlace
                let sysFlag = int32At bytes sysFlagPlace
                let bodyStart = bodyPlace + bornHostBytes sysFlag + storeHostBytes sysFlag

                if magic <> magicV1 && magic <> magicV2 then
                    unsound RecordFault.UnknownMagic size magicPlace
                elif size < bodyStart then
                    unsound RecordFault.NoRoomForHosts size bornHostPlace
                else
                    measureParts (bytes.Slice(0, size)) bodyStart
