module RocketMq.Protocol.Tests.BodyCodecTests

open System
open RocketMq.Protocol
open RocketMq
open Buffers

let private hello = "hello hello hello"B

let private lz4 = RocketMq.Client.Lz4Codec() :> IBodyCodec
let private zstandard = RocketMq.Client.ZstandardCodec() :> IBodyCodec

let private compress (codec: IBodyCodec) (body: byte[]) =
    let result = codec.Compress(ReadOnlyMemory body)
    result.Reason |> shouldEqual null
    result.Bytes.ToArray()

let private inflate (codec: IBodyCodec) limit (bytes: byte[]) =
    codec.Inflate(ReadOnlyMemory bytes, limit)

let private inflatesTo expected codec (hex: string) =
    let result = inflate codec 1000 (Convert.FromHexString hex)
    result.Reason |> shouldEqual null
    result.Bytes.ToArray() |> shouldEqual expected

/// Random bytes, or a repeated piece of them, some of them larger than the buffers and blocks that the codecs work in.
let private bodyOf (Bytes piece) (times: int) =
    Array.concat (Seq.replicate (abs (times % 4000)) piece)

/// A codec of an application: keeps the bytes as they are, turned round.
type private TurningCodec(number: int) =
    interface IBodyCodec with
        member _.Compression = enum<BodyCompression> number

        member _.Compress body =
            CodecResult.Done(ReadOnlyMemory(Array.rev (body.ToArray())))

        member _.Inflate(compressed, limitBytes) =
            if compressed.Length > limitBytes then
                CodecResult.TooLarge
            else
                CodecResult.Done(ReadOnlyMemory(Array.rev (compressed.ToArray())))

/// One that does everything wrong.
type private BrokenCodec(inflate: unit -> CodecResult) =
    interface IBodyCodec with
        member _.Compression = BodyCompression.Lz4
        member _.Compress _ = failwith "out of order"
        member _.Inflate(_, _) = inflate ()

let private inflateBy codec limit =
    match BodyCodecs.add codec BodyCodecs.standard with
    | Ok codecs -> BodyCodecs.inflate Compression.Lz4 limit (ReadOnlyMemory hello) codecs
    | Error error -> failwith error.Message

let private message sysFlag (body: byte[]) : StoredMessage =
    { Parts.emptyFields with
        SysFlag = sysFlag
        BodyCrc = Crc32.ofBody (ReadOnlySpan body)
        StoredBody = ReadOnlyMemory body
    }
    |> StoredMessage.create

let private wholeBodies (codec: IBodyCodec) =
    testList
        "whole bodies"
        [
            testCase "a compressed body of any size inflates to the same"
            <| fun () ->
                let random = Random 7

                for size in [ 0; 1; 100; 65_535; 65_536; 65_537; 1_000_000; 9_000_000 ] do
                    let noise = Array.zeroCreate size
                    random.NextBytes noise
                    let text = Array.init size (fun index -> byte (index / 100 % 7))

                    for body in [ noise; text ] do
                        let result = compress codec body |> inflate codec size
                        result.Reason |> shouldEqual null
                        result.Bytes.Span.SequenceEqual(ReadOnlySpan body) |> shouldBeTrue

            testCase "a compressed body cut short anywhere is refused"
            <| fun () ->
                let compressed = compress codec hello

                for length in 0 .. compressed.Length - 1 do
                    (inflate codec 100 compressed[.. length - 1]).IsDone |> shouldBeFalse

            testCase "a compressed body with trailing bytes is refused"
            <| fun () ->
                for tail in [ [| 0uy |]; compress codec hello ] do
                    let result = inflate codec 100 (Array.append (compress codec hello) tail)
                    string result.Reason |> shouldMention "follows"
        ]

