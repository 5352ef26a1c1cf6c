/// Waits that end: whatever a server or a child process does, a bench says what it waited for and gives up.
module RocketMq.Bench.Limited

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks

/// What takes a moment on an idle machine may take this long on a busy one.
let patience = TimeSpan.FromSeconds 30L

let private giveUp (what: string) (limit: TimeSpan) =
    raise (BenchFailed $"{what} took longer than {limit.TotalSeconds} s")

/// Waits for a task, which is named by what it does.
let task (what: string) (limit: TimeSpan) (task: Task<'T>) : 'T =
    try
        task.WaitAsync(limit).GetAwaiter().GetResult()
    with :? TimeoutException ->
        giveUp what limit

/// As `task`, without a result, and no longer than until `failed` gives the reason of a failure.
let unless (failed: Task<string>) (what: string) (limit: TimeSpan) (running: Task) =
    let first = Task.WhenAny(running, failed, Task.Delay limit).GetAwaiter().GetResult()

    if Object.ReferenceEquals(first, failed) then
        raise (BenchFailed failed.Result)
    elif running.IsCompleted then
        running.GetAwaiter().GetResult()
    else
        giveUp what limit

/// A failure that never comes.
let never: Task<string> = TaskCompletionSource<string>().Task

/// As `task`, without a result.
let action what limit running = unless never what limit running

/// Waits for something that others bring about.
let condition (what: string) (limit: TimeSpan) (isMet: unit -> bool) =
    if not (SpinWait.SpinUntil(isMet, limit)) then
        giveUp what limit

/// Waits for a process to end by itself, and ends it if it does not. Gives its exit code.
let exit (what: string) (limit: TimeSpan) (child: Process) : int =
    if child.WaitForExit limit then
        child.ExitCode
    else
        child.Kill(entireProcessTree = true)
        giveUp what limit
