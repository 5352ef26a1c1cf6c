module RocketMq.Protocol.Tests.HostPatternTests

open System
open Expecto
open RocketMq

let private parse (text: string) : HostPattern =
    match HostPattern.tryParse text with
    | ValueSome pattern -> pattern
    | ValueNone -> failtest $"'{text}' is no pattern"

let private meets (text: string) (host: string) = HostPattern.matches host (parse text)

let private meetsAll text hosts =
    hosts |> List.filter (not << meets text) |> shouldBeEmpty

let private meetsNone text hosts =
    hosts |> List.filter (meets text) |> shouldBeEmpty

let private dotted (address: uint32) =
    [ 24; 16; 8; 0 ]
    |> List.map (fun shift -> string ((address >>> shift) &&& 0xFFu))
    |> String.concat "."

let private networks =
    testList
        "networks"
        [
            property "an address is in a network if its first bits are those of the network"
            <| fun (one: uint32) (other: uint32) (prefix: byte) ->
                let prefix = 1 + int prefix % 32
                let isIn = (one >>> (32 - prefix)) = (other >>> (32 - prefix))
                meets $"{dotted one}/{prefix}" (dotted other) = isIn

            testCase "names are in no network, and every name is a host as in Java's 0.0.0.0/0"
            <| fun () ->
                meetsNone "10.0.0.0/8" [ "broker"; "10"; "10.1"; "010.0.0.1"; "11.0.0.1"; "::1" ]
                meetsAll "0.0.0.0/0" [ "broker"; "10.1.2.3"; "::1" ]
                meetsAll "*" [ "broker"; "10.1.2.3"; "::1" ]

            testCase "networks of IPv6 hold addresses of IPv6, and IPv4 in IPv6 counts as IPv4"
            <| fun () ->
                meetsAll "fd00::/8" [ "fd12::1"; "FD00:0:0::9" ]
                meetsNone "fd00::/8" [ "fe80::1"; "253.0.0.1" ]
                meetsAll "10.0.0.0/8" [ "::ffff:10.1.2.3" ]
        ]

let private names =
    testList
        "names"
        [
            testCase "a domain's names are hosts, the domain itself is not"
            <| fun () ->
                meetsAll "*.example.com" [ "a.example.com"; "A.B.Example.COM" ]
                meetsNone "*.example.com" [ "example.com"; "badexample.com"; "a.example.com.evil" ]

            testCase "one host is that host alone, however it is written"
            <| fun () ->
                meetsAll "Broker-A" [ "broker-a" ]
                meetsAll "::1" [ "0:0:0:0:0:0:0:1" ]
                meetsNone "broker-a" [ "broker-aa"; "a.broker-a" ]
        ]

let private texts =
    testList
        "texts"
        [
            testCase "what is printed is read again"
            <| fun () ->
                for text in [ "*"; "10.0.0.0/8"; "fd00::/8"; "*.example.com"; "broker"; "::1"; "10.1.2.3" ] do
                    string (parse text) |> shouldEqual text
                    parse (string (parse text)) |> shouldEqual (parse text)

                string (parse "10.1.2.3/8") |> shouldEqual "10.0.0.0/8"

            testCase "what is no pattern is refused"
            <| fun () ->
                for text in
                    [
                        ""
                        "10.0.0.0/33"
                        "10.0.0.0/-1"
                        "host/8"
                        "a*b"
                        "*."
                        "a b"
                        "/"
                        "10.0.0.0/"
                    ] do
                    HostPattern.tryParse text |> shouldEqual ValueNone

            property "no text makes it throw"
            <| fun (text: string | null) (host: string | null) ->
                let text, host = string text, string host

                match HostPattern.tryParse text with
                | ValueSome pattern -> HostPattern.matches host pattern |> ignore<bool>
                | ValueNone -> ()
        ]

[<Tests>]
let tests = testList "Host patterns" [ networks; names; texts ]
