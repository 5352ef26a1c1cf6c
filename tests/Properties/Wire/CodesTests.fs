module RocketMq.Protocol.Tests.CodesTests

open System
open NUnit.Framework
open FsUnit
open RocketMq.Protocol

[<Test>]
let ``there are 157 request codes, all different`` () =
    let codes = Enum.GetValues<RequestCode>()
    codes.Length |> should equal 157
    Array.distinct codes |> Array.length |> should equal 157

[<Test>]
let ``languages have names both ways`` () =
    for number in 0..13 do
        let code = enum<LanguageCode> number
        LanguageCode.name code |> LanguageCode.ofName |> should equal code

    LanguageCode.name (enum<LanguageCode> 14) |> should equal ""
    LanguageCode.ofName "COBOL" |> should equal LanguageCode.Unnamed

[<Test>]
let ``versions count as Java's enum does`` () =
    ProtocolVersion.ofRelease 4 0 0 |> should equal 213
    ProtocolVersion.ofRelease 4 9 8 |> should equal 409
    ProtocolVersion.ofRelease 5 3 3 |> should equal 479

[<Prop>]
let ``a code that nobody has heard of survives`` (WireInt code) (header: Header) =
    let command = Command.request (enum<RequestCode> code)

    match Frame.encode header command |> Buffers.ok |> Frame.decode with
    | Complete(frame, _) -> frame.Command.Code = code
    | _ -> false

[<Test>]
let ``endpoints are read at the last colon`` () =
    let parse text = Endpoint.tryParse text
    parse "localhost:9876" |> should equal (ValueSome { Host = "localhost"; Port = 9876 })
    parse "[::1]:10911" |> should equal (ValueSome { Host = "::1"; Port = 10911 })
    parse "::1:10911" |> should equal (ValueSome { Host = "::1"; Port = 10911 })

    for wrong in [ ""; ":"; "host"; "host:"; ":1"; "host:0"; "host:65536"; "host:-1"; "host:1x" ] do
        parse wrong |> should equal (ValueNone: Endpoint voption)

[<Test>]
let ``lists of endpoints name the entry that is wrong`` () =
    Endpoint.parseList "a:1; b:2;" |> should equal (Ok [ { Host = "a"; Port = 1 }; { Host = "b"; Port = 2 } ]: Result<Endpoint list, string>)
    Endpoint.parseList "a:1;nonsense" |> should equal (Error "nonsense": Result<Endpoint list, string>)
    Endpoint.parseList "" |> Result.isError |> should be True
