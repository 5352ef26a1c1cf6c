namespace RocketMq.Protocol

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression

/// Why the body of a stored message cannot be read. The message itself, its stored bytes included, is at hand.
type BodyError =
    /// The stored bytes are not those that the broker took.
    | ChecksumMismatch of expected: int * actual: int
    /// The inflated body is over the limit, in bytes. Inflating stopped there.
    | InflatedTooLarge of limit: int
    | NotInflatable of compression: Compression * reason: string

    member error.Message =
        match error with
        | ChecksumMismatch(expected, actual) -> $"the body's CRC-32 is {actual:X8} instead of {expected:X8}"
        | InflatedTooLarge limit -> $"the inflated body exceeds the limit of {limit} bytes"
        | NotInflatable(compression, reason) -> $"the body cannot be inflated as %A{compression}: {reason}"

/// zlib (RFC 1950), the compression that every client reads.
module Zlib =
    let private chunkBytes = 16 * 1024

    /// The stream of no bytes at all, which the framework's compressor leaves out.
    let private emptyStream = [| 0x78uy; 0x9Cuy; 0x03uy; 0uy; 0uy; 0uy; 0uy; 1uy |]

    let deflate (body: ReadOnlyMemory<byte>) : byte[] =
        if body.IsEmpty then
            Array.copy emptyStream
        else
            use output = new MemoryStream()

            (use zlib = new ZLibStream(output, CompressionLevel.Optimal, leaveOpen = true)
             zlib.Write body.Span)

            output.ToArray()

    /// A stream that is cut short inflates in silence; its checksum is then missing from the end.
    let private endsWithChecksum (compressed: ReadOnlySpan<byte>) (inflated: ReadOnlySpan<byte>) =
        compressed.Length >= 6
        && BinaryPrimitives.ReadUInt32BigEndian(compressed.Slice(compressed.Length - 4)) = Adler32.compute inflated

    let private readUpTo (limitBytes: int) (input: Stream) =
        let output = new MemoryStream()
        let chunk = Array.zeroCreate chunkBytes

        let rec read () =
            match input.Read(chunk, 0, chunk.Length) with
            | 0 -> Ok output
            | count when output.Length + int64 count > int64 limitBytes -> Error(InflatedTooLarge limitBytes)
            | count ->
                output.Write(chunk, 0, count)
                read ()

        read ()

    /// Stops as soon as the output is over the limit, so that a small body cannot claim all memory.
    let inflate (limitBytes: int) (compressed: ReadOnlyMemory<byte>) : Result<ReadOnlyMemory<byte>, BodyError> =
        try
            use input = new MemoryStream(compressed.ToArray())
            use zlib = new ZLibStream(input, CompressionMode.Decompress)

            match readUpTo limitBytes zlib with
            | Error error -> Error error
            | Ok output ->
                let inflated = ReadOnlyMemory(output.GetBuffer(), 0, int output.Length)

                if endsWithChecksum compressed.Span inflated.Span then
                    Ok inflated
                else
                    Error(NotInflatable(Zlib, "it is cut short, or something follows it"))
        with :? InvalidDataException ->
            Error(NotInflatable(Zlib, "it is not a zlib stream"))

module MessageBody =
    /// Default of the largest inflated body, in bytes: 64 MiB.
    let defaultInflatedLimit = 64 * 1024 * 1024

    /// The body as its sender wrote it: checked against its CRC-32 and inflated.
    let decode (inflatedLimitBytes: int) (message: StoredMessage) : Result<ReadOnlyMemory<byte>, BodyError> =
        let actual = Crc32.ofBody message.StoredBody.Span

        if actual <> message.BodyCrc then
            Error(ChecksumMismatch(message.BodyCrc, actual))
        else
            match SysFlag.compression message.SysFlag with
            | Uncompressed -> Ok message.StoredBody
            | Zlib -> Zlib.inflate inflatedLimitBytes message.StoredBody
            | Lz4
            | Zstandard
            | UnknownCompression _ as compression ->
                Error(NotInflatable(compression, "this version of the library only reads zlib"))
