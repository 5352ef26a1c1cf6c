namespace RocketMq.Embedded

open System
open System.Globalization
open RocketMq

type internal SqlToken =
    | Word of string
    | Keyword of string
    | Literal of SqlConstant
    | Sign of string

    override token.ToString() =
        match token with
        | Word text
        | Keyword text
        | Sign text -> text
        | Literal constant -> SqlText.print (Constant constant)

/// The words and signs of an expression. Source: SelectorParser.jj.
module internal SqlTokens =
    let private keywords =
        set
            [
                "NOT"
                "AND"
                "OR"
                "BETWEEN"
                "IN"
                "TRUE"
                "FALSE"
                "NULL"
                "IS"
                "CONTAINS"
                "STARTSWITH"
                "ENDSWITH"
            ]

    let private isDigit (unit: char) = Char.IsAsciiDigit unit

    let private beginsWord unit =
        Char.IsAsciiLetter unit || unit = '_' || unit = '$'

    let private continuesWord unit = beginsWord unit || isDigit unit

    let private isBlank (unit: char) =
        match unit with
        | ' '
        | '\t'
        | '\n'
        | '\r'
        | '\f' -> true
        | _ -> false

    let private at (text: string) position =
        if position < text.Length then text[position] else '\000'

    let rec private skip accepts (text: string) position =
        if position < text.Length && accepts text[position] then
            skip accepts text (position + 1)
        else
            position

    /// The end of an exponent that begins here, or this position if none does.
    let private afterExponent (text: string) position =
        let afterE = position + 1

        let digits =
            if at text afterE = '+' || at text afterE = '-' then
                afterE + 1
            else
                afterE

        if (at text position = 'e' || at text position = 'E') && isDigit (at text digits) then
            skip isDigit text digits
        else
            position

    let private real (text: string) : Result<SqlToken, string> =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value && value > 0.0 -> Ok(Literal(SqlReal value))
        | _ -> Error $"{text} is no number that can be compared"

    let private whole (text: string) : Result<SqlToken, string> =
        match Int64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, value -> Ok(Literal(SqlWhole value))
        | _ -> Error $"{text} is too large"

    /// A number from here on, and where it ends. What begins with 0 is 0 alone, unless it is a broken number.
    let private number (text: string) start : Result<struct (SqlToken * int), string> =
        let digits = skip isDigit text start

        let fraction =
            if at text digits = '.' then
                skip isDigit text (digits + 1)
            else
                digits

        let finish = afterExponent text fraction

        if finish > digits then
            real (text.Substring(start, finish - start))
            |> Result.map (fun token -> struct (token, finish))
        elif text[start] = '0' then
            Ok(struct (Literal(SqlWhole 0L), start + 1))
        else
            let finish' =
                if Char.ToUpperInvariant(at text digits) = 'L' then
                    digits + 1
                else
                    digits

            whole (text.Substring(start, digits - start))
            |> Result.map (fun token -> struct (token, finish'))

    /// A text in single quotes; two of them stand for one.
    let private quoted (text: string) start : Result<struct (SqlToken * int), string> =
        let rec close (position: int) =
            match text.IndexOf('\'', position) with
            | -1 -> Error "a text does not end"
            | quote when at text (quote + 1) = '\'' -> close (quote + 2)
            | quote ->
                let value =
                    text.Substring(start + 1, quote - start - 1).Replace("''", "'", StringComparison.Ordinal)

                Ok(struct (Literal(SqlText value), quote + 1))

        close (start + 1)

    let private word (text: string) start : struct (SqlToken * int) =
        let finish = skip continuesWord text start
        let name = text.Substring(start, finish - start)
        let upper = name.ToUpperInvariant()
        struct ((if keywords.Contains upper then Keyword upper else Word name), finish)

    let private sign (text: string) start : Result<struct (SqlToken * int), string> =
        let two = text.Substring(start, min 2 (text.Length - start))

        match two, text[start] with
        | ("<>" | "<=" | ">="), _ -> Ok(struct (Sign two, start + 2))
        | _, ('=' | '<' | '>' | '(' | ')' | ',' | '+' | '-') -> Ok(struct (Sign(string text[start]), start + 1))
        | _, unit -> Error(invariant $"U+{int unit:X4} at {start} has no meaning")

    /// Behind a comment that begins here, or this position if none does. A comment to the end of a line needs that end.
    let private afterComment (text: string) position : Result<int, string> =
        match at text position, at text (position + 1) with
        | '-', '-' ->
            match text.IndexOfAny([| '\n'; '\r' |], position) with
            | -1 -> Ok position
            | finish -> Ok(finish + 1)
        | '/', '*' ->
            match text.IndexOf("*/", position + 2, StringComparison.Ordinal) with
            | -1 -> Error "a comment does not end"
            | finish -> Ok(finish + 2)
        | _ -> Ok position

    let private next (text: string) position : Result<struct (SqlToken * int), string> =
        let unit = text[position]

        if beginsWord unit then
            Ok(word text position)
        elif unit = '\'' then
            quoted text position
        elif isDigit unit || (unit = '.' && isDigit (at text (position + 1))) then
            number text position
        else
            sign text position

    /// All of a text's words and signs, or why it has something else.
    let read (text: string) : Result<SqlToken list, string> =
        let rec go position tokens =
            if position >= text.Length then
                Ok(List.rev tokens)
            elif isBlank text[position] then
                go (position + 1) tokens
            else
                match afterComment text position with
                | Error error -> Error error
                | Ok after when after > position -> go after tokens
                | Ok _ ->
                    match next text position with
                    | Error error -> Error error
                    | Ok(struct (token, after)) -> go after (token :: tokens)

        go 0 []
