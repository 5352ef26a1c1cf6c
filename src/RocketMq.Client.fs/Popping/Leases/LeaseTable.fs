namespace RocketMq

open System.Collections.Generic
open RocketMq.Protocol

/// The messages that an application has received and not acknowledged. Those that have expired are forgotten.
[<Sealed>]
type internal LeaseTable() =
    let gate = obj ()
    let leases = Dictionary<struct (PopReceipt * int64), int64<tick>>()

    /// Each lease, and those that are not in the table any more until their time is over.
    let byTime = PriorityQueue<struct (PopReceipt * int64), int64<tick>>()

    let forget now =
        let mutable key = Unchecked.defaultof<struct (PopReceipt * int64)>
        let mutable expires = 0L<tick>

        while byTime.TryPeek(&key, &expires) && expires <= now do
            byTime.Dequeue() |> ignore<struct (PopReceipt * int64)>

            match leases.TryGetValue key with
            | true, until when until <= now -> leases.Remove key |> ignore<bool>
            | _ -> ()

    /// Leaves out those that are not leased any more, once they are the most.
    let shrink () =
        if byTime.Count > 1_000 + 2 * leases.Count then
            byTime.Clear()

            for KeyValue(key, expires) in leases do
                byTime.Enqueue(key, expires)

    /// A message by its receipt and its offset.
    member _.Add(receipt: PopReceipt, offset: int64, expires: int64<tick>, now: int64<tick>) =
        lock gate (fun () ->
            forget now
            leases[struct (receipt, offset)] <- expires
            byTime.Enqueue(struct (receipt, offset), expires)
            shrink ())

    member _.Remove(receipt: PopReceipt, offset: int64) =
        lock gate (fun () -> leases.Remove(struct (receipt, offset)) |> ignore<bool>)

    member _.Count(now: int64<tick>) : int =
        lock gate (fun () ->
            forget now
            leases.Count)
