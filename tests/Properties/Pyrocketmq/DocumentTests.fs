/// That docs/pyrocketmq.md has every row, and every row its test.
module RocketMq.Protocol.Tests.DocumentTests

open System.IO
open System.Text.RegularExpressions
open Expecto

let private rows =
    [
        for letter, count in [ "S", 57; "R", 29; "B", 24; "W", 26 ] do
            for number in 1..count -> $"{letter}{number}"
    ]

let private page =
    lazy File.ReadAllText(Path.Combine(Repository.root, "docs", "pyrocketmq.md"))

/// The rows that have tests: those that names of tests begin with.
let private tested =
    lazy
        (Directory.GetFiles(Path.Combine(Repository.root, "tests", "Properties", "Pyrocketmq"), "*.fs")
         |> Seq.collect (fun file ->
             Regex.Matches(
                 File.ReadAllText file,
                 "(?:testCase|testCaseTask|property|connected|testOn|row)\\s+\"([SRBW]\\d+) "
             )
             |> Seq.map (fun hit -> hit.Groups[1].Value))
         |> Set.ofSeq)

[<Tests>]
let tests =
    testList
        "pyrocketmq document"
        [
            testCase "every row stands in the document once, and no other does"
            <| fun () ->
                Regex.Matches(page.Value, "(?m)^\\| ([SRBW]\\d+) \\|")
                |> Seq.map (fun hit -> hit.Groups[1].Value)
                |> Seq.sort
                |> Seq.toList
                |> shouldEqual (List.sort rows)

            testCase "every row has a test whose name begins with it"
            <| fun () -> rows |> List.filter (tested.Value.Contains >> not) |> shouldBeEmpty
        ]
