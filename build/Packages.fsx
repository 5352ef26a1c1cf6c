/// Packages: packing, what each must have, and a trial of them in a new project outside this tree.
module Packages


open System
open System.IO
open System.IO.Compression
open System.Text.RegularExpressions
open System.Xml.Linq
open Steps

/// Packs all packages into a folder.
let private packInto (folder: string) =
    Projects.packages
    |> List.map (fun project ->
        timed $"{Path.GetFileName project} packed" (fun () ->
            run
                [
                    "pack"
                    project
                    "-c"
                    "Release"
                    "-o"
                    folder
                    "-v"
                    "quiet"
                    "--nologo"
                    "-nodeReuse:false"
                ]))
    |> inOrder

/// The texts and files that a package is shown by, and which of them it lacks.
let private lacking (package: string) =
    use archive = ZipFile.OpenRead package

    let specification =
        archive.Entries |> Seq.find (fun entry -> entry.FullName.EndsWith ".nuspec")

    use stream = specification.Open()
    let metadata = XDocument.Load(stream).Root.Elements() |> Seq.head

    let element name =
        metadata.Elements()
        |> Seq.tryFind (fun element -> element.Name.LocalName = name)

    let text name =
        element name |> Option.map _.Value |> Option.defaultValue ""

    let attribute name key =
        element name
        |> Option.bind (fun element -> Option.ofObj (element.Attribute(XName.Get key)))
        |> Option.map _.Value
        |> Option.defaultValue ""

    let hasFile (name: string) =
        name <> "" && archive.Entries |> Seq.exists (fun entry -> entry.FullName = name)

    [
        "a description", text "description" <> ""
        "tags", text "tags" <> ""
        "a README", hasFile (text "readme")
        "an icon", hasFile (text "icon")
        "a licence expression", attribute "license" "type" = "expression"
        "a project URL", text "projectUrl" <> ""
        "a repository URL", attribute "repository" "url" <> ""
        "the commit it was built from", attribute "repository" "commit" <> ""
        "release notes", text "releaseNotes" <> ""
        "symbols", File.Exists(Path.ChangeExtension(package, ".snupkg"))
    ]
    |> List.filter (snd >> not)
    |> List.map fst

/// What is packed into a folder, with what it lacks.
let private inspect (folder: string) () =
    let packed = Directory.GetFiles(folder, "*.nupkg") |> Array.sort

    let lacks =
        [
            for package in packed do
                let size = float (FileInfo package).Length / 1000.0
                print $"%s{Path.GetFileName package}: %.0f{size} kB"

                for part in lacking package do
                    print $"%s{Path.GetFileName package} lacks {part}"
                    part
        ]

    if lacks.IsEmpty && packed.Length = Projects.packages.Length then
        0
    else
        print $"{packed.Length} packages of {Projects.packages.Length}, {lacks.Length} parts are missing"
        1

let pack _ =
    let folder = Path.Combine(root, "artifacts")

    // Packages of an earlier version would be taken for those of this one.
    if Directory.Exists folder then
        for file in Directory.GetFiles(folder, "*.*nupkg") do
            File.Delete file

    inOrder [ (fun () -> packInto folder); inspect folder ]

/// What a new user reads: the lines that install packages, and the program.
let private readme () =
    let text = File.ReadAllText(Path.Combine(root, "README.md"))

    let installs =
        [
            for line in Regex.Matches(text, @"(?m)^\$? *dotnet add package (?<id>[\w.]+)") -> line.Groups["id"].Value
        ]

    let program =
        Regex.Match(text, @"(?ms)^## Ten lines of C#$.*?^```csharp$\n(?<code>.*?)^```$").Groups["code"].Value

    (if installs.IsEmpty then
         [ "RocketMq.Client.CSharp"; "RocketMq.Compression"; "RocketMq.EmbeddedBroker" ]
     else
         installs),
    program

/// The package sources that NuGet is set up with on this machine, by name.
let private usualSources (folder: string) =
    outputOf "dotnet" folder [ ("DOTNET_CLI_UI_LANGUAGE", "en") ] [ "nuget"; "list"; "source" ]
    |> snd
    |> List.choose (fun line ->
        match Regex.Match(line, @"^\s*\d+\.\s+(?<name>.+?) \[Enabled\]\s*$") with
        | found when found.Success -> Some found.Groups["name"].Value
        | _ -> None)

/// Our packages come from the feed alone, all others from where this machine gets them.
let private configure (folder: string) (feed: string) =
    let element name (content: obj list) = XElement(XName.Get name, content)

    let attribute name (value: string) =
        XAttribute(XName.Get name, value) :> obj

    let mapping source pattern =
        element "packageSource" [ attribute "key" source; element "package" [ attribute "pattern" pattern ] ] :> obj

    let usual = usualSources folder

    let configuration =
        element
            "configuration"
            [
                element "packageSources" [ element "add" [ attribute "key" "trial"; attribute "value" feed ] ]
                element
                    "packageSourceMapping"
                    [
                        mapping "trial" "RocketMq.*"
                        for source in usual do
                            mapping source "*"
                    ]
            ]

    configuration.Save(Path.Combine(folder, "nuget.config"))

/// Longer than the ten lines ever take. Who waits for longer waits for a program that does not end.
let private limit = TimeSpan.FromSeconds 60.0

/// Runs a program that must print something and end by itself.
let private runToEnd folder (arguments: string list) =
    let running =
        Threading.Tasks.Task.Run(fun () -> outputOf "dotnet" folder [] arguments)

    if running.Wait limit then
        let code, lines = running.Result

        for line in lines do
            print $"| {line}"

        if code = 0 && not lines.IsEmpty then 0 else max 1 code
    else
        print "The program of the README does not end by itself."
        1

/// Packs, installs the packages into a new project as the README says, with an empty package cache, and runs the README's program.
let tryOut _ =
    inTemporaryFolder "packages" (fun folder ->
        let feed = Path.Combine(folder, "feed")
        let project = Path.Combine(folder, "Trial")
        let tools = Path.Combine(folder, "tools")
        let cache = [ ("NUGET_PACKAGES", Path.Combine(folder, "cache")) ]
        let installs, program = readme ()

        let dotnet place arguments () =
            print $"""$ dotnet {String.concat " " arguments}"""
            let code, lines = outputOf "dotnet" place cache arguments

            if code <> 0 then
                List.iter print lines

            code

        inOrder
            [
                timed "Packed" (fun () -> packInto feed)
                inspect feed
                fun () ->
                    configure folder feed
                    0
                dotnet folder [ "new"; "console"; "--name"; "Trial"; "--no-restore" ]
                for id in installs do
                    dotnet project [ "add"; "package"; id ]
                fun () ->
                    File.WriteAllText(Path.Combine(project, "Program.cs"), program)
                    0
                dotnet project [ "build"; "--output"; "out"; "-nodeReuse:false" ]
                timed "The README's program" (fun () -> runToEnd project [ "out/Trial.dll" ])
                dotnet folder [ "tool"; "install"; "RocketMq.Cli"; "--tool-path"; tools ]
                fun () -> runTool (Path.Combine(tools, "rocketmq")) folder [] print [ "--version" ]
            ])
