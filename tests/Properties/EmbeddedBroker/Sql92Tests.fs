/// Conditions on properties, as text and as what they mean.
module RocketMq.Protocol.Tests.Sql92Tests

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open RocketMq.Protocol
open RocketMq.Embedded
open RocketMq.Protocol.Tests.BrokerRig
open RocketMq.Protocol.Tests.ConsumerRig

// Expressions that a parser may give, and the properties of a message

let private names = [ "a"; "b"; "_c$1"; "Between2" ]

let private texts =
    [
        ""
        "x"
        "xy"
        "it's"
        "5"
        "-7"
        "2.5"
        "3000000000"
        "true"
        "''"
        "a OR b"
        "grüße"
    ]

let private property' = Gen.map Property (Gen.elements names)

let private number =
    Gen.oneof
        [
            Gen.map
                (fun value -> Constant(SqlWhole value))
                (Gen.elements [ 0L; 1L; 5L; 7L; 3_000_000_000L; Int64.MaxValue ])
            Gen.map (fun value -> Constant(SqlReal value)) (Gen.elements [ 0.5; 2.5; 5.0; 1e-7; 1e300 ])
        ]

let private part = Gen.elements [ Contains; StartsWith; EndsWith ]
let private order = Gen.elements [ Below; AtMost; Above; AtLeast ]

/// What can be more or less than something.
let private amount =
    Gen.oneof [ property'; number; Gen.map Negated number; Gen.map Negated property' ]

let private range =
    gen {
        let! value = amount
        let! low = Gen.elements [ 0L; 1L; 2L ]
        let! width = Gen.elements [ 0L; 3L; 10L ]
        return value, Constant(SqlWhole low), Constant(SqlWhole(low + width))
    }

let rec private condition size : Gen<SqlExpression> =
    let simple =
        [
            property'
            Gen.elements [ Constant(SqlTruth true); Constant(SqlTruth false) ]
            Gen.map3 (fun order left right -> Ordered(order, left, right)) order amount amount
            Gen.map2 (fun left right -> Equal(left, right)) property' amount
            Gen.map2 (fun left text -> Unequal(left, Constant(SqlText text))) property' (Gen.elements texts)
            Gen.map IsNull amount
            Gen.map IsNotNull property'
            Gen.map Between range
            Gen.map NotBetween range
            Gen.map2 (fun name texts -> In(name, texts)) (Gen.elements names) (Gen.nonEmptyListOf (Gen.elements texts))
            Gen.map2
                (fun name texts -> NotIn(name, texts))
                (Gen.elements names)
                (Gen.nonEmptyListOf (Gen.elements texts))
            Gen.map3 (fun part left text -> Has(part, left, text)) part property' (Gen.elements texts)
            Gen.map3 (fun part left text -> HasNot(part, left, text)) part property' (Gen.elements texts)
        ]

    if size <= 1 then
        Gen.oneof simple
    else
        let smaller = condition (size / 2)

        Gen.oneof (
            simple
            @ [
                Gen.map Not smaller
                Gen.map2 (fun left right -> And(left, right)) smaller smaller
                Gen.map2 (fun left right -> Or(left, right)) smaller smaller
                Gen.map2 (fun left right -> Equal(left, right)) smaller smaller
                Gen.map IsNull smaller
            ]
        )

type internal Condition = Condition of SqlExpression
type internal Bag = Bag of Map<string, string>

type internal Arbitraries =
    static member Condition() =
        Arb.fromGen (Gen.sized (fun size -> Gen.map Condition (condition (min size 24))))

    static member Bag() =
        Gen.elements names
        |> Gen.zip (Gen.elements texts)
        |> Gen.listOf
        |> Gen.map (fun pairs -> pairs |> List.map (fun (text, name) -> name, text) |> Map.ofList |> Bag)
        |> Arb.fromGen

let private config =
    { FsCheckConfig.defaultConfig with
        maxTest = 500
        arbitrary = [ typeof<Arbitraries> ]
    }

let private findIn properties name =
    Map.tryFind name properties |> Option.toValueOption

