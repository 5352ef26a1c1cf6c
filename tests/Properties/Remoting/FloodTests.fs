/// Peers that ask and do not read cannot take memory without bound: faults.md B6.
module RocketMq.Protocol.Tests.FloodTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

/// A code that clients have no handler for.
let private unsupported = enum<RequestCode> 9_999

let private request opaque =
    Command.request unsupported |> Command.withOpaque opaque

/// Many frames in one piece.
let private framesOf (first: int) (count: int) : byte[] =
    [|
        for opaque in first .. first + count - 1 -> Frame.encode Header.Json (request opaque) |> Buffers.ok
    |]
    |> Array.concat

let private optionsOf (network: Network) =
    { network.Options with
        WhenDisconnected = FailWithDial
        MaxUnwrittenBytes = 65_536
    }

let private requestsOfServers =
    testList
        "requests of servers"
        [
            testOn
                "a server that sends requests without end and does not read loses its connection and takes no memory"
                (fun network ->
                    task {
                        let client = RemotingClient(endpoint, optionsOf network)
                        let opening = client.Open CancellationToken.None
                        let! peer = network.Accept()
                        let! _ = opening

                        let call =
                            client.Invoke(Command.request RequestCode.PullMessage, CancellationToken.None)

                        let before = GC.GetTotalMemory true

                        for number in 0..2_999 do
                            if not call.IsCompleted then
                                do! peer.SendBytes(framesOf (number * 100) 100)

                        GC.GetTotalMemory true - before |> shouldStayBelow (24L * Footprint.megabyte)
                        let! outcome = call

                        match outcome with
                        | Error(RemotingError.ConnectionLost(_, _, _, reason)) ->
                            reason.Text |> shouldMention "512 answers wait for the server to read them"
                        | other -> failtest $"%A{other}"

                        do! until (fun () -> client.Health.LastFailure <> "")
                        client.Health.LastFailure |> shouldMention "512 answers wait"
                        do! client.Close()
                    })
        ]

let private answersToServers =
    testList
        "answers to servers"
        [
            testOn "answers wait for a server that reads late, up to the limit, and none is lost" (fun network ->
                task {
                    // Answers of 1 KiB: a few fill the buffers, the others wait.
                    let handler (request: RemotingCommand) =
                        Command.response ResponseCode.Success request
                        |> Command.withBody (ReadOnlyMemory(Array.zeroCreate<byte> 1_024))
                        |> Some
                        |> Task.FromResult

                    let client =
                        RemotingClient(
                            endpoint,
                            { optionsOf network with
                                Handlers = Map.ofList [ RequestCode.GetConsumerRunningInfo, handler ]
                            }
                        )

                    let opening = client.Open CancellationToken.None
                    let! peer = network.Accept()
                    let! _ = opening
                    let count = 320

                    for opaque in 1..count do
                        do! peer.Send(Command.request RequestCode.GetConsumerRunningInfo |> Command.withOpaque opaque)

                    let mutable answered = Set.empty

                    for _ in 1..count do
                        let! frame = peer.Receive()
                        answered <- Set.add frame.Value.Command.Opaque answered

                    answered |> shouldEqual (Set.ofList [ 1..count ])
                    do! client.Close()
                })
        ]

[<Tests>]
let tests =
    testSequenced <| testList "Flood" [ requestsOfServers; answersToServers ]
