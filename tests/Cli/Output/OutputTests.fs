module RocketMq.Cli.Tests.OutputTests

open System
open System.Buffers
open System.Text
open System.Text.Json
open RocketMq.Protocol.Tests
open RocketMq.Cli

let private zone = ZonedClock().LocalTimeZone
let private noon = DateTimeOffset(2025, 3, 1, 12, 0, 0, TimeSpan.Zero)

let private report: Report =
    { Report.table
          "things"
          [
              Report.words "name"
              Report.figures "maxOffset"
              Report.figures "size"
              Report.words "storedAt"
              Report.figures "delay"
              Report.detail (Report.words "id")
              Report.prose "body"
          ]
          [
              [
                  Text "one"
                  Number 7L
                  Bytes 1536L
                  Time noon
                  Duration(TimeSpan.FromSeconds 125L)
                  Text "A1"
                  Text "a,\"b\"\nc"
              ]
              [ Text "two"; Unknown; Unknown; Missing; Missing; Missing; Text "plain" ]
          ] with
        Totals = [ "lag", Number 7L ]
        Failures =
            [
                {
                    Server = "broker-b"
                    Reason = "it is away"
                }
            ]
    }

let private write format limit =
    let buffer = ArrayBufferWriter<byte>()
    OutputFormat.write format zone limit [ report ] buffer
    Encoding.UTF8.GetString buffer.WrittenSpan

/// Fields of CSV as RFC 4180 says; its own reader, so that the writer is not its own judge.
let private readCsv (text: string) : string list list =
    let rec field (index: int) (read: StringBuilder) : string * int =
        if index >= text.Length then
            read.ToString(), index
        elif text[index] = '"' then
            quoted (index + 1) read
        elif text[index] = ',' || text[index] = '\r' then
            read.ToString(), index
        else
            field (index + 1) (read.Append text[index])

    and quoted index read =
        if text[index] = '"' && index + 1 < text.Length && text[index + 1] = '"' then
            quoted (index + 2) (read.Append '"')
        elif text[index] = '"' then
            field (index + 1) read
        else
            quoted (index + 1) (read.Append text[index])

    let rec record index fields records =
        if index >= text.Length then
            List.rev records
        else
            let value, next = field index (StringBuilder())

            if next < text.Length && text[next] = ',' then
                record (next + 1) (value :: fields) records
            else
                record (next + 2) [] (List.rev (value :: fields) :: records)

    record 0 [] []

let private textReport (texts: string list list) =
    Report.table "texts" [ Report.words "one"; Report.prose "two" ] (texts |> List.map (List.map Text))

let private forms =
    testList
        "forms"
        [
            testCase "a table aligns, leaves details out, and shows what is unknown as ? and what is missing as -"
            <| fun () ->
                CliRig.lines (write TableFormat None)
                |> shouldEqual
                    [
                        "NAME  MAX OFFSET     SIZE  STORED AT                       DELAY  BODY"
                        "one            7  1.5 KiB  2025-03-01T14:00:00.000+02:00  2m 05s  a,\"b\"·c"
                        "two            ?        ?  -                                   -  plain"
                        "lag: 7"
                    ]

            testCase "JSON has everything, times in UTC, and null where nothing is known"
            <| fun () ->
                use json = JsonDocument.Parse(write JsonFormat None)
                let rows = json.RootElement.GetProperty "rows"
                rows.GetArrayLength() |> shouldEqual 2

                rows[0].GetProperty("storedAt").GetString()
                |> shouldEqual "2025-03-01T12:00:00.000Z"

                rows[0].GetProperty("delay").GetInt64() |> shouldEqual 125_000L
                rows[0].GetProperty("id").GetString() |> shouldEqual "A1"
                rows[1].GetProperty("maxOffset").ValueKind |> shouldEqual JsonValueKind.Null

                json.RootElement.GetProperty("totals").GetProperty("lag").GetInt64()
                |> shouldEqual 7L

                let failures = json.RootElement.GetProperty "failures"
                failures[0].GetProperty("server").GetString() |> shouldEqual "broker-b"

            testCase "JSON lines are one object for each row"
            <| fun () ->
                let lines = CliRig.lines (write JsonLinesFormat None)
                lines.Length |> shouldEqual 2
                lines.Head |> shouldMention "\"name\":\"one\",\"maxOffset\":7,\"size\":1536"

            testCase "CSV quotes what has commas, quotes and line ends"
            <| fun () ->
                readCsv (write CsvFormat None)
                |> shouldEqual
                    [
                        [ "name"; "maxOffset"; "size"; "storedAt"; "delay"; "id"; "body" ]
                        [ "one"; "7"; "1536"; "2025-03-01T12:00:00.000Z"; "125000"; "A1"; "a,\"b\"\nc" ]
                        [ "two"; "?"; "?"; ""; ""; ""; "plain" ]
                    ]
        ]

let private properties =
    testList
        "properties"
        [
            property "no line is wider than the terminal, whatever the texts"
            <| fun (texts: (string * string) list) (width: int) ->
                let limit = 20 + abs (width % 200)

                let clean (text: string) = CliRig.orEmpty text

                let report =
                    textReport (texts |> List.map (fun (one, two) -> [ clean one; clean two ]))

                TableText.lines zone (Some limit) report
                |> List.forall (fun line -> TextWidth.measure line <= limit)

            property "CSV is read as it was written"
            <| fun (texts: (string * string) list) ->
                let clean (text: string) = CliRig.orEmpty text

                let rows = texts |> List.map (fun (one, two) -> [ clean one; clean two ])
                let text = StringBuilder()
                CsvOutput.write [ textReport rows ] text
                readCsv (text.ToString()) = [ "one"; "two" ] :: rows

            testCase "letters that take two columns are counted as two"
            <| fun () ->
                TextWidth.measure "訂單ab" |> shouldEqual 6
                TextWidth.cut 5 "訂單ab" |> shouldEqual "訂單…"
                TextWidth.measure "e\u0301" |> shouldEqual 1
        ]

let tests = testList "Output" [ forms; properties ]
