/// The tests: which suites there are, how each is run, and what of their output counts.
module Suites


open System
open System.IO
open System.Text.RegularExpressions
open System.Xml.Linq
open Steps

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

let private countsOf (summary: Regex) (line: string) =
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
        /// Suites of one lane run one after the other, while those of the other lane run too.
        Lane: int
        Variables: (string * string) list
        Command: string list
        /// What makes the runner write a file of results, which says why tests were skipped.
        Results: string -> string list
        Summary: Regex
        FailureBegins: Regex
        FailureEnds: Regex
        /// Lines that say nothing when all tests run.
        Noise: Regex
    }

/// How F# tests are run, with options of `dotnet run`.
let private expectoCommand project options =
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
let private csharpSuite name =
    {
        Name = name
        Lane = 2
        Variables = []
        Command = [ "test"; $"tests/{name}"; "-c"; "Release"; "--no-build"; "--nologo" ]
        Results = fun file -> [ "--logger"; $"trx;LogFileName={file}" ]
        Summary = Regex @"Failed:\s+(?<failed>\d+), Passed:\s+(?<passed>\d+), Skipped:\s+(?<skipped>\d+), Total:"
        FailureBegins = Regex @"^\s*Failed \w"
        FailureEnds = Regex @"^\s*$|^\s*(Passed|Skipped) \w"
        Noise = Regex @"^$|^\s*Skipped \w|^Test run for |^A total of |^Results File: "
    }

/// Tests in F#: all but those of chaos, or those alone.
let private fsharpSuite name lane part =
    {
        Name = name
        Lane = lane
        Variables = [ ("ROCKETMQ_TEST_PART", part) ]
        Command = propertiesCommand [ "--no-build" ]
        Results = fun file -> [ "--nunit-summary"; file ]
        Summary =
            Regex
                @"(?<passed>\d[\d.,]*) passed, (?<skipped>\d[\d.,]*) ignored, (?<failed>\d[\d.,]*) failed, (?<failed>\d[\d.,]*) errored"
        FailureBegins = Regex @"\[[\d:]+ (ERR|FTL)\]"
        // The cause of an error stands in the lines after its own.
        FailureEnds = Regex @"\[[\d:]+ \w+\]"
        Noise = Regex @"^$"
    }

let all =
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
        // After Properties: so both lanes end at about the same time.
        { fsharpSuite "Administration" 1 "" with
            Command = expectoCommand "tests/Administration" [ "--no-build" ]
        }
    ]

/// Collects the lines in which a suite reports failures.
type private FailureReport(suite: Suite) =
    let lines = ResizeArray<string>()
    let mutable isFailure = false

    member _.Lines = List.ofSeq lines

    member _.Read(line: string) =
        isFailure <-
            suite.FailureBegins.IsMatch line
            || isFailure && not (suite.FailureEnds.IsMatch line)

        if isFailure then
            lines.Add line

/// Why tests were skipped, by a file of results: one reason for each test.
let private skipReasons (file: string) =
    let isSkipped (element: XElement) =
        [ "outcome"; "result" ]
        |> List.exists (fun name ->
            match element.Attribute(XName.Get name) with
            | null -> false
            | outcome -> List.contains outcome.Value [ "NotExecuted"; "Ignored"; "Skipped" ])

    let reason (element: XElement) =
        element.Descendants()
        |> Seq.tryFind (fun part -> isNamed "message" part.Name.LocalName)
        |> Option.map (fun message -> message.Value.Trim())
        |> Option.defaultValue ""

    if File.Exists file then
        XDocument.Load(file).Descendants()
        |> Seq.filter (fun element ->
            List.contains element.Name.LocalName [ "UnitTestResult"; "test-case" ]
            && isSkipped element)
        |> Seq.map reason
        |> List.ofSeq
    else
        []

type private SuiteRun =
    {
        Counts: Counts
        Failures: string list
        Reasons: string list
        Code: int
    }

/// Runs one suite. The exit code tells of a run that broke down without counting anything.
let private runSuite folder isAll arguments suite =
    let mutable counts = Counts.None
    let failures = FailureReport suite
    let results = Path.Combine(folder, suite.Name + ".xml")

    let onLine line =
        counts <- counts + countsOf suite.Summary line
        failures.Read line

        if not (isAll && suite.Noise.IsMatch line) then
            print line

    // Who passes arguments to a runner may be after something else than results.
    let command =
        if List.isEmpty arguments then
            suite.Command @ suite.Results results
        else
            suite.Command @ arguments

    let code =
        timed suite.Name (fun () -> runWith (("DOTNET_CLI_UI_LANGUAGE", "en") :: suite.Variables) onLine command) ()

    {
        Counts = counts
        Failures = failures.Lines
        Reasons = skipReasons results
        Code = code
    }

/// How many tests were skipped for which reason.
let private printReasons runs =
    let reasons = runs |> List.collect _.Reasons

    for reason, count in reasons |> List.countBy id |> List.sortByDescending snd do
        let line =
            if reason = "" then
                "no reason given"
            else
                reason.ReplaceLineEndings " "

        print $"skipped: %s{line} (%d{count})"

    let skipped = runs |> List.sumBy _.Counts.Skipped

    if skipped > reasons.Length then
        print $"skipped: reasons unknown (%d{skipped - reasons.Length})"

/// Runs suites in two lanes: none of them needs a whole machine.
let runAll isAll arguments chosen =
    inTemporaryFolder "results" (fun folder ->
        let runs =
            chosen
            |> List.groupBy _.Lane
            |> List.map (fun (_, lane) ->
                Threading.Tasks.Task.Run(fun () -> List.map (runSuite folder isAll arguments) lane))
            |> List.collect _.Result

        // Again at the end, where a long log is read first.
        for run in runs do
            List.iter print run.Failures

        let counts = runs |> List.map _.Counts |> List.reduce (+)

        printReasons runs

        print $"{counts.Passed} passed, {counts.Failed} failed, {counts.Skipped} skipped"

        let isGood =
            counts.Passed > 0
            && counts.Failed = 0
            && List.forall (fun run -> run.Code = 0) runs

        if isGood then 0 else 1)
