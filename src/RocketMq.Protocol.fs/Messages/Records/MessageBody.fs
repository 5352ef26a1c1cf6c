namespace RocketMq.Protocol

open System
open RocketMq

/// The body of a stored message as the application sees it: decompressed.
module MessageBody =
    /// Whether a message can be read by these codecs as far as they go: its body is not compressed, or there is a codec for it.
    let hasCodec (codecs: BodyCodecs) (message: StoredMessage) : bool =
        BodyCodecs.has (SysFlag.compression message.SysFlag) codecs

    /// Default of the largest inflated body, in bytes: 64 MiB.
    let defaultMaxDecompressedBodySize = 64 * 1024 * 1024

    let private inflate codecs maxDecompressedBytes (message: StoredMessage) =
        let actual = Crc32.ofBody message.StoredBody.Span

        if actual <> message.BodyCrc then
            Error(ChecksumMismatch(message.BodyCrc, actual))
        else
            match SysFlag.compression message.SysFlag with
            | Compression.Uncompressed -> Ok message.StoredBody
            | compression -> BodyCodecs.inflate compression maxDecompressedBytes message.StoredBody codecs

    /// What the body of a message holds that needs to be taken apart: see `InnerBatch`.
    let internal innerMessages (topic: string) (body: ReadOnlyMemory<byte>) : Result<Message list, BodyError> =
        match BatchCodec.decode topic body with
        | Ok [] -> Error(NotUnwrappable "there are none")
        | Ok messages -> Ok messages
        | Error error -> Error(NotUnwrappable error.Message)

    /// As `decode`, with codecs of one's own.
    let decodeWith
        (codecs: BodyCodecs)
        (maxDecompressedBytes: int)
        (message: StoredMessage)
        : Result<ReadOnlyMemory<byte>, BodyError> =
        let body = inflate codecs maxDecompressedBytes message

        if SysFlag.isInnerBatch message.SysFlag && SysFlag.needsUnwrap message.SysFlag then
            body
            |> Result.bind (fun body -> innerMessages message.Topic body |> Result.map (fun _ -> body))
        else
            body

    /// The body as its sender wrote it: checked against its CRC-32 and inflated by the standard codecs. Of a message that
    /// holds others, as `BatchCodec` has them.
    let decode (maxDecompressedBytes: int) (message: StoredMessage) : Result<ReadOnlyMemory<byte>, BodyError> =
        decodeWith BodyCodecs.standard maxDecompressedBytes message
