/// What a send takes up: no more than the budget, however often the code is changed.
module RocketMq.Protocol.Tests.SendAllocationTests

open System
open Expecto
open RocketMq
open RocketMq.Protocol

/// Bytes a send, by all threads together, without the application's own message.
let private budget = 450L

let private count = 200

let private mostRounds = 1_000

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

                    // What the reading thread makes of an answer.
                    let! sent = send producer message
                    let receipt = Buffers.ok sent
                    let receipts = Array.zeroCreate count

                    let receiptBytes =
                        bytesOf (fun index ->
                            receipts[index] <-
                                SendReceipt(
                                    receipt.Status,
                                    receipt.Queue,
                                    int64 index,
                                    PackedId.OfBytes(1UL, 2UL),
                                    PackedId.OfBytes(3UL, 4UL),
                                    None,
                                    1,
                                    receipt.Queue.BrokerName
                                ))

                    let mutable onCaller = Int64.MaxValue / 2L
                    let mutable rounds = 0

                    // Until the compiler has made its best of the code, which it does when it has the time.
                    while onCaller + receiptBytes > budget && rounds < mostRounds do
                        rounds <- rounds + 1
                        onCaller <- min onCaller (sendAll ())
                        let! _ = Task.WhenAll sends
                        ()

                    onCaller |> shouldExceed 0L
                    receiptBytes |> shouldExceed 0L

                    let said = $"{onCaller} by its caller, {receiptBytes} for the receipt"
                    Expect.isLessThanOrEqual (onCaller + receiptBytes) budget said
                })
        ]
