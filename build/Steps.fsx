/// Runs tools and prints what they say, one plain line after the other; a line says so when a step prints nothing for long.
module Steps

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading
open System.Threading.Tasks

/// The folder of the repository.
let root = Path.GetDirectoryName __SOURCE_DIRECTORY__

/// Whether somebody watches: tools then draw their own progress. A log gets lines.
let isTerminal = not Console.IsOutputRedirected

/// What terminals read as colours, cursor movements and titles.
let private escapes =
    Regex @"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\^_])"

/// A line of a tool without what only a terminal understands.
let plain (line: string) = escapes.Replace(line, "")

let private seconds (since: int64) =
    Stopwatch.GetElapsedTime(since).TotalSeconds

let mutable private lastLine = Stopwatch.GetTimestamp()

let print (line: string) =
    Volatile.Write(&lastLine, Stopwatch.GetTimestamp())
    Console.Out.WriteLine line

/// The steps that run, and since when.
let private running = ConcurrentDictionary<string, int64>()

/// How many tools have the console to themselves, and draw on it.
let mutable private drawing = 0

/// After so much silence a line names the steps that run.
let private silence = 8.0

let private heartbeat =
    let beat _ =
        if
            Volatile.Read &drawing = 0
            && not running.IsEmpty
            && seconds (Volatile.Read &lastLine) >= silence
        then
            running.ToArray()
            |> Array.sortBy _.Value
            |> Array.map (fun step -> $"%s{step.Key}, %.0f{seconds step.Value} s")
            |> String.concat "; "
            |> fun steps -> print $"  still running: {steps}"

    new Timer(beat, null, TimeSpan.FromSeconds 1.0, TimeSpan.FromSeconds 1.0)

/// A step, which is named while it prints nothing.
let watched (name: string) (step: unit -> 'Result) : 'Result =
    running[name] <- Stopwatch.GetTimestamp()

    try
        step ()
    finally
        running.TryRemove name |> ignore
        GC.KeepAlive heartbeat

/// A step of a target, with a line that says how long it took.
let timed (name: string) (step: unit -> int) () =
    let started = Stopwatch.GetTimestamp()
    let code = watched name step
    print $"{name}: %.0f{seconds started} s"
    code

/// Runs a tool in a folder, passes each line that it prints to `onLine`, and returns its exit code. Does not wait for what the tool
/// left running, such as a compiler that serves later builds.
let runTool (tool: string) folder variables (onLine: string -> unit) (arguments: string list) =
    let start =
        ProcessStartInfo(
            tool,
            arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    for name, value in variables do
        start.Environment[name] <- value

    use proc = Process.Start start
    let gate = obj ()

    let read (reader: StreamReader) =
        let mutable line = reader.ReadLine()

        while not (isNull line) do
            lock gate (fun () -> onLine (plain line))
            line <- reader.ReadLine()

    let readers =
        [| proc.StandardOutput; proc.StandardError |]
        |> Array.map (fun reader -> Task.Run(fun () -> read reader))

    while not (proc.WaitForExit 1000) do
        ()

    Task.WaitAll(readers, TimeSpan.FromSeconds 5.0) |> ignore<bool>
    proc.ExitCode

/// Runs `dotnet` in the root folder.
let runWith (variables: (string * string) list) onLine arguments =
    runTool "dotnet" root variables onLine arguments

/// Runs `dotnet` on the console itself, where progress is drawn, and returns its exit code.
let runOnConsole (arguments: string list) =
    Interlocked.Increment &drawing |> ignore

    try
        use proc =
            Process.Start(ProcessStartInfo("dotnet", arguments, WorkingDirectory = root))

        proc.WaitForExit()
        proc.ExitCode
    finally
        Interlocked.Decrement &drawing |> ignore

/// Runs `dotnet` in the root folder and prints what it says.
let run (arguments: string list) =
    if isTerminal then
        runOnConsole arguments
    else
        runWith [] print arguments

/// Runs a tool and returns its exit code and its lines.
let outputOf tool folder variables arguments =
    let lines = ResizeArray<string>()
    let code = runTool tool folder variables lines.Add arguments
    code, List.ofSeq lines

/// Runs steps until one fails, and returns its exit code.
let rec inOrder (steps: (unit -> int) list) =
    match steps with
    | [] -> 0
    | step :: rest ->
        match step () with
        | 0 -> inOrder rest
        | code -> code

let isNamed (expected: string) (name: string) =
    name.Equals(expected, StringComparison.OrdinalIgnoreCase)

/// A folder outside the tree, which is removed at the end.
let inTemporaryFolder (purpose: string) (work: string -> int) =
    let folder = Directory.CreateTempSubdirectory($"rocketmq-{purpose}-").FullName

    try
        work folder
    finally
        Directory.Delete(folder, recursive = true)
