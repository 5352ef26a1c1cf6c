/// What a send takes up: no more than the budget, however often the code is changed.
module RocketMq.Protocol.Tests.SendAllocationTests

open System
open Expecto
open RocketMq
open RocketMq.Protocol

/// Bytes a send, by all threads together, without the application's own message.
let private budget = 450L

let private count = 200

/// Bytes a call on this thread.
let private bytesOf (action: int -> unit) =
    let before = GC.GetAllocatedBytesForCurrentThread()

    for index in 0 .. count - 1 do
        action index

    (GC.GetAllocatedBytesForCurrentThread() - before) / int64 count

[<Tests>]
let tests =
    testList
        "Send allocations"
        [
            live "a send takes up less than its budget" (fun () ->
                task {
                    use! cluster = startCluster ignore
                    let options = ProducerOptions.create "G" (endpointsOf cluster.NameServers)
                    use producer = start options
                    let message = Message.ofText "T" "body"
                    let sends = Array.zeroCreate count

                    let sendAll () =
                        bytesOf (fun index -> sends[index] <- send producer message)

                    // Makes the topic and the connection, and has the code compiled.
                    let! _ = send producer message
                    let mutable onCaller = Int64.MaxValue

                    for _ in 1..20 do
                        onCaller <- min onCaller (sendAll ())
                        let! _ = Task.WhenAll sends
                        ()

                    // What the reading thread makes of an answer.
                    let receipt = sends[0].Result |> Buffers.ok
                    let receipts = Array.zeroCreate count

                    let onReader =
                        bytesOf (fun index ->
                            receipts[index] <-
                                SendReceipt(
                                    receipt.Status,
                                    receipt.Queue,
                                    int64 index,
                                    PackedId.OfBytes(1UL, 2UL),
                                    PackedId.OfBytes(3UL, 4UL),
                                    None,
                                    1
                                ))

                    onCaller |> shouldExceed 0L
                    onReader |> shouldExceed 0L

                    let said = $"{onCaller} by its caller, {onReader} for the receipt"
                    Expect.isLessThanOrEqual (onCaller + onReader) budget said
                })
        ]
