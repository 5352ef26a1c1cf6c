namespace RocketMq.Cli

open RocketMq
open System

/// What is in a row at a column. `Unknown` is what a server did not say, `Missing` what there is none of: neither is 0.
type Cell =
    | Text of string
    | Number of int64
    | Rate of float
    | Time of DateTimeOffset
    | Duration of TimeSpan
    | Bytes of int64
    /// 0 to 1.
    | Share of float
    | Flag of bool
    | Unknown
    | Missing

    override cell.ToString() =
        match cell with
        | Text text -> text
        | Number number -> invariant $"{number}"
        | Rate rate -> invariant $"{rate}"
        | Time time -> invariant $"{time:O}"
        | Duration span -> invariant $"{span}"
        | Bytes count -> invariant $"{count}"
        | Share share -> invariant $"{share}"
        | Flag isSet -> if isSet then "true" else "false"
        | Unknown -> "?"
        | Missing -> "-"

/// What a column holds. It says how a terminal aligns and cuts it.
type ColumnKind =
    | Words
    /// Free text of any length, such as a body: cut first where a terminal is narrow.
    | Prose
    | Figures

/// One column: its heading in tables and its name in machine-readable output.
type Column =
    {
        /// As in JSON and CSV: camel case.
        Key: string
        Kind: ColumnKind
        /// Left out of tables, where it would take the room of what people look for.
        IsDetail: bool
    }

    /// As in tables: "maxOffset" is "MAX OFFSET".
    member column.Heading =
        let text = Text.StringBuilder()

        for character in column.Key do
            if Char.IsAsciiLetterUpper character then
                text.Append ' ' |> ignore<Text.StringBuilder>

            text.Append(Char.ToUpperInvariant character) |> ignore<Text.StringBuilder>

        text.ToString()

/// A server that did not answer as it should, and why.
type FailedServer = { Server: string; Reason: string }

/// How the rows of a report are laid out for people.
type Shape =
    | Table
    /// One row, each cell on a line of its own behind its heading.
    | Record

/// One table of what a command found or did: all forms of output are made of it.
type Report =
    {
        /// The name of this part where a command prints several, such as "queues".
        Name: string
        Shape: Shape
        Columns: Column list
        Rows: Cell list list
        /// Sums below the table.
        Totals: (string * Cell) list
        /// Servers whose part is missing. They go to standard error, and into JSON.
        Failures: FailedServer list
    }

module Report =
    /// A column of words.
    let words key : Column =
        {
            Key = key
            Kind = Words
            IsDetail = false
        }

    /// A column of figures, aligned to the right.
    let figures key : Column = { words key with Kind = Figures }

    /// A column of text of any length.
    let prose key : Column = { words key with Kind = Prose }

    /// A column that tables leave out.
    let detail (column: Column) : Column = { column with IsDetail = true }

    /// Without the columns that tables leave out.
    let brief (report: Report) : Report =
        let isShown = report.Columns |> List.map (fun column -> not column.IsDetail)

        let choose (cells: 'T list) =
            List.zip isShown cells |> List.filter fst |> List.map snd

        { report with
            Columns = choose report.Columns
            Rows = report.Rows |> List.map choose
        }

    /// A table.
    let table name columns rows : Report =
        {
            Name = name
            Shape = Table
            Columns = columns
            Rows = rows
            Totals = []
            Failures = []
        }

    /// A single thing: its fields with their names.
    let record name (fields: (string * Cell) list) : Report =
        { table name (fields |> List.map (fst >> words)) [ fields |> List.map snd ] with
            Shape = Record
        }

    /// What is unknown or missing, or else what `cell` makes of it.
    let optional absent (cell: 'T -> Cell) (value: 'T option) : Cell =
        value |> Option.map cell |> Option.defaultValue absent
