namespace RocketMq

open System
open System.Globalization
open RocketMq.Protocol

/// How values of one kind are written, and which of them make sense.
type internal ValueKind<'T> =
    {
        Parse: string -> Result<'T, string>
        Show: 'T -> string
        /// What is wrong with a value that was not read from a text.
        Check: 'T -> string option
    }

module internal ValueKind =
    /// What has no text.
    let ofProgram (check: 'T -> string option) : ValueKind<'T> =
        {
            Parse = fun _ -> Error "has no text"
            Show = fun _ -> ""
            Check = check
        }

    let private longest = TimeSpan.FromDays 1.0

    let private durationRange = "no time above 0 and up to a day"
    let private spreadRange = "no time from 0 to a day"

    let private millisOf (text: string) (suffix: string, millis: decimal) =
        if text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase) then
            let number = text.AsSpan(0, text.Length - suffix.Length)

            match Decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) with
            | true, value when value <= decimal longest.TotalMilliseconds -> Some(value * millis)
            | _ -> None
        else
            None

    let private time (isGood: TimeSpan -> bool) (range: string) : ValueKind<TimeSpan> =
        let check span =
            if isGood span && span <= longest then
                None
            else
                Some(invariant $"{span} is {range}")

        let parse text =
            let span =
                [ "ms", 1m; "s", 1000m; "m", 60_000m ]
                |> List.tryPick (millisOf text)
                |> Option.map (fun millis ->
                    TimeSpan.FromTicks(int64 (Math.Round(millis * decimal TimeSpan.TicksPerMillisecond))))

            match span with
            | Some span when (check span).IsNone -> Ok span
            | _ -> Error(invariant $"'{text}' is {range}: write 500ms, 3s or 2m")

        {
            Parse = parse
            Show =
                fun span ->
                    let millis = decimal span.Ticks / decimal TimeSpan.TicksPerMillisecond
                    millis.ToString CultureInfo.InvariantCulture + "ms"
            Check = check
        }

    /// Of its values only those with which nothing is wrong.
    let restrict (problem: 'T -> string option) (kind: ValueKind<'T>) : ValueKind<'T> =
        let check value =
            kind.Check value |> Option.orElseWith (fun () -> problem value)

        { kind with
            Check = check
            Parse =
                fun text ->
                    kind.Parse text
                    |> Result.bind (fun value ->
                        match check value with
                        | None -> Ok value
                        | Some problem -> Error problem)
        }

    /// A number with ms, s or m behind.
    let duration = time (fun span -> span > TimeSpan.Zero) durationRange

    /// As `duration`, or no time at all.
    let spread = time (fun span -> span >= TimeSpan.Zero) spreadRange

    /// One of several words.
    let word (words: (string * 'T) list) : ValueKind<'T> =
        let names = words |> List.map fst |> String.concat ", "

        {
            Parse =
                fun text ->
                    words
                    |> List.tryFind (fun (name, _) -> String.Equals(name, text, StringComparison.OrdinalIgnoreCase))
                    |> Option.map (snd >> Ok)
                    |> Option.defaultValue (Error $"'{text}' is none of {names}")
            Show =
                fun value ->
                    words
                    |> List.tryFind (fun (_, word) -> word = value)
                    |> Option.map fst
                    |> Option.defaultValue ""
            Check = fun _ -> None
        }

    let count (least: int) (most: int) : ValueKind<int> =
        let isGood value = value >= least && value <= most

        {
            Parse =
                fun text ->
                    match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
                    | true, value when isGood value -> Ok value
                    | _ -> Error(invariant $"'{text}' is no number from {least} to {most}")
            Show = fun value -> value.ToString CultureInfo.InvariantCulture
            Check =
                fun value ->
                    if isGood value then
                        None
                    else
                        Some(invariant $"{value} is no number from {least} to {most}")
        }

    let header: ValueKind<Header> =
        {
            Parse =
                fun text ->
                    match text.ToLowerInvariant() with
                    | "json" -> Ok Header.Json
                    | "binary" -> Ok Header.Binary
                    | _ -> Error $"'{text}' is neither json nor binary"
            Show = fun value -> value.ToString().ToLowerInvariant()
            Check = fun _ -> None
        }

    let flag: ValueKind<bool> =
        {
            Parse =
                fun text ->
                    match text.ToLowerInvariant() with
                    | "true" -> Ok true
                    | "false" -> Ok false
                    | _ -> Error $"'{text}' is neither true nor false"
            Show = fun value -> if value then "true" else "false"
            Check = fun _ -> None
        }

    /// What a check of a value says is wrong with it.
    let problemOf (check: Result<'T, InputError>) : string option =
        match check with
        | Ok _ -> None
        | Error error -> Some error.Message

    /// A name, by the rule for such names.
    let text (check: string -> Result<string, InputError>) : ValueKind<string> =
        let problem text = problemOf (check text)

        {
            Parse =
                fun text ->
                    match problem text with
                    | None -> Ok text
                    | Some problem -> Error problem
            Show = id
            Check = problem
        }

    /// Anything but blanks.
    let notEmpty =
        text (fun text ->
            if String.IsNullOrWhiteSpace text then
                Error(InvalidInput("the value", "it is empty"))
            else
                Ok text)

    /// Servers, "host:port" each, with commas between.
    let endpoints: ValueKind<Endpoint list> =
        {
            Parse =
                fun text ->
                    Endpoint.parseList text
                    |> Result.mapError (fun bad -> $"'{bad}' is no address: write host:port,host:port")
            Show = List.map string >> String.concat ","
            Check = fun _ -> None
        }
