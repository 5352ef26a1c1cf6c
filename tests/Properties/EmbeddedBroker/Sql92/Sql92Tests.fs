/// Conditions on properties, as text and as what they mean.
module RocketMq.Protocol.Tests.Sql92Tests

open Expecto
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig
open Sql92Rig

let private sqlPull expression =
    { plainPull with
        Filter = Some(BySql92 expression)
    }

let private grammar =
    testList
        "grammar"
        [
            testPropertyWithConfig config "a printed expression parses to the same expression"
            <| fun (Condition expression) -> SqlParser.parse (SqlText.print expression) = Ok expression

            testPropertyWithConfig config "an expression matches as an independent evaluator says"
            <| fun (Condition expression) (Bag bag) ->
                SqlFilter.matches (findIn bag) expression = referenceMatches bag expression

            testPropertyWithConfig garbageConfig "garbage is an error or a condition, and never an exception"
            <| fun (Garbage text) ->
                match SqlParser.parse text with
                | Error reason -> reason <> ""
                | Ok expression ->
                    SqlFilter.matches (findIn (Map.ofList [ "a", "5"; "b", "x" ])) expression
                    |> ignore

                    SqlParser.parse (SqlText.print expression) = Ok expression

            testCase "operators bind as they should"
            <| fun () ->
                for one, other in
                    [
                        "a = 1 OR b = 2 AND c = 3", "(a = 1) OR ((b = 2) AND (c = 3))"
                        "NOT a AND b", "(NOT a) AND b"
                        "a > -1", "a > (-1)"
                        "a between 1 and 2 and b", "(a BETWEEN 1 AND 2) AND b"
                        "a <> +5", "a <> 5"
                        "a /* x * / */ = 5L", "a = 5"
                        "a -- to the end\n = 5", "a = 5"
                        "a IS NOT NULL", "(a) IS NOT NULL"
                        "a In ('x', 'y')", "a IN ('x','y')"
                        "not a contains 'x'", "(NOT a) CONTAINS 'x'"
                    ] do
                    parse one |> shouldEqual (parse other)
        ]

let private refusedConditions =
    testList
        "refused conditions"
        [
            testCase "expressions that no broker accepts are refused"
            <| fun () ->
                for text in
                    [
                        ""
                        " "
                        "5"
                        "-a"
                        "'x'"
                        "a ="
                        "a = NULL"
                        "NULL <> a"
                        "a > 'x'"
                        "a > TRUE"
                        "(a > 1) > 2"
                        "a BETWEEN 5 AND 3"
                        "a BETWEEN 'x' AND 'y'"
                        "5 IN ('x')"
                        "a IN ()"
                        "a IN (5)"
                        "a CONTAINS 5"
                        "a AND 5"
                        "NOT 5"
                        "(a"
                        "a)"
                        "a b"
                        "a = 'x"
                        "a /* x"
                        "a = 07"
                        "a = 0.0"
                        "a = 99999999999999999999"
                        "a = 1e999"
                        "a.b = 1"
                        "a LIKE 'x'"
                    ] do
                    (SqlParser.parse text).IsError |> shouldEqual true
        ]

let private propertyValues =
    testList
        "property values"
        [
            testCase "property values compare as numbers and texts as in Java"
            <| fun () ->
                let it =
                    matches [ "a", "5"; "t", "true"; "s", "text"; "big", "3000000000"; "x", "2.5" ]

                for text in
                    [
                        "a = 5"
                        "a = '5'"
                        "5 = a"
                        "a > 4 AND a < 5.5"
                        "a BETWEEN 5 AND 5"
                        "x > 2.4"
                        "missing IS NULL"
                        "a IS NOT NULL"
                        "s IN ('text')"
                        "s NOT IN ('other')"
                        "t = TRUE"
                        "s CONTAINS 'ex' AND s STARTSWITH 'te' AND s ENDSWITH 'xt'"
                        "s NOT CONTAINS 'q'"
                        "missing = 5 OR a = 5"
                        "big > 2999999999"
                        "TRUE"
                        "a <> 6"
                        "a > x"
                        "a NOT BETWEEN 6 AND 7"
                    ] do
                    if not (it text) then
                        failtest $"'{text}' does not match"

                for text in
                    [
                        "a = 6"
                        "missing = 5"
                        "missing <> 5"
                        "NOT (missing = 5)"
                        "missing NOT IN ('x')"
                        "missing NOT CONTAINS 'x'"
                        "s CONTAINS ''"
                        // A comparison that cannot be made spoils all.
                        "s > 5 OR a = 5"
                        "s = 5 OR a = 5"
                        "big > 5"
                        "x = 2"
                        "t"
                        "NULL"
                        "s > s"
                    ] do
                    if it text then
                        failtest $"'{text}' matches"
        ]

let private limits =
    testList
        "limits"
        [
            testCase "length and depth are limited"
            <| fun () ->
                let nested depth =
                    String.replicate depth "(" + "a" + String.replicate depth ")"

                (SqlParser.parse (nested 63)).IsOk |> shouldEqual true
                (SqlParser.parse (nested 64)).IsError |> shouldEqual true

                (SqlParser.parse (String.replicate 4_000 "- " + "a > 1")).IsError
                |> shouldEqual true

                (SqlParser.parse (String.replicate 4_000 "NOT " + "a")).IsError
                |> shouldEqual true

                (SqlParser.parse ("a" + String.replicate SqlParser.maxLength " ")).IsError
                |> shouldEqual true
                // A long chain is not deep.
                let chain = "a = 1" + String.replicate 1_600 " OR a"
                matches [ "a", "1" ] chain |> shouldEqual true
                matches [ "a", "2" ] chain |> shouldEqual false
        ]

let private filtering =
    testList
        "filtering"
        [
            testCase "a broker filters by SQL92 of a request and of a heartbeat"
            <| fun () ->
                let state =
                    (fresh (), [ 1..5 ])
                    ||> List.fold (fun state number -> sendOk 0L "T" $"m{number}" [ "n", string number ] state |> fst)

                let found pull state =
                    ask 0L 1 (pullCommand pull) state
                    |> snd
                    |> answerIn
                    |> decodeWith Pull.messages
                    |> recordsOf
                    |> List.map idOf

                found (sqlPull "n BETWEEN 2 AND 3 OR n = 5") state
                |> shouldEqual [ "m2"; "m3"; "m5" ]

                let state, _ =
                    ask
                        0L
                        5
                        (consumerHeartbeat
                            "c"
                            [
                                membership "G" MessageModel.Clustering [ subscriptionOf 1L ("T", BySql92 "n > 3") ]
                            ])
                        state

                found plainPull state |> shouldEqual [ "m4"; "m5" ]

            testCase "an invalid expression is refused by a check and by a pull"
            <| fun () ->
                let state, _ = sendOk 0L "T" "m" [] (fresh ())

                (ask 0L 1 (pullCommand (sqlPull "n >")) state |> snd |> answerIn).ResponseCode
                |> shouldEqual ResponseCode.SubscriptionParseFailed

                let check expression =
                    let command =
                        Examples.ask
                            {
                                ClientId = "c"
                                Group = "G"
                                Subscription = subscriptionOf 1L ("T", BySql92 expression)
                                Namespace = None
                            }
                            Heartbeat.check

                    (ask 0L 1 command state |> snd |> answerIn).ResponseCode

                check "n >" |> shouldEqual ResponseCode.SubscriptionParseFailed
                check "n > 1" |> shouldEqual ResponseCode.Success
        ]

[<Tests>]
let tests =
    testList "SQL92" [ grammar; refusedConditions; propertyValues; limits; filtering ]
