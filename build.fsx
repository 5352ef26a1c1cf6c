/// The project's targets. Each only calls tools; run `dotnet fsi build.fsx` for the list.

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text.RegularExpressions

let root = __SOURCE_DIRECTORY__
let solution = "RocketMq.sln"
let fsharpSources = [ "src"; "tests"; "bench"; "samples"; "build.fsx" ]

let csharpFolders =
    [
        "src/RocketMq.Client.CSharp"
        "src/RocketMq.Extensions.Hosting"
        "src/RocketMq.Testing"
        "src/RocketMq.OpenTelemetry"
        "src/RocketMq.Compression"
        "src/RocketMq.Cap"
        "src/RocketMq.Administration"
        "src/RocketMq.Administration.Hosting"
        "tests/Interop"
        "tests/Hosting"
        "tests/Samples"
        "tests/Cap"
        "samples/OrderService"
        "samples/Worker"
        "samples/Quickstart"
    ]

let packages =
    [
        "src/RocketMq.Protocol.fs"
        "src/RocketMq.Client.fs"
        "src/RocketMq.Client.CSharp"
        "src/RocketMq.EmbeddedBroker.fs"
        "src/RocketMq.Extensions.Hosting"
        "src/RocketMq.Testing"
        "src/RocketMq.OpenTelemetry"
        "src/RocketMq.Compression"
        "src/RocketMq.Cap"
        "src/RocketMq.Administration.fs"
        "src/RocketMq.Administration"
        "src/RocketMq.Administration.Hosting"
        "src/RocketMq.Cli"
    ]

/// Runs a tool in a folder, hands each line of its output to `onLine`, and gives its exit code.
let runTool (tool: string) folder variables (onLine: string -> unit) (arguments: string list) =
    let start =
        ProcessStartInfo(tool, arguments, WorkingDirectory = folder, RedirectStandardOutput = true)

    for name, value in variables do
        start.Environment[name] <- value

    use proc = Process.Start start

    proc.OutputDataReceived.Add(fun line ->
        if not (isNull line.Data) then
            onLine line.Data)

    proc.BeginOutputReadLine()
    proc.WaitForExit()
    proc.ExitCode

/// Runs `dotnet` in the root folder.
let runWith (variables: (string * string) list) onLine arguments =
    runTool "dotnet" root variables onLine arguments

let print (line: string) = Console.Out.WriteLine line

/// Runs `dotnet` on the console itself, so that progress shows, and gives its exit code.
let run (arguments: string list) =
    use proc =
        Process.Start(ProcessStartInfo("dotnet", arguments, WorkingDirectory = root))

    proc.WaitForExit()
    proc.ExitCode

/// Runs steps until one fails, and gives its exit code.
let rec inOrder (steps: (unit -> int) list) =
    match steps with
    | [] -> 0
    | step :: rest ->
        match step () with
        | 0 -> inOrder rest
        | code -> code

/// A step of a target, with a line that says how long it took.
let timed (name: string) (step: unit -> int) () =
    let started = Stopwatch.GetTimestamp()
    let code = step ()
    print $"{name}: {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s"
    code

let build _ =
    run [ "build"; solution; "-c"; "Release"; "-v"; "minimal"; "--nologo" ]

/// What a test run's closing line says, added up over assemblies.
type Counts =
    {
        Passed: int
        Failed: int
        Skipped: int
    }

    static member None = { Passed = 0; Failed = 0; Skipped = 0 }

    static member (+)(a, b) =
        {
            Passed = a.Passed + b.Passed
            Failed = a.Failed + b.Failed
            Skipped = a.Skipped + b.Skipped
        }

let countsOf (summary: Regex) (line: string) =
    let found = summary.Match line

    let count (name: string) =
        // Expecto groups the digits of a thousand and more.
        found.Groups[name].Captures
        |> Seq.sumBy (fun capture -> int (Regex.Replace(capture.Value, @"\D", "")))

    {
        Passed = count "passed"
        Failed = count "failed"
        Skipped = count "skipped"
    }

