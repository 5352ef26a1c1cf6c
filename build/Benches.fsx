/// Benches of this tree, and of a commit and this tree in turn.
module Benches


open System
open System.IO
open Steps

let private git onLine arguments = runTool "git" root [] onLine arguments

/// Builds the bench program in a tree. Returns its path, or what the build said.
let private build folder : Result<string, string list> =
    let code, output =
        outputOf
            "dotnet"
            folder
            []
            [
                "build"
                "bench"
                "-c"
                "Release"
                "-v"
                "quiet"
                "--nologo"
                "-nodeReuse:false"
            ]

    if code = 0 then
        Directory.GetFiles(Path.Combine(folder, "bench/bin/Release"), "RocketMq.Bench.dll", SearchOption.AllDirectories)
        |> Array.head
        |> Ok
    else
        Error output

/// Puts the bench program of this tree in the place of another tree's.
let private copy folder =
    let place = Path.Combine(folder, "bench")
    Directory.Delete(place, recursive = true)
    Directory.CreateDirectory place |> ignore

    for file in Directory.GetFiles(Path.Combine(root, "bench")) do
        File.Copy(file, Path.Combine(place, Path.GetFileName file))

/// The bench program with the libraries of another commit: this tree's, or if it needs what was not there yet, that commit's.
let private buildOld folder =
    copy folder

    match build folder with
    | Ok program -> Ok program
    | Error _ ->
        print "The bench program does not compile with the older libraries; theirs is used."
        Directory.Delete(Path.Combine(folder, "bench"), recursive = true)

        match runTool "git" folder [] print [ "checkout"; "--quiet"; "HEAD"; "--"; "bench" ] with
        | 0 -> build folder
        | code -> Error [ $"git ended with code {code}" ]

/// Benches of a commit, in a worktree of its own, and of this tree as it is, in turn.
let private compare (commit: string) arguments =
    let folder = Path.Combine(Path.GetTempPath(), $"rocketmq-bench-{Guid.NewGuid():N}")
    // The programs that run are stopped by the same key; what follows them is cleaning up.
    Console.CancelKeyPress.Add(fun stop -> stop.Cancel <- true)

    try
        match git print [ "worktree"; "add"; "--quiet"; "--detach"; folder; commit ] with
        | 0 ->
            print $"Builds {commit} in {folder}, and this tree"

            match buildOld folder, build root with
            | Ok older, Ok newer -> run ([ newer; "compare"; older ] @ arguments)
            | Error output, _
            | _, Error output ->
                List.iter print output
                1
        | _ -> 1
    finally
        if Directory.Exists folder then
            git print [ "worktree"; "remove"; "--force"; folder ] |> ignore

let private program arguments =
    run ([ "run"; "-c"; "Release"; "--project"; "bench"; "--" ] @ arguments)

let bench arguments =
    match arguments with
    | [ "compare" ] ->
        print "Bench compare takes a commit, and then the kinds of benches to compare."
        1
    | "compare" :: commit :: rest -> compare commit rest
    | "report" :: servers ->
        match outputOf "git" root [] [ "rev-parse"; "--short"; "HEAD" ] with
        | 0, [ commit ] -> program ([ "report"; Path.Combine(root, "docs"); commit ] @ servers)
        | code, output ->
            List.iter print output
            max 1 code
    | _ -> program arguments
