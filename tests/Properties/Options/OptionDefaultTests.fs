/// Defaults stand in the records of F#; comments and documents say the same.
module RocketMq.Protocol.Tests.OptionDefaultTests

open System
open Expecto
open FSharp.Reflection
open RocketMq
open RocketMq.Protocol.Tests
open OptionKindRig

/// The record with every field as it is by default, its comments from the source.
let private commentedDefaults (file: string) (recordName: string) : Map<string, string> =
    let lines =
        IO.File.ReadAllLines(IO.Path.Combine(Repository.root, "src", "RocketMq.Client.fs", file))

    let start = lines |> Array.findIndex (fun line -> line = $"type {recordName} =")

    lines[start + 1 ..]
    |> Array.takeWhile (fun line -> not (line.StartsWith("type ", StringComparison.Ordinal)) && line <> "    }")
    |> Array.fold
        (fun (comment, found) line ->
            let line = line.Trim()

            if line.StartsWith("///", StringComparison.Ordinal) then
                comment + " " + line.Substring(3).Trim(), found
            else
                match line.IndexOf ": " with
                | -1 -> "", found
                | place -> "", Map.add (line.Substring(0, place)) comment found)
        ("", Map.empty)
    |> snd

/// "3 s", "4,096", "64 MiB less one" and "`wait`" as settings print them.
let private printed (text: string) : string option =
    let text = text.Trim().Trim('`')

    let matched =
        Text.RegularExpressions.Regex.Match(text, @"^(\d[\d,]*(?:\.\d+)?) ?(ms|s|min|minutes|KiB|MiB)?( less one)?$")

    if not matched.Success then
        if text = "none" || text = "the host" || text = "the system's" then
            None
        else
            Some text
    else
        let number =
            Decimal.Parse(matched.Groups[1].Value, Globalization.CultureInfo.InvariantCulture)

        let less = if matched.Groups[3].Success then 1M else 0M

        match matched.Groups[2].Value with
        | "ms" -> Some $"{number}ms"
        | "s" -> Some $"{number * 1000M}ms"
        | "min"
        | "minutes" -> Some $"{number * 60_000M}ms"
        | "KiB" -> Some $"{number * 1024M - less}"
        | "MiB" -> Some $"{number * 1024M * 1024M - less}"
        | _ -> Some $"{number - less}"

/// The first default that a comment names as a number.
let private numberIn (comment: string) : string option =
    let matched =
        Text.RegularExpressions.Regex.Match(
            comment,
            @"Default (\d[\d,]*(?:\.\d+)?(?: (?:ms|s|min|minutes|KiB|MiB)\b)?)"
        )

    if matched.Success then
        printed matched.Groups[1].Value
    else
        None

