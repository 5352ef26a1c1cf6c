/// Results that are ignored in the folders that act. Each says by its type what is ignored; a task is never ignored, and a
/// `Result` only with a reason.
module RocketMq.Protocol.Tests.IgnoredResultTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto

/// The one file that may begin a task that nobody waits for: what such a task throws is logged there.
let private supervisor = "Supervised.fs"

let private task = @"(System\.Threading\.Tasks\.)?(Value)?Task\b"

/// What no line of code may hold, and what is wrong with it.
let private forbidden =
    [
        Regex @"\bignore\b(?!<)|\bignore<\s*_", "an `ignore` without a type"
        Regex @"\b(let|and)!?\s+_\s*=|\blet\s+\(\s*_\s*:|(^|;)\s*_\s*<-", "a value that has no name and no type"
        Regex $@"\bignore<\s*{task}", "a task that nobody waits for: Supervised.run logs what it throws"
    ]

/// A `Result` that nobody looks at: an error that is lost, unless there is a reason.
let private lostError = Regex @"\bignore<\s*Result\b|\(\s*_\s*:\s*Result\b"

let private codeOf (line: string) = Regex.Replace(line, "//.*$", "")

let private isComment (line: string) =
    line.TrimStart().StartsWith("//", StringComparison.Ordinal)

/// What is wrong in a file, by line.
let private faultsOf (name: string) (lines: string[]) =
    [
        for index, line in Array.indexed lines do
            let code = codeOf line

            for pattern, fault in forbidden do
                if
                    pattern.IsMatch code
                    && not (name = supervisor && pattern.IsMatch "ignore<Task>")
                then
                    $"{name}:{index + 1}: {fault}"

            if lostError.IsMatch code && not (index > 0 && isComment lines[index - 1]) then
                $"{name}:{index + 1}: a Result that nobody looks at; the line before does not say why"
    ]

let private acting =
    Directory.GetFiles(Path.Combine(Repository.root, "src", "RocketMq.Client.fs"), "*.fs", SearchOption.AllDirectories)
    |> Array.filter (fun file -> not (file.Contains $"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"))
    |> List.ofArray

let private faulty =
    [
        "    Interlocked.Increment &count |> ignore"
        "    ignore (loop ())"
        "    return answer |> Result.map ignore"
        "    Client(endpoint, ignore)"
        "    work () |> ignore<_>"
        "    let _ = work ()"
        "    let! _ = work ()"
        "    let (_: int) = work ()"
        "    work () |> ignore<Task>"
        "    work () |> ignore<Task<int>>"
        "    work () |> ignore<ValueTask>"
        "    work () |> ignore<Result<int, RemotingError>>"
        "    let! (_: Result<unit, RemotingError>) = work ()"
    ]

let private sound =
    [
        "    Interlocked.Increment &count |> ignore<int>"
        "    waiting.TryRemove key |> ignore<bool * Lazy<Task>>"
        "    waiting |> ignore<TaskCompletionSource | null>"
        "    let! (_: Task) = Task.WhenAny(first, second)"
        "    use _ = token.Register callback"
        "    // let _ = work () |> ignore"
    ]

[<Tests>]
let tests =
    testList
        "Ignored results"
        [
            testCase "client and transport name what they ignore, and ignore no task and no error"
            <| fun () ->
                acting.Length |> shouldExceed 100

                acting
                |> List.collect (fun file -> faultsOf (FileInfo(file).Name) (File.ReadAllLines file))
                |> shouldEqual []

            testCase "a line that ignores too much is found, and one that says what it ignores is not"
            <| fun () ->
                for line in faulty do
                    faultsOf "Some.fs" [| line |] |> List.length |> shouldEqual 1

                for line in sound do
                    faultsOf "Some.fs" [| line |] |> shouldBeEmpty

            testCase "a Result may be ignored where the line before says why"
            <| fun () ->
                faultsOf
                    "Some.fs"
                    [|
                        "    // The next beat tells it again."
                        "    let! (_: Result<unit, RemotingError>) = tell address"
                    |]
                |> shouldBeEmpty
        ]
