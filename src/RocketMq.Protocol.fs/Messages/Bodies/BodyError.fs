namespace RocketMq

open RocketMq.Protocol

/// Why the body of a stored message cannot be read. The message itself, its stored bytes included, is at hand.
type BodyError =
    /// The stored bytes are not those that the broker took.
    | ChecksumMismatch of expected: int * actual: int
    /// The inflated body is over the limit, in bytes. Inflating stopped there.
    | InflatedTooLarge of limit: int
    | NotInflatable of compression: Compression * reason: FailureReason
    /// The client has no codec for it: nothing is wrong with the body, and a client that has the codec reads it.
    | CodecMissing of compression: Compression
    /// The message holds others, see `InnerBatch`, and cannot be taken apart.
    | NotUnwrappable of reason: string

    /// The exception behind it, if one was.
    member error.Cause: exn option =
        match error with
        | NotInflatable(_, reason) -> reason.Cause
        | _ -> None

    /// What is wrong, in one sentence.
    member error.Message =
        match error with
        | ChecksumMismatch(expected, actual) -> invariant $"the body's CRC-32 is {actual:X8} instead of {expected:X8}"
        | InflatedTooLarge limit -> invariant $"the inflated body exceeds the limit of {limit} bytes"
        | NotInflatable(compression, reason) -> invariant $"the body cannot be inflated as {compression}: {reason}"
        | CodecMissing compression -> $"the body cannot be read: {MissingCodec.reason compression}"
        | NotUnwrappable reason -> $"the messages in the body cannot be read: {reason}"

    override error.ToString() = error.Message
