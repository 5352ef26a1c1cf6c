/// What native compilation must not meet in the command and in administration: `Native` in build.fsx would find it after minutes.
module RocketMq.Cli.Tests.NativeCodeTests

open System
open Expecto
open RocketMq.Protocol.Tests
open RocketMq.Cli
open RocketMq.Administration

let tests =
    testList
        "Native code"
        [
            for assembly in [ typeof<CommandHost>; typeof<Administrator> ] |> List.map _.Assembly ->
                testCase $"{assembly.GetName().Name} does not print by reflection"
                <| fun () -> AssemblyReferences.structuredPrinting assembly |> shouldEqual []
        ]
