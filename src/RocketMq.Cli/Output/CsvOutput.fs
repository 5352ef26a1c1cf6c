namespace RocketMq.Cli

open System.Text

/// Reports as CSV (RFC 4180): a line of names, then a line for each row. Several reports have a blank line between them.
module CsvOutput =
    let private needsQuotes (text: string) =
        text.IndexOfAny([| ','; '"'; '\r'; '\n' |]) >= 0 || text <> text.Trim()

    let private field (text: string) =
        if needsQuotes text then
            "\"" + text.Replace("\"", "\"\"") + "\""
        else
            text

    let private writeFields (fields: string list) (target: StringBuilder) =
        target.Append(fields |> List.map field |> String.concat ",").Append("\r\n")
        |> ignore<StringBuilder>

    /// The line of names.
    let writeNames (report: Report) (target: StringBuilder) =
        writeFields (report.Columns |> List.map _.Key) target

    /// The lines of rows.
    let writeRows (report: Report) (target: StringBuilder) =
        for row in report.Rows do
            writeFields (row |> List.map CellText.plain) target

    /// All reports.
    let write (reports: Report list) (target: StringBuilder) : unit =
        reports
        |> List.iteri (fun index report ->
            if index > 0 then
                target.Append "\r\n" |> ignore<StringBuilder>

            writeNames report target
            writeRows report target)
