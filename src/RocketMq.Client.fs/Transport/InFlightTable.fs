namespace RocketMq

open System
open System.Numerics
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// A call that waits for its answer. Whoever takes it out of `InFlightTable` completes it, or sends its request again and then
/// completes it, so it is answered once. Its continuation runs on another thread than that of the one who completes it.
[<Sealed>]
type internal PendingRequest
    (opaque: int, outgoing: Outgoing, isSecond: bool, timeout: TimeSpan, deadline: int64, frameStart: int64) =
    inherit TaskCompletionSource<Result<RemotingCommand, RemotingError>>()

    /// Stands for an answer that the request has read.
    static let hasRead = Ok(Command.response ResponseCode.Success (Command.request (enum 0)))

    /// The answer or the error. A `Result` takes three times the room.
    let mutable outcome = Unchecked.defaultof<obj>
    let mutable isGivenUp = false
    let mutable second: CancellationTokenSource | null = null

    member _.Opaque = opaque
    member _.Outgoing = outgoing
    member _.Request = outgoing.Code

    /// The request has been sent before, to a server that sent it away.
    member _.IsSecond = isSecond
    member _.Timeout = timeout

    /// In ticks of the clock's timestamp.
    member _.Deadline = deadline

    /// How many bytes the session had been given to write before this request.
    member _.FrameStart = frameStart

    /// Ends the call. The caller goes on behind all others who were to go on before: in turn, not the last one first, so that
    /// what they send next is ready when the writing loop, which stands in the same queue, has its turn.
    member waiter.Complete(result: Result<RemotingCommand, RemotingError>) =
        match result with
        | Ok answer -> outcome <- answer
        | Error error -> outcome <- error

        ThreadPool.UnsafeQueueUserWorkItem(waiter, false) |> ignore<bool>

    /// Has the request read its answer, if it can do that, and ends the call with a success that says no more.
    member waiter.TryRead(answer: inref<FrameParts>) =
        let isRead = answer.Code = int ResponseCode.Success && outgoing.TryRead &answer

        if isRead then
            waiter.Complete hasRead

        isRead

    /// Where a second sending of the request, which has taken the call over, can be given up.
    member _.MoveTo(cancellation: CancellationTokenSource) =
        Volatile.Write(&second, cancellation)

        if Volatile.Read &isGivenUp then
            cancellation.Cancel()

    /// The caller gives up after the call was taken.
    member _.GiveUp() =
        Volatile.Write(&isGivenUp, true)

        match Volatile.Read &second with
        | null -> ()
        | cancellation -> cancellation.Cancel()

    interface IThreadPoolWorkItem with
        member waiter.Execute() =
            match outcome with
            | :? RemotingCommand as answer -> waiter.TrySetResult(Ok answer) |> ignore<bool>
            | error -> waiter.TrySetResult(Error(error :?> RemotingError)) |> ignore<bool>

/// The calls in flight on one session, by opaque.
///
/// A ring of slots: an opaque has its slot by its low bits, and a number whose slot is still taken (a call that waits for
/// long) is passed over. So numbers never collide, not even when they wrap, and adding and taking cost no lock and no
/// memory. Only `Add` must not run twice at a time.
[<Sealed>]
type internal InFlightTable(limit: int, firstOpaque: int) =
    static let takenPlace = 16

    // Twice the limit, so that a free slot is never far.
    let slots: (PendingRequest | null)[] =
        Array.zeroCreate (int (BitOperations.RoundUpToPowerOf2(uint32 limit * 2u)))

    let mask = slots.Length - 1
    let mutable nextOpaque = firstOpaque

    /// Calls that were ever put in. Only who puts them in writes it.
    let mutable added = 0L

    /// Calls that were taken out, counted in a place far from all others: those who add and those who take are on two
    /// processors, which would pass what lies next to each other to and fro with each call.
    let taken: int64[] = Array.zeroCreate (2 * takenPlace)

    /// What `taken` was when it was looked at last: enough to know that there is room.
    let mutable takenSeen = 0L

    let isFull () =
        if added - takenSeen >= int64 limit then
            takenSeen <- Volatile.Read &taken[takenPlace]

        added - takenSeen >= int64 limit

    member _.Count =
        // In this order: a call that is taken meanwhile is one too many, not one too few.
        let out = Volatile.Read &taken[takenPlace]
        int (Volatile.Read &added - out)

    /// The number for a new call, or `ValueNone` if the limit is reached.
    member _.TryNumber() : int voption =
        if isFull () then
            ValueNone
        else
            while not (isNull (Volatile.Read &slots[nextOpaque &&& mask])) do
                nextOpaque <- nextOpaque + 1

            let opaque = nextOpaque
            nextOpaque <- nextOpaque + 1
            ValueSome opaque

    /// Puts a call that has a number from `TryNumber` into its slot.
    member _.Add(waiter: PendingRequest) =
        Volatile.Write(&added, added + 1L)
        Volatile.Write(&slots[waiter.Opaque &&& mask], waiter)

    member private _.TryTakeSlot(index: int, waiter: PendingRequest) =
        let isTaken =
            obj.ReferenceEquals(Interlocked.CompareExchange(&slots[index], null, waiter), waiter)

        if isTaken then
            Interlocked.Increment &taken[takenPlace] |> ignore<int64>

        isTaken

    /// Takes the call that waits for an answer, if one does.
    member waiters.TryTake(opaque: int) : PendingRequest voption =
        let index = opaque &&& mask

        match Volatile.Read &slots[index] with
        | null -> ValueNone
        | waiter when waiter.Opaque = opaque && waiters.TryTakeSlot(index, waiter) -> ValueSome waiter
        | _ -> ValueNone

    /// Takes every call that `isDue` chooses and hands it to `complete`. Gives the earliest deadline of the others.
    member waiters.TakeWhere(isDue: PendingRequest -> bool, complete: PendingRequest -> unit) : int64 =
        let mutable earliest = Int64.MaxValue

        for index in 0..mask do
            match Volatile.Read &slots[index] with
            | null -> ()
            | waiter when isDue waiter ->
                if waiters.TryTakeSlot(index, waiter) then
                    complete waiter
            | waiter -> earliest <- min earliest waiter.Deadline

        earliest
