/// Conditions on properties and texts that may be none, and a second opinion on what they mean.
module internal RocketMq.Protocol.Tests.Sql92Rig

open Expecto
open System
open FsCheck
open FsCheck.FSharp
open RocketMq.Embedded

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
        "-2147483648"
        "-9223372036854775808"
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
                (Gen.elements
                    [
                        0L
                        1L
                        5L
                        7L
                        2_147_483_647L
                        2_147_483_648L
                        3_000_000_000L
                        Int64.MaxValue
                    ])
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

        // Mostly composed: what a fault does shows in what stands around it.
        Gen.frequency
            [
                1, Gen.oneof simple
                1, Gen.map Not smaller
                3, Gen.map2 (fun left right -> And(left, right)) smaller smaller
                3, Gen.map2 (fun left right -> Or(left, right)) smaller smaller
                1, Gen.map2 (fun left right -> Equal(left, right)) smaller smaller
                1, Gen.map IsNull smaller
            ]

type Condition = Condition of SqlExpression
type Bag = Bag of Map<string, string>

type Arbitraries =
    static member Condition() =
        Arb.fromGen (Gen.sized (fun size -> Gen.map Condition (condition (min size 24))))

    static member Bag() =
        Gen.elements names
        |> Gen.zip (Gen.elements texts)
        |> Gen.listOf
        |> Gen.map (fun pairs -> pairs |> List.map (fun (text, name) -> name, text) |> Map.ofList |> Bag)
        |> Arb.fromGen

let private configOf least (arbitraries: System.Type) =
    { FsCheckConfig.defaultConfig with
        maxTest = max least caseCount
        replay = replayed
        arbitrary = [ arbitraries ]
    }

let config = configOf 500 typeof<Arbitraries>

let findIn properties name =
    Map.tryFind name properties |> Option.toValueOption

let parse text =
    match SqlParser.parse text with
    | Ok expression -> expression
    | Error reason -> failtest $"'{text}': {reason}"

let matches properties text =
    SqlFilter.matches (findIn (Map.ofList properties)) (parse text)

// A second opinion: values are texts, decimals and truths; a fault is an exception, as in Java

exception private Incomparable

let private asWhole (among: decimal) (text: string) =
    match
        Int64.TryParse(text, Globalization.NumberStyles.AllowLeadingSign, Globalization.CultureInfo.InvariantCulture)
    with
    | true, value when abs among > 2147483647m || (value >= -2147483648L && value <= 2147483647L) -> value
    | _ -> raise Incomparable

let private asReal (text: string) =
    match Double.TryParse(text, Globalization.NumberStyles.Float, Globalization.CultureInfo.InvariantCulture) with
    | true, value -> value
    | _ -> raise Incomparable

let private orderedBy order left right =
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
        | (:? string as left), (:? int64 as right) -> box (orderedBy order (asWhole (decimal right) left) right)
        | (:? int64 as left), (:? string as right) -> box (orderedBy order left (asWhole (decimal left) right))
        | (:? string as left), (:? float as right) -> box (orderedBy order (asReal left) right)
        | (:? float as left), (:? string as right) -> box (orderedBy order left (asReal right))
        | (:? int64 as left), (:? int64 as right) -> box (orderedBy order left right)
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

let referenceMatches bag expression =
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

type Garbage = Garbage of string

type GarbageArbitraries =
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

let garbageConfig = configOf 2_000 typeof<GarbageArbitraries>
