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

    member internal _.All: IBodyCodec seq = Seq.choose id codecs

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

    /// zlib, by the framework. The package RocketMq.Compression has LZ4 and Zstandard.
    let standard: BodyCodecs = none.Set(int BodyCompression.Zlib, Zlib.codec)

    /// The second ones with the codecs that were added to the first: the standard one says nothing, as every client has it.
    let internal addAll (added: BodyCodecs) (codecs: BodyCodecs) : BodyCodecs =
        added.All
        |> Seq.filter (fun codec -> not (Object.ReferenceEquals(codec, Zlib.codec)))
        |> Seq.fold (fun (all: BodyCodecs) codec -> all.Set(int codec.Compression, codec)) codecs

    /// As flag words say it: see `SysFlag.withCompression`.
    let compressionOf (compression: BodyCompression) : Compression =
        match compression with
        | BodyCompression.Lz4 -> Compression.Lz4
        | BodyCompression.Zstandard -> Compression.Zstandard
        | BodyCompression.Zlib -> Compression.Zlib
        | other -> Compression.UnknownCompression(int other)

    let private nameOf (compression: BodyCompression) =
        MissingCodec.nameOf (compressionOf compression)

    let private numberOf compression =
        match compression with
        | Compression.Uncompressed -> 0
        | Compression.Lz4 -> int BodyCompression.Lz4
        | Compression.Zstandard -> int BodyCompression.Zstandard
        | Compression.Zlib -> int BodyCompression.Zlib
        | Compression.UnknownCompression number -> number

    /// Whether there is a codec for it. Bodies without compression need none.
    let has (compression: Compression) (codecs: BodyCodecs) : bool =
        match compression with
        | Compression.Uncompressed -> true
        | compression -> (codecs.TryFind(numberOf compression)).IsSome

    /// The compressed form of a body. Fails if there is no codec, or it fails.
    let compress
        (compression: BodyCompression)
        (body: ReadOnlyMemory<byte>)
        (codecs: BodyCodecs)
        : Result<ReadOnlyMemory<byte>, InputError> =
        let refuse reason =
            Error(InvalidInput("the body", invariant $"it cannot be compressed as {nameOf compression}: {reason}"))

        match codecs.TryFind(int compression) with
        | None -> refuse (MissingCodec.reason (compressionOf compression))
        | Some codec ->
            try
                let result = codec.Compress body

                match result.Reason with
                | null when result.IsTooLarge -> refuse "it is too large"
                | null -> Ok result.Bytes
                | reason -> refuse reason
            with error ->
                Error(FunctionFailed($"the codec for {nameOf compression}", error))

    /// A body that was compressed, of at most `limitBytes`. Fails if there is no codec, or the bytes are not such a body.
    let inflate
        (compression: Compression)
        (limitBytes: int)
        (compressed: ReadOnlyMemory<byte>)
        (codecs: BodyCodecs)
        : Result<ReadOnlyMemory<byte>, BodyError> =
        match codecs.TryFind(numberOf compression) with
        | None -> Error(CodecMissing compression)
        | Some codec ->
            try
                let result = codec.Inflate(compressed, limitBytes)

                match result.Reason with
                | null when result.IsTooLarge || result.Bytes.Length > limitBytes -> Error(InflatedTooLarge limitBytes)
                | null -> Ok result.Bytes
                | reason -> Error(NotInflatable(compression, FailureReason.ofText reason))
            with error ->
                Error(NotInflatable(compression, FailureReason.ofException error))