let private parse text =
    match SqlParser.parse text with
    | Ok expression -> expression
    | Error reason -> failtest $"'{text}': {reason}"

let private matches properties text =
    SqlFilter.matches (findIn (Map.ofList properties)) (parse text)

// A second opinion: values are texts, decimals and truths; a fault is an exception, as in Java

exception private Incomparable

let private asWhole (among: decimal) (text: string) =
    match
        Int64.TryParse(text, Globalization.NumberStyles.AllowLeadingSign, Globalization.CultureInfo.InvariantCulture)
    with
    | true, value when abs among > 2147483647m || abs (decimal value) <= 2147483647m -> float value
    | _ -> raise Incomparable

let private asReal (text: string) =
    match Double.TryParse(text, Globalization.NumberStyles.Float, Globalization.CultureInfo.InvariantCulture) with
    | true, value -> value
    | _ -> raise Incomparable

let private orderedBy order (left: float) (right: float) =
    match order with
    | Below -> left < right
    | AtMost -> left <= right
    | Above -> left > right
    | AtLeast -> left >= right

let rec private reference (bag: Map<string, string>) expression : obj | null =
    let it = reference bag

    let truthOf expression =
        match expression with
        | Property name -> if bag.ContainsKey name then box false else null
        | other -> it other

    let rec compare order (left: obj | null) (right: obj | null) : obj | null =
        match left, right with
        | null, _
        | _, null -> null
        | (:? string as left), (:? string as right) -> box (orderedBy order (asReal left) (asReal right))
        | (:? string as left), (:? int64 as right) -> box (orderedBy order (asWhole (decimal right) left) (float right))
        | (:? int64 as left), (:? string as right) -> box (orderedBy order (float left) (asWhole (decimal left) right))
        | (:? string as left), (:? float as right) -> box (orderedBy order (asReal left) right)
        | (:? float as left), (:? string as right) -> box (orderedBy order left (asReal right))
        | (:? int64 as left), (:? int64 as right) -> box (orderedBy order (float left) (float right))
        | (:? float as left), (:? float as right) -> box (orderedBy order left right)
        | (:? int64 as left), (:? float as right) -> box (orderedBy order (float left) right)
        | (:? float as left), (:? int64 as right) -> box (orderedBy order left (float right))
        | _ -> failtest "no such comparison is made"

    let equal (left: obj | null) (right: obj | null) : obj | null =
        match left, right with
        | null, null -> box true
        | null, _ -> null
        | _, null -> box false
        | (:? bool as left), (:? bool as right) -> box ((left = right))
        | (:? string as left), (:? string as right) -> box ((left = right))
        | (:? string as left), (:? bool as right) ->
            box (String.Equals(left, "true", StringComparison.OrdinalIgnoreCase) = right)
        | (:? bool), (:? string) -> raise Incomparable
        | (:? bool), _
        | _, (:? bool) -> box false
        | left, right ->
            match compare AtMost left right, compare AtLeast left right with
            | (:? bool as a), (:? bool as b) -> box (a && b)
            | _ -> null

    let invert (value: obj | null) : obj | null =
        match value with
        | :? bool as truth -> box (not truth)
        | other -> other

    let logic stop (left: SqlExpression) (right: SqlExpression) : obj | null =
        match truthOf left with
        | :? bool as truth when truth = stop -> box stop
        | left ->
            match left, truthOf right with
            | _, (:? bool as truth) when truth = stop -> box stop
            | null, _
            | _, null -> null
            | _ -> box (not stop)

    let part has kind operand (sought: string) : obj | null =
        match it operand with
        | :? string as text when sought <> "" ->
            let index =
                match kind with
                | Contains -> text.IndexOf(sought, StringComparison.Ordinal) >= 0
                | StartsWith -> text.IndexOf(sought, StringComparison.Ordinal) = 0
                | EndsWith ->
                    text.Length >= sought.Length
                    && text.Substring(text.Length - sought.Length) = sought

            box ((index = has))
        | _ -> box false

    match expression with
    | Constant SqlNull -> null
    | Constant(SqlTruth truth) -> box truth
    | Constant(SqlWhole value) -> box value
    | Constant(SqlReal value) -> box value
    | Constant(SqlText text) -> box text
    | Property name ->
        match Map.tryFind name bag with
        | Some text -> box text
        | None -> null
    | Negated operand ->
        match it operand with
        | :? int64 as value -> box -value
        | :? float as value -> box -value
        | _ -> null
    | Not operand -> invert (truthOf operand)
    | And(left, right) -> logic false left right
    | Or(left, right) -> logic true left right
    | Equal(left, right) -> equal (it left) (it right)
    | Unequal(left, right) -> invert (equal (it left) (it right))
    | Ordered(order, left, right) -> compare order (it left) (it right)
    | IsNull operand -> box (isNull (it operand))
    | IsNotNull operand -> box (not (isNull (it operand)))
    | Between(value, low, high) -> logic false (Ordered(AtLeast, value, low)) (Ordered(AtMost, value, high))
    | NotBetween(value, low, high) -> logic true (Ordered(Below, value, low)) (Ordered(Above, value, high))
    | In(name, texts) ->
        match it (Property name) with
        | :? string as text -> box (List.exists (fun other -> other = text) texts)
        | _ -> null
    | NotIn(name, texts) -> invert (it (In(name, texts)))
    | Has(kind, operand, text) -> part true kind operand text
    | HasNot(kind, operand, text) -> part false kind operand text

