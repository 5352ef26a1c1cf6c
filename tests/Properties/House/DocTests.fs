/// Public F# types, modules, functions and members have documentation. (In C# the compiler demands it.)
module RocketMq.Protocol.Tests.DocTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto

let private attributes = @"(?:\[<[^\]]*>\]\s*)?"

let private atTop =
    Regex($@"^{attributes}(?<kind>type|and|module) {attributes}(?<access>(?:rec |internal |private )*)(?<name>\w+)")

let private within =
    Regex(@"^    (?<kind>let|member|static member|abstract|new|module|type)\b(?<rest>.*)$")

let private isHidden (rest: string) =
    Regex.IsMatch(rest, @"^\s*(inline |rec |mutable |val )*(private|internal)\b")

let private isDocumented (lines: string[]) index =
    let mutable above = index - 1

    while above >= 0
          && lines[above].TrimStart().StartsWith("[<", StringComparison.Ordinal) do
        above <- above - 1

    above >= 0
    && lines[above].TrimStart().StartsWith("///", StringComparison.Ordinal)

/// A module that shares its name with a type needs no second summary.
let private isCompanion (lines: string[]) (name: string) =
    let declared = Regex($@"^{attributes}(type|and) {attributes}{name}\b")
    lines |> Array.exists declared.IsMatch

/// What a file declares for everybody, and the part of it that has no documentation.
let private declarations (lines: string[]) =
    let mutable scope = ""
    let mutable isPublic = false
    let mutable count = 0
    let missing = ResizeArray<int>()

    for index in 0 .. lines.Length - 1 do
        let top = atTop.Match lines[index]

        if top.Success then
            scope <- top.Groups["kind"].Value
            isPublic <- not (Regex.IsMatch(top.Groups["access"].Value, "internal|private"))

            if isPublic && not (scope = "module" && isCompanion lines top.Groups["name"].Value) then
                count <- count + 1

                if not (isDocumented lines index) then
                    missing.Add index

        elif isPublic then
            let inner = within.Match lines[index]

            if
                inner.Success
                && not (isHidden inner.Groups["rest"].Value)
                && (inner.Groups["kind"].Value <> "let" || scope = "module")
                && (inner.Groups["kind"].Value <> "new"
                    || inner.Groups["rest"].Value.StartsWith("(", StringComparison.Ordinal))
            then
                count <- count + 1

                if not (isDocumented lines index) then
                    missing.Add index

    count, List.ofSeq missing

let private sources =
    [ "RocketMq.Protocol.fs"; "RocketMq.Client.fs"; "RocketMq.EmbeddedBroker.fs" ]
    |> List.collect (fun project ->
        Directory.GetFiles(Path.Combine(Repository.root, "src", project), "*.fs", SearchOption.AllDirectories)
        |> List.ofArray)
    |> List.filter (fun file -> not (Regex.IsMatch(file, @"[\\/](bin|obj)[\\/]")))

[<Tests>]
let tests =
    testList
        "Documentation"
        [
            test "every public type, module, function and member of the F# projects has it" {
                let found =
                    sources
                    |> List.map (fun file ->
                        let lines = File.ReadAllLines file
                        let count, missing = declarations lines

                        count,
                        missing
                        |> List.map (fun index ->
                            $"{Path.GetRelativePath(Repository.root, file)}:{index + 1}: {lines[index].Trim()}"))

                found |> List.sumBy fst |> shouldExceed 900
                found |> List.collect snd |> shouldEqual []
            }

            test "what lacks it is found" {
                declarations
                    [|
                        "namespace RocketMq"
                        "type Undocumented = { A: int }"
                        "/// A type."
                        "type Documented() ="
                        "    member _.Undocumented = 1"
                        "    member internal _.Hidden = 1"
                        "    let field = 1"
                        "module internal Hidden ="
                        "    let any = 1"
                        "/// A module."
                        "[<RequireQualifiedAccess>]"
                        "module Open ="
                        "    let undocumented = 1"
                        "    let private hidden = 1"
                    |]
                |> shouldEqual (5, [ 1; 4; 12 ])
            }
        ]
