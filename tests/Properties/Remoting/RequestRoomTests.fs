/// Requests that find no room for their bytes wait for it.
module RocketMq.Protocol.Tests.RequestRoomTests

open System
open Expecto
open RocketMq
open RocketMq.Protocol

let private callers = 8
let private calls = LongForm.count 20_000 1_000_000

/// A buffer that is full after one request: each of the others looks for room while the writer makes some.
let private options =
    { RemotingOptions.Default with
        MaxUnwrittenBytes = 8_192
        OnMaxInFlight = FailAtOnce
        OnMaxUnwrittenBytes = WaitForRoom
    }

let private request =
    Command.request RequestCode.SendMessageV2
    |> Command.withBody (ReadOnlyMemory(Array.zeroCreate<byte> 16_384))

[<Tests>]
let tests =
    testList
        "Request room"
        [
            live "a request that waits for bytes to be written is no call too many" (fun () ->
                task {
                    use server = new LoopbackServer(LoopbackServer.answer)

                    let client =
                        RemotingClient(
                            {
                                Host = "127.0.0.1"
                                Port = server.Port
                            },
                            options
                        )

                    let failures = ConcurrentQueue<string>()

                    do!
                        inCrowd callers 0 calls (fun _ ->
                            task {
                                match! client.Invoke(request, CancellationToken.None) with
                                | Ok _ -> ()
                                | Error error -> failures.Enqueue(RemotingError.describe error)
                            })

                    List.ofSeq failures |> shouldEqual []
                    do! client.Close()
                })
        ]
