/// What we depend on: resolving it, and what is newer.
module Dependencies


open System.IO
open System.Text.RegularExpressions
open Steps

/// The first package source that NuGet is set up with on this machine.
let private packageSource () =
    outputOf "dotnet" root [] [ "nuget"; "list"; "source"; "--format"; "Short" ]
    |> snd
    |> List.pick (fun line ->
        if line.StartsWith "E " then
            Some(line.Substring 2)
        else
            None)

/// Paket, with the variable that stands for the package source in its files.
let private paket arguments =
    runWith [ ("NUGET_SOURCE", packageSource ()) ] print ([ "paket" ] @ arguments)

/// Resolves again. A registry without dependency lists fills the lock file step by step: repeat until it stays the same.
let install _ =
    let lockFile = Path.Combine(root, "paket.lock")

    let read () =
        if File.Exists lockFile then
            File.ReadAllText lockFile
        else
            ""

    let rec settle before =
        File.Delete lockFile

        match paket [ "install" ] with
        | 0 when read () = before -> 0
        | 0 -> settle (read ())
        | code -> code

    let hideSource () =
        let hidden = Regex.Replace(read (), @"(?m)^(\s*remote: ).*$", "$1%NUGET_SOURCE%")
        File.WriteAllText(lockFile, hidden)
        0

    inOrder
        [
            fun () -> run [ "tool"; "restore" ]
            fun () -> settle (read ())
            hideSource
        ]

let outdated _ =
    inOrder [ (fun () -> run [ "tool"; "restore" ]); (fun () -> paket [ "outdated" ]) ]
