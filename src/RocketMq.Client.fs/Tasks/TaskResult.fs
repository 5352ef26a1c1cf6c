namespace RocketMq

// FSharp.Core keeps what its own `task` is made of for compiled code: the builder is made of the same.
#nowarn "1204"
// `Run` alone is no state machine that can be compiled; where it is inlined it is one, or the compiler warns there.
#nowarn "3511"

open System
open System.Threading.Tasks
open FSharp.Core.CompilerServices

/// A piece of a `taskResult`. What it has come to so far is in the data of the machine: an error there ends it.
type internal TaskResultCode<'Overall, 'Error, 'T> = TaskCode<Result<'Overall, 'Error>, 'T>

/// A task that cannot fail with an error value, as a step of a `taskResult`.
[<Struct>]
type internal PlainTask<'T> = { Work: Task<'T> }

/// The same without a value.
[<Struct>]
type internal PlainUnitTask = { UnitWork: Task }

/// Work whose steps may fail, in order: `let!` and `do!` go on with the value of a `Result` or of a task of one, and an error ends the
/// whole with itself. It is a `backgroundTask` in all else: it begins at once on the caller's thread, without a synchronization context, is one
/// state machine, disposes what `use` holds, and fails with an exception that no handler catches. There are no loops.
[<Sealed>]
type internal TaskResultBuilder() =
    // What is told apart here, and not by `Bind`, has a type when what follows it is compiled.

    member inline _.Source(result: Result<'T, 'Error>) : Result<'T, 'Error> = result

    member inline _.Source(work: Task<Result<'T, 'Error>>) : Task<Result<'T, 'Error>> = work

    member inline _.Delay
        ([<InlineIfLambda>] code: unit -> TaskResultCode<'Overall, 'Error, 'T>)
        : TaskResultCode<'Overall, 'Error, 'T> =
        TaskResultCode<'Overall, 'Error, 'T>(fun sm -> (code ()).Invoke(&sm))

    member inline _.Run(code: TaskResultCode<'T, 'Error, 'T>) : Task<Result<'T, 'Error>> =
        backgroundTask.Run(TaskCode<Result<'T, 'Error>, Result<'T, 'Error>>(fun sm -> code.Invoke(&sm)))

    /// What has come to no error so far is `Ok()`. The attribute has a branch that ends with `do!` go on with what follows it.
    [<DefaultValue>]
    member inline _.Zero() : TaskResultCode<'Overall, 'Error, unit> = ResumableCode.Zero()

    member inline _.Return(value: 'T) : TaskResultCode<'T, 'Error, 'T> =
        TaskResultCode<'T, 'Error, 'T>(fun sm ->
            sm.Data.Result <- Ok value
            true)

    member inline _.ReturnFrom(result: Result<'T, 'Error>) : TaskResultCode<'T, 'Error, 'T> =
        TaskResultCode<'T, 'Error, 'T>(fun sm ->
            sm.Data.Result <- result
            true)

    member inline _.ReturnFrom(work: Task<Result<'T, 'Error>>) : TaskResultCode<'T, 'Error, 'T> =
        backgroundTask.Bind(
            work,
            fun result ->
                TaskResultCode<'T, 'Error, 'T>(fun sm ->
                    sm.Data.Result <- result
                    true)
        )

    member inline _.Bind
        (result: Result<'T, 'Error>, [<InlineIfLambda>] next: 'T -> TaskResultCode<'Overall, 'Error, 'U>)
        : TaskResultCode<'Overall, 'Error, 'U> =
        TaskResultCode<'Overall, 'Error, 'U>(fun sm ->
            match result with
            | Ok value -> (next value).Invoke(&sm)
            | Error error ->
                sm.Data.Result <- Error error
                true)

    member inline _.Bind
        (work: Task<Result<'T, 'Error>>, [<InlineIfLambda>] next: 'T -> TaskResultCode<'Overall, 'Error, 'U>)
        : TaskResultCode<'Overall, 'Error, 'U> =
        backgroundTask.Bind(
            work,
            fun result ->
                TaskResultCode<'Overall, 'Error, 'U>(fun sm ->
                    match result with
                    | Ok value -> (next value).Invoke(&sm)
                    | Error error ->
                        sm.Data.Result <- Error error
                        true)
        )

    member inline _.Bind
        (plain: PlainTask<'T>, [<InlineIfLambda>] next: 'T -> TaskResultCode<'Overall, 'Error, 'U>)
        : TaskResultCode<'Overall, 'Error, 'U> =
        backgroundTask.Bind(plain.Work, next)

    member inline _.Bind
        (plain: PlainUnitTask, [<InlineIfLambda>] next: unit -> TaskResultCode<'Overall, 'Error, 'U>)
        : TaskResultCode<'Overall, 'Error, 'U> =
        backgroundTask.Bind(plain.UnitWork, next)

    /// What follows `first` begins only if it has not failed.
    member inline _.Combine
        (first: TaskResultCode<'Overall, 'Error, unit>, second: TaskResultCode<'Overall, 'Error, 'T>)
        : TaskResultCode<'Overall, 'Error, 'T> =
        ResumableCode.Combine(
            first,
            TaskResultCode<'Overall, 'Error, 'T>(fun sm ->
                match sm.Data.Result with
                | Ok _ -> second.Invoke(&sm)
                | Error _ -> true)
        )

    member inline _.TryWith
        (
            body: TaskResultCode<'Overall, 'Error, 'T>,
            [<InlineIfLambda>] catch: exn -> TaskResultCode<'Overall, 'Error, 'T>
        ) : TaskResultCode<'Overall, 'Error, 'T> =
        ResumableCode.TryWith(body, catch)

    member inline _.TryFinally
        (body: TaskResultCode<'Overall, 'Error, 'T>, [<InlineIfLambda>] compensation: unit -> unit)
        : TaskResultCode<'Overall, 'Error, 'T> =
        ResumableCode.TryFinally(
            body,
            ResumableCode<_, _>(fun _ ->
                compensation ()
                true)
        )

    member inline _.Using
        (resource: 'Resource, [<InlineIfLambda>] body: 'Resource -> TaskResultCode<'Overall, 'Error, 'T>)
        : TaskResultCode<'Overall, 'Error, 'T> when 'Resource :> IDisposable | null =
        ResumableCode.Using(resource, body)

/// Any other task than those of results.
[<AutoOpen>]
module internal TaskResultBuilderExtensions =
    type TaskResultBuilder with
        member inline _.Source(work: Task<'T>) : PlainTask<'T> = { Work = work }

        member inline _.Source(work: Task) : PlainUnitTask = { UnitWork = work }

    let taskResult = TaskResultBuilder()

module internal TaskResult =
    /// Does something, such as closing what has been begun, before work ends with an error.
    let onError (act: unit -> Task) (work: Task<Result<'T, 'Error>>) : Task<Result<'T, 'Error>> =
        backgroundTask {
            let! result = work

            if result.IsError then
                do! act ()

            return result
        }
