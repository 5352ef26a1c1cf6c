namespace RocketMq.Cli

open System.Buffers
open System.Text.Encodings.Web
open System.Text.Json

/// Reports as JSON: one document, or a line for each row. Times are in UTC, spans in milliseconds, what is unknown is null.
module JsonOutput =
    let private options isIndented =
        JsonWriterOptions(Indented = isIndented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

    let private writeCell (json: Utf8JsonWriter) (key: string) (cell: Cell) : unit =
        match cell with
        | Text text -> json.WriteString(key, text)
        | Number number
        | Bytes number -> json.WriteNumber(key, number)
        | Rate value
        | Share value when System.Double.IsFinite value -> json.WriteNumber(key, value)
        | Rate _
        | Share _ -> json.WriteNull key
        | Time time -> json.WriteString(key, CellText.utc time)
        | Duration span -> json.WriteNumber(key, int64 span.TotalMilliseconds)
        | Flag isSet -> json.WriteBoolean(key, isSet)
        | Unknown
        | Missing -> json.WriteNull key

    let private writeCells json (columns: Column list) (row: Cell list) =
        List.iter2 (fun (column: Column) cell -> writeCell json column.Key cell) columns row

    let private writeRow (json: Utf8JsonWriter) (columns: Column list) (row: Cell list) =
        json.WriteStartObject()
        writeCells json columns row
        json.WriteEndObject()

    let private writeFailures (json: Utf8JsonWriter) (failures: FailedServer list) =
        if not failures.IsEmpty then
            json.WriteStartArray "failures"

            for failure in failures do
                json.WriteStartObject()
                json.WriteString("server", failure.Server)
                json.WriteString("reason", failure.Reason)
                json.WriteEndObject()

            json.WriteEndArray()

    /// What is in the braces of a report: the fields of a record, or the rows of a table.
    let private writeContent (json: Utf8JsonWriter) (report: Report) =
        match report.Shape, report.Rows with
        | Record, [ row ] -> writeCells json report.Columns row
        | _ ->
            json.WriteStartArray "rows"

            for row in report.Rows do
                writeRow json report.Columns row

            json.WriteEndArray()

        if not report.Totals.IsEmpty then
            json.WriteStartObject "totals"

            for name, cell in report.Totals do
                writeCell json name cell

            json.WriteEndObject()

        writeFailures json report.Failures

    /// One document: an object with the rows of the one report or, of several, with an object for each.
    let write (reports: Report list) (target: IBufferWriter<byte>) : unit =
        use json = new Utf8JsonWriter(target, options true)
        json.WriteStartObject()

        match reports with
        | [ report ] -> writeContent json report
        | reports ->
            for report in reports do
                json.WriteStartObject report.Name
                writeContent json report
                json.WriteEndObject()

        json.WriteEndObject()
        json.Flush()
        target.Write("\n"B)

    /// An object a line for each row. Of several reports each line says which it belongs to.
    let writeLines (reports: Report list) (target: IBufferWriter<byte>) : unit =
        use json = new Utf8JsonWriter(target, options false)

        for report in reports do
            for row in report.Rows do
                json.WriteStartObject()

                if reports.Length > 1 then
                    json.WriteString("part", report.Name)

                writeCells json report.Columns row
                json.WriteEndObject()
                json.Flush()
                json.Reset()
                target.Write("\n"B)
