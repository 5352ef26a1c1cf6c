namespace RocketMq

open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// One call that waits for room, and when its turn comes.
[<Sealed>]
type internal WaitingCall(bytes: int64) =
    inherit TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)

    /// What it keeps in memory, about.
    member _.Bytes = bytes

    /// Its turn has come: it is the first.
    member call.HasTurn = call.Task.IsCompleted

/// The calls that wait for room on a connection, first come first served: only the first one tries, and when it leaves, with or
/// without success, the next one has its turn. So they do not all wake for each free place, and none overtakes.
[<Sealed>]
type internal WaitingCalls(maxCalls: int, maxBytes: int) =
    let gate = obj ()
    let calls = LinkedList<WaitingCall>()
    let mutable count = 0
    let mutable bytes = 0L

    /// For those who have not waited yet: whether they may try at once.
    member _.IsEmpty = Volatile.Read &count = 0

    member _.Count = Volatile.Read &count

    /// Puts a call behind all others, unless they are too many or too large: then that is the bound that was hit.
    member _.TryJoin(size: int64) : Result<LinkedListNode<WaitingCall>, WaitingBound> =
        lock gate (fun () ->
            match WaitingBound.hit maxCalls maxBytes count bytes size with
            | ValueSome bound -> Error bound
            | ValueNone ->
                let place = calls.AddLast(WaitingCall size)
                Volatile.Write(&count, count + 1)
                bytes <- bytes + size

                if count = 1 then
                    place.Value.TrySetResult() |> ignore<bool>

                Ok place)

    /// Takes a call out, whether its turn has come or not. Once.
    member _.Leave(place: LinkedListNode<WaitingCall>) =
        lock gate (fun () ->
            calls.Remove place
            Volatile.Write(&count, count - 1)
            bytes <- bytes - place.Value.Bytes

            match calls.First with
            | null -> ()
            | first -> first.Value.TrySetResult() |> ignore<bool>)
