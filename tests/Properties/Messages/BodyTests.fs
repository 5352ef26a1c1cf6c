module RocketMq.Protocol.Tests.BodyTests

open System
open NUnit.Framework
open FsUnit
open RocketMq.Protocol
open RocketMq.Protocol.Tests.Buffers

let private hello = "hello hello hello"B

/// `hello` as Java's deflater writes it.
let private javaZlib = Convert.FromHexString "785ecb48cdc9c957c84090003a2e067d"

let private inflate limit (bytes: byte[]) = Zlib.inflate limit (ReadOnlyMemory bytes)

[<Prop>]
let ``what was deflated inflates to the same`` (Bytes body) (times: byte) =
    let body = Array.concat (Seq.replicate (int times) body)

    match Zlib.deflate (ReadOnlyMemory body) |> inflate body.Length with
    | Ok inflated -> inflated.ToArray() = body
    | Error _ -> false

[<Prop>]
let ``a stream with turned bits is refused or gives the same`` (Bytes body) (bits: int list) =
    let deflated = Zlib.deflate (ReadOnlyMemory body)

    match damaged bits deflated |> inflate 100_000 with
    | Ok inflated -> inflated.ToArray() = body || not bits.IsEmpty
    | Error _ -> not bits.IsEmpty

[<Test>]
let ``Java's stream inflates`` () =
    (inflate 100 javaZlib |> ok).ToArray() |> should equal hello

[<Test>]
let ``a stream cut short anywhere is refused`` () =
    for length in 0 .. javaZlib.Length - 1 do
        inflate 100 javaZlib[.. length - 1] |> Result.isError |> should be True

[<Test>]
let ``a stream with a wrong checksum is refused, and so is one that something follows`` () =
    let wrong = Array.copy javaZlib
    wrong[wrong.Length - 1] <- wrong[wrong.Length - 1] ^^^ 1uy
    inflate 100 wrong |> Result.isError |> should be True
    inflate 100 (Array.append javaZlib [| 0uy |]) |> Result.isError |> should be True

[<Test>]
let ``inflating stops at the limit, whatever would come`` () =
    let bomb = Zlib.deflate (ReadOnlyMemory(Array.zeroCreate (64 * 1024 * 1024)))
    bomb.Length |> should be (lessThan 100_000)
    let before = GC.GetAllocatedBytesForCurrentThread()
    inflate (1024 * 1024) bomb |> should equal (Error(InflatedTooLarge(1024 * 1024)): Result<ReadOnlyMemory<byte>, BodyError>)
    GC.GetAllocatedBytesForCurrentThread() - before |> should be (lessThan (8L * 1024L * 1024L))
    inflate 17 javaZlib |> Result.isOk |> should be True
    inflate 16 javaZlib |> Result.isOk |> should be False

let private message sysFlag (body: byte[]) : StoredMessage =
    { Parts.emptyMessage with
        SysFlag = sysFlag
        BodyCrc = Crc32.ofBody (ReadOnlySpan body)
        StoredBody = ReadOnlyMemory body }

let private decode message =
    MessageBody.decode MessageBody.defaultInflatedLimit message
    |> Result.map (fun body -> body.ToArray())

[<Test>]
let ``a body is inflated if its flag says so, old senders' without a number included`` () =
    decode (message 0 hello) |> should equal (Ok hello: Result<byte[], BodyError>)
    decode (message 0x301 javaZlib) |> should equal (Ok hello: Result<byte[], BodyError>)
    decode (message 0x1 javaZlib) |> should equal (Ok hello: Result<byte[], BodyError>)
    decode (message 0x300 javaZlib) |> should equal (Ok javaZlib: Result<byte[], BodyError>)

[<Test>]
let ``a body whose checksum is wrong is reported with both checksums`` () =
    match decode { message 0 hello with BodyCrc = 0x1234 } with
    | Error(ChecksumMismatch(expected, actual)) ->
        expected |> should equal 0x1234
        actual |> should equal (Crc32.ofBody (ReadOnlySpan hello))
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``a compression that cannot be read is reported by name`` () =
    for flag, name in [ (0x101, "Lz4"); (0x201, "Zstandard"); (0x701, "7") ] do
        match decode (message flag hello) with
        | Error error -> error.Message |> should haveSubstring name
        | Ok _ -> Assert.Fail "read it"

/// CRC-32 by its definition, bit by bit.
let private slowCrc (bytes: byte[]) =
    let step crc _ =
        if crc &&& 1u <> 0u then (crc >>> 1) ^^^ 0xEDB88320u else crc >>> 1

    let add crc (value: byte) =
        Seq.fold step (crc ^^^ uint32 value) (seq { 1..8 })

    ~~~(Array.fold add 0xFFFFFFFFu bytes)

[<Prop>]
let ``the checksum is that of its definition`` (Bytes bytes) =
    Crc32.compute (ReadOnlySpan bytes) = slowCrc bytes

[<Test>]
let ``the checksum of hello is Java's`` () =
    Crc32.ofBody (ReadOnlySpan "hello"B) |> should equal 907060870

[<Prop>]
let ``the flag word keeps what it is told and leaves other bits alone`` (sysFlag: int) (born: bool) (stored: bool) =
    let all = [ Uncompressed; Lz4; Zstandard; Zlib; UnknownCompression 5 ]
    let hosts = SysFlag.withHosts born stored sysFlag

    SysFlag.isBornHostV6 hosts = born
    && SysFlag.isStoreHostV6 hosts = stored
    && hosts &&& ~~~0x30 = (sysFlag &&& ~~~0x30)
    && all
       |> List.forall (fun compression ->
           let flag = SysFlag.withCompression compression sysFlag

           SysFlag.compression flag = compression
           && flag &&& ~~~0x701 = (sysFlag &&& ~~~0x701))
