namespace RocketMq

open System
open System.Diagnostics
open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Why a session returns a request to its caller. The server has not carried it out.
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type internal Returned =
    /// The session ended before the request left.
    | Unsent of reason: FailureReason
    /// The server asked its clients to go instead of answering.
    | SentAway

/// A call that waits for its answer on one session. Whoever takes it out of `InFlightTable` ends it, or returns it to its caller,
/// so it is answered once. Who waits for it goes on on another thread than that of the one who ends it.
[<AbstractClass>]
type internal PendingRequest(opaque: int, isSecond: bool, timeout: TimeSpan, deadline: int64<tick>, frameStart: int64) =
    /// The answer or the error. A `Result` takes three times the room. Before, the request's body, if that is read where the caller has it:
    /// most calls have none, and none has both.
    let mutable outcome: obj | null = null

    member _.Opaque = opaque

    /// The request has been sent before, to a server that sent it away.
    member _.IsSecond = isSecond
    member _.Timeout = timeout

    member _.Deadline = deadline

    /// How many bytes the session had been given to write before this request.
    member _.FrameStart = frameStart

    /// The request's body, if it is read where the caller has it and the call has not ended.
    member _.Body: OutgoingBody | null =
        match outcome with
        | :? OutgoingBody as body -> body
        | _ -> null

    /// Changes nothing if the call has ended.
    member _.SetBody(body: OutgoingBody) =
        Interlocked.CompareExchange(&outcome, body, null) |> ignore<obj | null>

    abstract Code: RequestCode

    /// Whether the server may wait with the answer until there is something to tell.
    abstract IsLongPoll: bool

    /// Reads an answer and ends the call with it; or gives why it is none.
    abstract TryAnswer: frame: inref<ReceivedFrame> -> AnswerError voption

    /// Gives the request back to its caller, who ends the call, perhaps after it has sent the request again.
    abstract Return: reason: Returned -> unit

    abstract Fail: error: RemotingError -> unit

    /// Lets who waits go on, with an answer or an error.
    abstract Deliver: outcome: obj -> unit

    /// Ends the call. Who waits goes on behind all others who were to go on before: in turn, not the last one first, so that
    /// what they send next is ready when the writing loop, which stands in the same queue, has its turn.
    member pending.EndWith(answerOrError: obj) =
        outcome <- answerOrError
        ThreadPool.UnsafeQueueUserWorkItem(pending, false) |> ignore<bool>

    interface IThreadPoolWorkItem with
        member pending.Execute() =
            match outcome with
            | null -> ()
            | outcome -> pending.Deliver outcome

/// Who made calls, and decides what becomes of a request that a session returns.
type internal ICaller =
    /// Takes a request back and ends its call, now or later. Must not block and must not throw.
    abstract TakeBack: pending: PendingRequest<'Answer> * reason: Returned -> unit

    /// Takes the outcome of a call, an answer or an error, before who waits for it goes on. Gives whether the call ends with it; if
    /// not, the caller completes it later. Called from the thread pool; must not block. An exception fails the call.
    abstract Settle: pending: PendingRequest * outcome: obj -> bool

and [<Sealed>] internal PendingRequest<'Answer when 'Answer: not struct and 'Answer: not null>
    (
        opaque: int,
        request: Outgoing<'Answer>,
        caller: ICaller,
        isSecond: bool,
        timeout: TimeSpan,
        deadline: int64<tick>,
        frameStart: int64
    ) =
    inherit PendingRequest(opaque, isSecond, timeout, deadline, frameStart)

    /// Makes a task and ends it, as a `TaskCompletionSource` does, without being an object of its own.
    let mutable promise =
        AsyncTaskMethodBuilder<Result<'Answer, RemotingError>>.Create()

    // It is made when it is first asked for, and that must not be by two at a time.
    do
        let made = promise.Task
        Debug.Assert(not made.IsCompleted)

    member _.Request = request

    /// Ends with the answer, or with why there is none.
    member _.Task: Task<Result<'Answer, RemotingError>> = promise.Task

    member pending.End(result: Result<'Answer, RemotingError>) =
        match result with
        | Ok answer -> pending.EndWith answer
        | Error error -> pending.EndWith error

    override _.Code = request.Code
    override _.IsLongPoll = request.IsLongPoll

    override pending.TryAnswer frame =
        match request.Read &frame with
        | Ok answer ->
            pending.EndWith answer
            ValueNone
        | Error error -> ValueSome error

    override pending.Return reason = caller.TakeBack(pending, reason)
    override pending.Fail error = pending.EndWith error

    /// Lets who waits go on with a result that need not be settled.
    member _.Complete(result: Result<'Answer, RemotingError>) : unit = promise.SetResult result

    member _.CompleteWithException(error: exn) : unit = promise.SetException error

    override pending.Deliver outcome =
        let isFinal =
            try
                caller.Settle(pending, outcome)
            with error ->
                promise.SetException error
                false

        if isFinal then
            match outcome with
            | :? RemotingError as error -> promise.SetResult(Error error)
            | answer -> promise.SetResult(Ok(unbox<'Answer> answer))
