namespace RocketMq.Cli

open System
open System.Globalization

/// Times, spans and sizes as people write them.
module TimeText =
    let private culture = CultureInfo.InvariantCulture

    let private units =
        [
            "ms", TimeSpan.TicksPerMillisecond
            "s", TimeSpan.TicksPerSecond
            "m", TimeSpan.TicksPerMinute
            "h", TimeSpan.TicksPerHour
            "d", TimeSpan.TicksPerDay
        ]

    let private amount (text: string) (suffix: string, ticks: int64) : TimeSpan option =
        if text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase) then
            let number = text.AsSpan(0, text.Length - suffix.Length)

            match Decimal.TryParse(number, NumberStyles.AllowDecimalPoint, culture) with
            | true, value when value <= 1_000_000_000m ->
                let all = value * decimal ticks

                if all <= decimal TimeSpan.MaxValue.Ticks then
                    Some(TimeSpan.FromTicks(int64 all))
                else
                    None
            | _ -> None
        else
            None

    /// A span: a number with ms, s, m, h or d behind it.
    let parseSpan (text: string) : Result<TimeSpan, string> =
        match units |> List.tryPick (amount (text.Trim())) with
        | Some span -> Ok span
        | None -> Error $"'{text}' is no span of time: write 500ms, 30s, 5m, 2h or 1d"

    let private sizes =
        [
            "kib", 1024m
            "mib", 1024m * 1024m
            "gib", 1024m * 1024m * 1024m
            "kb", 1024m
            "mb", 1024m * 1024m
            "gb", 1024m * 1024m * 1024m
            "k", 1024m
            "m", 1024m * 1024m
            "g", 1024m * 1024m * 1024m
            "b", 1m
            "", 1m
        ]

    /// A size in bytes: a number, with KB, MB or GB behind it for 1,024 times as much each.
    let parseBytes (text: string) : Result<int64, string> =
        let read (suffix: string, factor: decimal) =
            if text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase) then
                let number = text.AsSpan(0, text.Length - suffix.Length).Trim()

                match Decimal.TryParse(number, NumberStyles.AllowDecimalPoint, culture) with
                | true, value when value * factor <= 9_000_000_000_000_000_000m -> Some(int64 (value * factor))
                | _ -> None
            else
                None

        match sizes |> List.tryPick read with
        | Some size -> Ok size
        | None -> Error $"'{text}' is no size: write 512, 64KB, 100MB or 2GB"

    let private formats =
        [|
            "yyyy-MM-ddTHH:mm:ss.FFFFFFF"
            "yyyy-MM-ddTHH:mm:ss"
            "yyyy-MM-ddTHH:mm"
            "yyyy-MM-dd HH:mm:ss.FFFFFFF"
            "yyyy-MM-dd HH:mm:ss"
            "yyyy-MM-dd HH:mm"
            "yyyy-MM-dd"
        |]

    let private withOffset =
        formats |> Array.collect (fun format -> [| format + "zzz"; format + "Z" |])

    /// A time as it was written, and whether its offset was left out, so that it counts as local.
    type ParsedTime = { Time: DateTimeOffset; IsLocal: bool }

    /// ISO 8601, milliseconds since 1970, "now", or a span before now such as "-5m". Without an offset it is local.
    let parse (zone: TimeZoneInfo) (now: DateTimeOffset) (text: string) : Result<ParsedTime, string> =
        let text = text.Trim()
        let known time = Ok { Time = time; IsLocal = false }

        if text = "now" then
            known now
        elif text.StartsWith('-') then
            match parseSpan (text.Substring 1) with
            | Ok span when span <= now - DateTimeOffset.UnixEpoch -> known (now - span)
            | Ok _ -> Error $"'{text}' is before 1970"
            | Error problem -> Error problem
        else
            match Int64.TryParse(text, NumberStyles.None, culture) with
            | true, millis when text.Length > 8 && millis < 253_402_300_800_000L ->
                known (DateTimeOffset.FromUnixTimeMilliseconds millis)
            | _ ->
                match DateTimeOffset.TryParseExact(text, withOffset, culture, DateTimeStyles.AssumeUniversal) with
                | true, time -> known time
                | _ ->
                    match DateTime.TryParseExact(text, formats, culture, DateTimeStyles.None) with
                    | true, time when zone.IsInvalidTime time ->
                        Error $"'{text}' does not exist here: clocks are put forward over it"
                    | true, time ->
                        Ok
                            {
                                Time = DateTimeOffset(time, zone.GetUtcOffset time)
                                IsLocal = true
                            }
                    | _ ->
                        Error
                            $"'{text}' is no time: write 2025-03-01T12:30:00+02:00, 2025-03-01T12:30, milliseconds since 1970, now, or -5m"
