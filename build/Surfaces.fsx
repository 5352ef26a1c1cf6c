/// What the packages offer, as it is written down, and how a release moves it.
module Surfaces


open System
open System.IO
open System.Text.RegularExpressions
open Steps

/// What the analyzer of a C# package's public surface says of a member that came or went.
let private surfaceChange =
    Regex @"warning (?<rule>RS0016|RS0017): Symbol '(?<symbol>.+)' is (not )?part of the declared"

let private heading = "#nullable enable"
let private removed = "*REMOVED*"

let private file project state =
    Path.Combine(root, project, $"PublicAPI.{state}.txt")

let private write (path: string) (members: string seq) =
    let sorted =
        members
        |> List.ofSeq
        |> List.sortWith (fun one other -> String.CompareOrdinal(one, other))

    File.WriteAllText(path, String.Join('\n', heading :: sorted) + "\n")

/// Writes down what a C# package offers: all that is not in its PublicAPI.Shipped.txt, and what was there and is gone.
let private csharp (project: string) () =
    let unshipped = file project "Unshipped"
    let before = File.ReadAllText unshipped
    let mutable members = Set.empty

    let onLine line =
        let found = surfaceChange.Match line

        if found.Success then
            let mark =
                if found.Groups["rule"].Value = "RS0017" then
                    removed
                else
                    ""

            members <- members.Add(mark + found.Groups["symbol"].Value)

    write unshipped []

    match
        runWith
            [ ("DOTNET_CLI_UI_LANGUAGE", "en") ]
            onLine
            [
                "build"
                project
                "-c"
                "Release"
                "--nologo"
                "-p:TreatWarningsAsErrors=false"
            ]
    with
    | 0 ->
        write unshipped members
        0
    | code ->
        File.WriteAllText(unshipped, before)
        print $"{project} does not build: its surface stays as it was written down."
        code

/// A test compares the surfaces of the F# packages, and writes them if a variable says so.
let private fsharp () =
    Suites.propertiesCommand [] @ [ "--filter-test-list"; "Public surface" ]
    |> runWith [ ("ROCKETMQ_WRITE_SURFACE", "1") ] print

let surface _ =
    inOrder
        [
            for project in Projects.csharpPackages do
                timed project (csharp project)

            timed "F#" fsharp
        ]

let private membersOf path =
    File.ReadAllLines path
    |> Array.filter (fun line -> line <> "" && line <> heading)
    |> Set.ofArray

/// What is not shipped yet becomes what is shipped; what was removed goes.
let private ship project =
    let unshipped = membersOf (file project "Unshipped")

    let gone, fresh =
        unshipped
        |> Set.partition (fun line -> line.StartsWith(removed, StringComparison.Ordinal))

    let goneMembers = gone |> Set.map _.Substring(removed.Length)
    let shipped = membersOf (file project "Shipped") - goneMembers + fresh
    write (file project "Shipped") shipped
    write (file project "Unshipped") []
    print $"{project}: {fresh.Count} members shipped, {gone.Count} removed"

let private edit name (change: string -> string) =
    let path = Path.Combine(root, name)
    File.WriteAllText(path, change (File.ReadAllText path))

let private versionText = Regex @"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$"

/// Prepares a release in the tree, for a commit that people read. Publishes nothing.
let release (arguments: string list) =
    match arguments with
    | [ version ] when versionText.IsMatch version ->
        let date =
            DateTime.UtcNow.ToString("yyyy-MM-dd", Globalization.CultureInfo.InvariantCulture)

        edit "Directory.Build.props" (fun text ->
            Regex.Replace(text, "<Version>.*?</Version>", $"<Version>{version}</Version>"))

        edit "CHANGELOG.md" (fun text ->
            text.Replace("## Unreleased\n", $"## Unreleased\n\n## {version} ({date})\n", StringComparison.Ordinal))

        List.iter ship Projects.csharpPackages
        print "Read the changes, run TestAll, commit and tag. Pack then makes the packages; nothing was published."
        0
    | _ ->
        print "Release takes the version, such as 1.2.0 or 1.2.0-rc.1."
        1
