namespace RocketMq.Protocol

open System
open System.Buffers.Text

/// Texts of JSON as bytes, whatever they hold.
module internal JsonText =
    /// Stands for half a character, which UTF-8 has no bytes for: with it a text is not valid, and reads as U+FFFD there.
    let private noCharacter = 0xFFuy

    /// The 16-bit unit of the escape \uXXXX at a place, or -1 if there is none.
    let private unitAt (escaped: ReadOnlySpan<byte>) (place: int) =
        let mutable unit' = 0
        let mutable consumed = 0

        if
            place + 6 <= escaped.Length
            && escaped[place] = '\\'B
            && escaped[place + 1] = 'u'B
            && Utf8Parser.TryParse(escaped.Slice(place + 2, 4), &unit', &consumed, 'x')
            && consumed = 4
        then
            unit'
        else
            -1

    let private isHigh unit' = unit' >= 0xD800 && unit' <= 0xDBFF
    let private isLow unit' = unit' >= 0xDC00 && unit' <= 0xDFFF

    let private plain (letter: byte) =
        match letter with
        | 'b'B -> '\b'B
        | 'f'B -> '\f'B
        | 'n'B -> '\n'B
        | 'r'B -> '\r'B
        | 't'B -> '\t'B
        | letter -> letter

    let private putCharacter (scalar: int) (destination: Span<byte>) =
        Text.Rune(scalar).EncodeToUtf8 destination

    /// Writes a text without its escapes, and gives the bytes written, never more than the escaped ones. `escaped` has been
    /// accepted by a JSON reader; what it holds besides escapes is copied as it is.
    let unescape (escaped: ReadOnlySpan<byte>) (destination: Span<byte>) : int =
        let mutable read = 0
        let mutable written = 0

        while read < escaped.Length do
            let rest = escaped.Slice read

            let escape = rest.IndexOf('\\'B)
            let copied = if escape < 0 then rest.Length else escape
            rest.Slice(0, copied).CopyTo(destination.Slice written)
            read <- read + copied
            written <- written + copied

            if read + 1 < escaped.Length then
                match unitAt escaped read with
                | -1 ->
                    destination[written] <- plain escaped[read + 1]
                    read <- read + 2
                    written <- written + 1
                | high when isHigh high && isLow (unitAt escaped (read + 6)) ->
                    let scalar =
                        0x10000 + ((high - 0xD800) <<< 10) + (unitAt escaped (read + 6) - 0xDC00)

                    read <- read + 12
                    written <- written + putCharacter scalar (destination.Slice written)
                | half when isHigh half || isLow half ->
                    destination[written] <- noCharacter
                    read <- read + 6
                    written <- written + 1
                | scalar ->
                    read <- read + 6
                    written <- written + putCharacter scalar (destination.Slice written)
            else
                // A backslash at the end, which no reader lets through.
                read <- escaped.Length

        written
