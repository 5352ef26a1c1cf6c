namespace RocketMq

open System.Collections.Generic
open RocketMq.Protocol

/// An outer message, see `InnerBatch`, that was popped: one receipt for all its inner messages.
[<Sealed>]
type private InnerBatchReceipt(receipt: PopReceipt, expires: int64<tick>, offsets: int64 seq) =
    /// The newest of its receipts.
    member val Receipt = receipt with get, set

    member val Expires = expires with get, set

    /// Offsets of the inner messages that are not consumed.
    member val Left = HashSet<int64> offsets

/// The receipts that messages have in common: brokers are told of one when all its messages are consumed.
[<Sealed>]
type internal InnerBatchReceipts() =
    let leases = Dictionary<PopReceipt, InnerBatchReceipt>()

    let forget now =
        for KeyValue(receipt, lease) in List.ofSeq leases do
            if lease.Expires <= now then
                leases.Remove receipt |> ignore<bool>

    let tryFind receipt =
        match leases.TryGetValue receipt with
        | true, lease -> ValueSome lease
        | _ -> ValueNone

    /// A receipt for messages at these offsets. Those that have expired by `now` are forgotten.
    member _.Add(receipt: PopReceipt, offsets: int64 seq, expires: int64<tick>, now: int64<tick>) =
        lock leases (fun () ->
            forget now
            leases[receipt] <- InnerBatchReceipt(receipt, expires, offsets))

    /// The receipt by which brokers know the message now.
    member _.Current(receipt: PopReceipt) : PopReceipt =
        lock leases (fun () ->
            match tryFind receipt with
            | ValueSome lease -> lease.Receipt
            | ValueNone -> receipt)

    /// Marks the message at an offset as consumed. The receipt to acknowledge; nothing while others of it are not consumed.
    member _.Finish(receipt: PopReceipt, offset: int64) : PopReceipt voption =
        lock leases (fun () ->
            match tryFind receipt with
            | ValueNone -> ValueSome receipt
            | ValueSome lease ->
                lease.Left.Remove offset |> ignore<bool>

                if lease.Left.Count > 0 then
                    ValueNone
                else
                    ValueSome lease.Receipt)

    /// A receipt has got a successor, for all its messages.
    member _.Changed(before: PopReceipt, after: PopReceipt, expires: int64<tick>) =
        lock leases (fun () ->
            match tryFind before with
            | ValueSome lease ->
                lease.Receipt <- after
                lease.Expires <- expires
                leases[after] <- lease
            | ValueNone -> ())
