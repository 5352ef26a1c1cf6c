namespace RocketMq.Protocol

open System
open System.Buffers.Binary
open System.Runtime.CompilerServices

/// Walks the entries of a binary field section that has been checked before.
/// Layout of an entry: i16 nameBytes | name | i32 valueBytes | value, all UTF-8. Source: RocketMQSerializable.java.
[<Struct; IsByRefLike>]
type internal FieldCursor =
    val private wire: ReadOnlySpan<byte>
    val mutable private nameStart: int
    val mutable private valueStart: int
    val mutable private next: int

    new(wire: ReadOnlySpan<byte>) =
        {
            wire = wire
            nameStart = 0
            valueStart = 0
            next = 0
        }

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    member cursor.MoveNext() =
        let start = cursor.next

        if start >= cursor.wire.Length then
            false
        else
            let nameStart = start + 2

            let valueStart =
                nameStart
                + int (BinaryPrimitives.ReadInt16BigEndian(cursor.wire.Slice start))
                + 4

            cursor.nameStart <- nameStart
            cursor.valueStart <- valueStart

            cursor.next <-
                valueStart
                + BinaryPrimitives.ReadInt32BigEndian(cursor.wire.Slice(valueStart - 4))

            true

    member cursor.NameStart = cursor.nameStart
    member cursor.NameLength = cursor.valueStart - 4 - cursor.nameStart
    member cursor.ValueStart = cursor.valueStart
    member cursor.ValueLength = cursor.next - cursor.valueStart

    member cursor.Name =
        cursor.wire.Slice(cursor.nameStart, cursor.valueStart - 4 - cursor.nameStart)

    member cursor.Value =
        cursor.wire.Slice(cursor.valueStart, cursor.next - cursor.valueStart)

    /// Whether name and value are valid Unicode.
    member cursor.IsReadable =
        Utf8Text.isValid cursor.Name && Utf8Text.isValid cursor.Value