/// A project of tests: how it is run, the line that it closes with, and the lines between which it reports a failure.
type Suite =
    {
        Name: string
        /// Suites of one lane run one after the other, beside those of the other lane.
        Lane: int
        Variables: (string * string) list
        Command: string list
        Summary: Regex
        FailureBegins: Regex
        FailureEnds: Regex
    }

/// How F# tests are run, after what else `dotnet run` is told.
let expectoCommand project options =
    [ "run" ]
    @ options
    @ [
        "-c"
        "Release"
        "--project"
        project
        "--"
        "--colours"
        "0"
        "--no-spinner"
    ]

let propertiesCommand options =
    expectoCommand "tests/Properties" options

/// Tests in C#, in the folder of their name.
let csharpSuite name =
    {
        Name = name
        Lane = 2
        Variables = []
        Command = [ "test"; $"tests/{name}"; "-c"; "Release"; "--no-build"; "--nologo" ]
        Summary = Regex @"Failed:\s+(?<failed>\d+), Passed:\s+(?<passed>\d+), Skipped:\s+(?<skipped>\d+), Total:"
        FailureBegins = Regex @"^\s*Failed \w"
        FailureEnds = Regex @"^\s*$|^\s*(Passed|Skipped) \w"
    }

/// Tests in F#: all but those of chaos, or those alone.
let fsharpSuite name lane part =
    {
        Name = name
        Lane = lane
        Variables = [ ("ROCKETMQ_TEST_PART", part) ]
        Command = propertiesCommand [ "--no-build" ]
        Summary =
            Regex
                @"(?<passed>\d[\d.,]*) passed, (?<skipped>\d[\d.,]*) ignored, (?<failed>\d[\d.,]*) failed, (?<failed>\d[\d.,]*) errored"
        FailureBegins = Regex @"\[[\d:]+ (ERR|FTL)\]"
        // The cause of an error stands in the lines after its own.
        FailureEnds = Regex @"\[[\d:]+ \w+\]"
    }

let suites =
    [
        fsharpSuite "Properties" 1 "others"
        csharpSuite "Interop"
        csharpSuite "Hosting"
        csharpSuite "Samples"
        csharpSuite "Cap"
        // Waits for most of its time.
        fsharpSuite "Chaos" 2 "chaos"
        { fsharpSuite "Cli" 2 "" with
            Command = expectoCommand "tests/Cli" [ "--no-build" ]
        }
        { fsharpSuite "Administration" 2 "" with
            Command = expectoCommand "tests/Administration" [ "--no-build" ]
        }
    ]

/// Collects the lines in which a suite reports failures.
type FailureReport(suite: Suite) =
    let lines = ResizeArray<string>()
    let mutable isFailure = false

    member _.Lines = List.ofSeq lines

    member _.Read(line: string) =
        isFailure <-
            suite.FailureBegins.IsMatch line
            || isFailure && not (suite.FailureEnds.IsMatch line)

        if isFailure then
            lines.Add line

/// Runs one suite. The exit code tells of a run that broke down without counting anything.
let testSuite arguments suite =
    let mutable counts = Counts.None
    let failures = FailureReport suite

    let onLine line =
        counts <- counts + countsOf suite.Summary line
        failures.Read line
        print line

    let code =
        timed
            suite.Name
            (fun () -> runWith (("DOTNET_CLI_UI_LANGUAGE", "en") :: suite.Variables) onLine (suite.Command @ arguments))
            ()

    counts, failures.Lines, code

let isNamed (expected: string) (name: string) =
    name.Equals(expected, StringComparison.OrdinalIgnoreCase)

/// Runs suites, two at a time: none of them needs a whole machine.
let runSuites arguments chosen =
    let runs =
        chosen
        |> List.groupBy _.Lane
        |> List.map (fun (_, lane) -> System.Threading.Tasks.Task.Run(fun () -> List.map (testSuite arguments) lane))
        |> List.collect _.Result

    let counts = runs |> List.map (fun (counts, _, _) -> counts) |> List.reduce (+)

    // Again at the end, where a long log is read first.
    for _, failures, _ in runs do
        List.iter print failures

    print $"{counts.Passed} passed, {counts.Failed} failed, {counts.Skipped} skipped"

    let isGood =
        counts.Passed > 0
        && counts.Failed = 0
        && List.forall (fun (_, _, code) -> code = 0) runs

    if isGood then 0 else 1

