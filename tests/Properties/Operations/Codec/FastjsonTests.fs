module RocketMq.Protocol.Tests.FastjsonTests

open System
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
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

/// A value as Java holds it.
type private Value =
    | Plain of json: string
    | Listed of Value list
    /// Keys of each kind, with the value of each.
    | Mapped of (Key * Value) list

and private Key =
    | Name of string
    | Number of int64
    | Whole of Value

let rec private randomValue (random: Random) depth : Value =
    match random.Next(if depth > 3 then 4 else 7) with
    | 0 -> Plain(string (random.NextInt64()))
    | 1 -> Plain "true"
    | 2 -> Plain "-1.5E-3"
    | 3 ->
        let characters = "a\"\\{}[]:,é$ref"

        let one _ =
            characters[random.Next characters.Length]

        Plain(JsonSerializer.Serialize(String(Array.init (random.Next 5) one)))
    | 4 -> Listed [ for _ in 1 .. random.Next 4 -> randomValue random (depth + 1) ]
    | _ ->
        Mapped
            [
                for index in 1 .. random.Next 4 -> randomKey random depth index, randomValue random (depth + 1)
            ]

and private randomKey random depth index =
    match random.Next 3 with
    | 0 -> Name $"k{index}\"\\é"
    | 1 -> Number(int64 index - 2L)
    | _ ->
        Whole(
            Mapped
                [
                    (Name "id", Plain(string index))
                    (Name "more", randomValue random (depth + 2))
                ]
        )

let private quoted (text: string) = JsonSerializer.Serialize text

/// As fastjson writes it, with a space here and there, or as JSON.
let rec private render isDialect value : string =
    let space = if isDialect then " " else ""

    match value with
    | Plain json -> json
    | Listed items ->
        let items = items |> List.map (render isDialect) |> String.concat $",{space}"
        $"[{items}]"
    | Mapped members ->
        let members =
            members
            |> List.map (fun (key, value) -> $"{renderKey isDialect key}{space}:{render isDialect value}")
            |> String.concat ","

        $"{{{members}{space}}}"

and private renderKey isDialect key =
    match key with
    | Name name -> quoted name
    | Number number when isDialect -> string number
    | Number number -> quoted (string number)
    | Whole value when isDialect -> render true value
    // What a whole object becomes: a text that holds its JSON as it was spaced.
    | Whole value -> quoted (render false value)

let private bytesOf (json: string) = Encoding.UTF8.GetBytes json

/// Whether what a body became is JSON that the strict reader takes, or an error.
let private isHandled (body: byte[]) =
    match Fastjson.toJson "body" (ReadOnlyMemory body) with
    | Ok _ -> true
    | Error(DecodeError.Malformed(_, reason, offset)) -> reason <> "" && offset >= 0 && offset <= body.Length
    | Error(DecodeError.TooLarge _ | DecodeError.WrongValue _) -> false

let private read shape (json: string) =
    Json.decode "body" shape (ReadOnlyMemory(Encoding.UTF8.GetBytes json))

let private dialectTests =
    testList
        "dialect"
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
        ]

