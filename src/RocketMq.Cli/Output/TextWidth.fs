namespace RocketMq.Cli

open System
open System.Text

/// How many columns of a terminal a text takes.
module TextWidth =
    /// East Asian letters and emoji take two columns, what combines with the letter before it none.
    let private ofRune (rune: Rune) =
        let value = rune.Value

        if value < 0x300 then
            1
        else
            match Rune.GetUnicodeCategory rune with
            | Globalization.UnicodeCategory.NonSpacingMark
            | Globalization.UnicodeCategory.EnclosingMark
            | Globalization.UnicodeCategory.Format -> 0
            | _ ->
                let isWide =
                    (value >= 0x1100 && value <= 0x115F)
                    || (value >= 0x2E80 && value <= 0xA4CF)
                    || (value >= 0xAC00 && value <= 0xD7A3)
                    || (value >= 0xF900 && value <= 0xFAFF)
                    || (value >= 0xFE30 && value <= 0xFE6F)
                    || (value >= 0xFF00 && value <= 0xFF60)
                    || (value >= 0xFFE0 && value <= 0xFFE6)
                    || (value >= 0x1F300 && value <= 0x1FAFF)
                    || (value >= 0x20000 && value <= 0x3FFFD)

                if isWide then 2 else 1

    let private isPlain (text: string) = Ascii.IsValid(text.AsSpan())

    /// The width of a text in columns.
    let measure (text: string) : int =
        if isPlain text then
            text.Length
        else
            let mutable width = 0

            for rune in text.EnumerateRunes() do
                width <- width + ofRune rune

            width

    /// The text, or as much of its beginning as fits with "…" behind it.
    let cut (most: int) (text: string) : string =
        if measure text <= most then
            text
        elif most <= 1 then
            "…"
        else
            let beginning = StringBuilder()
            let mutable width = 0
            let mutable isFull = false

            for rune in text.EnumerateRunes() do
                if not isFull then
                    let next = width + ofRune rune

                    if next > most - 1 then
                        isFull <- true
                    else
                        width <- next
                        beginning.Append(rune.ToString()) |> ignore<StringBuilder>

            beginning.Append('…').ToString()

    /// With blanks behind it, or before it, up to a width.
    let pad (width: int) (isRight: bool) (text: string) : string =
        let blanks = String(' ', max 0 (width - measure text))
        if isRight then blanks + text else text + blanks
