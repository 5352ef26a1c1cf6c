module RocketMq.Protocol.Tests.IdsAndNamesTests

open System
open System.Net
open NUnit.Framework
open FsUnit
open RocketMq.Protocol
open RocketMq.Protocol.Tests.Buffers

[<Prop>]
let ``an offset id reads as the place it was made from`` (message: StoredMessage) =
    OffsetMessageId.decode message.OffsetId = Ok
        { StoreHost = message.StoreHost
          PhysicalOffset = message.PhysicalOffset }

[<Test>]
let ``an offset id is Java's`` () =
    let id =
        { StoreHost = Host.create (IPAddress.Parse "10.0.0.2") 10911
          PhysicalOffset = 1000L }

    OffsetMessageId.encode id |> should equal "0A00000200002A9F00000000000003E8"

[<Test>]
let ``what is no offset id is refused`` () =
    for text in [ ""; "0A"; String('0', 31); String('0', 33); String('G', 32); String('0', 57); String('é', 32) ] do
        OffsetMessageId.decode text |> Result.isError |> should be True

[<Test>]
let ``a unique id has Java's layout`` () =
    let source =
        { Address = IPAddress.Parse "10.1.2.3"
          ProcessId = 0x12345
          Salt = 0x0BADCAFE }

    UniqueId.create source 0x01020304L 0x1FFFE |> should equal "0A01020323450BADCAFE01020304FFFE"
    UniqueId.create source -5L 0 |> should equal "0A01020323450BADCAFE000000000000"

    UniqueId.create { source with Address = IPAddress.IPv6Loopback } 0L 1
    |> should equal "0000000000000000000000000000000123450BADCAFE000000000001"

[<Test>]
let ``the hash of a tag is Java's`` () =
    Filter.tagHash "TagA" |> should equal 2598919
    Filter.tagHash "TagB" |> should equal 2598920
    Filter.tagHash "" |> should equal 0
    // Overflows 32 bits: Java gives -1136171587 for this text.
    Filter.tagHash "polygenelubricants" |> should equal Int32.MinValue

[<Test>]
let ``an expression names its tags`` () =
    Filter.tags "a || b||c ||" |> should equal [ "a"; "b"; "c" ]
    Filter.tags "*" |> should be Empty
    Filter.tags " " |> should be Empty

[<Test>]
let ``names have Java's letters and lengths`` () =
    for good in [ "T"; "%RETRY%g"; "a-b_c|d%e"; String('t', 127); "%DLQ%" + String('g', 250) ] do
        Names.checkTopic good |> Result.isOk |> should be True

    for bad in [ ""; "a b"; "../../x"; "tópico"; String('t', 128); "a.b"; "%RETRY%" + String('g', 249) ] do
        Names.checkTopic bad |> Result.isError |> should be True

    Names.checkGroup (String('g', 255)) |> Result.isOk |> should be True
    Names.checkGroup (String('g', 256)) |> Result.isError |> should be True

[<Test>]
let ``a refusal of a name says which character it was`` () =
    match Names.checkTopic "abc def" with
    | Error error -> error.Message |> should haveSubstring "character 3 (U+0020)"
    | Ok _ -> Assert.Fail "took it"

[<Test>]
let ``a message without a body, or with one over 4 MiB, is refused`` () =
    let check size = Message.ofBytes "T" (Array.zeroCreate size) |> Message.check |> Result.isOk
    check 0 |> should be False
    check 1 |> should be True
    check Message.maxBodyBytes |> should be True
    check (Message.maxBodyBytes + 1) |> should be False

[<Prop>]
let ``a batch decodes to the messages it was made from`` (parts: (Bytes * int * (PropertyText * PropertyText) list) list) =
    let messages =
        parts |> List.map (fun (body, flag, pairs) -> Parts.toMessage ("T", body, flag, pairs))

    let bytes = BatchCodec.encode messages |> ok
    BatchCodec.decode "T" (ReadOnlyMemory bytes) = Ok messages

[<Prop>]
let ``a batch that is cut short or damaged is no accident`` (Bytes body) (bits: int list) (cut: byte) =
    let bytes = BatchCodec.encode [ Message.ofBytes "T" body; Message.ofText "T" "x" ] |> ok
    let length = max 0 (bytes.Length - 1 - int cut)

    for bytes in [ damaged bits bytes; bytes[.. length - 1] ] do
        match BatchCodec.decode "T" (ReadOnlyMemory bytes) with
        | Ok messages -> Assert.That(messages.Length, Is.LessThanOrEqualTo 2)
        | Error error -> Assert.That(error.Message, Is.Not.Empty)

[<Test>]
let ``a batch message is Java's, byte for byte`` () =
    let message =
        Message.ofText "T" "b1"
        |> Message.withKeys [ "K1" ]
        |> Message.withProperty "WAIT" "true"
        |> Message.withTag "TagA"

    BatchCodec.encode [ message ]
    |> ok
    |> Convert.ToHexStringLower
    |> should
        equal
        "00000033000000000000000000000000000000026231001b4b455953014b310257414954017472756502544147530154616741"
