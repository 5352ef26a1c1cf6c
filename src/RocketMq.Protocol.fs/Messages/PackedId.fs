namespace RocketMq.Protocol

open System
open System.Buffers.Binary
open RocketMq

/// The digits of ids that are packed.
module internal PackedDigits =
    /// How many an id has.
    let count = 32

    /// The value of a digit, or -1.
    let valueOf (code: int) : int =
        if code >= int '0' && code <= int '9' then
            code - int '0'
        elif code >= int 'A' && code <= int 'F' then
            code - int 'A' + 10
        else
            -1

    /// The 16 bytes that characters, or bytes of UTF-8, stand for, if they are such digits and no others.
    let inline tryRead (digits: ReadOnlySpan< ^Code >) : struct (uint64 * uint64) voption =
        let mutable high = 0UL
        let mutable low = 0UL
        let mutable isRead = digits.Length = count
        let mutable index = 0

        while isRead && index < count do
            let digit = valueOf (int digits[index])
            isRead <- digit >= 0
            high <- (high <<< 4) ||| (low >>> 60)
            low <- (low <<< 4) ||| uint64 digit
            index <- index + 1

        if isRead then ValueSome(struct (high, low)) else ValueNone

/// An id that is nearly always 32 upper-case hexadecimal digits: then the 16 bytes that they stand for, and no text before somebody
/// wants one. Any other id is its text.
[<Struct; CustomEquality; NoComparison>]
type internal PackedId private (other: string | null, high: uint64, low: uint64) =
    /// How many digits one has that is packed.
    static member Digits = PackedDigits.count

    /// Of the 16 bytes that the digits stand for.
    static member OfBytes(high: uint64, low: uint64) : PackedId = PackedId(null, high, low)

    /// Of a text.
    static member OfText(text: string) : PackedId =
        match PackedDigits.tryRead (text.AsSpan()) with
        | ValueSome(struct (high, low)) -> PackedId(null, high, low)
        | ValueNone -> PackedId(text, 0UL, 0UL)

    /// Of a part of a text.
    static member OfChars(text: ReadOnlySpan<char>) : PackedId =
        match PackedDigits.tryRead text with
        | ValueSome(struct (high, low)) -> PackedId(null, high, low)
        | ValueNone -> PackedId(text.ToString(), 0UL, 0UL)

    /// Of a text in UTF-8 that is known to be valid.
    static member OfUtf8(text: ReadOnlySpan<byte>) : PackedId =
        match PackedDigits.tryRead text with
        | ValueSome(struct (high, low)) -> PackedId(null, high, low)
        | ValueNone -> PackedId(Utf8Text.read text, 0UL, 0UL)

    /// The text, if it is not packed.
    member _.Other = other
    member _.IsPacked = isNull other
    member _.High = high
    member _.Low = low

    /// Writes the digits of one that is packed.
    member _.WriteDigits(destination: Span<byte>) : unit =
        for index in 0 .. PackedId.Digits - 1 do
            let half = if index < 16 then high else low
            let digit = int (half >>> (60 - 4 * (index &&& 15))) &&& 0xF
            destination[index] <- byte (if digit < 10 then int '0' + digit else int 'A' + digit - 10)

    override _.ToString() =
        match other with
        | null ->
            let bytes: byte[] = Array.zeroCreate 16
            BinaryPrimitives.WriteUInt64BigEndian(bytes, high)
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan 8, low)
            Convert.ToHexString bytes
        | text -> text

    override _.Equals value =
        match value with
        | :? PackedId as id ->
            String.Equals(other, id.Other, StringComparison.Ordinal)
            && high = id.High
            && low = id.Low
        | _ -> false

    override _.GetHashCode() = HashCode.Combine(other, high, low)
