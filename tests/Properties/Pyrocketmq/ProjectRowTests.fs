/// What pyrocketmq says of itself as a project, row by row.
module RocketMq.Protocol.Tests.ProjectRowTests

open System
open System.IO
open Expecto
open RocketMq.Protocol
open RocketMq

let private request = Command.request RequestCode.SendMessageV2

[<Tests>]
let tests =
    testList
        "pyrocketmq project"
        [
            testCase "S53 adding a code: enum, operation, golden and property, and a test that asks for them"
            <| fun () ->
                let guide = File.ReadAllText(Path.Combine(Repository.root, "CONTRIBUTING.md"))

                for step in [ "RequestCode"; "Operation"; "Operations.fs"; "CatalogueTests" ] do
                    guide |> shouldMention step

            testCase "S54 the families of tests are there"
            <| fun () ->
                let tests = Path.Combine(Repository.root, "tests")

                for file in
                    [
                        "Properties/Wire/FrameTests.fs"
                        "Properties/Wire/HostileFrameTests.fs"
                        "Properties/Requests/OperationTests.fs"
                        "Properties/States/ConnectionTests.fs"
                        "Properties/Transport/CallTests.fs"
                        "Properties/Transport/ReconnectTests.fs"
                        "Properties/Golden/RecordedFrameTests.fs"
                        "Interop/RemotingTests.cs"
                    ] do
                    File.Exists(Path.Combine(tests, file)) |> shouldBeTrue

            testCase "S55 a body is handed on, not copied"
            <| fun () ->
                let bytes = "x"B
                let command = Command.withBody (ReadOnlyMemory bytes) request
                bytes[0] <- 'y'B
                command.Body.Span[0] |> shouldEqual 'y'B

            testCase "S56 the facade says what may be null, and warnings are errors"
            <| fun () ->
                let props = File.ReadAllText(Path.Combine(Repository.root, "Directory.Build.props"))
                props |> shouldMention "<Nullable>enable</Nullable>"
                props |> shouldMention "<TreatWarningsAsErrors>true</TreatWarningsAsErrors>"

            testCase "S57 a page says how to run this in production"
            <| fun () ->
                let page = File.ReadAllText(Path.Combine(Repository.root, "docs", "production.md"))

                for word in [ "one client"; "ConnectionPool"; "preset"; "timeout" ] do
                    page |> shouldMention word
        ]
