/// The documentation site.
module Site

open System.IO
open System.Text.RegularExpressions
open Steps

/// The pages in docs/ that the site's table of contents does not lead to.
let private pagesOutsideContents () =
    let documents = Path.Combine(root, "docs")
    let contents = File.ReadAllText(Path.Combine(documents, "guide", "toc.yml"))

    [
        for file in Directory.GetFiles(documents, "*.md", SearchOption.AllDirectories) do
            let page = Path.GetRelativePath(documents, file).Replace('\\', '/')

            // The first page is not in its own contents, and an index leads to each decision.
            if
                page <> "index.md"
                && not (Regex.IsMatch(page, @"^decisions/\d"))
                && not (Regex.IsMatch(contents, $@"href: \.\./{Regex.Escape page}\s"))
            then
                page
    ]

/// The site into artifacts/site: pages, and the reference of the packages for C#. Any warning fails, a broken link for one.
let docs _ =
    let artifacts = Path.Combine(root, "artifacts")

    let clean () =
        for folder in [ "api"; "site" ] do
            let path = Path.Combine(artifacts, folder)

            if Directory.Exists path then
                Directory.Delete(path, recursive = true)

        0

    let contents () =
        match pagesOutsideContents () with
        | [] -> 0
        | pages ->
            for page in pages do
                print $"docs/guide/toc.yml does not lead to docs/{page}"

            1

    inOrder
        [
            contents
            fun () -> run [ "tool"; "restore" ]
            timed "Build" (fun () -> run [ "build"; "api.slnf"; "-c"; "Release"; "-v"; "quiet"; "--nologo" ])
            clean
            timed "Site" (fun () -> run [ "docfx"; "docfx.json"; "--warningsAsErrors"; "--logLevel"; "warning" ])
        ]
