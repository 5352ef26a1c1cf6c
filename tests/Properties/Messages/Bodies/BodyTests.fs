module RocketMq.Protocol.Tests.BodyTests

open System
open RocketMq.Protocol
open RocketMq
open Buffers

let private hello = "hello hello hello"B

/// `hello` as Java's deflater writes it.
let private javaZlib = Convert.FromHexString "785ecb48cdc9c957c84090003a2e067d"

let private inflate limit (bytes: byte[]) =
    Zlib.inflate limit (ReadOnlyMemory bytes)

let private message sysFlag (body: byte[]) : StoredMessage =
    { Parts.emptyFields with
        SysFlag = sysFlag
        BodyCrc = Crc32.ofBody (ReadOnlySpan body)
        StoredBody = ReadOnlyMemory body
    }
    |> StoredMessage.create

let private decode message =
    MessageBody.decode MessageBody.defaultMaxDecompressedBodySize message
    |> Result.map (fun body -> body.ToArray())

/// CRC-32 by its definition, bit by bit.
let private slowCrc (bytes: byte[]) =
    let step crc _ =
        if crc &&& 1u <> 0u then
            (crc >>> 1) ^^^ 0xEDB88320u
        else
            crc >>> 1

    let add crc (value: byte) =
        Seq.fold step (crc ^^^ uint32 value) (seq { 1..8 })

    ~~~(Array.fold add 0xFFFFFFFFu bytes)

let private zlib =
    testList
        "zlib"
        [
            property "a deflated body inflates to the same"
            <| fun (Bytes body) (times: byte) ->
                let body = Array.concat (Seq.replicate (int times) body)

                match Zlib.deflate (ReadOnlyMemory body) |> inflate body.Length with
                | Ok inflated -> inflated.ToArray() = body
                | Error _ -> false

            property "a stream with flipped bits is refused or inflates to the same"
            <| fun (Bytes body) (bits: int list) ->
                let deflated = Zlib.deflate (ReadOnlyMemory body)

                match damaged bits deflated |> inflate 100_000 with
                | Ok inflated -> inflated.ToArray() = body
                | Error _ -> not bits.IsEmpty

            testCase "Java's stream inflates"
            <| fun () -> (inflate 100 javaZlib |> ok).ToArray() |> shouldEqual hello

            testCase "a stream cut short anywhere is refused"
            <| fun () ->
                for length in 0 .. javaZlib.Length - 1 do
                    inflate 100 javaZlib[.. length - 1] |> Result.isError |> shouldBeTrue

            testCase "a stream with a wrong checksum or trailing bytes is refused"
            <| fun () ->
                let wrong = Array.copy javaZlib
                wrong[wrong.Length - 1] <- wrong[wrong.Length - 1] ^^^ 1uy
                inflate 100 wrong |> Result.isError |> shouldBeTrue
                inflate 100 (Array.append javaZlib [| 0uy |]) |> Result.isError |> shouldBeTrue

            testCase "inflating stops at the size limit"
            <| fun () ->
                let bomb = Zlib.deflate (ReadOnlyMemory(Array.zeroCreate (64 * 1024 * 1024)))
                bomb.Length |> shouldStayBelow (100_000)
                let before = GC.GetAllocatedBytesForCurrentThread()

                inflate (1024 * 1024) bomb
                |> shouldEqual (Error(InflatedTooLarge(1024 * 1024)): Result<ReadOnlyMemory<byte>, BodyError>)

                GC.GetAllocatedBytesForCurrentThread() - before
                |> shouldStayBelow ((8L * 1024L * 1024L))

                inflate 17 javaZlib |> Result.isOk |> shouldBeTrue
                inflate 16 javaZlib |> Result.isOk |> shouldBeFalse
        ]

