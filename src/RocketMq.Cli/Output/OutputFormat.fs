namespace RocketMq.Cli

open System
open System.Buffers
open System.Text

/// How what a command found is written.
type OutputFormat =
    | TableFormat
    | JsonFormat
    | JsonLinesFormat
    | CsvFormat

    override format.ToString() =
        match format with
        | TableFormat -> "table"
        | JsonFormat -> "json"
        | JsonLinesFormat -> "jsonl"
        | CsvFormat -> "csv"

module OutputFormat =
    /// All of them, by their names.
    let all = [ TableFormat; JsonFormat; JsonLinesFormat; CsvFormat ]

    /// By its name.
    let tryParse (text: string) : OutputFormat option =
        all |> List.tryFind (fun format -> string format = text)

    let private writeText (fill: StringBuilder -> unit) (target: IBufferWriter<byte>) =
        let text = StringBuilder()
        fill text
        Encoding.UTF8.GetBytes((text.ToString()).AsSpan(), target) |> ignore<int64>

    /// Writes reports as they are to be read. `limit` is the width of a terminal.
    let write format (zone: TimeZoneInfo) (limit: int option) (reports: Report list) (target: IBufferWriter<byte>) =
        match format with
        | TableFormat -> writeText (TableText.write zone limit reports) target
        | JsonFormat -> JsonOutput.write reports target
        | JsonLinesFormat -> JsonOutput.writeLines reports target
        | CsvFormat -> writeText (CsvOutput.write reports) target
