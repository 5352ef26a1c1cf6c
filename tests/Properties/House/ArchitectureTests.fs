module RocketMq.Protocol.Tests.ArchitectureTests

open System
open System.IO
open System.Text.RegularExpressions
open RocketMq.Embedded

/// The F# projects: where each is, and a number of folders that it exceeds.
let private projects =
    [
        "src/RocketMq.Protocol.fs/RocketMq.Protocol.fsproj", 15
        "src/RocketMq.Client.fs/RocketMq.Client.fsproj", 15
        "src/RocketMq.EmbeddedBroker.fs/RocketMq.EmbeddedBroker.fsproj", 10
        "tests/Support/Support.fsproj", 4
        "tests/Properties/Properties.fsproj", 40
    ]

/// What starts or awaits work, keeps time, takes chances, or reaches out of the process, as prefixes of full names.
let private effects =
    [
        "System.Threading.Tasks."
        "System.Threading.Thread"
        "System.Threading.Timer"
        "System.Threading.CancellationToken"
        "System.Net.Sockets."
        "System.Net.Http."
        "System.Net.Dns"
        "System.TimeProvider"
        "System.Diagnostics.Stopwatch"
        "System.Diagnostics.Process"
        "System.DateTime.get_Now"
        "System.DateTime.get_UtcNow"
        "System.DateTimeOffset.get_Now"
        "System.DateTimeOffset.get_UtcNow"
        "System.Random"
        "System.Guid.NewGuid"
        "System.Security.Cryptography.RandomNumberGenerator"
        "System.IO.File"
        "System.IO.Directory"
        "System.Environment"
        "System.Console"
        "Microsoft.FSharp.Control.FSharpAsync"
        "Microsoft.FSharp.Control.FSharpMailboxProcessor"
        "Microsoft.FSharp.Control.TaskBuilder."
        "Microsoft.FSharp.Control.BackgroundTaskBuilder"
        "Microsoft.Extensions."
    ]

/// What does work, keeps time or takes chances.
let private impure =
    Regex
        @"\b(Task|ValueTask|Async|async|Socket|ILogger|UtcNow|Now|Random|Stopwatch|Thread|Threading|Timer|MailboxProcessor|Environment|File|Console)\b"

let private pure' = typeof<RocketMq.Message>.Assembly

let private embedded =
    Path.Combine(Repository.root, "src", "RocketMq.EmbeddedBroker.fs")

/// The folders below another, without what is built there. Git knows no empty ones.
let private foldersBelow (top: string) =
    Directory.GetDirectories(Path.Combine(Repository.root, top), "*", SearchOption.AllDirectories)
    |> Array.filter (fun folder ->
        not (Regex.IsMatch(folder, @"[\\/](bin|obj|TestResults)([\\/]|$)"))
        && Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
           |> Seq.isEmpty
           |> not)
    |> List.ofArray

let private sourceFolders = foldersBelow "src"
let private testFolders = foldersBelow "tests"

let private pathOf (folder: string) =
    Path.GetRelativePath(Repository.root, folder).Replace('\\', '/')

/// The files of the embedded broker that act; all others decide.
let private acting =
    [
        "EmbeddedClock.fs"
        "LoopbackPort.fs"
        "ProxySockets.fs"
        "DirectionFaults.fs"
        "FaultProxy.fs"
        "BrokerLog.fs"
        "StoreChanges.fs"
        "Server.fs"
        "ServerPort.fs"
        "VipPort.fs"
        "TopicRequests.fs"
        "EmbeddedBroker.fs"
        "EmbeddedClusterOptions.fs"
        "EmbeddedServers.fs"
        "EmbeddedCluster.fs"
    ]

let private codeOf (file: string) =
    Regex.Replace(File.ReadAllText file, @"(?m)//.*$", "")

let private impurities files =
    [
        for file in files do
            for hit in impure.Matches(codeOf file) do
                $"{Path.GetFileName file}: {hit.Value}"
    ]