/// Runs the scripts under samples/, each to its end.
let scripts _ =
    let step script () =
        match runWith [] ignore [ "fsi"; script ] with
        | 0 ->
            print $"{Path.GetRelativePath(root, script)} runs"
            0
        | code ->
            print $"{Path.GetRelativePath(root, script)} failed with code {code}"
            code

    Directory.GetFiles(Path.Combine(root, "samples"), "*.fsx")
    |> Array.sort
    |> Array.map step
    |> List.ofArray
    |> inOrder

let isCi = Environment.GetEnvironmentVariable "CI" = "true"

let format arguments =
    let checks = isCi || List.contains "check" arguments

    let fantomas () =
        run ([ "fantomas" ] @ (if checks then [ "--check" ] else []) @ fsharpSources)

    let whitespace () =
        run (
            [ "format"; "whitespace"; "."; "--folder"; "--include" ]
            @ csharpFolders
            @ (if checks then [ "--verify-no-changes" ] else [])
        )

    inOrder [ (fun () -> run [ "tool"; "restore" ]); fantomas; whitespace ]

/// All suites and the scripts, or the suite that is named, with arguments for its own runner.
let test arguments =
    let chosen, rest =
        match arguments with
        | [] -> suites, []
        | name :: rest -> List.filter (fun suite -> isNamed name suite.Name) suites, rest

    if List.isEmpty chosen then
        let names = suites |> List.map _.Name |> String.concat ", "
        print $"Test takes a suite, one of {names}, and then arguments for its runner."
        1
    else
        let isAll = List.isEmpty arguments

        inOrder
            [
                if isAll then
                    timed "Format check" (fun () -> format [ "check" ])

                timed "Build" (fun () -> build [])

                if isAll then
                    timed "Scripts" scripts

                fun () -> runSuites rest chosen
            ]

let demo arguments =
    run ([ "run"; "-c"; "Release"; "--project"; "samples/Quickstart"; "--" ] @ arguments)

let git onLine arguments = runTool "git" root [] onLine arguments

/// Builds the bench program in a tree. Gives its path, or what the build said.
let buildBench folder : Result<string, string list> =
    let output = ResizeArray<string>()

    match
        [
            "build"
            "bench"
            "-c"
            "Release"
            "-v"
            "quiet"
            "--nologo"
            "-nodeReuse:false"
        ]
        |> runTool "dotnet" folder [] output.Add
    with
    | 0 ->
        Directory.GetFiles(Path.Combine(folder, "bench/bin/Release"), "RocketMq.Bench.dll", SearchOption.AllDirectories)
        |> Array.head
        |> Ok
    | _ -> Error(List.ofSeq output)

/// Puts the bench program of this tree in the place of another tree's.
let copyBench folder =
    let place = Path.Combine(folder, "bench")
    Directory.Delete(place, recursive = true)
    Directory.CreateDirectory place |> ignore

    for file in Directory.GetFiles(Path.Combine(root, "bench")) do
        File.Copy(file, Path.Combine(place, Path.GetFileName file))

/// The bench program with the libraries of another commit: this tree's, or if it needs what was not there yet, that commit's.
let buildOldBench folder =
    copyBench folder

    match buildBench folder with
    | Ok program -> Ok program
    | Error _ ->
        print "The bench program does not compile with the older libraries; theirs is used."
        Directory.Delete(Path.Combine(folder, "bench"), recursive = true)

        match runTool "git" folder [] print [ "checkout"; "--quiet"; "HEAD"; "--"; "bench" ] with
        | 0 -> buildBench folder
        | code -> Error [ $"git ended with code {code}" ]

