namespace RocketMq.Cli

open RocketMq
open System
open System.Globalization

/// Cells as text for people, and for CSV.
module CellText =
    let private culture = CultureInfo.InvariantCulture

    /// A span as "1h 02m", "2m 05s", "3.2s" or "15ms": two units at most.
    let duration (span: TimeSpan) : string =
        let sign = if span < TimeSpan.Zero then "-" else ""
        let span = span.Duration()

        let text =
            if span.TotalDays >= 1.0 then
                invariant $"{int span.TotalDays}d {span.Hours:D2}h"
            elif span.TotalHours >= 1.0 then
                invariant $"{span.Hours}h {span.Minutes:D2}m"
            elif span.TotalMinutes >= 1.0 then
                invariant $"{span.Minutes}m {span.Seconds:D2}s"
            elif span.TotalSeconds >= 1.0 then
                invariant $"{Math.Floor(span.TotalSeconds * 10.0) / 10.0:F1}s"
            elif span.TotalMilliseconds >= 10.0 || span = TimeSpan.Zero then
                invariant $"{int span.TotalMilliseconds}ms"
            else
                invariant $"{span.TotalMilliseconds:F2}ms"

        sign + text

    let private units = [| "B"; "KiB"; "MiB"; "GiB"; "TiB"; "PiB" |]

    /// A size as "15 B" or "1.5 MiB".
    let bytes (count: int64) : string =
        let rec scale (value: float) unit =
            if abs value < 1024.0 || unit = units.Length - 1 then
                if unit = 0 then
                    invariant $"{count} B"
                else
                    invariant $"{value:F1} {units[unit]}"
            else
                scale (value / 1024.0) (unit + 1)

        scale (float count) 0

    /// A rate: two digits behind the point below 100, none above.
    let rate (value: float) : string =
        if Math.Abs value < 100.0 then
            value.ToString("0.##", culture)
        else
            value.ToString("F0", culture)

    /// A time with the offset of a zone, to the millisecond.
    let time (zone: TimeZoneInfo) (time: DateTimeOffset) : string =
        TimeZoneInfo.ConvertTime(time, zone).ToString("yyyy-MM-ddTHH:mm:ss.fffzzz", culture)

    /// A time in UTC, as machines read it.
    let utc (time: DateTimeOffset) : string =
        time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", culture)

    /// Text on one line: control characters, which would move a terminal's cursor, are dots.
    let oneLine (text: string) : string =
        if text |> Seq.exists Char.IsControl then
            String.map (fun character -> if Char.IsControl character then '·' else character) text
        else
            text

    /// A cell for people.
    let ofCell (zone: TimeZoneInfo) (cell: Cell) : string =
        match cell with
        | Text text -> oneLine text
        | Number number -> number.ToString culture
        | Rate value -> rate value
        | Time value -> time zone value
        | Duration span -> duration span
        | Bytes count -> bytes count
        | Share share -> (share * 100.0).ToString("F1", culture) + "%"
        | Flag isSet -> if isSet then "yes" else "no"
        | Unknown -> "?"
        | Missing -> "-"

    /// A cell for programs that read text: plain numbers, spans in milliseconds, times in UTC.
    let plain (cell: Cell) : string =
        match cell with
        | Text text -> text
        | Number number
        | Bytes number -> number.ToString culture
        | Rate value
        | Share value -> value.ToString("R", culture)
        | Time value -> utc value
        | Duration span -> (int64 span.TotalMilliseconds).ToString culture
        | Flag isSet -> if isSet then "true" else "false"
        | Unknown -> "?"
        | Missing -> ""
