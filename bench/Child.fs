/// This program, run once more in a process of its own: so that what is measured there is all that the process does.
module RocketMq.Bench.Child

open System
open System.Diagnostics

/// This program.
let self = typeof<Settings>.Assembly.Location

/// The longest that a measured process may take.
let private limit = TimeSpan.FromMinutes 3L

let private firstLine (what: string) (child: Process) =
    let reading = child.StandardOutput.ReadLineAsync()

    match Limited.task what limit reading with
    | null -> raise (BenchFailed $"{what} ended with code {Limited.exit what Limited.patience child} and no figures")
    | line -> line

/// Starts a program, hands its first line of output to `action`, and ends it by ending its input.
let private ofProgram (program: string) (arguments: string list) environment (action: string -> 'T) : 'T =
    let what = "the process '" + String.Join(' ', arguments) + "'"

    let start =
        ProcessStartInfo("dotnet", program :: arguments, RedirectStandardInput = true, RedirectStandardOutput = true)

    for name, value in environment do
        start.Environment[name] <- value

    match Process.Start start with
    | null -> raise (BenchFailed $"{what} did not start")
    | started ->
        use child = started

        try
            let outcome = action (firstLine what child)
            child.StandardInput.Close()
            Limited.exit what Limited.patience child |> ignore<int>
            outcome
        finally
            if not child.HasExited then
                child.Kill(entireProcessTree = true)

/// Runs this program once more, and hands on its first line of output.
let run arguments environment action =
    ofProgram self arguments environment action

/// An embedded broker in a process of its own; hands on the address of its name server.
let broker (settings: Settings) action =
    ofProgram (defaultArg settings.Broker self) [ "broker" ] [] action
