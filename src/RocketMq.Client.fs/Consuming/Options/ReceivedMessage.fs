namespace RocketMq

open System
open RocketMq.Protocol

/// A message, and its body as its sender wrote it. It is no object of its own: what it takes is the message, and a body that was
/// compressed. It is never used again for another message, and may be kept for ever.
[<Struct; CustomEquality; NoComparison>]
type ReceivedMessage =
    val private stored: StoredMessage

    /// Null: the body is as it is stored. Otherwise a `BodyError`, or a body that was inflated (`ReadOnlyMemory<byte>`).
    val private outcome: obj | null

    private new(stored: StoredMessage, outcome: obj | null) = { stored = stored; outcome = outcome }

    /// With the topic that the application knows: for a retried message the one that it was first sent to.
    member received.Message: StoredMessage = received.stored

    /// The body, checked and inflated, or why that cannot be had.
    member received.Body: Result<ReadOnlyMemory<byte>, BodyError> =
        match received.outcome with
        | null -> Ok received.stored.StoredBody
        | :? BodyError as error -> Error error
        | inflated -> Ok(unbox<ReadOnlyMemory<byte>> inflated)

    /// The context of the trace that its sender gave it along, in the properties `traceparent` and `tracestate`; the default if it has
    /// none of W3C's form. Applications that receive messages make it the parent of their spans, or a link.
    member received.TraceContext: System.Diagnostics.ActivityContext =
        TraceContext.ofProperties received.stored.Properties

    override received.ToString() =
        let size =
            match received.Body with
            | Ok body -> invariant $"{body.Length} bytes"
            | Error error -> error.Message

        let message = received.stored
        invariant $"{message.Topic} {message.QueueId}@{message.QueueOffset}: {size}"

    override received.Equals other =
        match other with
        | :? ReceivedMessage as other ->
            received.stored = other.Message
            && (match received.Body, other.Body with
                | Ok body, Ok otherBody -> body.Span.SequenceEqual otherBody.Span
                | Error error, Error otherError -> error = otherError
                | _ -> false)
        | _ -> false

    override received.GetHashCode() = received.stored.GetHashCode()

    /// A message and its body, as a consumer would give them: for tests of handlers. `MessageBody.decode` makes the body.
    static member Create(message: StoredMessage, body: Result<ReadOnlyMemory<byte>, BodyError>) : ReceivedMessage =
        match body with
        | Error error -> ReceivedMessage(message, box error)
        | Ok body when body.Equals message.StoredBody -> ReceivedMessage(message, null)
        | Ok inflated -> ReceivedMessage(message, box inflated)

    /// A message with its body decoded.
    static member internal Decode
        (codecs: BodyCodecs, maxDecompressedBytes: int, message: StoredMessage)
        : ReceivedMessage =
        ReceivedMessage.Create(message, MessageBody.decodeWith codecs maxDecompressedBytes message)