/// Benches of a commit, in a worktree of its own, and of this tree as it is, in turn.
let benchCompare (commit: string) arguments =
    let folder = Path.Combine(Path.GetTempPath(), $"rocketmq-bench-{Guid.NewGuid():N}")
    // The programs that run are stopped by the same key; what follows them is cleaning up.
    Console.CancelKeyPress.Add(fun stop -> stop.Cancel <- true)

    try
        match git print [ "worktree"; "add"; "--quiet"; "--detach"; folder; commit ] with
        | 0 ->
            print $"Builds {commit} in {folder}, and this tree"

            match buildOldBench folder, buildBench root with
            | Ok older, Ok newer -> run ([ newer; "compare"; older ] @ arguments)
            | Error output, _
            | _, Error output ->
                List.iter print output
                1
        | _ -> 1
    finally
        if Directory.Exists folder then
            git print [ "worktree"; "remove"; "--force"; folder ] |> ignore

let bench arguments =
    match arguments with
    | [ "compare" ] ->
        print "Bench compare takes a commit, and then the kinds of benches to compare."
        1
    | "compare" :: commit :: rest -> benchCompare commit rest
    | "report" :: servers ->
        let commit = ResizeArray<string>()

        match runTool "git" root [] commit.Add [ "rev-parse"; "--short"; "HEAD" ] with
        | 0 ->
            let documents = Path.Combine(root, "docs")

            [
                "run"
                "-c"
                "Release"
                "--project"
                "bench"
                "--"
                "report"
                documents
                commit[0]
            ]
            @ servers
            |> run
        | code -> code
    | _ -> run ([ "run"; "-c"; "Release"; "--project"; "bench"; "--" ] @ arguments)

let pack _ =
    packages
    |> List.map (fun project () -> run [ "pack"; project; "-c"; "Release"; "-o"; "artifacts"; "--nologo" ])
    |> inOrder

/// The pages in docs/ that the site's table of contents does not lead to.
let pagesOutsideContents () =
    let documents = Path.Combine(root, "docs")
    let contents = File.ReadAllText(Path.Combine(documents, "guide", "toc.yml"))

    [
        for file in Directory.GetFiles(documents, "*.md", SearchOption.AllDirectories) do
            let page = Path.GetRelativePath(documents, file).Replace('\\', '/')

            // The first page is not in its own contents, and an index leads to each decision.
            if
                page <> "index.md"
                && not (Regex.IsMatch(page, @"^decisions/\d"))
                && not (Regex.IsMatch(contents, $@"href: \.\./{Regex.Escape page}\s"))
            then
                page
    ]

/// The site into artifacts/site: pages, and the reference of the packages for C#. Any warning fails, a broken link for one.
let docs _ =
    let artifacts = Path.Combine(root, "artifacts")

    let clean () =
        for folder in [ "api"; "site" ] do
            let path = Path.Combine(artifacts, folder)

            if Directory.Exists path then
                Directory.Delete(path, recursive = true)

        0

    let contents () =
        match pagesOutsideContents () with
        | [] -> 0
        | pages ->
            for page in pages do
                print $"docs/guide/toc.yml does not lead to docs/{page}"

            1

    inOrder
        [
            contents
            fun () -> run [ "tool"; "restore" ]
            timed "Build" (fun () -> run [ "build"; "api.slnf"; "-c"; "Release"; "-v"; "quiet"; "--nologo" ])
            clean
            timed "Site" (fun () -> run [ "docfx"; "docfx.json"; "--warningsAsErrors"; "--logLevel"; "warning" ])
        ]

/// This machine's system and processor, as .NET names them.
let runtimeId =
    let system =
        if OperatingSystem.IsWindows() then "win"
        elif OperatingSystem.IsMacOS() then "osx"
        else "linux"

    let processor = string RuntimeInformation.OSArchitecture
    $"{system}-{processor.ToLowerInvariant()}"

/// What trimming, a single file or native compilation cannot promise of some code: IL2xxx and IL3xxx.
let nativeWarning = Regex @"\bIL[23]\d{3}\b"

