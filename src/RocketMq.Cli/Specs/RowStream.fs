namespace RocketMq.Cli

open System.Buffers
open System.Text

/// Rows that are written as they come. JSON, which is one document, waits for the last one.
[<Sealed>]
type RowStream(invocation: Invocation, name: string, columns: Column list) =
    let host = invocation.Host
    let rows = ResizeArray<Cell list>()
    let mutable widths: int list = []
    let mutable hasNames = false

    let limit =
        if host.OutputIsTerminal then
            Some(max 20 (host.Width()))
        else
            None

    let writeTable (added: Cell list list) =
        let report = Report.brief (Report.table name columns added)

        let cells =
            report.Rows |> List.map (List.map (CellText.ofCell (CommandHost.zone host)))

        let text = StringBuilder()

        if widths.IsEmpty then
            widths <- TableText.widths limit report.Columns cells

            text.Append(TableText.headings limit report.Columns widths).Append('\n')
            |> ignore<StringBuilder>

        for row in cells do
            text.Append(TableText.line limit report.Columns widths row).Append('\n')
            |> ignore<StringBuilder>

        CommandHost.writeText host (text.ToString())

    let writeCsv (added: Cell list list) =
        let report = Report.table name columns added
        let text = StringBuilder()

        if not hasNames then
            CsvOutput.writeNames report text
            hasNames <- true

        CsvOutput.writeRows report text
        CommandHost.writeText host (text.ToString())

    let writeLines (added: Cell list list) =
        let buffer = ArrayBufferWriter<byte>()
        JsonOutput.writeLines [ Report.table name columns added ] buffer
        CommandHost.write host buffer.WrittenMemory

    /// Writes rows, all at once.
    member _.Add(added: Cell list list) : Result<unit, Failure> =
        if added.IsEmpty then
            Ok()
        else
            match invocation.Format with
            | TableFormat -> writeTable added
            | JsonLinesFormat -> writeLines added
            | CsvFormat -> writeCsv added
            | JsonFormat ->
                rows.AddRange added
                Ok()

    /// Writes what is missing yet. `failures` go to standard error as well.
    member _.Finish(failures: FailedServer list) : Result<unit, Failure> =
        let report =
            { Report.table name columns (List.ofSeq rows) with
                Failures = failures
            }

        Invocation.noteFailures invocation [ report ]

        match invocation.Format with
        | JsonFormat -> Invocation.write invocation [ report ]
        | _ -> Ok()
