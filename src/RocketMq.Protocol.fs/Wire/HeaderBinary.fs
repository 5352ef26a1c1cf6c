namespace RocketMq.Protocol

open System
open RocketMq

/// The ROCKETMQ header, both directions. Layout, big-endian:
///
///     i16 code | u8 language | i16 version | i32 opaque | i32 flag
///     i32 remarkBytes | remark | i32 fieldBytes | entries (see FieldCursor)
///
/// A length of 0 means that there is none. Source: RocketMQSerializable.java.
module internal HeaderBinary =
    let private fixedBytes = 21
    let private what = "binary header"

    /// True if the 16-bit numbers of this form hold the command's.
    let fits (parts: inref<FrameParts>) =
        int (int16 parts.Code) = parts.Code
        && int (int16 parts.Version) = parts.Version
        && int (byte parts.Language) = int parts.Language

    let maxBytes (parts: inref<FrameParts>) =
        fixedBytes + FrameParts.remarkChars &parts * 3 + parts.FieldsWire.Length

    /// Writes the header of parts that `fits` into a span of at least `maxBytes`. Gives the bytes written.
    let write (parts: inref<FrameParts>) (destination: Span<byte>) : Result<int, EncodeError> =
        let mutable writer = ByteWriter destination
        writer.Int16(int16 parts.Code)
        writer.Byte(byte parts.Language)
        writer.Int16(int16 parts.Version)
        writer.Int32 parts.Opaque
        writer.Int32 parts.Flag
        let remark = Option.defaultValue "" parts.Remark
        let remarkBytes = Utf8Text.write remark (writer.Rest.Slice 4)

        if remarkBytes < 0 then
            Error(NotEncodable("the remark", "it holds a lone surrogate"))
        else
            writer.Int32 remarkBytes
            writer.Advance remarkBytes
            writer.Int32 parts.FieldsWire.Length
            writer.Bytes parts.FieldsWire.Span
            Ok writer.Position

    /// Walks the entries once, so that every later walk can trust their lengths. Says whether all can be read.
    let private checkEntries (entries: ReadOnlySpan<byte>) (start: int) (hasUnreadable: byref<bool>) =
        let mutable reader = ByteReader entries
        let mutable fault = ValueNone
        // Mostly all of it is ASCII, small lengths included: then nothing in it can be invalid.
        let isAscii = Text.Ascii.IsValid entries

        while fault.IsNone && reader.Remaining > 0 do
            let position = start + reader.Position
            let name = reader.Bytes(int (reader.Int16()))
            let value = reader.Bytes(reader.Int32())

            if reader.Overrun then
                fault <- ValueSome(DecodeError.Malformed(what, "a field does not end within the header", position))
            elif not (isAscii || (Utf8Text.isValid name && Utf8Text.isValid value)) then
                hasUnreadable <- true

        fault

    /// Copies nothing: the fields lie in the header.
    let read (header: ReadOnlyMemory<byte>) (body: ReadOnlyMemory<byte>) : Result<FrameParts, DecodeError> =
        let mutable reader = ByteReader header.Span
        let code = reader.Int16()
        let language = reader.Byte()
        let version = reader.Int16()
        let opaque = reader.Int32()
        let flag = reader.Int32()
        let remark = reader.Bytes(reader.Int32())
        let entriesBytes = reader.Int32()
        let entriesStart = reader.Position
        let entries = reader.Bytes entriesBytes

        if reader.Overrun then
            Error(DecodeError.Malformed(what, invariant $"it ends early, after {header.Length} bytes", reader.Position))
        elif reader.Remaining > 0 then
            Error(DecodeError.Malformed(what, invariant $"{reader.Remaining} bytes are left over", reader.Position))
        else
            let mutable hasUnreadable = false

            match checkEntries entries entriesStart &hasUnreadable with
            | ValueSome error -> Error error
            | ValueNone ->
                Ok
                    {
                        FrameParts.Code = int code
                        Language = enum<LanguageCode>(int language)
                        Version = int version
                        Opaque = opaque
                        Flag = flag
                        Remark = Remark.read remark
                        FieldsWire = header.Slice(entriesStart, entriesBytes)
                        HasFields = entriesBytes > 0
                        HasUnreadable = hasUnreadable
                        Fault = ValueNone
                        Body = body
                    }
