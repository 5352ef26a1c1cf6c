namespace RocketMq

open System

/// Which messages of a topic a consumer wants.
type Filter =
    /// Tags joined with "||", or "*" for all.
    | ByTag of expression: string
    /// An SQL92 expression over properties; brokers need `enablePropertyFilter=true`.
    | BySql92 of expression: string

    override filter.ToString() =
        match filter with
        | ByTag expression -> $"ByTag {expression}"
        | BySql92 expression -> $"BySql92 {expression}"

module Filter =
    /// Every message.
    let all = ByTag "*"

    /// The expression, as it travels.
    let expression filter =
        match filter with
        | ByTag expression
        | BySql92 expression -> expression

    /// The expression's type, as it travels: `TAG` or `SQL92`. Source: ExpressionType.java.
    let typeName filter =
        match filter with
        | ByTag _ -> "TAG"
        | BySql92 _ -> "SQL92"

    /// Whether an expression of tags means every message: "*", or nothing at all.
    let isEveryTag (expression: string) =
        String.IsNullOrEmpty expression || expression = "*"

    /// As Java's `trim`: it takes away what is not above a blank, and no other white space.
    let private javaBlanks = [| '\000' .. ' ' |]

    /// The single tags of an expression, each once. None means every message to a client, whatever the expression is; to a
    /// broker, unless `isEveryTag` holds, it means no message. Source: FilterAPI.java.
    let tags (expression: string) : string list =
        if isEveryTag expression then
            []
        else
            expression.Split "||"
            |> Seq.map _.Trim(javaBlanks)
            |> Seq.filter (fun tag -> tag <> "")
            |> Seq.distinct
            |> List.ofSeq

    /// Whether Java reads an expression of tags at all: one that consists of separators only it does not.
    let isReadable (expression: string) =
        isEveryTag expression
        || expression.Split "||" |> Array.exists (fun part -> part <> "")

    let private refuse (filter: Filter) reason =
        Error(InvalidInput($"the subscription's expression '{expression filter}'", reason))

    /// A filter that a consumer may subscribe with. Fails on what Java's clients refuse, separators without a tag and an
    /// empty condition, and on what brokers take and then match no message with: blanks without a tag, and a star that does
    /// not stand alone but among blanks.
    let check (filter: Filter) : Result<Filter, InputError> =
        match filter with
        | BySql92 "" -> refuse filter "a condition is needed"
        | BySql92 _ -> Ok filter
        | ByTag expression when isEveryTag expression -> Ok filter
        | ByTag expression ->
            match tags expression with
            | [] -> refuse filter "it names no tag; '*' stands for every message"
            | [ "*" ] -> refuse filter "'*' has to stand alone, without blanks, to mean every message"
            | _ -> Ok filter

    /// The hash by which brokers tell tags apart, that of Java's texts: 31 * h + code unit, in 32 bits.
    let tagHash (tag: string) =
        let mutable hash = 0

        for unit in tag do
            hash <- 31 * hash + int unit

        hash

    /// A test whether a message that the broker let through matches. Brokers compare hashes of tags, so some that
    /// differ get through.
    let matcher (filter: Filter) : StoredMessage -> bool =
        match filter with
        | BySql92 _ -> fun _ -> true
        | ByTag expression ->
            match tags expression with
            | [] -> fun _ -> true
            | expected -> fun message -> Properties.hasAnyOf PropertyName.tags expected message.Properties

    /// As `matcher`, for a message at hand.
    let matches filter (message: StoredMessage) = matcher filter message
