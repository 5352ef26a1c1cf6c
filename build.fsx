/// Runs the targets in build/Targets.fsx; `dotnet fsi build.fsx` lists them. Compiling them takes seconds, so a line comes first.

open System
open System.Diagnostics
open System.IO

let arguments =
    fsi.CommandLineArgs |> List.ofArray |> List.tail |> List.filter ((<>) "--")

match arguments with
| [] -> ()
| name :: _ -> Console.Out.WriteLine $"RocketMQ for .NET: {name}"

// The key stops the targets, which clean up; this waits for them.
Console.CancelKeyPress.Add(fun stop -> stop.Cancel <- true)

let targets = Path.Combine(__SOURCE_DIRECTORY__, "build", "Targets.fsx")

let child =
    Process.Start(ProcessStartInfo("dotnet", [ "fsi"; "--quiet"; "--optimize-"; targets; "--" ] @ arguments))

child.WaitForExit()
exit child.ExitCode