/// Compiles a project into a native program, and gives its path. Any warning fails: a program must do the same natively.
let publishNative (folder: string) (project: string) : Result<string, int> =
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

/// The demo, the checks of tests/Native and the worker as native programs. The checks must print what they print on the runtime; the
/// worker handles messages of a test's broker, and ends by SIGTERM.
let native _ =
    let folder = Path.Combine(Path.GetTempPath(), $"rocketmq-native-{Guid.NewGuid():N}")
    let recorded = "tests/Properties/Vectors/captures.jsonl.gz"

    let published project run () =
        match publishNative folder project with
        | Ok program -> timed $"{Path.GetFileName project} ran" (fun () -> run program) ()
        | Error code -> code

    let checks program =
        let outputOf tool arguments =
            let lines = ResizeArray<string>()
            let code = runTool tool root [] lines.Add arguments
            code, List.ofSeq lines

        let natively = outputOf program [ recorded ]
        List.iter print (snd natively)

        match run [ "build"; "tests/Native"; "-c"; "Release"; "-v"; "quiet"; "--nologo" ] with
        | 0 ->
            let managed =
                outputOf "dotnet" [ "tests/Native/bin/Release/net10.0/Native.dll"; recorded ]

            if fst natively = 0 && natively = managed then
                0
            else
                print "On the runtime it says:"
                List.iter print (snd managed)
                1
        | code -> code

    let work program =
        let test =
            [
                "test"
                "tests/Samples"
                "-c"
                "Release"
                "--nologo"
                "--filter"
                "Name~The_program_handles_messages"
            ]

        runWith [ "ROCKETMQ_NATIVE_WORKER", program ] print test

    /// The command, which must start fast: from exec to exit, the median of 20 runs of what asks no server.
    let startsFast program =
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

    try
        inOrder
            [
                published "src/RocketMq.Cli" startsFast
                published "samples/Quickstart" (fun program -> runTool program root [] print [])
                published "tests/Native" checks
                published "samples/Worker" work
            ]
    finally
        if Directory.Exists folder then
            Directory.Delete(folder, recursive = true)

/// What `Test` does, and what takes too long for each change: the packages, the site, native programs, and the long forms of all tests.
let testAll _ =
    inOrder
        [
            timed "Packages" (fun () -> pack [])
            timed "Docs" (fun () -> docs [])
            timed "Native" (fun () -> native [])
            fun () ->
                Environment.SetEnvironmentVariable("ROCKETMQ_LONG_TESTS", "1")
                test []
        ]

/// The first package source that NuGet is set up with on this machine.
let packageSource () =
    let mutable sources = []

    [ "nuget"; "list"; "source"; "--format"; "Short" ]
    |> runWith [] (fun line -> sources <- sources @ [ line ])
    |> ignore

    sources
    |> List.pick (fun line ->
        if line.StartsWith "E " then
            Some(line.Substring 2)
        else
            None)

/// Paket, with the variable that stands for the package source in its files.
let paket arguments =
    runWith [ ("NUGET_SOURCE", packageSource ()) ] print ([ "paket" ] @ arguments)

/// Resolves again. A registry without dependency lists fills the lock file step by step: repeat until it stays the same.
let install _ =
    let lockFile = Path.Combine(root, "paket.lock")

    let read () =
        if File.Exists lockFile then
            File.ReadAllText lockFile
        else
            ""

    let rec settle before =
        File.Delete lockFile

        match paket [ "install" ] with
        | 0 when read () = before -> 0
        | 0 -> settle (read ())
        | code -> code

    let hideSource () =
        let hidden = Regex.Replace(read (), @"(?m)^(\s*remote: ).*$", "$1%NUGET_SOURCE%")
        File.WriteAllText(lockFile, hidden)
        0

    inOrder
        [
            fun () -> run [ "tool"; "restore" ]
            fun () -> settle (read ())
            hideSource
        ]

let outdated _ = paket [ "outdated" ]

/// What the analyzer of a C# package's public surface says of a member that came or went.
let surfaceChange =
    Regex @"warning (?<rule>RS0016|RS0017): Symbol '(?<symbol>.+)' is (not )?part of the declared"