let private fieldsOf (options: 'Options) =
    typeof<'Options>.Name,
    [
        for field in FSharpType.GetRecordFields typeof<'Options> -> field.Name, field.GetValue options
    ]

let private shown (value: objnull) : string option =
    match value with
    | :? TimeSpan as time -> Some(ValueKind.duration.Show time)
    | :? int as number -> Some(string number)
    | :? int64 as number -> Some(string number)
    | _ -> None

/// The rows of the tables of settings in docs/production.md: names, kinds of clients, default.
let private documented: (string * string list * string) list =
    let page =
        IO.File.ReadAllLines(IO.Path.Combine(Repository.root, "docs", "production.md"))

    let start = page |> Array.findIndex (fun line -> line = "## Settings")

    [
        for line in page[start..] do
            if line.StartsWith("| `", StringComparison.Ordinal) then
                let cells = line.Split '|' |> Array.map _.Trim()

                for name in cells[1].Split ',' do
                    let name = name.Trim().Trim('`')

                    if cells.Length = 6 && not (List.contains name alone) then
                        // A row of the second table.
                        name, [ for kind in cells[2].Split ',' -> kind.Trim() ], cells[4]
                    else
                        name, [ "connections" ], cells[3]
    ]

let private isMeant (kind: Kind) (clients: string list) =
    clients
    |> List.exists (fun client ->
        client = kind.Name
        || client = "all"
        || client = "consumers"
           && List.contains kind.Name [ "push"; "pull"; "simple"; "POP" ])

let private tablesNameDefaults () =
    for kind in kinds do
        for name, value in kind.Defaults do
            if name <> RemotingSettings.nameServersName then
                match
                    documented
                    |> List.filter (fun (other, clients, _) -> other = name && isMeant kind clients)
                with
                | [ _, _, cell ] -> (kind.Name, name, printed cell) |> shouldEqual (kind.Name, name, value)
                | found -> failtest $"{name} of {kind.Name} has {found.Length} rows"

    for setting in RemotingSettings.rows |> List.filter _.HasText do
        match documented |> List.filter (fun (name, _, _) -> name = setting.Name) with
        | [ _, _, cell ] ->
            // "4 s; production 10 s", "`wait` for producers, else `fail`"
            let cell = (cell.Split ';')[0]

            let cell =
                if cell.Contains "else " then
                    (cell.Split "else ")[1]
                else
                    cell

            (setting.Name, printed cell)
            |> shouldEqual (setting.Name, setting.Show RemotingOptions.Default)
        | found -> failtest $"{setting.Name} has {found.Length} rows"

let private commentsNameDefaults () =
    let mutable compared = 0

    for file, options in
        [
            "Producing/Sending/ProducerOptions.fs", fieldsOf (ProducerOptions.create "g" [])
            "Consuming/Options/ConsumerOptions.fs", fieldsOf (ConsumerOptions.create "g" [])
            "Consuming/Options/PushConsumerOptions.fs", fieldsOf (PushConsumerOptions.create "g" [])
            "Consuming/Options/PushConsumerOptions.fs", fieldsOf FlowControlLimits.Default
            "Consuming/Options/PullConsumerOptions.fs", fieldsOf (PullConsumerOptions.create "g" [])
            "Consuming/Options/PullClientOptions.fs", fieldsOf (PullClientOptions.create "g" [])
            "Popping/PopOptions.fs", fieldsOf (SimpleConsumerOptions.create "g" [])
            "Popping/PopOptions.fs", fieldsOf (PopConsumerOptions.create "g" [])
            "Options/Options.fs", fieldsOf RemotingOptions.Default
        ] do
        let recordName, fields = options
        let comments = commentedDefaults file recordName

        for field, value in fields do
            match shown value, Map.tryFind field comments with
            | Some value, Some comment when value.Length < 15 ->
                match numberIn comment with
                | Some written -> (field, written) |> shouldEqual (field, value)
                | None -> failtest $"{field} says no default: {comment}"

                compared <- compared + 1
            | _ -> ()

    compared > 30 |> shouldBeTrue

let private builderCommentsNameDefaults () =
    let sources =
        IO.Directory.GetFiles(
            IO.Path.Combine(Repository.root, "src", "RocketMq.Client.CSharp"),
            "*Builder*.cs",
            IO.SearchOption.AllDirectories
        )
        |> Array.filter (fun path -> not (path.Contains $"{IO.Path.DirectorySeparatorChar}obj"))
        |> Array.map (fun path -> IO.Path.GetFileNameWithoutExtension path, IO.File.ReadAllText path)

    /// The comment of a method in one of these files, or of its parameter.
    let commentOf files (setting: string) =
        sources
        |> Array.filter (fun (file, _) -> List.contains file files)
        |> Array.tryPick (fun (_, text) ->
            Text.RegularExpressions.Regex.Matches(text, @"((?:    ///[^\n]*\n)+)    public \w+ (\w+)\(([^\n]*)\)")
            |> Seq.tryPick (fun found ->
                let comment, method = found.Groups[1].Value, found.Groups[2].Value

                let isNamed (name: string) =
                    String.Equals(name, setting, StringComparison.OrdinalIgnoreCase)

                if isNamed method then
                    Some comment
                else
                    Text.RegularExpressions.Regex.Matches(comment, "(?s)<param name=\"(\\w+)\">(.*?)</param>")
                    |> Seq.tryPick (fun parameter ->
                        let name = parameter.Groups[1].Value

                        if isNamed name || isNamed (method + name) then
                            Some parameter.Groups[2].Value
                        else
                            None)))

    let mutable compared = 0

    let compare files name value =
        match value, commentOf files name |> Option.bind numberIn with
        | Some value, Some written ->
            (name, written) |> shouldEqual (name, value)
            compared <- compared + 1
        | _ -> ()

    for setting in RemotingSettings.rows do
        compare [ "ConnectionBuilder" ] setting.Name (setting.Show RemotingOptions.Default)

    for kind, files in
        [
            "producers", [ "ProducerBuilderBase" ]
            "push", [ "PushConsumerBuilder"; "ConsumerBuilder" ]
            "pull", [ "PullConsumerBuilder"; "ConsumerBuilder" ]
            "simple", [ "SimpleConsumerBuilder"; "ConsumerBuilder" ]
            "POP", [ "PopConsumerBuilder"; "ConsumerBuilder" ]
        ] do
        for name, value in (kinds |> List.find (fun other -> other.Name = kind)).Defaults do
            compare files name value

    compared > 35 |> shouldBeTrue

let private documents =
    testList
        "documents"
        [
            testCase "docs/production.md has every setting with a text, and its default" tablesNameDefaults
        ]

let private comments =
    testList
        "comments"
        [
            testCase "comments in F# name the defaults of the records" commentsNameDefaults
            testCase "comments of C# builders name the defaults of the records" builderCommentsNameDefaults
        ]

[<Tests>]
let tests = testList "Option defaults" [ documents; comments ]