let private limitsOf (codec: IBodyCodec) =
    testList
        "limits"
        [
            testCase "inflating stops at the size limit"
            <| fun () ->
                let bomb = compress codec (Array.zeroCreate (64 * 1024 * 1024))
                bomb.Length |> shouldStayBelow 1_000_000
                inflate codec 1000 bomb |> ignore
                let before = GC.GetAllocatedBytesForCurrentThread()
                (inflate codec (1024 * 1024) bomb).IsTooLarge |> shouldBeTrue

                GC.GetAllocatedBytesForCurrentThread() - before
                |> shouldStayBelow (8L * 1024L * 1024L)

                (inflate codec 17 (compress codec hello)).IsDone |> shouldBeTrue
                (inflate codec 16 (compress codec hello)).IsTooLarge |> shouldBeTrue

            property "flipped bits and arbitrary bytes are refused or inflated without an exception"
            <| fun (bytes: Bytes) (times: int) (bits: int list) ->
                let body = bodyOf bytes times
                let result = compress codec body |> damaged bits |> inflate codec 1_000_000
                let garbage = inflate codec 1000 bytes.Value

                (result.IsDone || result.IsTooLarge || not (isNull result.Reason))
                && (not garbage.IsDone || garbage.Bytes.Length <= 1000)
                && (not bits.IsEmpty || result.Bytes.Span.SequenceEqual(ReadOnlySpan body))

            testCase "frames that are damaged at random never take more than the limit, nor throw"
            <| fun () ->
                let random = Random 19
                let body = Array.init 100_000 (fun index -> byte (index / 37 % 11 + random.Next 2))
                let frames = [| compress codec body; compress codec hello |]

                for round in 1 .. LongForm.count 2_000 200_000 do
                    let frame = Array.copy frames[round % frames.Length]

                    for _ in 0 .. random.Next 5 do
                        let at = random.Next frame.Length
                        frame[at] <- frame[at] ^^^ (1uy <<< random.Next 8)

                    let limit = if random.Next 2 = 0 then 1_000_000 else random.Next 50_000
                    let result = inflate codec limit frame
                    (result.IsDone && result.Bytes.Length > limit) |> shouldBeFalse

            testCase "a body that was inflated is the application's own"
            <| fun () ->
                let first = compress codec (Array.create 50_000 1uy) |> inflate codec 50_000

                compress codec (Array.create 50_000 2uy)
                |> inflate codec 50_000
                |> ignore<CodecResult>

                first.Bytes.ToArray() |> shouldEqual (Array.create 50_000 1uy)
        ]

/// A Zstandard frame without a size, with a window of 2 MiB: blocks of 128 KiB each that repeat one byte.
let private unsized (blocks: int) : byte[] =
    [|
        0x28uy
        0xB5uy
        0x2Fuy
        0xFDuy
        0x00uy
        0x58uy

        for index in 1..blocks do
            let isLast = if index = blocks then 1 else 0
            let header = isLast ||| (1 <<< 1) ||| ((128 * 1024) <<< 3)
            byte header
            byte (header >>> 8)
            byte (header >>> 16)
            7uy
    |]

let private declaredSizes =
    testList
        "sizes that frames declare"
        [
            testCase "a Zstandard frame that does not say its size is refused at the limit as well"
            <| fun () ->
                let blockBytes = 128 * 1024
                let frame = unsized 1_000
                let bodyBytes = 1_000 * blockBytes
                (inflate zstandard bodyBytes frame).Bytes.Length |> shouldEqual bodyBytes
                (inflate zstandard (bodyBytes - 1) frame).IsTooLarge |> shouldBeTrue
                (inflate zstandard (bodyBytes / 2) frame).IsTooLarge |> shouldBeTrue
                (inflate zstandard 0 (unsized 1)).IsTooLarge |> shouldBeTrue
                let before = GC.GetAllocatedBytesForCurrentThread()
                (inflate zstandard (1024 * 1024) frame).IsTooLarge |> shouldBeTrue

                GC.GetAllocatedBytesForCurrentThread() - before
                |> shouldStayBelow (8L * 1024L * 1024L)

            testCase "a frame that asks for more memory than any body needs is refused"
            <| fun () ->
                // By the zstd program with a window of 128 MiB, from a pipe: the frame declares the window.
                let frame =
                    Convert.FromHexString "28b52ffd04886500003068656c6c6f200100314a11a2ed1e0c"

                let small = inflate zstandard (1024 * 1024) frame
                string small.Reason |> shouldMention "memory"
                let large = inflate zstandard (128 * 1024 * 1024) frame
                large.Bytes.ToArray() |> shouldEqual hello
        ]

let private frames =
    testList
        "frames"
        [
            for name, codec in [ "LZ4", lz4; "Zstandard", zstandard ] do
                testList name [ wholeBodies codec; limitsOf codec ]

            // From protocol/03, made by Java; the others by the lz4 and zstd programs.
            testCase "LZ4 frames of Java and of the lz4 program inflate"
            <| fun () ->
                for frame in
                    [
                        "04224d186070731100008068656c6c6f2068656c6c6f2068656c6c6f00000000"
                        "04224d186440a71100008068656c6c6f2068656c6c6f2068656c6c6f00000000b1cd9b87"
                        "04224d187c401100000000000000c51100008068656c6c6f2068656c6c6f2068656c6c6fb1cd9b8700000000b1cd9b87"
                        "04224d186040821100008068656c6c6f2068656c6c6f2068656c6c6f00000000"
                    ] do
                    inflatesTo hello lz4 frame

            testCase "Zstandard frames of Java and of the zstd program inflate"
            <| fun () ->
                for frame in
                    [
                        "28b52ffd005888000068656c6c6f2068656c6c6f2068656c6c6f010000"
                        "28b52ffd24116500003068656c6c6f200100314a11a2ed1e0c"
                        "28b52ffd20116500003068656c6c6f200100314a11"
                        "28b52ffd04686500003068656c6c6f200100314a11a2ed1e0c"
                    ] do
                    inflatesTo hello zstandard frame

            testCase "LZ4 blocks are independent, which is all that Java reads"
            <| fun () ->
                let flags =
                    (compress lz4 (Array.init 9_000_000 (fun index -> byte (index % 251))))[4]
                // Version 01, independent blocks, no checksum of blocks, no size, no checksum, no dictionary.
                flags |> shouldEqual 0x60uy
        ]

