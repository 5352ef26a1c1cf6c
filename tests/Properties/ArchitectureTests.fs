module RocketMq.Protocol.Tests.ArchitectureTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open RocketMq.Embedded

let private folders =
    [ "Wire"; "Messages"; "Requests"; "States"; "Transport"; "Client" ]

let private pureFolders = [ "Wire"; "Messages"; "Requests"; "States" ]

/// What does work, keeps time or takes chances.
let private impure =
    Regex
        @"\b(Task|ValueTask|Async|async|Socket|ILogger|UtcNow|Now|Random|Stopwatch|Thread|Threading|Timer|MailboxProcessor|Environment|File|Console)\b"

let private core = Path.Combine(Repository.root, "src", "RocketMq.Protocol.fs")

let private embedded =
    Path.Combine(Repository.root, "src", "RocketMq.EmbeddedBroker.fs")

/// The files of the embedded broker that act; all others decide.
let private acting =
    [
        "EmbeddedClock.fs"
        "LoopbackPort.fs"
        "ProxySockets.fs"
        "DirectionFaults.fs"
        "FaultProxy.fs"
        "BrokerLog.fs"
        "Server.fs"
        "ServerPort.fs"
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

[<Tests>]
let tests =
    testList
        "Architecture"
        [
            testCase "the pure folders start nothing, wait for nothing, and look at no clock"
            <| fun () ->
                let files =
                    pureFolders
                    |> List.collect (fun folder ->
                        List.ofArray (Directory.GetFiles(Path.Combine(core, folder), "*.fs")))

                files.Length |> shouldExceed 20

                impurities files |> shouldBeEmpty

            testCase "the embedded broker decides in files that do none of this, and acts in the others"
            <| fun () ->
                let files =
                    Directory.GetFiles(embedded, "*.fs")
                    |> Array.append (Directory.GetFiles(Path.Combine(embedded, "Faults"), "*.fs"))
                    |> List.ofArray

                let acts, decides =
                    files
                    |> List.partition (fun file -> List.contains (Path.GetFileName file) acting)

                acts.Length |> shouldEqual acting.Length
                impurities decides |> shouldBeEmpty

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

            testCase "the compile order is that of the layers, each folder in one run"
            <| fun () ->
                let project = File.ReadAllText(Path.Combine(core, "RocketMq.Protocol.fsproj"))

                let runs =
                    Regex.Matches(project, "<Compile Include=\"(\\w+)/")
                    |> Seq.map (fun hit -> hit.Groups[1].Value)
                    |> Seq.fold
                        (fun runs folder ->
                            if List.tryHead runs = Some folder then
                                runs
                            else
                                folder :: runs)
                        []
                    |> List.rev

                runs |> shouldEqual folders
        ]
