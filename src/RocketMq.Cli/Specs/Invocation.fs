namespace RocketMq.Cli

open RocketMq
open System
open System.Buffers

/// What stood on a command line, by the names of options and arguments.
type ParsedValues =
    {
        /// The values of an option; none if it did not stand there.
        Values: string -> string list
        IsSet: string -> bool
        /// The words of an argument.
        Words: string -> string list
    }

/// One run of a command: what was on its command line, and where its output goes.
[<Sealed>]
type Invocation private (host: CommandHost, format: OutputFormat, values: ParsedValues, leastTimeout: TimeSpan) =
    new(host, format, values) = Invocation(host, format, values, TimeSpan.Zero)

    /// The world around it.
    member _.Host = host

    /// How data is written.
    member _.Format = format

    /// Whether a flag is set.
    member _.Flag(name: string) = values.IsSet name

    /// All values of an option.
    member _.All(name: string) = values.Values name

    /// The value of an option.
    member _.Value(name: string) = values.Values name |> List.tryLast

    /// An argument that must be there: the parser sees to it.
    member _.Argument(name: string) = values.Words name |> List.head

    /// An argument that may be left out.
    member _.TryArgument(name: string) = values.Words name |> List.tryHead

    /// All words of an argument.
    member _.Words(name: string) = values.Words name

    /// Whether no more than errors goes to standard error.
    member _.IsQuiet = values.IsSet "--quiet"

    /// Whether requests are shown.
    member _.IsVerbose = values.IsSet "--verbose"

    /// Whether nothing is to be changed.
    member _.IsDryRun = values.IsSet "--dry-run"

    /// Whether questions count as answered with yes.
    member _.IsYes = values.IsSet "--yes"

    /// How long an answer may take at least, unless --timeout says how long.
    member _.LeastTimeout = leastTimeout

    /// The same, for requests that servers need longer for.
    member _.WithLeastTimeout(span: TimeSpan) = Invocation(host, format, values, span)

    /// Ctrl-C.
    member _.Cancellation = host.Cancellation

    /// A line for people, unless only errors are to be shown.
    member invocation.Note(line: string) =
        if not invocation.IsQuiet then
            CommandHost.note host line

module Invocation =
    let private limit (invocation: Invocation) =
        if invocation.Host.OutputIsTerminal then
            Some(max 20 (invocation.Host.Width()))
        else
            None

    /// Says which servers did not answer as they should.
    let noteFailures (invocation: Invocation) (reports: Report list) =
        for report in reports do
            for failure in report.Failures do
                CommandHost.note invocation.Host (invariant $"{failure.Server}: {failure.Reason}")

    /// Writes reports in the format that was chosen, at once.
    let write (invocation: Invocation) (reports: Report list) : Result<unit, Failure> =
        let buffer = ArrayBufferWriter<byte>()
        OutputFormat.write invocation.Format (CommandHost.zone invocation.Host) (limit invocation) reports buffer
        CommandHost.write invocation.Host buffer.WrittenMemory

    /// As `write`, and the exit code that they have.
    let finish (invocation: Invocation) (reports: Report list) : Result<int, Failure> =
        write invocation reports
        |> Result.map (fun () ->
            noteFailures invocation reports
            ExitCode.ofReports reports)

    let private usage name result =
        result |> Result.mapError (fun problem -> Usage(invariant $"{name}: {problem}"))

    /// A whole number from a range.
    let count (name: string) (least: int64) (most: int64) (invocation: Invocation) : Result<int64 option, Failure> =
        match invocation.Value name with
        | None -> Ok None
        | Some text ->
            match
                Int64.TryParse(
                    text,
                    Globalization.NumberStyles.AllowLeadingSign,
                    Globalization.CultureInfo.InvariantCulture
                )
            with
            | true, number when number >= least && number <= most -> Ok(Some number)
            | _ -> Error(Usage(invariant $"{name}: '{text}' is no number from {least} to {most}"))

    /// As `count`, of what need not be a long.
    let countOr
        (name: string)
        (least: int)
        (most: int)
        (otherwise: int)
        (invocation: Invocation)
        : Result<int, Failure> =
        count name (int64 least) (int64 most) invocation
        |> Result.map (Option.map int >> Option.defaultValue otherwise)

    /// Yes or no.
    let choice (name: string) (invocation: Invocation) : Result<bool option, Failure> =
        match invocation.Value name with
        | None -> Ok None
        | Some "yes"
        | Some "true" -> Ok(Some true)
        | Some "no"
        | Some "false" -> Ok(Some false)
        | Some text -> Error(Usage $"{name}: '{text}' is neither yes nor no")

    /// A span of time.
    let span (name: string) (invocation: Invocation) : Result<TimeSpan option, Failure> =
        match invocation.Value name with
        | None -> Ok None
        | Some text -> TimeText.parseSpan text |> Result.map Some |> usage name

    /// A time. One without an offset is local, and is repeated with it on standard error.
    let time (name: string) (invocation: Invocation) : Result<DateTimeOffset option, Failure> =
        match invocation.Value name with
        | None -> Ok None
        | Some text ->
            let zone = CommandHost.zone invocation.Host

            TimeText.parse zone (invocation.Host.Clock.GetUtcNow()) text
            |> Result.map (fun parsed ->
                if parsed.IsLocal then
                    invocation.Note $"{name} is {CellText.time zone parsed.Time}"

                Some parsed.Time)
            |> usage name