let private registeredCodecs =
    testList
        "registered codecs"
        [
            testCase "a codec of the application replaces the standard one of its compression only"
            <| fun () ->
                for number in 1..7 do
                    let codecs = BodyCodecs.add (TurningCodec number) BodyCodecs.standard |> ok
                    let compression = enum<BodyCompression> number
                    let turned = BodyCodecs.compress compression (ReadOnlyMemory hello) codecs |> ok
                    turned.ToArray() |> shouldEqual (Array.rev hello)
                    let flag = SysFlag.withCompression (BodyCodecs.compressionOf compression) 0
                    flag |> shouldEqual (0x1 ||| (number <<< 8))

                    MessageBody.decodeWith codecs 100 (message flag (turned.ToArray()))
                    |> Result.map _.ToArray()
                    |> shouldEqual (Ok hello: Result<byte[], BodyError>)

                    MessageBody.decodeWith codecs 16 (message flag (turned.ToArray()))
                    |> Result.isError
                    |> shouldBeTrue

                    if number <> 3 then
                        let zlib = message 0x301 (Zlib.deflate (ReadOnlyMemory hello))
                        MessageBody.decodeWith codecs 100 zlib |> Result.isOk |> shouldBeTrue

            testCase "a codec whose number does not fit the system flag is refused"
            <| fun () ->
                for number in [ 0; -1; 8; 256 ] do
                    match BodyCodecs.add (TurningCodec number) BodyCodecs.standard with
                    | Error error -> error.Message |> shouldMention $"number {number}"
                    | Ok _ -> failtest "took it"
        ]

let private errorsOfCodecs =
    testList
        "errors of codecs"
        [
            testCase "a fault of a codec is an error of the body"
            <| fun () ->
                let inflateOf result =
                    inflateBy (BrokenCodec(fun () -> result ())) 100

                match inflateOf (fun () -> failwith "lost in thought") with
                | Error error -> error.Message |> shouldMention "lost in thought"
                | Ok _ -> failtest "read it"

                match inflateOf (fun () -> CodecResult.Done(ReadOnlyMemory(Array.zeroCreate 101))) with
                | Error error -> error |> shouldEqual (InflatedTooLarge 100)
                | Ok _ -> failtest "read it"

                let codecs =
                    BodyCodecs.add (BrokenCodec(fun () -> CodecResult.TooLarge)) BodyCodecs.standard
                    |> ok

                match BodyCodecs.compress BodyCompression.Lz4 (ReadOnlyMemory hello) codecs with
                | Error error -> error.Message |> shouldMention "out of order"
                | Ok _ -> failtest "compressed it"

            testCase "a compression without a codec is reported by its number"
            <| fun () ->
                match BodyCodecs.compress (enum 5) (ReadOnlyMemory hello) BodyCodecs.standard with
                | Error error -> error.Message |> shouldMention "5"
                | Ok _ -> failtest "compressed it"

            testCase "the core has zlib alone, and errors name the package that has the others"
            <| fun () ->
                let zlib =
                    BodyCodecs.compress BodyCompression.Zlib (ReadOnlyMemory hello) BodyCodecs.standard
                    |> ok

                zlib.ToArray() |> shouldEqual (Zlib.deflate (ReadOnlyMemory hello))

                for compression, codec in [ Compression.Lz4, lz4; Compression.Zstandard, zstandard ] do
                    let frame = ReadOnlyMemory(compress codec hello)

                    match BodyCodecs.inflate compression 100 frame BodyCodecs.standard with
                    | Error(CodecMissing missing as error) ->
                        missing |> shouldEqual compression
                        error.Message |> shouldMention "RocketMq.Compression"
                    | other -> failtest $"%A{other}"

                    match BodyCodecs.compress codec.Compression (ReadOnlyMemory hello) BodyCodecs.standard with
                    | Error error -> error.Message |> shouldMention "RocketMq.Compression"
                    | Ok _ -> failtest "compressed it"

                    RocketMq.Client.CompressionCodecs.AddTo BodyCodecs.standard
                    |> BodyCodecs.inflate compression 100 frame
                    |> Result.map _.ToArray()
                    |> shouldEqual (Ok hello: Result<byte[], BodyError>)
        ]

[<Tests>]
let tests =
    testList "BodyCodec" [ frames; declaredSizes; registeredCodecs; errorsOfCodecs ]
