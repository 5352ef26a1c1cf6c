module RocketMq.Protocol.Tests.FastjsonTests

open System
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open Expecto
open RocketMq.Protocol

let private rewrite (json: string) =
    Fastjson.toJson "body" (ReadOnlyMemory(Encoding.UTF8.GetBytes json))
    |> Result.map (fun strict -> Encoding.UTF8.GetString strict.Span)

let private becomes (expected: string) (json: string) =
    match rewrite json with
    | Ok strict ->
        if not (JsonNode.DeepEquals(JsonNode.Parse strict, JsonNode.Parse expected)) then
            failtest $"{json} became {strict}"
    | Error error -> failtest $"{json}: {error.Message}"

let private isRefused (part: string) (json: string) =
    match rewrite json with
    | Ok strict -> failtest $"{json} became {strict}"
    | Error error -> error.Message |> shouldMention part

/// A JSON value of texts, numbers, lists and objects.
let rec private render (random: Random) depth : string =
    match random.Next(if depth > 3 then 4 else 6) with
    | 0 -> string (random.NextInt64())
    | 1 -> "true"
    | 2 -> "null"
    | 3 ->
        let characters = "a\"\\{}[]:,é$ref"

        let one _ =
            characters[random.Next characters.Length]

        JsonSerializer.Serialize(String(Array.init (random.Next 5) one))
    | 4 ->
        let items =
            [ for _ in 1 .. random.Next 4 -> render random (depth + 1) ]
            |> String.concat ","

        $"[ {items} ]"
    | _ ->
        let entry index =
            $"\"k{index}\" : {render random (depth + 1)}"

        let members =
            [ for index in 1 .. random.Next 4 -> entry index ] |> String.concat " ,"

        $"{{{members}}}"

[<Tests>]
let tests =
    testList
        "Java's JSON"
        [
            testCase "integers as keys become texts"
            <| fun () -> """{"a":{0:"x",-12:{ 7 : 1}}}""" |> becomes """{"a":{"0":"x","-12":{"7":1}}}"""

            testCase "objects and lists as keys become texts that hold them"
            <| fun () ->
                """{"t":{{"brokerName":"b","queueId":1}:{"n":5},[1,{2:3}]:6}}"""
                |> becomes """{"t":{"{\"brokerName\":\"b\",\"queueId\":1}":{"n":5},"[1,{\"2\":3}]":6}}"""

            testCase "64-bit integers keep every digit"
            <| fun () ->
                rewrite """{"n":9223372036854775807}"""
                |> shouldEqual (Ok """{"n":9223372036854775807}""")

            testCase "references become copies"
            <| fun () ->
                """{"a":{"x":[1,2]},"b":{"$ref":"$.a"}}"""
                |> becomes """{"a":{"x":[1,2]},"b":{"x":[1,2]}}"""

                """[{"x":1},{"$ref":"$[0]"}]""" |> becomes """[{"x":1},{"x":1}]"""

                """{"a-b":{"c":{5:{}}},"d":{"$ref":"$.a\\-b.c.5"}}"""
                |> becomes """{"a-b":{"c":{"5":{}}},"d":{}}"""

            testCase "references that lead nowhere, or round in a circle, are refused"
            <| fun () ->
                """{"b":{"$ref":"$.a"}}""" |> isRefused "$.a leads nowhere"
                """[{"$ref":"$[1]"}]""" |> isRefused "leads nowhere"
                """{"a":{"$ref":"$"}}""" |> isRefused "nests deeper"
                """{"a":{"$ref":".."}}""" |> isRefused "none to another place"
                """{"a":{"b":{"$ref":"$.a"}}}""" |> isRefused "nests deeper"

            testCase "references that multiply are stopped, by number and by size"
            <| fun () ->
                let multiplied (leaf: string) copies =
                    let level index =
                        let copies =
                            List.replicate copies $"{{\"$ref\":\"$.l{index - 1}\"}}" |> String.concat ","

                        $"\"l{index}\":[{copies}]"

                    let levels = [ for index in 1..20 -> level index ] |> String.concat ","
                    $"{{\"l0\":{leaf},{levels}}}"

                multiplied "1" 4 |> isRefused "more than 10000 references"
                multiplied $"\"{String('x', 100_000)}\"" 2 |> isRefused "exceeds 33554432 bytes"

            testCase "garbage is refused with its position"
            <| fun () ->
                "" |> isRefused "ends early"
                """{"a" 1}""" |> isRefused "at byte 5: ':' is missing"
                """{a:1}""" |> isRefused "neither a text nor an integer"
                """{"a":1,}""" |> isRefused "at byte 7: a value is missing"
                """{"a":"x""" |> isRefused "does not end"
                """{"a":}""" |> isRefused "a value is missing"
                """{}x""" |> isRefused "1 bytes are left over"
                String('[', 100_000) |> isRefused "deeper than 64"

            property "JSON keeps its value"
            <| fun (seed: int) ->
                let json = render (Random seed) 0

                match rewrite json with
                | Ok strict -> JsonNode.DeepEquals(JsonNode.Parse strict, JsonNode.Parse json)
                | Error _ -> false

            property "a body cut short is refused, and garbage never throws"
            <| fun (seed: int) (garbage: byte[]) ->
                let json =
                    Encoding.UTF8.GetBytes($"{{\"a\":{render (Random seed) 0},5:{{{{}}:1}}}}")

                Fastjson.toJson "body" (ReadOnlyMemory garbage) |> ignore

                seq { 0 .. json.Length - 1 }
                |> Seq.forall (fun length -> (Fastjson.toJson "body" (ReadOnlyMemory(json, 0, length))).IsError)

            testCase "every recorded JSON body becomes strict JSON, with the same value if it was strict"
            <| fun () ->
                let mutable strict = 0
                let mutable dialect = 0

                for capture in Captures.all () do
                    match Frame.decode capture.Frame with
                    | Complete(frame, _) when frame.Command.Body.Length > 0 && frame.Command.Body.Span[0] = '{'B ->
                        let body = frame.Command.Body

                        let parsed =
                            match Fastjson.toJson "body" body with
                            | Ok json -> JsonNode.Parse json.Span
                            | Error error -> failtest $"frame {capture.Id}: {error.Message}"

                        try
                            if JsonNode.DeepEquals(parsed, JsonNode.Parse body.Span) then
                                strict <- strict + 1
                            else
                                failtest $"frame {capture.Id} changed"
                        with :? JsonException ->
                            dialect <- dialect + 1
                    | _ -> ()

                Console.Out.WriteLine
                    $"{strict} recorded bodies in strict JSON keep their value, {dialect} in Java's dialect become strict"

                strict |> shouldExceed 100
                dialect |> shouldExceed 100

            testCase "numbers in texts are numbers, and numbers where a text belongs are texts"
            <| fun () ->
                let read what (json: string) =
                    Json.decode "body" what (ReadOnlyMemory(Encoding.UTF8.GetBytes json))

                let json =
                    """{"a":"-7","b":9223372036854775807,"c":"TRUE","d":4294967296,"e":"x"}"""

                read (Json.int32 "a") json |> shouldEqual (Ok -7)
                read (Json.int64 "b") json |> shouldEqual (Ok Int64.MaxValue)
                read (Json.text "b") json |> shouldEqual (Ok "9223372036854775807")
                read (Json.boolean "c") json |> shouldEqual (Ok true)
                read (Json.int32 "d") json |> shouldEqual (Ok 0)
                read (Json.int64 "e") json |> shouldEqual (Ok 0L)
        ]
