/// How long the lists of tests are: a list has one topic, and fits on a screen.
module RocketMq.Protocol.Tests.TestListTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto

let private limit = 60

let private indentOf (line: string) =
    line.Length - line.TrimStart(' ').Length

let private isBlank (line: string) = String.IsNullOrWhiteSpace line

/// A list that begins on a line of its own, or with the value that holds it.
let private beginsList (lines: string[]) index =
    let line = lines[index]

    let holdsList () =
        index + 1 < lines.Length
        && Regex.IsMatch(lines[index + 1], @"^ +(\[|(testSequenced( <\|)?|testList)\b)")

    Regex.IsMatch(line, @"^ *testList\b")
    || (Regex.IsMatch(line, @"^let .*=$") && holdsList ())

/// The lines of what begins here: all that are indented further, up to a bracket that closes it.
let private length (lines: string[]) index =
    let indent = indentOf lines[index]

    let rest =
        lines[index + 1 ..]
        |> Array.takeWhile (fun line ->
            isBlank line
            || indentOf line > indent
            || Regex.IsMatch(line, @"^ *[\])]") && indentOf line = indent)

    1 + (rest |> Array.rev |> Array.skipWhile isBlank |> Array.length)

let private lists (lines: string[]) =
    [
        for index in 0 .. lines.Length - 1 do
            if beginsList lines index then
                index + 1, length lines index
    ]

let private tooLong (lines: string[]) =
    lists lines |> List.filter (fun (_, length) -> length > limit)

let private files =
    Directory.GetFiles(Path.Combine(Repository.root, "tests", "Properties"), "*.fs", SearchOption.AllDirectories)
    |> Array.filter (fun file -> not (Regex.IsMatch(file, @"[\\/](bin|obj)[\\/]")))
    |> List.ofArray

let private listOf cases =
    [|
        "[<Tests>]"
        "let tests ="
        "    testList"
        "        \"Name\""
        "        ["
        for case in 1..cases do
            $"            test \"{case}\" {{ }}"
        "        ]"
        ""
        "let next = 1"
    |]

[<Tests>]
let tests =
    testList
        "Test lists"
        [
            testCase "no list of tests is longer than 60 lines"
            <| fun () ->
                let found = files |> List.map (fun file -> file, File.ReadAllLines file)

                found
                |> List.sumBy (fun (_, lines) -> List.length (lists lines))
                |> shouldExceed 500

                [
                    for file, lines in found do
                        for line, length in tooLong lines do
                            $"{Path.GetRelativePath(Repository.root, file)}:{line}: {length} lines"
                ]
                |> shouldEqual []

            testCase "a list is measured with the value that holds it"
            <| fun () ->
                lists (listOf 55) |> shouldEqual [ 2, 60; 3, 59 ]
                tooLong (listOf 55) |> shouldEqual []
                tooLong (listOf 56) |> shouldEqual [ 2, 61 ]
        ]