let private referenceMatches bag expression =
    try
        let result =
            match expression with
            | Property _ -> null
            | other -> reference bag other

        match result with
        | :? bool as truth -> truth
        | _ -> false
    with Incomparable ->
        false

// Text of all kinds

let private pieces =
    [
        "a"
        "b"
        "5"
        "0"
        "5."
        ".5"
        "1e9"
        "9L"
        "'x'"
        "''"
        "'"
        "("
        ")"
        ","
        "="
        "<>"
        "<"
        ">="
        "+"
        "-"
        "--"
        "/*"
        "*/"
        "\n"
        " "
        "NOT"
        "and"
        "OR"
        "BETWEEN"
        "IN"
        "IS"
        "NULL"
        "TRUE"
        "CONTAINS"
        "ENDSWITH"
        "#"
        "\000"
        "ü"
        "99999999999999999999"
    ]

type internal Garbage = Garbage of string

type internal GarbageArbitraries =
    static member Garbage() =
        Gen.oneof
            [
                Gen.listOf (Gen.elements pieces) |> Gen.map (String.concat " ")
                Gen.listOf (Gen.elements pieces) |> Gen.map (String.concat "")
                ArbMap.defaults
                |> ArbMap.generate<char list>
                |> Gen.map (fun units -> String(Array.ofList units))
            ]
        |> Gen.map Garbage
        |> Arb.fromGen

let private garbageConfig =
    { FsCheckConfig.defaultConfig with
        maxTest = 2_000
        arbitrary = [ typeof<GarbageArbitraries> ]
    }

let private sqlPull expression =
    { plainPull with
        Filter = Some(BySql92 expression)
    }

[<Tests>]
let tests =
    testList
        "SQL92"
        [
            testPropertyWithConfig config "what is printed reads as the same expression"
            <| fun (Condition expression) -> SqlParser.parse (SqlText.print expression) = Ok expression

            testPropertyWithConfig config "it matches as a second opinion says"
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

            testCase "what no broker takes"
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

            testCase "values of properties"
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

            testCase "a broker filters by it, by request and by heartbeat"
            <| fun () ->
                let state =
                    (fresh, [ 1..5 ])
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
                            [ membership "G" Clustering [ subscriptionOf 1L ("T", BySql92 "n > 3") ] ])
                        state

                found plainPull state |> shouldEqual [ "m4"; "m5" ]

            testCase "a bad expression is told when it is checked and when it is pulled by"
            <| fun () ->
                let state, _ = sendOk 0L "T" "m" [] fresh

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
