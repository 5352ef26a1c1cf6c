/// That docs/migration/from-pyrocketmq.md has every row.
module RocketMq.Protocol.Tests.PyrocketmqPageTests

open System.IO
open System.Text.RegularExpressions

let private rows =
    [
        for letter, count in [ "S", 57; "R", 29; "B", 24; "W", 26 ] do
            for number in 1..count -> $"{letter}{number}"
    ]

let private page =
    lazy File.ReadAllText(Path.Combine(Repository.root, "docs", "migration", "from-pyrocketmq.md"))

[<Tests>]
let tests =
    testList
        "pyrocketmq document"
        [
            testCase "the page has every row once and no other row"
            <| fun () ->
                Regex.Matches(page.Value, "(?m)^\\| ([SRBW]\\d+) \\|")
                |> Seq.map (fun hit -> hit.Groups[1].Value)
                |> Seq.sort
                |> Seq.toList
                |> shouldEqual (List.sort rows)
        ]