/// Writes down what a C# package offers: all that is not in its PublicAPI.Shipped.txt, and what was there and is gone.
let csharpSurface (project: string) () =
    let file = Path.Combine(root, project, "PublicAPI.Unshipped.txt")
    let before = File.ReadAllText file
    let mutable lines = Set.empty

    let onLine line =
        let found = surfaceChange.Match line

        if found.Success then
            let mark =
                if found.Groups["rule"].Value = "RS0017" then
                    "*REMOVED*"
                else
                    ""

            lines <- lines.Add(mark + found.Groups["symbol"].Value)

    File.WriteAllText(file, "#nullable enable\n")

    match
        runWith
            [ ("DOTNET_CLI_UI_LANGUAGE", "en") ]
            onLine
            [
                "build"
                project
                "-c"
                "Release"
                "--nologo"
                "-p:TreatWarningsAsErrors=false"
            ]
    with
    | 0 ->
        let sorted =
            lines
            |> List.ofSeq
            |> List.sortWith (fun one other -> String.CompareOrdinal(one, other))

        File.WriteAllText(file, String.Join('\n', "#nullable enable" :: sorted) + "\n")
        0
    | code ->
        File.WriteAllText(file, before)
        print $"{project} does not build: its surface stays as it was written down."
        code

/// A test compares the surfaces of the F# packages, and writes them if it is told to.
let fsharpSurface () =
    propertiesCommand [] @ [ "--filter-test-list"; "Public surface" ]
    |> runWith [ ("ROCKETMQ_WRITE_SURFACE", "1") ] print

/// The packages in C#.
let csharpPackages =
    [
        "src/RocketMq.Client.CSharp"
        "src/RocketMq.OpenTelemetry"
        "src/RocketMq.Compression"
        "src/RocketMq.Extensions.Hosting"
        "src/RocketMq.Testing"
        "src/RocketMq.Cap"
        "src/RocketMq.Administration"
        "src/RocketMq.Administration.Hosting"
    ]

let surface _ =
    inOrder
        [
            for project in csharpPackages do
                timed project (csharpSurface project)

            timed "F#" fsharpSurface
        ]

let targets: (string * string * (string list -> int)) list =
    [
        "Demo", "10,000 messages through the embedded broker; arguments go to samples/Quickstart", demo
        "Build", "all projects, Release", build
        "Test",
        "format check, build, scripts, all tests; ends with 'N passed, N failed, N skipped'; or one suite, by its folder in tests/, with arguments for its runner",
        test
        "TestAll", "the packages, Docs, Native, and Test with the long forms of all tests", testAll
        "Native", "the demo, tests/Native and samples/Worker, compiled natively and run", native
        "Format", "F# with Fantomas, C# white space; 'check' only looks", format
        "Bench",
        "all benchmarks; 'codecs', 'typed', 'transport', 'producer', 'consumer', 'idle', 'bodies' or 'scale' for one kind; 'compare REV' beside a commit; 'report [NAME=HOST:PORT …]' writes docs/performance.md",
        bench
        "Pack", "the packages into artifacts/", pack
        "Docs", "the documentation site into artifacts/site; a warning or a broken link fails", docs
        "Surface", "write down the public surface of all packages after a change to it that is meant", surface
        "Install", "resolve packages again after a change to paket.dependencies", install
        "Outdated", "packages with later versions", outdated
    ]

let usage () =
    print "usage: dotnet fsi build.fsx -- TARGET [ARGUMENTS]"
    targets |> List.iter (fun (name, what, _) -> print $"  %-10s{name}{what}")

match fsi.CommandLineArgs |> List.ofArray |> List.tail |> List.filter ((<>) "--") with
| [] ->
    usage ()
    exit 0
| requested :: arguments ->
    match List.tryFind (fun (name, _, _) -> isNamed requested name) targets with
    | Some(_, _, target) -> exit (target arguments)
    | None ->
        print $"There is no target '{requested}'."
        usage ()
        exit 1