let private damageTests =
    testList
        "damage"
        [
            testCase "garbage is refused with its position"
            <| fun () ->
                "" |> isRefused "ends early"
                """{"a" 1}""" |> isRefused "at byte 5: ':' is missing"
                """{a:1}""" |> isRefused "neither a text nor an integer"
                """{"a":1,}""" |> isRefused "at byte 7: a value is missing"
                """{"a":"x""" |> isRefused "does not end"
                """{"a":}""" |> isRefused "a value is missing"
                """{}x""" |> isRefused "1 bytes are left over"
                String('[', 100_000) |> isRefused "at byte 65: it nests deeper than 64"

                let nested depth =
                    String('[', depth) + "1" + String(']', depth)

                rewrite (nested 64) |> shouldEqual (Ok(nested 64))
                nested 65 |> isRefused "deeper than 64"

            property "Java's documents become JSON of the same value"
            <| fun (seed: int) ->
                let value = randomValue (Random seed) 0
                let strict = render false value

                match rewrite (render true value), rewrite strict with
                | Ok fromDialect, Ok fromStrict ->
                    JsonNode.DeepEquals(JsonNode.Parse fromDialect, JsonNode.Parse strict)
                    && JsonNode.DeepEquals(JsonNode.Parse fromStrict, JsonNode.Parse strict)
                | _ -> false

            property "a document cut short is refused"
            <| fun (seed: int) ->
                let body =
                    bytesOf (render true (Mapped [ (Number 5L, randomValue (Random seed) 0) ]))

                seq { 0 .. body.Length - 1 }
                |> Seq.forall (fun length -> (Fastjson.toJson "body" (ReadOnlyMemory(body, 0, length))).IsError)

            property "a damaged document is read or refused with a reason and a place, and never throws"
            <| fun (seed: int) (damage: (uint16 * byte) list) ->
                let body =
                    bytesOf (render true (Mapped [ (Number 5L, randomValue (Random seed) 0) ]))

                for place, value in damage do
                    body[int place % body.Length] <- value

                isHandled body
                && (Json.decode "body" JsonCodec.int64 (ReadOnlyMemory body) |> ignore
                    true)

            property "garbage never throws" <| fun (garbage: byte[]) -> isHandled garbage
        ]

let private recordedBodies =
    testList
        "recorded bodies"
        [
            testCase "every recorded JSON body becomes strict JSON, with the same value if it was strict"
            <| fun () ->
                let mutable strict = 0
                let mutable dialect = 0

                for capture in Captures.all () do
                    match Frame.decode capture.Frame with
                    | Decoded.Complete(frame, _) when frame.Command.Body.Length > 0 && frame.Command.Body.Span[0] = '{'B ->
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
        ]

let private numbersAndTexts =
    testList
        "numbers and texts"
        [
            testCase "numbers in texts are numbers, and numbers where a text belongs are texts"
            <| fun () ->
                read JsonCodec.int32 "\"-7\"" |> shouldEqual (Ok -7)
                read JsonCodec.int64 "9223372036854775807" |> shouldEqual (Ok Int64.MaxValue)

                read JsonCodec.text "9223372036854775807"
                |> shouldEqual (Ok "9223372036854775807")

                read JsonCodec.boolean "\"TRUE\"" |> shouldEqual (Ok true)

            testCase "a number that does not fit is refused, with the place and the reason"
            <| fun () ->
                let refusal shape json =
                    match read shape json with
                    | Error(error: DecodeError) -> error.Message
                    | Ok value -> failtest $"%A{value}"

                let table = JsonCodec.map (JsonCodec.list JsonCodec.int32)

                refusal table """{"a":[1,4294967296]}"""
                |> shouldMention "$.a[1]: 4294967296 is not a 32-bit integer"

                refusal JsonCodec.int64 "9223372036854775808"
                |> shouldMention "9223372036854775808 is not a 64-bit integer"

                refusal JsonCodec.int64 (String('9', 100_000))
                |> shouldMention "999999… is not a 64-bit integer"

                refusal JsonCodec.float "1e999" |> shouldMention "1e999 is not a number"
                refusal JsonCodec.int64 "1.5" |> shouldMention "1.5 is not a 64-bit integer"
                refusal JsonCodec.int64 "\"x\"" |> shouldMention "x is not a 64-bit integer"

            testCase "a value of another kind is refused, with the place and the reason"
            <| fun () ->
                match Json.decode "route" TopicRoute.shape (ReadOnlyMemory """{"queueDatas":[{"perm":[]}]}"""B) with
                | Error error ->
                    error.Message
                    |> shouldMention "$.queueDatas[0].perm: a 32-bit integer is wanted, not Array"
                | Ok route -> failtest $"%A{route}"
        ]

[<Tests>]
let tests =
    testList "Java's JSON" [ dialectTests; damageTests; recordedBodies; numbersAndTexts ]
