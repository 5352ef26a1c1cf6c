/// Programs compiled natively: the command, the demo, the checks of tests/Native and the worker.
module Native


open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text.RegularExpressions
open Steps

/// This machine's system and processor, as .NET names them.
let private runtimeId =
    let system =
        if OperatingSystem.IsWindows() then "win"
        elif OperatingSystem.IsMacOS() then "osx"
        else "linux"

    let processor = string RuntimeInformation.OSArchitecture
    $"{system}-{processor.ToLowerInvariant()}"

/// What trimming, a single file or native compilation cannot promise of some code: IL2xxx and IL3xxx.
let private nativeWarning = Regex @"\bIL[23]\d{3}\b"

/// Compiles a project into a native program, and returns its path. Any warning fails: a program must do the same natively.
let private publish (folder: string) (project: string) : Result<string, int> =
    let name = Path.GetFileName project
    let mutable warnings = 0

    let onLine (line: string) =
        if nativeWarning.IsMatch line then
            warnings <- warnings + 1

        print line

    let arguments =
        [
            "publish"
            project
            "-c"
            "Release"
            "-r"
            runtimeId
            "-p:PublishAot=true"
            // A line for each place, not one for an assembly.
            "-p:TrimmerSingleWarn=false"
            "-o"
            Path.Combine(folder, name)
            "-v"
            "quiet"
            "--nologo"
            "-nodeReuse:false"
        ]

    match timed $"{name} compiled" (fun () -> runWith [] onLine arguments) () with
    | 0 when warnings = 0 ->
        let suffix = if OperatingSystem.IsWindows() then ".exe" else ""
        // The command has a name of its own.
        let file = if name = "RocketMq.Cli" then "rocketmq" else name
        let program = FileInfo(Path.Combine(folder, name, file + suffix))
        print $"{name}: %.1f{float program.Length / 1_000_000.0} MB"
        Ok program.FullName
    | 0 ->
        print $"{name}: {warnings} warnings"
        Error 1
    | code -> Error code

/// The checks must print what they print on the runtime.
let private checks program =
    let recorded = "tests/Properties/Vectors/captures.jsonl.gz"
    let natively = outputOf program root [] [ recorded ]
    List.iter print (snd natively)

    match run [ "build"; "tests/Native"; "-c"; "Release"; "-v"; "quiet"; "--nologo" ] with
    | 0 ->
        let managed =
            outputOf "dotnet" root [] [ "tests/Native/bin/Release/net10.0/Native.dll"; recorded ]

        if fst natively = 0 && natively = managed then
            let first program arguments =
                outputOf program root [] (arguments @ [ "cold" ]) |> snd |> String.concat " "

            let native = first program []
            let onRuntime = first "dotnet" [ "tests/Native/bin/Release/net10.0/Native.dll" ]

            print
                $"The first 1,000 sends of a process, 256 callers, with the broker in it: native {native} ms, on the runtime {onRuntime} ms"

            0
        else
            print "On the runtime it says:"
            List.iter print (snd managed)
            1
    | code -> code

/// The worker handles messages of a test's broker, and ends by SIGTERM.
let private work program =
    [
        "test"
        "tests/Samples"
        "-c"
        "Release"
        "--nologo"
        "--filter"
        "Name~The_program_handles_messages"
    ]
    |> runWith [ ("ROCKETMQ_NATIVE_WORKER", program) ] print

/// The command, which must start fast: from exec to exit, the median of 20 runs of what asks no server.
let private startsFast program =
    let times =
        [
            for _ in 1..20 do
                let started = Stopwatch.GetTimestamp()
                runTool program root [] ignore [ "--version" ] |> ignore
                Stopwatch.GetElapsedTime(started).TotalMilliseconds
        ]
        |> List.sort

    print $"rocketmq --version: %.1f{times[10]} ms"
    runTool program root [] ignore [ "--help" ]

let native _ =
    inTemporaryFolder "native" (fun folder ->
        let published project use' () =
            match publish folder project with
            | Ok program -> timed $"{Path.GetFileName project} ran" (fun () -> use' program) ()
            | Error code -> code

        inOrder
            [
                published "src/RocketMq.Cli" startsFast
                published "samples/Quickstart" (fun program -> runTool program root [] print [])
                published "tests/Native" checks
                published "samples/Worker" work
            ])
