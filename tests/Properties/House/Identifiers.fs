/// The identifiers of a source text, in F# or C#: what is left without comments, texts, characters and quoted names. Holes of
/// interpolated texts count, and placeholders of log templates.
module RocketMq.Protocol.Tests.Identifiers

open System.Text.RegularExpressions

let private tokens =
    Regex(
        String.concat
            "|"
            [
                @"//[^\n]*"
                @"/\*.*?\*/"
                @"\(\*(?!\)).*?\*\)"
                @"``[^`\n]*``"
                @"(?<filled>\$@?""""""(?s:.*?)"""""")"
                @"(?<plain>@?""""""(?s:.*?)"""""")"
                @"(?<filled>(?:\$@|@\$)""(?:[^""]|"""")*"")"
                @"(?<plain>@""(?:[^""]|"""")*"")"
                @"(?<filled>\$""(?:\\.|\{\{|\{(?:[^{}""]|""(?:\\.|[^""\\])*""|\{[^{}]*\})*\}|[^""\\{])*"")"
                @"(?<plain>""(?:\\.|[^""\\])*"")"
                @"(?<![A-Za-z0-9_'])'(?:\\[^\n']+|\\'|[^\\'\n])'"
                @"(?<word>[A-Za-z_][A-Za-z0-9_']*)"
            ],
        RegexOptions.Singleline ||| RegexOptions.CultureInvariant
    )

let private hole = Regex(@"(?<!\{)(?:\{\{)*\{(?!\{)((?:[^{}]|\{[^{}]*\})*)\}")

let private placeholder = Regex(@"\{([A-Z][A-Za-z0-9]*)\}")

let rec private within (text: string) (offset: int) : (int * string) list =
    [
        for token in tokens.Matches text do
            if token.Groups["word"].Success then
                offset + token.Index, token.Value
            elif token.Groups["filled"].Success then
                for found in hole.Matches token.Value do
                    yield! within found.Groups[1].Value (offset + token.Index + found.Groups[1].Index)
            elif token.Groups["plain"].Success then
                for found in placeholder.Matches token.Value do
                    offset + token.Index + found.Groups[1].Index, found.Groups[1].Value
    ]

/// Each with where it begins in the text, keywords included.
let ofSource (text: string) : (int * string) list = within text 0

/// The words that an identifier is made of, in small letters.
let words (identifier: string) : string list =
    [
        for part in Regex.Matches(identifier, "[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+") -> part.Value.ToLowerInvariant()
    ]