/// Headers that zlib knows, and whose check holds.
let private headers =
    testList
        "zlib headers"
        [
            testCase "a stream is refused or inflates to the same under any header whose check holds"
            <| fun () ->
                let streams =
                    [ 0..0xFFFF ]
                    |> List.filter (fun header -> header % 31 = 0)
                    |> List.map (fun header -> Array.append [| byte (header >>> 8); byte header |] javaZlib[2..])

                let inflated =
                    streams
                    |> List.choose (fun stream ->
                        match inflate 100 stream with
                        | Ok inflated -> Some(inflated.ToArray())
                        | Error _ -> None)

                inflated |> List.distinct |> shouldEqual [ hello ]

            testCase "a stream that asks for a dictionary is refused"
            <| fun () ->
                match inflate 100 (Array.append [| 0x78uy; 0x20uy; 0uy; 0uy; 0uy; 1uy |] javaZlib[2..]) with
                | Error(NotInflatable(Compression.Zlib, reason)) -> reason.Text |> shouldEqual "it is not a zlib stream"
                | other -> failtest $"{other}"
        ]

let private bodies =
    testList
        "bodies"
        [
            testCase "a body is inflated if its flag says so, old senders' without a number included"
            <| fun () ->
                decode (message 0 hello) |> shouldEqual (Ok hello: Result<byte[], BodyError>)

                decode (message 0x301 javaZlib)
                |> shouldEqual (Ok hello: Result<byte[], BodyError>)

                decode (message 0x1 javaZlib)
                |> shouldEqual (Ok hello: Result<byte[], BodyError>)

                decode (message 0x300 javaZlib)
                |> shouldEqual (Ok javaZlib: Result<byte[], BodyError>)

            testCase "a body whose checksum is wrong is reported with both checksums"
            <| fun () ->
                match
                    message 0 hello
                    |> StoredMessage.change (fun fields -> { fields with BodyCrc = 0x1234 })
                    |> decode
                with
                | Error(ChecksumMismatch(expected, actual)) ->
                    expected |> shouldEqual 0x1234
                    actual |> shouldEqual (Crc32.ofBody (ReadOnlySpan hello))
                | other -> failtest $"%A{other}"

            testCase "a compression that cannot be read is reported by name"
            <| fun () ->
                for flag, name in [ (0x101, "LZ4"); (0x201, "Zstandard"); (0x701, "7") ] do
                    match decode (message flag hello) with
                    | Error error -> error.Message |> shouldMention name
                    | Ok _ -> failtest "read it"
        ]

let private checksums =
    testList
        "checksums"
        [
            property "the checksum is that of its definition"
            <| fun (Bytes bytes) -> Crc32.compute (ReadOnlySpan bytes) = slowCrc bytes

            testCase "by instructions or by tables, of any length and at any place, the checksum is the same"
            <| fun () ->
                let bytes: byte[] = Array.zeroCreate 5_000
                Random(7).NextBytes bytes

                for length in Seq.append (seq { 0..300 }) [ 1_000; 1_023; 1_024; 4_097 ] do
                    for start in 0..17 do
                        let part = ReadOnlySpan(bytes, start, length)
                        Crc32.compute part |> shouldEqual (Crc32.computeByTables part)

                Crc32.computeByTables (ReadOnlySpan bytes) |> shouldEqual (slowCrc bytes)

            testCase "the checksum of hello is Java's"
            <| fun () -> Crc32.ofBody (ReadOnlySpan "hello"B) |> shouldEqual 907060870

            property "the system flag keeps what is set and leaves other bits unchanged"
            <| fun (sysFlag: int) (born: bool) (stored: bool) ->
                let all =
                    [
                        Compression.Uncompressed
                        Compression.Lz4
                        Compression.Zstandard
                        Compression.Zlib
                        Compression.UnknownCompression 5
                    ]

                let hosts = SysFlag.withHosts born stored sysFlag

                SysFlag.isBornHostV6 hosts = born
                && SysFlag.isStoreHostV6 hosts = stored
                && hosts &&& ~~~0x30 = (sysFlag &&& ~~~0x30)
                && all
                   |> List.forall (fun compression ->
                       let flag = SysFlag.withCompression compression sysFlag

                       SysFlag.compression flag = compression
                       && flag &&& ~~~0x701 = (sysFlag &&& ~~~0x701))
        ]

[<Tests>]
let tests = testList "Body" [ zlib; headers; bodies; checksums ]
