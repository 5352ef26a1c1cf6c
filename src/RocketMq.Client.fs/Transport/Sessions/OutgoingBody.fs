namespace RocketMq

open System

/// A large body on its way. It is read piece by piece when its turn comes, from where the caller has it. Once its call is over the caller
/// may change that memory: what is left is copied then.
[<Sealed>]
type internal OutgoingBody(body: ReadOnlyMemory<byte>) =
    let gate = obj ()
    let mutable rest = body
    let mutable isOwn = false

    /// What it takes on the wire, whatever is left.
    member _.Length = body.Length

    /// Copies the next piece. Gives how many bytes it has; 0 if nothing is left.
    member _.Take(piece: Memory<byte>) : int =
        lock gate (fun () ->
            let count = min rest.Length piece.Length
            rest.Slice(0, count).CopyTo piece
            rest <- rest.Slice count
            count)

    /// The call is over: the caller's memory is not read any more.
    member _.Leave() =
        lock gate (fun () ->
            if not isOwn then
                isOwn <- true
                rest <- ReadOnlyMemory(rest.ToArray()))

    /// Nothing is written any more.
    member _.Drop() =
        lock gate (fun () ->
            isOwn <- true
            rest <- ReadOnlyMemory.Empty)
