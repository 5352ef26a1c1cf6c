namespace RocketMq.Protocol

open System
open RocketMq

/// The file in which a broadcasting consumer keeps its offsets: `{"offsetTable":{{queue}:offset}}`. Source:
/// OffsetSerializeWrapper.java.
module internal OffsetFile =
    let private what = "offset file"

    let private shape: JsonCodec<Map<MessageQueue, int64>> =
        Member.objectOf (Queues.table "offsetTable" JsonCodec.int64 id)

    /// Java's form, or ours, in which queues are texts that hold JSON. Java reads both.
    let read (bytes: ReadOnlyMemory<byte>) : Result<Map<MessageQueue, int64>, DecodeError> =
        Json.decode what shape bytes

    let write (offsets: Map<MessageQueue, int64>) : Result<ReadOnlyMemory<byte>, EncodeError> =
        Json.encode what shape offsets
