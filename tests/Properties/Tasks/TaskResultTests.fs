/// Work whose steps may fail: `taskResult`.
module RocketMq.Protocol.Tests.TaskResultTests

open System
open System.Threading
open Expecto
open RocketMq

/// One step: how it comes to its end, and whether that is an error.
type TaskStep =
    | AtOnce of fails: bool
    | InATask of fails: bool
    | Later of fails: bool

type TaskEnding =
    | Succeeds
    | FailsWithError
    | Throws

let private fails step =
    match step with
    | AtOnce fails
    | InATask fails
    | Later fails -> fails

let private outcome number isFailure : Result<int, string> =
    if isFailure then Error $"step {number}" else Ok number

let private later (value: 'T) : Task<'T> =
    backgroundTask {
        do! Task.Yield()
        return value
    }

/// The steps in turn, each noted; gives their sum.
let private run (log: ResizeArray<int>) (one: TaskStep) (two: TaskStep) (three: TaskStep) =
    let step number step =
        log.Add number

        match step with
        | AtOnce fails
        | InATask fails -> Task.FromResult(outcome number fails)
        | Later fails -> later (outcome number fails)

    let result number (step: TaskStep) =
        log.Add number
        outcome number (fails step)

    taskResult {
        let! first = step 1 one
        let! plain = later 10
        do! Task.CompletedTask
        let! second = result 2 two

        if second = 2 then
            let! third = step 3 three
            log.Add(third + 1)

        let! last = step 5 (AtOnce false)
        return first + plain + second + last
    }

let private order =
    testList
        "order"
        [
            property "steps come in their order up to the first that fails, and its error is the end"
            <| fun (one: TaskStep) (two: TaskStep) (three: TaskStep) ->
                let log = ResizeArray()
                let result = (run log one two three).Result
                let failed = [ one; two; three ] |> List.tryFindIndex fails

                match failed with
                | Some index -> result = Error $"step {index + 1}" && List.ofSeq log = [ 1 .. index + 1 ]
                | None -> result = Ok 18 && List.ofSeq log = [ 1..5 ]

            testCaseTask "it leaves the caller's synchronization context"
            <| fun () ->
                task {
                    let before = SynchronizationContext.Current
                    SynchronizationContext.SetSynchronizationContext(SynchronizationContext())

                    let running =
                        taskResult {
                            let first = SynchronizationContext.Current
                            do! later ()
                            return isNull first && isNull SynchronizationContext.Current
                        }

                    SynchronizationContext.SetSynchronizationContext before
                    let! (outcome: Result<bool, string>) = running
                    outcome |> shouldEqual (Ok true)
                }
        ]

let private endings =
    testList
        "endings"
        [
            property "what is used is disposed, and what is to be done at the end is done, once, however it ends"
            <| fun (isLate: bool) (ending: TaskEnding) ->
                let log = ResizeArray<string>()

                let resource =
                    { new IDisposable with
                        member _.Dispose() = log.Add "disposed"
                    }

                let work =
                    taskResult {
                        use _ = resource

                        try
                            if isLate then
                                do! later ()

                            match ending with
                            | Succeeds -> return 1
                            | FailsWithError -> return! Error "no"
                            | Throws -> return failwith "thrown"
                        finally
                            log.Add "finally"
                    }

                let isAsExpected =
                    match ending with
                    | Succeeds -> work.Result = Ok 1
                    | FailsWithError -> work.Result = Error "no"
                    | Throws ->
                        (work :> Task)
                            .ContinueWith(fun (ended: Task) ->
                                match ended.Exception with
                                | null -> ""
                                | error -> error.GetBaseException().Message)
                            .Result
                            =
                            "thrown"

                isAsExpected && List.ofSeq log = [ "finally"; "disposed" ]
        ]

let private errors =
    testList
        "errors"
        [
            testCaseTask "an exception is caught where it is asked for, and an error is not"
            <| fun () ->
                task {
                    let guarded (work: unit -> Task<Result<int, string>>) =
                        taskResult {
                            try
                                return! work ()
                            with error ->
                                return! Error $"caught {error.Message}"
                        }

                    let! thrown = guarded (fun () -> backgroundTask { return failwith "it" })
                    thrown |> shouldEqual (Error "caught it")
                    let! failed = guarded (fun () -> later (Error "no"))
                    failed |> shouldEqual (Error "no")
                }

            property "what is to be done after an error is done then, before the end, and else not"
            <| fun (isFailure: bool) ->
                let mutable acts = 0

                let act () : Task =
                    backgroundTask {
                        do! later ()
                        Interlocked.Increment &acts |> ignore<int>
                    }

                let result = later (outcome 1 isFailure) |> TaskResult.onError act
                result.Result = outcome 1 isFailure && acts = (if isFailure then 1 else 0)
        ]

/// As it is written without the builder.
let private ladder (ask: int -> Task<Result<int, string>>) : Task<Result<int, string>> =
    backgroundTask {
        match! ask 1 with
        | Error error -> return Error error
        | Ok first ->
            match! ask first with
            | Error error -> return Error error
            | Ok second ->
                match! ask second with
                | Error error -> return Error error
                | Ok third -> return Ok(first + second + third)
    }

let private built (ask: int -> Task<Result<int, string>>) : Task<Result<int, string>> =
    taskResult {
        let! first = ask 1
        let! second = ask first
        let! third = ask second
        return first + second + third
    }

let private bytesOf (work: unit -> Task<Result<int, string>>) =
    work () |> ignore<Task<Result<int, string>>>
    let before = GC.GetAllocatedBytesForCurrentThread()

    for _ in 1..100 do
        work () |> ignore<Task<Result<int, string>>>

    GC.GetAllocatedBytesForCurrentThread() - before

let private cost =
    testCase "it takes no more memory than the matches that it replaces"
    <| fun () ->
        let ask number = Task.FromResult(Ok(number + 1))

        let unending (_: int) =
            TaskCompletionSource<Result<int, string>>().Task

        for ask in [ ask; unending ] do
            Expect.isLessThanOrEqual (bytesOf (fun () -> built ask)) (bytesOf (fun () -> ladder ask)) "bytes"

[<Tests>]
let tests = testList "Task results" [ order; endings; errors; cost ]
