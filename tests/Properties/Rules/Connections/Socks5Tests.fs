module RocketMq.Protocol.Tests.Socks5Tests

open System
open System.Text
open Expecto
open RocketMq.Protocol
open RocketMq

let private memory (bytes: byte[]) = ReadOnlyMemory<byte> bytes

/// The address that a server connected from, as replies have it.
type Bound =
    | Four of byte * byte
    | Name of byte
    | Sixteen of byte

let private boundBytes bound : byte[] =
    match bound with
    | Four(first, last) -> [| 1uy; first; 0uy; 0uy; last |]
    | Name length -> Array.append [| 3uy; length |] (Array.create (int length) 120uy)
    | Sixteen last -> Array.concat [ [| 4uy |]; Array.zeroCreate 15; [| last |] ]

let private success bound =
    Array.concat [ [| 5uy; 0uy; 0uy |]; boundBytes bound; [| 1uy; 2uy |] ]

/// Each prefix lacks bytes, and no more than it says are missing are read beyond the whole.
let private isReadInPieces (read: ReadOnlyMemory<byte> -> Decoded<'T>) (whole: byte[]) (expected: 'T) =
    let rec feed length =
        match read (memory whole[.. length - 1]) with
        | Decoded.Complete(value, consumed) -> value = expected && consumed = length && length = whole.Length
        | Decoded.NeedMore missing when missing > 0 && length + missing <= whole.Length -> feed (length + missing)
        | _ -> false

    let everyPrefixNeedsMore =
        [ 0 .. whole.Length - 1 ]
        |> List.forall (fun length ->
            match read (memory whole[.. length - 1]) with
            | Decoded.NeedMore missing -> missing > 0 && length + missing <= whole.Length
            | _ -> false)

    let isBlindToMore =
        match read (memory (Array.append whole [| 9uy; 9uy |])) with
        | Decoded.Complete(value, consumed) -> value = expected && consumed = whole.Length
        | _ -> false

    feed 0 && everyPrefixNeedsMore && isBlindToMore

let private isCorrupt (decoded: Decoded<'T>) =
    match decoded with
    | Decoded.Corrupt _ -> true
    | _ -> false

let private questions =
    testList
        "questions"
        [
            testCase "a client without credentials offers no other method"
            <| fun () ->
                Socks5.methodSelection false |> shouldEqual [| 5uy; 1uy; 0uy |]
                Socks5.methodSelection true |> shouldEqual [| 5uy; 2uy; 0uy; 2uy |]

            testCase "user name and password stand with their lengths in bytes"
            <| fun () ->
                Socks5.authentication "u" "pß"
                |> shouldEqual (Array.concat [ [| 1uy; 1uy; 117uy; 3uy |]; Encoding.UTF8.GetBytes "pß" ])

            testCase "addresses travel as such, names as they are"
            <| fun () ->
                let connect host =
                    Socks5.connect { Host = host; Port = 10911 } |> Buffers.ok

                connect "10.1.2.3"
                |> shouldEqual [| 5uy; 1uy; 0uy; 1uy; 10uy; 1uy; 2uy; 3uy; 42uy; 159uy |]

                connect "::1"
                |> shouldEqual (Array.concat [ [| 5uy; 1uy; 0uy; 4uy |]; Array.zeroCreate 15; [| 1uy; 42uy; 159uy |] ])

                connect "mq"
                |> shouldEqual [| 5uy; 1uy; 0uy; 3uy; 2uy; 109uy; 113uy; 42uy; 159uy |]

            testCase "a name of more than 255 bytes is refused"
            <| fun () ->
                (Socks5.connect { Host = String('x', 255); Port = 1 }).IsOk |> shouldBeTrue
                (Socks5.connect { Host = String('x', 256); Port = 1 }).IsError |> shouldBeTrue
        ]

let private answers =
    testList
        "answers"
        [
            property "a method is read from any pieces"
            <| fun (code: byte) ->
                let expected =
                    match code with
                    | 0uy -> SocksMethod.NoAuthentication
                    | 2uy -> SocksMethod.UserNameAndPassword
                    | 255uy -> SocksMethod.NoneAcceptable
                    | other -> SocksMethod.Unknown other

                isReadInPieces Socks5.readMethod [| 5uy; code |] expected

            property "the status of an authentication is read from any pieces"
            <| fun (status: byte) -> isReadInPieces Socks5.readStatus [| 1uy; status |] status

            property "a reply is read from any pieces, with an address of any kind, and not a byte more"
            <| fun (bound: Bound) -> isReadInPieces Socks5.readReply (success bound) 0uy

            property "a refusal is known by its code, whatever follows"
            <| fun (code: byte) (rest: byte[]) ->
                let code = max 1uy code

                match Socks5.readReply (memory (Array.append [| 5uy; code |] rest)) with
                | Decoded.Complete(read, _) -> read = code && Socks5.describe code <> ""
                | _ -> false
        ]

let private garbage =
    testList
        "garbage"
        [
            property "what begins with another version is no answer"
            <| fun (first: byte) (rest: byte[]) ->
                let bytes = memory (Array.append [| first |] rest)

                (first = 5uy
                 || isCorrupt (Socks5.readMethod bytes) && isCorrupt (Socks5.readReply bytes))
                && (first = 1uy || isCorrupt (Socks5.readStatus bytes))

            property "an address of a kind that is not known is no answer"
            <| fun (kind: byte) (rest: byte[]) ->
                List.contains kind [ 1uy; 3uy; 4uy ]
                || isCorrupt (Socks5.readReply (memory (Array.append [| 5uy; 0uy; 0uy; kind |] rest)))

            property "no bytes make it throw, and none make it want more than an answer can have"
            <| fun (bytes: byte[]) ->
                match Socks5.readReply (memory bytes) with
                | Decoded.NeedMore missing -> bytes.Length + missing <= 4 + 1 + 255 + 2
                | _ -> true
        ]

[<Tests>]
let tests = testList "SOCKS5" [ questions; answers; garbage ]
