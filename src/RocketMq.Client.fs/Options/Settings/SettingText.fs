namespace RocketMq

open System
open System.Text

/// A text of settings, "name=value;name=value", taken apart and put together. A value with ';' in it, or with quotes or
/// blanks at its ends, stands in double quotes, and a quote within it twice. Blanks around names and values do not count.
///
/// Problems tell the place of a setting, never its text: it may be part of a secret that was not quoted.
module internal SettingText =
    /// What stands between two semicolons.
    type private Part =
        | Pair of name: string * value: string
        /// No '=' in it.
        | Bare of text: string
        | Bad of problem: string

    /// Where the part that begins at `start` ends, quotes respected only within a value that begins with one.
    let private quotedValue (text: string) (start: int) =
        let value = StringBuilder()

        let rec read index =
            if index >= text.Length then
                None
            elif text[index] <> '"' then
                value.Append text[index] |> ignore<StringBuilder>
                read (index + 1)
            elif index + 1 < text.Length && text[index + 1] = '"' then
                value.Append '"' |> ignore<StringBuilder>
                read (index + 2)
            else
                Some(string value, index + 1)

        read (start + 1)

    let private semicolonFrom (text: string) (start: int) =
        match text.IndexOf(';', start) with
        | -1 -> text.Length
        | place -> place

    let private skipBlanks (text: string) (start: int) =
        let mutable index = start

        while index < text.Length && Char.IsWhiteSpace text[index] do
            index <- index + 1

        index

    /// The part at a place, and where the next one begins.
    let private partAt (text: string) (start: int) : Part * int =
        let plainEnd = semicolonFrom text start

        match text.IndexOf('=', start, plainEnd - start) with
        | -1 -> Bare(text.Substring(start, plainEnd - start).Trim()), plainEnd + 1
        | equals ->
            let name = text.Substring(start, equals - start).Trim()
            let valueStart = skipBlanks text (equals + 1)

            if valueStart >= text.Length || text[valueStart] <> '"' then
                Pair(name, text.Substring(equals + 1, plainEnd - equals - 1).Trim()), plainEnd + 1
            else
                match quotedValue text valueStart with
                | None -> Bad "its quote is not closed", text.Length
                | Some(value, behind) ->
                    let next = semicolonFrom text behind

                    if skipBlanks text behind >= next then
                        Pair(name, value), next + 1
                    else
                        Bad "there is text behind its closing quote", next + 1

    let private parts (text: string) : Part list =
        let rec read start found =
            if start >= text.Length then
                List.rev found
            else
                let part, next = partAt text start
                read next (part :: found)

        read 0 [] |> List.filter (fun part -> part <> Bare "")

    let private isNamed (expected: string) (name: string) =
        String.Equals(expected, name, StringComparison.OrdinalIgnoreCase)

    /// Pairs of name and value. What follows the setting `listName` without a '=' is more of that list.
    let split (listName: string) (text: string) : Result<(string * string) list, string list> =
        let add (pairs, problems) (number, part) =
            match part, pairs with
            | Pair(name, value), _ -> (name, value) :: pairs, problems
            | Bare more, (name, value) :: earlier when isNamed listName name ->
                (name, $"{value};{more}") :: earlier, problems
            | Bare _, _ ->
                let problem =
                    "it has no '=': write name=value, and a value with ';' in double quotes"

                pairs, invariant $"setting {number}: {problem}" :: problems
            | Bad problem, _ -> pairs, invariant $"setting {number}: {problem}" :: problems

        match
            parts text
            |> List.indexed
            |> List.map (fun (index, part) -> index + 1, part)
            |> List.fold add ([], [])
        with
        | pairs, [] -> Ok(List.rev pairs)
        | _, problems -> Error(List.rev problems)

    let private quoted (value: string) =
        if value.Contains ';' || value.Contains '"' || value <> value.Trim() then
            "\"" + value.Replace("\"", "\"\"") + "\""
        else
            value

    /// The text that `split` takes apart into these pairs.
    let join (pairs: (string * string) list) : string =
        pairs
        |> List.map (fun (name, value) -> $"{name}={quoted value}")
        |> String.concat ";"
