/// The diagrams in docs/architecture.md are what the transition functions do.
module RocketMq.Protocol.Tests.StateDiagramTests

open System
open System.IO
open Expecto

let private document = Path.Combine(Repository.root, "docs", "architecture.md")

let private beginOf name = $"<!-- states of: {name} -->"
let private ending = "<!-- end of states -->"

/// The text before a diagram, its lines, and the text after it.
let private split name (lines: string list) =
    match List.tryFindIndex ((=) (beginOf name)) lines with
    | None -> failtest $"{document} has no line {beginOf name}"
    | Some first ->
        let before, rest = List.splitAt (first + 1) lines
        let drawn = List.takeWhile ((<>) ending) rest
        before, drawn, List.skip drawn.Length rest

let private block lines = [ "```mermaid"; yield! lines; "```" ]

let private read () =
    File.ReadAllLines document |> List.ofArray

/// With this variable the test writes the diagrams into the document.
let private isWriting =
    Environment.GetEnvironmentVariable "ROCKETMQ_WRITE_DIAGRAMS" = "1"

let private write name drawn =
    let before, _, after = split name (read ())
    File.WriteAllLines(document, before @ drawn @ after)

[<Tests>]
let tests =
    testSequenced
    <| testList
        "State diagrams"
        [
            for name, draw in StateMachines.all do
                testCase $"the document draws the {name} as it is; ROCKETMQ_WRITE_DIAGRAMS=1 draws it again"
                <| fun () ->
                    let drawn = block (draw ())

                    if isWriting then
                        write name drawn

                    let _, written, _ = split name (read ())
                    written |> shouldEqual drawn
                    Expect.isLessThan drawn.Length 40 "lines of a diagram"
        ]
