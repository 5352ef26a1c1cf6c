/// The project's targets, which build.fsx at the root runs. Each only calls tools.

// In one directive, as what a file of its own `#load` brings is another copy of it, with a state of its own.
#load "Steps.fsx" "Projects.fsx" "Suites.fsx" "Benches.fsx" "Native.fsx" "Packages.fsx" "Site.fsx" "Dependencies.fsx" "Surfaces.fsx"

open System
open System.IO
open Steps

let build _ =
    run [ "build"; Projects.solution; "-c"; "Release"; "-v"; "minimal"; "--nologo" ]

/// Runs the scripts under samples/, each to its end.
let scripts _ =
    let step script () =
        let code, lines = outputOf "dotnet" root [] [ "fsi"; script ]
        let name = Path.GetRelativePath(root, script)

        if code = 0 then
            print $"{name} runs"
        else
            List.iter print lines
            print $"{name} failed with code {code}"

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
        run ([ "fantomas" ] @ (if checks then [ "--check" ] else []) @ Projects.fsharpSources)

    let whitespace () =
        run (
            [ "format"; "whitespace"; "."; "--folder"; "--include" ]
            @ Projects.csharpFolders
            @ (if checks then [ "--verify-no-changes" ] else [])
        )

    inOrder [ (fun () -> run [ "tool"; "restore" ]); fantomas; whitespace ]

/// All suites and the scripts, or the suite that is named, with arguments for its own runner.
let test arguments =
    let chosen, rest =
        match arguments with
        | [] -> Suites.all, []
        | name :: rest -> List.filter (fun (suite: Suites.Suite) -> isNamed name suite.Name) Suites.all, rest

    if List.isEmpty chosen then
        let names = Suites.all |> List.map _.Name |> String.concat ", "
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

                fun () -> Suites.runAll isAll rest chosen
            ]

let demo arguments =
    let project = "samples/Quickstart"

    inOrder
        [
            fun () -> run [ "build"; project; "-c"; "Release"; "-v"; "quiet"; "--nologo" ]
            fun () ->
                [ "run"; "--no-build"; "-c"; "Release"; "--project"; project; "--" ] @ arguments
                |> runOnConsole
        ]

/// What `Test` does, and what takes too long for each change: the packages, the site, native programs, and the long forms of all tests.
let testAll _ =
    inOrder
        [
            timed "Packages" (fun () -> Packages.tryOut [])
            timed "Docs" (fun () -> Site.docs [])
            timed "Native" (fun () -> Native.native [])
            fun () ->
                Environment.SetEnvironmentVariable("ROCKETMQ_LONG_TESTS", "1")
                test []
        ]

/// A target: its name, what it does, what it says before its first step, and the step.
let targets: (string * string * string * (string list -> int)) list =
    [
        "Demo",
        "10,000 messages through the embedded broker; arguments go to samples/Quickstart, --help lists them",
        "building, about a minute the first time",
        demo
        "Build", "all projects, Release", "restoring and building, minutes the first time", build
        "Test",
        "format check, build, scripts, all tests; ends with 'N passed, N failed, N skipped'; or one suite, by its folder in tests/, with arguments for its runner",
        "restoring tools, then format check, build, scripts and tests; about ten minutes the first time",
        test
        "TestAll",
        "the packages tried in a new project, Docs, Native, and Test with the long forms of all tests",
        "packages, native programs and the long forms of all tests; about half an hour",
        testAll
        "Native",
        "the command, the demo, tests/Native and samples/Worker, compiled natively and run",
        "minutes",
        Native.native
        "Format", "F# with Fantomas, C# white space; 'check' only looks", "restoring tools", format
        "Bench",
        "all benchmarks; 'codecs', 'typed', 'transport', 'producer', 'consumer', 'idle', 'bodies' or 'scale' for one kind; 'compare REV' beside a commit; 'report [NAME=HOST:PORT …]' writes docs/performance.md",
        "building",
        Benches.bench
        "Pack", "the packages into artifacts/, with a look at what each must have", "building", Packages.pack
        "TryPackages",
        "packs into a temporary folder, installs the packages into a new project and runs the README's program",
        "building",
        Packages.tryOut
        "Docs", "the documentation site into artifacts/site; a warning or a broken link fails", "building", Site.docs
        "Surface",
        "write down the public surface of all packages after a change to it that is meant",
        "building",
        Surfaces.surface
        "Release",
        "prepare the version that is named: its number, CHANGELOG.md, PublicAPI.Shipped.txt; publishes nothing",
        "writing",
        Surfaces.release
        "Install", "resolve packages again after a change to paket.dependencies", "resolving", Dependencies.install
        "Outdated", "packages with later versions", "asking the package source", Dependencies.outdated
    ]

let usage () =
    print "usage: dotnet fsi build.fsx -- TARGET [ARGUMENTS]"
    targets |> List.iter (fun (name, what, _, _) -> print $"  %-13s{name}{what}")

let isHelp argument =
    List.contains argument [ "--help"; "-h"; "-?"; "help" ]

match fsi.CommandLineArgs |> List.ofArray |> List.tail |> List.filter ((<>) "--") with
| [] ->
    usage ()
    exit 0
| requested :: _ when isHelp requested ->
    usage ()
    exit 0
| requested :: arguments ->
    match List.tryFind (fun (name, _, _, _) -> isNamed requested name) targets with
    | Some(name, what, _, _) when name <> "Demo" && List.exists isHelp (List.truncate 1 arguments) ->
        print $"{name}: {what}"
        usage ()
        exit 0
    | Some(name, _, first, target) ->
        print $"{name}: {first}"
        exit (watched name (fun () -> target arguments))
    | None ->
        print $"There is no target '{requested}'."
        usage ()
        exit 1
