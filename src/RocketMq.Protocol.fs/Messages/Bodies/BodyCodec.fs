namespace RocketMq

open System
open System.IO

/// The numbers of compressions in the flag words of messages. 4 to 7 are free; Java's clients refuse them.
type BodyCompression =
    | Lz4 = 1
    | Zstandard = 2
    | Zlib = 3

/// What compressing or inflating a body came to: bytes, or why there are none.
[<Struct>]
type CodecResult private (bytes: ReadOnlyMemory<byte>, isTooLarge: bool, reason: string | null) =
    /// It went well.
    static member Done(bytes: ReadOnlyMemory<byte>) = CodecResult(bytes, false, null)

    /// The inflated body would be over the limit.
    static member TooLarge = CodecResult(ReadOnlyMemory.Empty, true, null)

    /// It cannot be done. `reason` says why, in words that follow "because".
    static member Failed(reason: string) =
        CodecResult(ReadOnlyMemory.Empty, false, reason)

    /// Empty unless it went well.
    member _.Bytes = bytes
    /// Whether the body would be larger than the limit once decompressed.
    member _.IsTooLarge = isTooLarge
    /// Null unless it failed.
    member _.Reason = reason

    /// Whether there is a body.
    member result.IsDone = not isTooLarge && isNull reason

/// Compresses and inflates message bodies in one way. Used from many threads at once. An exception counts as a failure with
/// its message as the reason.
type IBodyCodec =
    /// The compression that it writes and reads: its number stands in the flag words of messages.
    abstract Compression: BodyCompression

    /// The compressed form of `body`, which is never empty and stays as it is.
    abstract Compress: body: ReadOnlyMemory<byte> -> CodecResult

    /// The body that was compressed. Bytes come from the network: an implementation trusts no size that they declare, and
    /// stops at `limitBytes`, so that a few bytes cannot claim all memory.
    abstract Inflate: compressed: ReadOnlyMemory<byte> * limitBytes: int -> CodecResult

/// Collects what is inflated, up to a limit. Memory grows with what is there, not with what was declared.
[<Sealed>]
type internal CappedOutput(limitBytes: int) =
    let output = new MemoryStream()

    /// False if the limit does not allow them.
    member _.TryAdd(bytes: ReadOnlySpan<byte>) : bool =
        if output.Length + int64 bytes.Length > int64 limitBytes then
            false
        else
            output.Write bytes
            true

    member _.Bytes = ReadOnlyMemory<byte>(output.GetBuffer(), 0, int output.Length)