let private dependencies =
    testList
        "dependencies"
        [
            testCase "the protocol's project refers to no task, socket, clock, chance, file, environment or logger"
            <| fun () ->
                pure'.GetName().Name |> shouldEqual "RocketMq.Protocol"
                let referred = AssemblyReferences.types pure' @ AssemblyReferences.members pure'
                referred.Length |> shouldExceed 100

                referred
                |> List.filter (fun name ->
                    effects
                    |> List.exists (fun effect -> name.StartsWith(effect, StringComparison.Ordinal)))
                |> shouldEqual []

            testCase "the protocol's project uses FSharp.Core and what is part of .NET, and nothing else"
            <| fun () ->
                AssemblyReferences.assemblies pure'
                // netstandard is .NET under the name that FSharp.Core was built against.
                |> List.filter (fun name ->
                    name <> "FSharp.Core"
                    && name <> "netstandard"
                    && not (name.StartsWith("System.", StringComparison.Ordinal)))
                |> shouldEqual []

            testCase "the client refers to the abstraction of loggers and to no logger"
            <| fun () ->
                typeof<RocketMq.RemotingClient>.Assembly.GetReferencedAssemblies()
                |> Array.map (fun name -> string name.Name)
                |> Array.filter (fun name -> name.Contains("Logging", StringComparison.Ordinal))
                |> shouldEqual [| "Microsoft.Extensions.Logging.Abstractions" |]

            testCase "warnings are errors, and the facade is compiled with nullable annotations"
            <| fun () ->
                let props = File.ReadAllText(Path.Combine(Repository.root, "Directory.Build.props"))
                props |> shouldMention "<Nullable>enable</Nullable>"
                props |> shouldMention "<TreatWarningsAsErrors>true</TreatWarningsAsErrors>"

            testCase "the embedded broker decides in files that do none of this, and acts in the others"
            <| fun () ->
                let files =
                    Directory.GetFiles(embedded, "*.fs", SearchOption.AllDirectories)
                    |> Array.filter (fun file ->
                        not (file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}")))
                    |> List.ofArray

                let acts, decides =
                    files
                    |> List.partition (fun file -> List.contains (Path.GetFileName file) acting)

                acts.Length |> shouldEqual acting.Length
                impurities decides |> shouldBeEmpty
        ]

let private documents =
    testList
        "documents"
        [
            testCase "every option of the embedded broker stands in its document"
            <| fun () ->
                let document =
                    File.ReadAllText(Path.Combine(Repository.root, "docs", "embedded-broker.md"))

                let options =
                    [ typeof<EmbeddedBrokerOptions>; typeof<EmbeddedClusterOptions> ]
                    |> List.collect (fun options -> List.ofArray (options.GetProperties()))
                    |> List.map _.Name

                options.Length |> shouldExceed 20

                for name in options do
                    document |> shouldMention $"`{name}`"
        ]

let private projectFiles =
    testList
        "project files"
        [
            for project, folders in projects do
                testCase $"{Path.GetFileNameWithoutExtension project} compiles each folder in one run"
                <| fun () ->
                    let text = File.ReadAllText(Path.Combine(Repository.root, project))

                    let runs =
                        Regex.Matches(text, "<Compile Include=\"(?:(.+)/)?[^/\"]+\"")
                        |> Seq.map (fun hit -> hit.Groups[1].Value)
                        |> Seq.fold
                            (fun runs folder ->
                                if List.tryHead runs = Some folder then
                                    runs
                                else
                                    folder :: runs)
                            []

                    runs.Length |> shouldExceed folders

                    runs
                    |> List.countBy id
                    |> List.filter (fun (_, runs) -> runs > 1)
                    |> shouldBeEmpty
        ]

/// Folders of the root that Git ignores, and its own.
let private unversioned =
    set
        [
            ".git"
            ".vs"
            ".idea"
            ".vscode"
            "artifacts"
            "paket-files"
            "bin"
            "obj"
            "BenchmarkDotNet.Artifacts"
            "TestResults"
        ]

let private mapTests =
    testList
        "map"
        [
            testCase "the map in CONTRIBUTING.md shows each folder of src and tests, and no other"
            <| fun () ->
                let text = File.ReadAllText(Path.Combine(Repository.root, "CONTRIBUTING.md"))
                let map = text.Split("```")[1]

                let shown =
                    map.Split '\n'
                    |> Seq.fold
                        (fun (above: string list, shown) line ->
                            let depth = (line.Length - line.TrimStart(' ').Length) / 2

                            let names =
                                [ for hit in Regex.Matches(line, @"(?<![^ ])([\w.]+)/") -> hit.Groups[1].Value ]

                            let parents = List.truncate depth above
                            let paths = [ for name in names -> String.Join('/', parents @ [ name ]) ]
                            parents @ List.truncate 1 names, shown @ paths)
                        ([], [])
                    |> snd
                    |> List.filter (fun path -> Regex.IsMatch(path, "^(src|tests)/"))

                shown.Length |> shouldExceed 100

                sourceFolders @ testFolders
                |> List.map pathOf
                |> List.sort
                |> shouldEqual (List.sort shown)

            testCase "the map in CONTRIBUTING.md shows each folder of the root"
            <| fun () ->
                let text = File.ReadAllText(Path.Combine(Repository.root, "CONTRIBUTING.md"))
                let map = text.Split("```")[1]

                let shown =
                    [ for hit in Regex.Matches(map, @"(?m)^([\w.]+)/") -> hit.Groups[1].Value ]

                Directory.GetDirectories Repository.root
                |> List.ofArray
                |> List.map (fun folder -> string (Path.GetFileName folder))
                |> List.filter (fun name -> not (unversioned.Contains name))
                |> List.sort
                |> shouldEqual (List.sort shown)

        ]

let private namedFiles =
    testList
        "named files"
        [
            testCase "each source file that a document names exists"
            <| fun () ->
                let files =
                    sourceFolders @ testFolders
                    |> Seq.collect Directory.GetFiles
                    |> Seq.map (fun file -> string (Path.GetFileName file))
                    |> Set.ofSeq

                let named =
                    Directory.GetFiles(Path.Combine(Repository.root, "docs"), "*.md")
                    |> Array.append [| Path.Combine(Repository.root, "CONTRIBUTING.md") |]
                    |> Seq.collect (fun document ->
                        Regex.Matches(File.ReadAllText document, @"(\w+\.(fs|cs))\b")
                        |> Seq.map (fun hit -> hit.Groups[1].Value))
                    // Projects are folders that end so.
                    |> Seq.filter (fun name ->
                        not (Regex.IsMatch(name, @"^(Protocol|Client|EmbeddedBroker|Administration)\.fs$")))
                    |> Seq.distinct
                    |> List.ofSeq

                named.Length |> shouldExceed 30
                named |> List.filter (files.Contains >> not) |> shouldEqual []
        ]

let private targetsTests =
    testList
        "targets"
        [
            testCase "each target that a document or a workflow runs is one of build/Targets.fsx"
            <| fun () ->
                let known =
                    let script = File.ReadAllText(Path.Combine(Repository.root, "build", "Targets.fsx"))

                    let table =
                        script.Substring(script.IndexOf("let targets", StringComparison.Ordinal))

                    set
                        [
                            for hit in Regex.Matches(table, @"(?m)^        ""(\w+)"",") -> hit.Groups[1].Value
                        ]

                let below folder pattern =
                    Directory.GetFiles(Path.Combine(Repository.root, folder), pattern, SearchOption.AllDirectories)

                let named =
                    [
                        yield! below ".github" "*.yml"
                        yield! below "docs" "*.md"
                        yield! below ".ci" "*"
                        yield! below ".devcontainer" "*.json"
                        yield! Directory.GetFiles(Repository.root, "*.md")
                    ]
                    |> List.collect (fun file ->
                        [
                            for hit in Regex.Matches(File.ReadAllText file, @"build\.fsx -- (\w+)") ->
                                hit.Groups[1].Value
                        ])
                    |> List.distinct

                known.Count |> shouldExceed 10
                named.Length |> shouldExceed 8
                // NAME stands for any of them.
                named
                |> List.filter (fun name -> name <> "NAME" && not (known.Contains name))
                |> shouldEqual []
        ]

let private foldersTests =
    testList
        "folders"
        [
            testCase "the folders of the tests are named as those of src whose code they test"
            <| fun () ->
                let below (top: string) =
                    foldersBelow top
                    |> List.map (fun folder ->
                        Path.GetRelativePath(Path.Combine(Repository.root, top), folder).Replace('\\', '/'))

                let tested =
                    Set.ofList (
                        [ "EmbeddedBroker" ]
                        @ below "src/RocketMq.Protocol.fs"
                        @ below "src/RocketMq.Client.fs"
                        @ (below "src/RocketMq.EmbeddedBroker.fs" |> List.map (sprintf "EmbeddedBroker/%s"))
                    )

                below "tests/Properties"
                |> List.filter (fun folder -> not (tested.Contains folder))
                |> List.sort
                |> shouldEqual [ "Faults"; "Faults/Chaos"; "Golden"; "Harness"; "House"; "Vectors" ]

            testCase "no folder of src and tests holds more than 15 files"
            <| fun () ->
                sourceFolders.Length |> shouldExceed 40
                testFolders.Length |> shouldExceed 50

                [
                    for folder in sourceFolders @ testFolders do
                        match
                            Directory.GetFiles(folder, "*.fs").Length
                            + Directory.GetFiles(folder, "*.cs").Length
                        with
                        | count when count > 15 -> $"{folder}: {count}"
                        | _ -> ()
                ]
                |> shouldBeEmpty
        ]

[<Tests>]
let tests =
    testList
        "Architecture"
        [
            dependencies
            documents
            projectFiles
            mapTests
            namedFiles
            targetsTests
            foldersTests
        ]
