namespace RocketMq

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open RocketMq.Protocol

/// zlib (RFC 1950), the compression that every client reads.
module Zlib =
    let private chunkBytes = 16 * 1024

    /// The stream of no bytes at all, which the framework's compressor leaves out.
    let private emptyStream = [| 0x78uy; 0x9Cuy; 0x03uy; 0uy; 0uy; 0uy; 0uy; 1uy |]

    /// Compresses with zlib, at the level that Java's clients use.
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
                    Error(
                        NotInflatable(Compression.Zlib, FailureReason.ofText "it is cut short, or something follows it")
                    )
        with
        // zlib's other refusals are an IOException, that of a stream that asks for a dictionary for example.
        | :? InvalidDataException
        | :? IOException as error ->
            Error(NotInflatable(Compression.Zlib, FailureReason("it is not a zlib stream", Some error)))

    /// As a codec: what senders use unless they are told otherwise.
    let codec: IBodyCodec =
        { new IBodyCodec with
            member _.Compression = BodyCompression.Zlib

            member _.Compress body =
                CodecResult.Done(ReadOnlyMemory(deflate body))

            member _.Inflate(compressed, limitBytes) =
                match inflate limitBytes compressed with
                | Ok body -> CodecResult.Done body
                | Error(InflatedTooLarge _) -> CodecResult.TooLarge
                | Error(NotInflatable(_, reason)) -> CodecResult.Failed reason.Text
                | Error error -> CodecResult.Failed error.Message
        }
