namespace RocketMq.Protocol

open System
open RocketMq

/// Messages that a broker keeps as one: a batch that was sent to a topic whose queues are of batches (BatchCQ, since
/// RocketMQ 5.0). The body of the outer message holds the inner ones as `BatchCodec` does; each has a position of its own in
/// the queue, from the outer one's on. Sources: PullAPIWrapper.java, MessageDecoder.java.
module InnerBatch =
    /// Whether a message holds others that are still to be taken out.
    let isOuter (message: StoredMessage) : bool =
        SysFlag.isInnerBatch message.SysFlag && SysFlag.needsUnwrap message.SysFlag

    /// Whether a message was taken out of another one, which has its place in the broker's log.
    let isInner (message: StoredMessage) : bool =
        SysFlag.isInnerBatch message.SysFlag
        && not (SysFlag.needsUnwrap message.SysFlag)

    /// Which topic the outer message was sent to first, where it came back over a retry topic.
    let private withRetryTopic (outer: StoredMessage) (properties: Properties) =
        match Properties.tryFind PropertyName.retryTopic outer.Properties with
        | ValueSome topic when not (Properties.contains PropertyName.retryTopic properties) ->
            Properties.add PropertyName.retryTopic topic properties
        | _ -> properties

    let private innerOf (outer: StoredMessage) index (message: Message) : StoredMessage =
        outer
        |> StoredMessage.change (fun fields ->
            { fields with
                QueueOffset = outer.QueueOffset + int64 index
                Flag = message.Flag
                // Inflated, if the outer one was compressed, and out of it.
                SysFlag =
                    outer.SysFlag
                    |> SysFlag.withCompression Compression.Uncompressed
                    |> SysFlag.withoutUnwrap
                BodyCrc = Crc32.ofBody message.Body.Span
                StoredBody = message.Body
                Properties = withRetryTopic outer message.Properties
            })

    /// The messages in an outer one, in their order; just the message itself if it is none. Bodies stay views of the outer
    /// one's. Fails if it cannot be read: see `MessageBody.decode`.
    let unwrap
        (codecs: BodyCodecs)
        (maxDecompressedBytes: int)
        (message: StoredMessage)
        : Result<StoredMessage list, BodyError> =
        if isOuter message then
            MessageBody.decodeWith codecs maxDecompressedBytes message
            |> Result.bind (MessageBody.innerMessages message.Topic)
            |> Result.map (List.mapi (innerOf message))
        else
            Ok [ message ]

    /// Messages that a queue was read for from `position` on, with the inner ones in place of their outer ones. A broker
    /// gives the whole outer message if one of its inner ones is asked for: those before `position` are left out. An outer
    /// one that cannot be read stays as it is; `MessageBody.decode` says why.
    let expand
        (codecs: BodyCodecs)
        (maxDecompressedBytes: int)
        (position: int64)
        (messages: StoredMessage[])
        : StoredMessage[] =
        if Array.exists isOuter messages then
            messages
            |> Array.collect (fun message ->
                match unwrap codecs maxDecompressedBytes message with
                | Ok inner when isOuter message ->
                    inner
                    |> List.filter (fun message -> message.QueueOffset >= position)
                    |> Array.ofList
                | _ -> [| message |])
        else
            messages
