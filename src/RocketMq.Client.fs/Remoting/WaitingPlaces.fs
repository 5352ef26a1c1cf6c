namespace RocketMq

open System.Threading

/// Counts those that wait for the same, and what they keep in memory. They have no order: all wake together.
[<Sealed>]
type internal WaitingPlaces(maxCalls: int, maxBytes: int) =
    let gate = obj ()
    let mutable count = 0
    let mutable bytes = 0L

    member _.Count = Volatile.Read &count

    /// Takes a place for one of a size, who leaves it; the bound that was hit if there is none.
    member _.TryTake(size: int64) : WaitingBound voption =
        lock gate (fun () ->
            let hit = WaitingBound.hit maxCalls maxBytes count bytes size

            if hit.IsNone then
                count <- count + 1
                bytes <- bytes + size

            hit)

    /// Once for each place that was taken, with the same size.
    member _.Leave(size: int64) =
        lock gate (fun () ->
            count <- count - 1
            bytes <- bytes - size)
