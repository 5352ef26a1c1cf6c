module RocketMq.Protocol.Tests.Program

open System
open Expecto

/// Which of the tests run: those of chaos, which wait for most of their time, the others or, by default, all. Two processes may
/// share them.
let private part = Environment.GetEnvironmentVariable "ROCKETMQ_TEST_PART"

let private isChaos (names: string list) =
    names
    |> List.exists (fun name -> name.EndsWith("haos", StringComparison.Ordinal))

let private chosen (tests: Test) =
    match part with
    | "chaos" -> Test.filter " " isChaos tests
    | "others" -> Test.filter " " (isChaos >> not) tests
    | _ -> tests

[<EntryPoint>]
let main arguments =
    match Impl.testFromThisAssembly () with
    | Some tests -> runTestsWithCLIArgs [] arguments (chosen tests)
    | None -> 1
