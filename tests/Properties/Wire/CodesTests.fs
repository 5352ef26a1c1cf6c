module RocketMq.Protocol.Tests.CodesTests

open System
open RocketMq.Protocol
open RocketMq

let private codesTests =
    testList
        "codes"
        [
            testCase "there are 157 request codes, all different"
            <| fun () ->
                let codes = Enum.GetValues<RequestCode>()
                codes.Length |> shouldEqual 157
                Array.distinct codes |> Array.length |> shouldEqual 157

            testCase "languages have names both ways"
            <| fun () ->
                for number in 0..13 do
                    let code = enum<LanguageCode> number
                    LanguageCode.name code |> LanguageCode.ofName |> shouldEqual code

                LanguageCode.name (enum<LanguageCode> 14) |> shouldEqual ""
                LanguageCode.ofName "COBOL" |> shouldEqual LanguageCode.Unnamed

            testCase "response codes from 203 on have the names of Java"
            <| fun () ->
                [ 203..207 ]
                |> List.map (fun number -> enum<ResponseCode> number |> string)
                |> shouldEqual
                    [
                        "TransactionStateGroupWrong"
                        "NoBuyerId"
                        "NotInCurrentUnit"
                        "ConsumerNotOnline"
                        "ConsumeMessageTimeout"
                    ]

            testCase "response codes have the numbers of Java"
            <| fun () ->
                int ResponseCode.TransactionStateGroupWrong |> shouldEqual 203
                int ResponseCode.ConsumerNotOnline |> shouldEqual 206
                int ResponseCode.FlowControl |> shouldEqual 215
                int ResponseCode.GoAway |> shouldEqual 1500

            testCase "OMS is 11 and NODE_JS is 13"
            <| fun () ->
                LanguageCode.ofName "OMS" |> int |> shouldEqual 11
                LanguageCode.ofName "NODE_JS" |> int |> shouldEqual 13
        ]

let private versions =
    testList
        "versions and unknown codes"
        [
            testCase "versions count as Java's enum does"
            <| fun () ->
                ProtocolVersion.ofRelease 4 0 0 |> shouldEqual 213
                ProtocolVersion.ofRelease 4 9 8 |> shouldEqual 409

                [ (4, 9, 3); (4, 9, 4); (5, 0, 0); (5, 3, 2); (5, 3, 3) ]
                |> List.map (fun (major, minor, patch) -> ProtocolVersion.ofRelease major minor patch)
                |> shouldEqual [ 399; 401; 413; 477; 479 ]

            testCase "a version is read as its release, and so is the snapshot before it"
            <| fun () ->
                for major in 4..5 do
                    for minor in 0..9 do
                        for patch in 0..9 do
                            let ordinal = ProtocolVersion.ofRelease major minor patch
                            let release = ValueSome(struct (major, minor, patch))
                            ProtocolVersion.tryRelease ordinal |> shouldEqual release
                            ProtocolVersion.tryRelease (ordinal - 1) |> shouldEqual release

                for older in [ 211; 0; -1 ] do
                    ProtocolVersion.tryRelease older |> shouldEqual ValueNone

            property "an unknown code is kept"
            <| fun (WireInt code) (header: Header) ->
                let command = Command.request (enum<RequestCode> code)

                match Frame.encode header command |> Buffers.ok |> Frame.decode with
                | Decoded.Complete(frame, _) -> frame.Command.Code = code
                | _ -> false
        ]

let private endpoints =
    testList
        "endpoints"
        [
            testCase "endpoints are read at the last colon"
            <| fun () ->
                let parse text = Endpoint.tryParse text

                parse "localhost:9876"
                |> shouldEqual (ValueSome { Host = "localhost"; Port = 9876 })

                parse "[::1]:10911" |> shouldEqual (ValueSome { Host = "::1"; Port = 10911 })
                parse "::1:10911" |> shouldEqual (ValueSome { Host = "::1"; Port = 10911 })

                for wrong in [ "a,b:1"; "http://a:1"; "a b:1"; "a/b:1"; "tcp://a:1"; "user@a:1" ] do
                    parse wrong |> shouldEqual (ValueNone: Endpoint voption)

                for wrong in [ ""; ":"; "host"; "host:"; ":1"; "host:0"; "host:65536"; "host:-1"; "host:1x" ] do
                    parse wrong |> shouldEqual (ValueNone: Endpoint voption)

            testCase "lists of endpoints name the entry that is wrong"
            <| fun () ->
                Endpoint.parseList "a:1; b:2;"
                |> shouldEqual (
                    Ok [ { Host = "a"; Port = 1 }; { Host = "b"; Port = 2 } ]: Result<Endpoint list, string>
                )

                for text in [ "a:1,b:2"; " a:1 , b:2 ,"; "http://a:1;HTTP://b:2" ] do
                    Endpoint.parseList text |> shouldEqual (Endpoint.parseList "a:1;b:2")

                Endpoint.parseList "a:1,https://b:2"
                |> shouldEqual (Error "https://b:2": Result<Endpoint list, string>)

                Endpoint.parseList "a:1;nonsense"
                |> shouldEqual (Error "nonsense": Result<Endpoint list, string>)

                Endpoint.parseList "" |> Result.isError |> shouldBeTrue
        ]

let private flags =
    testList
        "flags"
        [
            testCase "flags are 0 for a request, 2 for a one-way request, 1 for an answer"
            <| fun () ->
                let request = Command.request RequestCode.HeartBeat
                let oneWay = Command.asOneWay request
                let answer = Command.response ResponseCode.Success request

                [ request; oneWay; answer ]
                |> List.map (fun command -> command.Flag, command.Kind)
                |> shouldEqual [ (0, CommandKind.Request); (2, CommandKind.OneWay); (1, CommandKind.Response) ]

            property "bits of a flag without a meaning are kept"
            <| fun (flag: int) (header: Header) ->
                let command =
                    { Command.request RequestCode.HeartBeat with
                        Flag = flag
                    }

                match Frame.encode header command |> Buffers.ok |> Frame.decode with
                | Decoded.Complete(frame, _) -> frame.Command.Flag = flag
                | _ -> false
        ]

[<Tests>]
let tests = testList "Codes" [ codesTests; versions; endpoints; flags ]
