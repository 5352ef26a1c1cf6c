/// Large bodies are read where the caller has them while their calls wait, and not any more after that.
module RocketMq.Protocol.Tests.LargeBodyTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private least = BodyOutput.leastBytes

/// Bytes that tell where they belong.
let private patterned (number: int) (bytes: int) : byte[] =
    Array.init bytes (fun place -> byte (place * 7 + place / 251 + number))

let private request (body: byte[]) =
    Command.request RequestCode.PullMessage
    |> Command.withBody (ReadOnlyMemory body)

let private shouldCarry (number: int) (bytes: int) (received: RemotingCommand) =
    if not (received.Body.Span.SequenceEqual(ReadOnlySpan(patterned number bytes))) then
        failtest $"a body of {bytes} bytes arrived as another one of {received.Body.Length}"

/// More than the network in memory takes while the server does not read.
let private bytes = 20 * least

/// A call ends while most of its body waits; then the caller uses the memory for something else.
let private reuse name (finish: Network -> Peer -> CancellationTokenSource -> Task) =
    testOn $"{name}: the server gets what the body was" (fun network ->
        task {
            let! client, peer = connect network.Options network
            use giving = new CancellationTokenSource()
            let body = patterned 1 bytes
            let call = client.InvokeWithin(request body, seconds 1, giving.Token)
            do! finish network peer giving
            let! _ = call
            Array.fill body 0 bytes 0uy

            let next =
                client.InvokeWithin(request [| 1uy; 2uy |], seconds 20, CancellationToken.None)

            let! received = peer.Next()
            received |> shouldCarry 1 bytes
            let! second = peer.Next()
            second.Body.ToArray() |> shouldEqual [| 1uy; 2uy |]
            do! peer.Answer(second, "ok")
            let! answer = next
            remarkOf answer |> shouldEqual "ok"
        })

let private reused =
    [
        reuse "a call that is cancelled" (fun _ _ giving ->
            giving.Cancel()
            Task.CompletedTask)

        reuse "a call whose time is over" (fun network _ _ ->
            network.Clock.Advance(seconds 1)
            Task.CompletedTask)

        // No server can answer what it has not read; one that does must not harm what is written behind it.
        reuse "a call that is answered too early" (fun _ peer _ ->
            peer.Send
                { Command.response ResponseCode.Success (request [||]) with
                    Opaque = 1
                })
    ]

let private sizes (random: Random) =
    [
        0
        1
        least - 1
        least
        least + 1
        for _ in 1..40 do
            match random.Next 3 with
            | 0 -> random.Next 2_000
            | _ -> least + random.Next(4 * least)
    ]

/// With so much room for bytes that wait to be written, and what becomes of a call beyond that.
let private connectWithin bytes policy (network: Network) =
    connect
        { network.Options with
            MaxUnwrittenBytes = bytes
            OnMaxUnwrittenBytes = policy
        }
        network

let private order =
    testOn "large and small ones arrive whole, in the order of their calls" (fun network ->
        task {
            let! client, peer = connectWithin 100_000 WaitForRoom network

            let sizes = sizes (Random 20261130)

            let calls =
                sizes
                |> List.mapi (fun number bytes ->
                    client.Invoke(request (patterned number bytes), CancellationToken.None))

            for number, bytes in List.indexed sizes do
                let! received = peer.Next()
                received |> shouldCarry number bytes
                do! peer.Answer(received, $"{bytes}")

            let! answers = Task.WhenAll calls
            answers |> Array.map (remarkOf >> int) |> List.ofArray |> shouldEqual sizes
        })

let private limit =
    testOn "they count among the bytes that wait to be written, until the system has them" (fun network ->
        task {
            let! client, peer = connectWithin (3 * least) FailAtOnce network

            let call () =
                client.Invoke(request (patterned 2 (2 * least)), CancellationToken.None)

            let calls = ResizeArray [ call () ]

            while not calls[calls.Count - 1].IsCompleted do
                calls.Add(call ())

            let! refused = calls[calls.Count - 1]
            refused |> shouldEqual (Error(RemotingError.TooManyBytes(endpoint, 3 * least)))
            calls.Count |> shouldStayBelow 6

            for _ in 2 .. calls.Count do
                let! received = peer.Next()
                received |> shouldCarry 2 (2 * least)
                do! peer.Answer(received, "ok")

            let! _ = Task.WhenAll(Seq.take (calls.Count - 1) calls)
            let last = call ()
            let! received = peer.Next()
            do! peer.Answer(received, "room")
            let! answer = last
            remarkOf answer |> shouldEqual "room"
        })

[<Tests>]
let tests = testList "Large bodies" (reused @ [ order; limit ])
