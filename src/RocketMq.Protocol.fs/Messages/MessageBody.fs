namespace RocketMq.Protocol

open System

module MessageBody =
    /// Default of the largest inflated body, in bytes: 64 MiB.
    let defaultInflatedLimit = 64 * 1024 * 1024

    /// As `decode`, with codecs of one's own.
    let decodeWith
        (codecs: BodyCodecs)
        (inflatedLimitBytes: int)
        (message: StoredMessage)
        : Result<ReadOnlyMemory<byte>, BodyError> =
        let actual = Crc32.ofBody message.StoredBody.Span

        if actual <> message.BodyCrc then
            Error(ChecksumMismatch(message.BodyCrc, actual))
        else
            match SysFlag.compression message.SysFlag with
            | Uncompressed -> Ok message.StoredBody
            | compression -> BodyCodecs.inflate compression inflatedLimitBytes message.StoredBody codecs

    /// The body as its sender wrote it: checked against its CRC-32 and inflated by the standard codecs.
    let decode (inflatedLimitBytes: int) (message: StoredMessage) : Result<ReadOnlyMemory<byte>, BodyError> =
        decodeWith BodyCodecs.standard inflatedLimitBytes message
