namespace RocketMq.Protocol

open System
open System.Buffers
open System.Buffers.Binary
open System.Buffers.Text
open System.Runtime.CompilerServices
open System.Text.Unicode
open RocketMq

/// A cursor over big-endian bytes. A read past the end, or of a negative length, yields zero or nothing and is
/// remembered in `Overrun`: read a whole layout, then ask once.
[<Struct; IsByRefLike>]
type internal ByteReader =
    val private bytes: ReadOnlySpan<byte>
    val mutable private position: int
    val mutable private overrun: bool

    new(bytes: ReadOnlySpan<byte>) =
        {
            bytes = bytes
            position = 0
            overrun = false
        }

    member reader.Position = reader.position
    member reader.Remaining = reader.bytes.Length - reader.position
    member reader.Overrun = reader.overrun

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    member reader.Skip(count: int) =
        if reader.overrun || count < 0 || count > reader.bytes.Length - reader.position then
            reader.overrun <- true
        else
            reader.position <- reader.position + count

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    member reader.Bytes(count: int) : ReadOnlySpan<byte> =
        let start = reader.position
        reader.Skip count

        if reader.overrun then
            ReadOnlySpan<byte>.Empty
        else
            reader.bytes.Slice(start, count)

    member reader.Byte() =
        let bytes = reader.Bytes 1
        if bytes.IsEmpty then 0uy else bytes[0]

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    member reader.Int16() =
        let bytes = reader.Bytes 2

        if bytes.IsEmpty then
            0s
        else
            BinaryPrimitives.ReadInt16BigEndian bytes

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    member reader.Int32() =
        let bytes = reader.Bytes 4

        if bytes.IsEmpty then
            0
        else
            BinaryPrimitives.ReadInt32BigEndian bytes

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    member reader.Int64() =
        let bytes = reader.Bytes 8

        if bytes.IsEmpty then
            0L
        else
            BinaryPrimitives.ReadInt64BigEndian bytes

/// A cursor that fills a span whose length its owner has computed.
[<Struct; IsByRefLike>]
type internal ByteWriter =
    val private bytes: Span<byte>
    val mutable private position: int

    new(bytes: Span<byte>) = { bytes = bytes; position = 0 }

    member writer.Position = writer.position
    member writer.Rest = writer.bytes.Slice writer.position

    member writer.Advance(count: int) =
        writer.position <- writer.position + count

    member writer.Byte(value: byte) =
        writer.bytes[writer.position] <- value
        writer.Advance 1

    member writer.Int16(value: int16) =
        BinaryPrimitives.WriteInt16BigEndian(writer.Rest, value)
        writer.Advance 2

    member writer.Int32(value: int) =
        BinaryPrimitives.WriteInt32BigEndian(writer.Rest, value)
        writer.Advance 4

    member writer.Int64(value: int64) =
        BinaryPrimitives.WriteInt64BigEndian(writer.Rest, value)
        writer.Advance 8

    member writer.Bytes(source: ReadOnlySpan<byte>) =
        source.CopyTo writer.Rest
        writer.Advance source.Length

/// UTF-8 that refuses what it cannot carry instead of replacing it.
module internal Utf8Text =
    /// The number of bytes written, or -1 if the text holds a lone surrogate. The span must hold 3 bytes a character.
    let write (text: string) (destination: Span<byte>) =
        let mutable read = 0
        let mutable written = 0

        // Nearly every text is ASCII.
        match Text.Ascii.FromUtf16(text.AsSpan(), destination, &written) with
        | OperationStatus.Done -> written
        | _ ->
            match Utf8.FromUtf16(text.AsSpan(), destination, &read, &written, false) with
            | OperationStatus.Done -> written
            | _ -> -1

    let isEncodable (text: string) =
        let rec check index =
            if index = text.Length then
                true
            elif not (Char.IsSurrogate text[index]) then
                check (index + 1)
            elif index + 1 < text.Length && Char.IsSurrogatePair(text[index], text[index + 1]) then
                check (index + 2)
            else
                false

        check 0

    /// For people: control characters as \u0001, and no more characters than a limit.
    let visible (limit: int) (text: string) =
        let shown =
            if text.Length > limit then
                text.Substring(0, limit) + "…"
            else
                text

        if shown.AsSpan().IndexOfAnyInRange('\000', '\031') < 0 then
            shown
        else
            shown
            |> String.collect (fun character ->
                if character < ' ' then
                    $"\\u{int character:x4}"
                else
                    string character)

    /// A decimal number and nothing else.
    let tryInt64 (text: ReadOnlySpan<byte>) : int64 voption =
        let mutable value = 0L
        let mutable consumed = 0

        if Utf8Parser.TryParse(text, &value, &consumed) && consumed = text.Length then
            ValueSome value
        else
            ValueNone

    let isValid (bytes: ReadOnlySpan<byte>) = Utf8.IsValid bytes

    let read (bytes: ReadOnlySpan<byte>) =
        if bytes.IsEmpty then
            ""
        else
            Text.Encoding.UTF8.GetString bytes
