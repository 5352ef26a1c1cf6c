namespace RocketMq

open System
open RocketMq.Protocol

/// The codecs that a client compresses and inflates with: one for each compression at most. Immutable.
[<Sealed>]
type BodyCodecs internal (codecs: IBodyCodec option[]) =
    member internal _.TryFind(number: int) : IBodyCodec option =
        if number > 0 && number < codecs.Length then
            codecs[number]
        else
            None

    member internal _.Set(number: int, codec: IBodyCodec) =
        let changed = Array.copy codecs
        changed[number] <- Some codec
        BodyCodecs changed

module BodyCodecs =
    /// Flag words have three bits for the number.
    let private largestNumber = 7

    let private none = BodyCodecs(Array.create (largestNumber + 1) None)

    /// A codec in place of the one for the same compression. Fails if its number is not from 1 to 7.
    let add (codec: IBodyCodec) (codecs: BodyCodecs) : Result<BodyCodecs, InputError> =
        let number = int codec.Compression

        if number >= 1 && number <= largestNumber then
            Ok(codecs.Set(number, codec))
        else
            Error(
                InvalidInput(
                    "the codec",
                    invariant $"its compression has number {number}, flag words have room for 1 to 7"
                )
            )

    /// zlib by the framework; LZ4 and Zstandard by the system's libraries, which are loaded when first needed.
    let standard: BodyCodecs =
        (none, [ Zlib.codec; Lz4.codec; Zstandard.codec ])
        ||> List.fold (fun codecs codec -> codecs.Set(int codec.Compression, codec))

    /// As flag words say it: see `SysFlag.withCompression`.
    let compressionOf (compression: BodyCompression) : Compression =
        match compression with
        | BodyCompression.Lz4 -> Compression.Lz4
        | BodyCompression.Zstandard -> Compression.Zstandard
        | BodyCompression.Zlib -> Compression.Zlib
        | other -> Compression.UnknownCompression(int other)

    let private nameOf (compression: BodyCompression) =
        match compression with
        | BodyCompression.Lz4 -> "LZ4"
        | BodyCompression.Zstandard -> "Zstandard"
        | BodyCompression.Zlib -> "zlib"
        | other -> invariant $"compression {int other}"

    let private numberOf compression =
        match compression with
        | Compression.Uncompressed -> 0
        | Compression.Lz4 -> int BodyCompression.Lz4
        | Compression.Zstandard -> int BodyCompression.Zstandard
        | Compression.Zlib -> int BodyCompression.Zlib
        | Compression.UnknownCompression number -> number

    /// The compressed form of a body. Fails if there is no codec, its library is missing, or it fails.
    let compress
        (compression: BodyCompression)
        (body: ReadOnlyMemory<byte>)
        (codecs: BodyCodecs)
        : Result<ReadOnlyMemory<byte>, InputError> =
        let refuse reason =
            Error(InvalidInput("the body", invariant $"it cannot be compressed as {nameOf compression}: {reason}"))

        match codecs.TryFind(int compression) with
        | None -> refuse "no codec is registered for it"
        | Some codec ->
            try
                let result = codec.Compress body

                match result.Reason with
                | null when result.IsTooLarge -> refuse "it is too large"
                | null -> Ok result.Bytes
                | reason -> refuse reason
            with error ->
                Error(FunctionFailed($"the codec for {nameOf compression}", error))

    /// A body that was compressed, of at most `limitBytes`. Fails if there is no codec, its library is missing, or the bytes
    /// are not such a body.
    let inflate
        (compression: Compression)
        (limitBytes: int)
        (compressed: ReadOnlyMemory<byte>)
        (codecs: BodyCodecs)
        : Result<ReadOnlyMemory<byte>, BodyError> =
        match codecs.TryFind(numberOf compression) with
        | None -> Error(NotInflatable(compression, FailureReason.ofText "no codec is registered for it"))
        | Some codec ->
            try
                let result = codec.Inflate(compressed, limitBytes)

                match result.Reason with
                | null when result.IsTooLarge || result.Bytes.Length > limitBytes -> Error(InflatedTooLarge limitBytes)
                | null -> Ok result.Bytes
                | reason -> Error(NotInflatable(compression, FailureReason.ofText reason))
            with error ->
                Error(NotInflatable(compression, FailureReason.ofException error))
