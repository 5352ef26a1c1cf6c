namespace RocketMq

open System
open System.Numerics
open System.Threading

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

    /// How many of those in flight may be answered late.
    let mutable longPolls = 0

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

    /// Without those that the server may answer late. For who can do with a count that was true a moment ago.
    member table.PromptCount = table.Count - Volatile.Read &longPolls

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
    member _.Add(pending: PendingRequest) =
        if pending.IsLongPoll then
            Interlocked.Increment &longPolls |> ignore<int>

        Volatile.Write(&added, added + 1L)
        Volatile.Write(&slots[pending.Opaque &&& mask], pending)

    /// A call that was put in has a body that is read where the caller has it, as long as the call waits.
    member _.AddBody(pending: PendingRequest, body: OutgoingBody) =
        pending.SetBody body

        // Whoever has taken it out meanwhile may not have seen the body.
        if not (obj.ReferenceEquals(Volatile.Read &slots[pending.Opaque &&& mask], pending)) then
            body.Leave()

    member private _.TryTakeSlot(index: int, pending: PendingRequest) =
        let isTaken =
            obj.ReferenceEquals(Interlocked.CompareExchange(&slots[index], null, pending), pending)

        if isTaken then
            Interlocked.Increment &taken[takenPlace] |> ignore<int64>

            if pending.IsLongPoll then
                Interlocked.Decrement &longPolls |> ignore<int>

            match pending.Body with
            | null -> ()
            | body -> body.Leave()

        isTaken

    /// Takes the call that waits for an answer, if one does.
    member table.TryTake(opaque: int) : PendingRequest voption =
        let index = opaque &&& mask

        match Volatile.Read &slots[index] with
        | null -> ValueNone
        | pending when pending.Opaque = opaque && table.TryTakeSlot(index, pending) -> ValueSome pending
        | _ -> ValueNone

    /// Takes every call that `isDue` chooses and hands it to `complete`. Gives the earliest deadline of the others.
    member table.TakeWhere(isDue: PendingRequest -> bool, complete: PendingRequest -> unit) : int64<tick> =
        let mutable earliest = never

        for index in 0..mask do
            match Volatile.Read &slots[index] with
            | null -> ()
            | pending when isDue pending ->
                if table.TryTakeSlot(index, pending) then
                    complete pending
            | pending -> earliest <- min earliest pending.Deadline

        earliest
