namespace RocketMq.Protocol

open System
open RocketMq

/// Why bytes were refused. After a frame was refused its stream has lost its place: close the connection.
[<RequireQualifiedAccess>]
type DecodeError =
    /// A declared size is over the limit; nothing was allocated for it. Both in bytes.
    | TooLarge of what: string * size: int64 * limit: int64
    /// The bytes do not have the layout; `offset` counts bytes from the start of `what`.
    | Malformed of what: string * reason: string * offset: int
    /// A part is missing, or does not have the value it should.
    | WrongValue of what: string * reason: string

    /// A size is that of the rest of a frame and of itself. One that is text in truth comes from another protocol.
    static member private ofText(size: int64) : string =
        let rest = size - 4L
        let letters = [ for shift in [ 24; 16; 8; 0 ] -> char ((rest >>> shift) &&& 0xFFL) ]

        if rest <= int64 Int32.MaxValue && List.forall Char.IsAsciiLetterOrDigit letters then
            let text = String.Concat letters
            $" (it is the text '{text}': something else than RocketMQ answers at this port)"
        else
            ""

    /// What is wrong, in one sentence.
    member error.Message =
        match error with
        | TooLarge(what, size, limit) ->
            invariant $"{what} of {size} bytes exceeds the limit of {limit} bytes{DecodeError.ofText size}"
        | Malformed(what, reason, offset) -> invariant $"malformed {what} at byte {offset}: {reason}"
        | WrongValue(what, reason) -> $"malformed {what}: {reason}"

    override error.ToString() = error.Message

/// Why a value cannot be put on the wire. Nothing was written.
type EncodeError =
    /// The encoded form is over the limit. Both in bytes.
    | EncodedTooLarge of what: string * size: int64 * limit: int64
    /// The value has no form on the wire.
    | NotEncodable of what: string * reason: string

    /// What is wrong, in one sentence.
    member error.Message =
        match error with
        | EncodedTooLarge(what, size, limit) -> invariant $"{what} of {size} bytes exceeds the limit of {limit} bytes"
        | NotEncodable(what, reason) -> $"{what} cannot be encoded: {reason}"

    override error.ToString() = error.Message

/// What reading from the front of a buffer found.
[<RequireQualifiedAccess; Struct>]
type Decoded<'T> =
    /// One value, and how many bytes it took.
    | Complete of value: 'T * consumedBytes: int
    /// The front of a value; at least this many more bytes are needed.
    | NeedMore of missingBytes: int
    /// Not a value. The position in the stream is lost.
    | Corrupt of error: DecodeError

    override decoded.ToString() =
        match decoded with
        | Complete(value, consumed) -> invariant $"Complete ({value}, {consumed} bytes)"
        | NeedMore missing -> invariant $"NeedMore ({missing} bytes)"
        | Corrupt error -> invariant $"Corrupt ({error})"
