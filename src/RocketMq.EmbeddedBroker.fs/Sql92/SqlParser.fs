namespace RocketMq.Embedded

/// Reads expressions. What Java's brokers refuse is refused, in time: a comparison that can never be made is an error of
/// the subscription, not of each message. Source: SelectorParser.jj.
module internal SqlParser =
    /// The longest expression, in characters.
    let maxLength = 8_192

    /// How deep parentheses and signs may be nested.
    let maxDepth = 64

    type private Parsed = Result<struct (SqlExpression * SqlToken list), string>

    let private textOf expression = SqlText.print expression

    // What may stand where

    /// Says true, false or nothing for every message.
    let private isCondition expression =
        match expression with
        | Constant(SqlNull | SqlTruth _) -> true
        | Constant _
        | Property _
        | Negated _ -> false
        | _ -> true

    let private asCondition expression : Result<unit, string> =
        match expression with
        | Property _ -> Ok()
        | other when isCondition other -> Ok()
        | other -> Error $"{textOf other} is neither true nor false"

    let private asNumber expression : Result<unit, string> =
        match expression with
        | Constant(SqlWhole _ | SqlReal _)
        | Property _
        | Negated _ -> Ok()
        | other -> Error $"{textOf other} is neither more nor less than anything"

    let private canEqual left right : Result<unit, string> =
        match left, right with
        | Constant SqlNull, _
        | _, Constant SqlNull -> Error "nothing equals NULL: ask IS NULL"
        | Constant(SqlTruth _), Constant(SqlWhole _ | SqlReal _ | SqlText _) ->
            Error $"{textOf left} cannot be compared with {textOf right}"
        | _ -> Ok()

    let private isUpsideDown low high =
        match low, high with
        | Constant(SqlWhole low), Constant(SqlWhole high) -> low > high
        | Constant(SqlReal low), Constant(SqlReal high) -> low > high
        | Constant(SqlWhole low), Constant(SqlReal high) -> float low > high
        | Constant(SqlReal low), Constant(SqlWhole high) -> low > float high
        | _ -> false

    let private checkAll (checks: Result<unit, string> list) (expression: SqlExpression) rest : Parsed =
        match
            checks
            |> List.tryPick (fun check ->
                match check with
                | Error error -> Some error
                | Ok() -> None)
        with
        | Some error -> Error error
        | None -> Ok(struct (expression, rest))

    // The grammar, the weakest operators first

    let private unexpected tokens : Parsed =
        match tokens with
        | [] -> Error "the expression is not complete"
        | token :: _ -> Error $"{string token} is not expected"

    let rec private texts tokens found : Result<struct (string list * SqlToken list), string> =
        match tokens with
        | Literal(SqlText text) :: Sign "," :: rest -> texts rest (text :: found)
        | Literal(SqlText text) :: Sign ")" :: rest -> Ok(struct (List.rev (text :: found), rest))
        | _ -> Error "IN needs texts in parentheses"

    let private inList make left tokens : Parsed =
        match left with
        | Property name ->
            texts tokens []
            |> Result.map (fun (struct (texts, rest)) -> struct (make (name, texts), rest))
        | other -> Error $"IN needs a property, not {textOf other}"

    let private partOf keyword =
        match keyword with
        | "CONTAINS" -> ValueSome Contains
        | "STARTSWITH" -> ValueSome StartsWith
        | "ENDSWITH" -> ValueSome EndsWith
        | _ -> ValueNone

    let private (|PartOf|_|) keyword = partOf keyword |> ValueOption.toOption

    let rec private disjunction depth tokens : Parsed =
        conjunction depth tokens |> Result.bind (moreOf "OR" Or conjunction depth)

    and private conjunction depth tokens : Parsed =
        equality depth tokens |> Result.bind (moreOf "AND" And equality depth)

    and private moreOf keyword make operand depth (struct (left, tokens)) : Parsed =
        match tokens with
        | Keyword found :: rest when found = keyword ->
            operand depth rest
            |> Result.bind (fun (struct (right, rest)) ->
                checkAll [ asCondition left; asCondition right ] (make (left, right)) rest)
            |> Result.bind (moreOf keyword make operand depth)
        | _ -> Ok(struct (left, tokens))

    and private equality depth tokens : Parsed =
        comparison depth tokens |> Result.bind (moreEqualities depth)

    and private moreEqualities depth (struct (left, tokens)) : Parsed =
        let compareWith make rest =
            comparison depth rest
            |> Result.bind (fun (struct (right, rest)) -> checkAll [ canEqual left right ] (make (left, right)) rest)
            |> Result.bind (moreEqualities depth)

        match tokens with
        | Sign "=" :: rest -> compareWith Equal rest
        | Sign "<>" :: rest -> compareWith Unequal rest
        | Keyword "IS" :: Keyword "NULL" :: rest -> moreEqualities depth (struct (IsNull left, rest))
        | Keyword "IS" :: Keyword "NOT" :: Keyword "NULL" :: rest ->
            moreEqualities depth (struct (IsNotNull left, rest))
        | _ -> Ok(struct (left, tokens))

    and private comparison depth tokens : Parsed =
        unary depth tokens |> Result.bind (moreComparisons depth)

    and private moreComparisons depth (struct (left, tokens)) : Parsed =
        let order order rest =
            unary depth rest
            |> Result.bind (fun (struct (right, rest)) ->
                checkAll [ asNumber left; asNumber right ] (Ordered(order, left, right)) rest)

        let between make rest =
            unary depth rest
            |> Result.bind (fun (struct (low, rest)) ->
                match rest with
                | Keyword "AND" :: rest ->
                    unary depth rest
                    |> Result.bind (fun (struct (high, rest)) ->
                        checkAll [ asNumber left; asNumber low; asNumber high ] (make (left, low, high)) rest)
                | _ -> Error "BETWEEN needs AND")

        let found =
            match tokens with
            | Sign ">" :: rest -> ValueSome(order Above rest)
            | Sign ">=" :: rest -> ValueSome(order AtLeast rest)
            | Sign "<" :: rest -> ValueSome(order Below rest)
            | Sign "<=" :: rest -> ValueSome(order AtMost rest)
            | Keyword(PartOf part) :: Literal(SqlText text) :: rest ->
                ValueSome(Ok(struct (Has(part, left, text), rest)))
            | Keyword "NOT" :: Keyword(PartOf part) :: Literal(SqlText text) :: rest ->
                ValueSome(Ok(struct (HasNot(part, left, text), rest)))
            | Keyword "BETWEEN" :: rest ->
                between Between rest
                |> Result.bind (fun (struct (expression, rest)) ->
                    match expression with
                    | Between(_, low, high) when isUpsideDown low high ->
                        Error $"there is nothing between {textOf low} and {textOf high}"
                    | _ -> Ok(struct (expression, rest)))
                |> ValueSome
            | Keyword "NOT" :: Keyword "BETWEEN" :: rest -> ValueSome(between NotBetween rest)
            | Keyword "IN" :: Sign "(" :: rest -> ValueSome(inList In left rest)
            | Keyword "NOT" :: Keyword "IN" :: Sign "(" :: rest -> ValueSome(inList NotIn left rest)
            | _ -> ValueNone

        match found with
        | ValueSome parsed -> parsed |> Result.bind (moreComparisons depth)
        | ValueNone -> Ok(struct (left, tokens))

    and private unary depth tokens : Parsed =
        if depth >= maxDepth then
            Error $"it is nested more than {string maxDepth} deep"
        else
            match tokens with
            | Sign "+" :: rest -> unary (depth + 1) rest
            | Sign "-" :: rest ->
                unary (depth + 1) rest
                |> Result.map (fun (struct (operand, rest)) -> struct (Negated operand, rest))
            | Keyword "NOT" :: rest ->
                unary (depth + 1) rest
                |> Result.bind (fun (struct (operand, rest)) -> checkAll [ asCondition operand ] (Not operand) rest)
            | Sign "(" :: rest ->
                disjunction (depth + 1) rest
                |> Result.bind (fun (struct (operand, rest)) ->
                    match rest with
                    | Sign ")" :: rest -> Ok(struct (operand, rest))
                    | _ -> Error "a parenthesis does not close")
            | Literal constant :: rest -> Ok(struct (Constant constant, rest))
            | Keyword "TRUE" :: rest -> Ok(struct (Constant(SqlTruth true), rest))
            | Keyword "FALSE" :: rest -> Ok(struct (Constant(SqlTruth false), rest))
            | Keyword "NULL" :: rest -> Ok(struct (Constant SqlNull, rest))
            | Word name :: rest -> Ok(struct (Property name, rest))
            | _ -> unexpected tokens

    /// The condition that a text states, or why it states none.
    let parse (text: string) : Result<SqlExpression, string> =
        if text.Length > maxLength then
            Error $"it has {string text.Length} characters, the limit is {string maxLength}"
        else
            SqlTokens.read text
            |> Result.bind (disjunction 0)
            |> Result.bind (fun (struct (expression, rest)) ->
                match rest with
                | [] -> asCondition expression |> Result.map (fun () -> expression)
                | rest -> unexpected rest |> Result.map (fun (struct (expression, _)) -> expression))
