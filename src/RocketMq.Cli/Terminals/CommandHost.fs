namespace RocketMq.Cli

open RocketMq
open System
open System.IO
open System.Text
open System.Threading

/// What a command has of the world around it. Tests give their own.
type CommandHost =
    {
        /// Opens standard input.
        OpenInput: unit -> TextReader
        /// Reads a line at the terminal without showing it.
        ReadSecret: unit -> string
        /// Data goes here, and nothing else does.
        Output: Stream
        /// All that is not data: questions, progress, warnings, errors.
        Error: TextWriter
        InputIsTerminal: bool
        OutputIsTerminal: bool
        ErrorIsTerminal: bool
        /// The width of the terminal in columns.
        Width: unit -> int
        /// An environment variable; none if it is empty.
        Variable: string -> string option
        /// The folder in which a user's settings lie.
        ConfigFolder: string
        Clock: TimeProvider
        /// Cancelled by Ctrl-C and SIGTERM.
        Cancellation: CancellationToken
    }

/// What a command ends with that could not do its work.
type Failure =
    /// The command line makes no sense. Exit code 2.
    | Usage of string
    /// It was tried, and failed. Exit code 1.
    | Failed of string
    /// Ctrl-C. Exit code 130.
    | Interrupted
    /// Whoever read the output is gone. Exit code 141, as of a program that SIGPIPE ends.
    | OutputClosed

    override failure.ToString() =
        match failure with
        | Usage text
        | Failed text -> text
        | Interrupted -> "interrupted"
        | OutputClosed -> "the output is closed"

/// Exit codes, which scripts rely on.
module ExitCode =
    /// All was done.
    let ok = 0
    /// Nothing was done, or not what was to be done.
    let failed = 1
    /// The command line makes no sense, or a question could not be asked.
    let usage = 2
    /// Some servers did it, others did not.
    let partly = 3
    /// A check found something bad.
    let bad = 4
    /// Ctrl-C.
    let interrupted = 130
    /// The reader of the output is gone.
    let outputClosed = 141

    /// The code of a failure.
    let ofFailure failure =
        match failure with
        | Usage _ -> usage
        | Failed _ -> failed
        | Interrupted -> interrupted
        | OutputClosed -> outputClosed

    /// The code of reports: partly done if servers are missing, failed if there is nothing else.
    let ofReports (reports: Report list) =
        if reports |> List.forall _.Failures.IsEmpty then ok
        elif reports |> List.forall _.Rows.IsEmpty then failed
        else partly

module CommandHost =
    /// Whether standard error shows colours and moving lines.
    let isLively (host: CommandHost) = host.ErrorIsTerminal

    /// A line for people.
    let note (host: CommandHost) (line: string) =
        host.Error.WriteLine line
        host.Error.Flush()

    let private escape = "\u001b["

    /// Whether colours may be used on a stream that is a terminal: not with NO_COLOR, nor on a terminal that knows none.
    let hasColours (host: CommandHost) (isTerminal: bool) =
        isTerminal
        && (host.Variable "NO_COLOR").IsNone
        && host.Variable "TERM" <> Some "dumb"

    /// A text for standard error in a colour (SGR number), where it shows any.
    let coloured (host: CommandHost) (colour: int) (text: string) =
        if hasColours host host.ErrorIsTerminal then
            invariant $"{escape}{colour}m{text}{escape}0m"
        else
            text

    /// Replaces the last line of standard error, which must be a terminal.
    let replaceLine (host: CommandHost) (line: string) =
        host.Error.Write $"\r{TextWidth.cut (max 1 (host.Width() - 1)) line}{escape}K"
        host.Error.Flush()

    /// EPIPE, and what Windows calls it.
    let private isClosedPipe (error: IOException) =
        match error.HResult &&& 0xFFFF with
        | 32
        | 109
        | 232 -> true
        | _ -> false

    /// Writes data at once, so that nothing is half-printed.
    let write (host: CommandHost) (data: ReadOnlyMemory<byte>) : Result<unit, Failure> =
        try
            host.Output.Write data.Span
            host.Output.Flush()
            Ok()
        with
        | :? IOException as error when isClosedPipe error -> Error OutputClosed
        | :? IOException as error -> Error(Failed $"the output cannot be written: {error.Message}")

    /// As `write`, of text.
    let writeText (host: CommandHost) (text: string) =
        write host (ReadOnlyMemory(Encoding.UTF8.GetBytes text))

    /// The zone that times without an offset are of.
    let zone (host: CommandHost) = host.Clock.LocalTimeZone
