module RocketMq.Protocol.Tests.CallTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private request (text: string) =
    Command.request RequestCode.PullMessage |> Command.withRemark text

let private invoke (client: RemotingClient) text =
    client.Invoke(request text, CancellationToken.None)

/// The call that shows that the connection goes on.
let private goesOn (client: RemotingClient) (peer: Peer) =
    task {
        let call = invoke client "next"
        do! answersNext peer "goes on" call
        client.InFlight |> shouldEqual 0
    }

let private lostBecause (part: string) (result: Result<RemotingCommand, RemotingError>) =
    match result with
    | Error(RemotingError.ConnectionLost(_, RequestCode.PullMessage, _, reason)) -> reason.Text |> shouldMention part
    | other -> failtest $"%A{other}"

/// What the server does to a call that waits, and what the caller is told.
let private losing name (reason: string) (harm: Peer -> Task) =
    testOn name (fun network ->
        task {
            let! client, peer = connect network.Options network
            let calls = [ for index in 1..3 -> invoke client $"{index}" ]

            // What has not left is sent again elsewhere: these have left.
            for _ in calls do
                let! _ = peer.Next()
                ()

            do! harm peer

            for call in calls do
                let! result = call
                lostBecause reason result
        })

let private answersTests =
    testList
        "answers"
        [
            testOn "each of many calls gets its own answer, whatever the order of the answers" (fun network ->
                task {
                    let! client, peer = connect network.Options network
                    let calls = [ for index in 1..200 -> invoke client $"{index}" ]
                    let asked = ResizeArray<RemotingCommand>()

                    for _ in calls do
                        let! command = peer.Next()
                        asked.Add command

                    for command in Seq.rev asked do
                        do! peer.Answer(command, $"answer to {command.Remark.Value}")

                    let! answers = Task.WhenAll calls

                    answers
                    |> Array.map remarkOf
                    |> shouldEqual [| for index in 1..200 -> $"answer to {index}" |]

                    client.InFlight |> shouldEqual 0
                })

            testOn "an answer in single bytes is an answer" (fun network ->
                task {
                    let! client, peer = connect network.Options network
                    let call = invoke client "a"
                    let! asked = peer.Next()

                    for byte in
                        Frame.encode Header.Binary (Command.response ResponseCode.Success asked)
                        |> Buffers.ok do
                        do! peer.SendBytes [| byte |]

                    let! answer = call
                    answer.IsOk |> shouldBeTrue
                })

            testOn "a second answer and an unsolicited one are dropped" (fun network ->
                task {
                    let! client, peer = connect network.Options network
                    let call = invoke client "a"
                    let! asked = peer.Next()
                    do! peer.Answer({ asked with Opaque = asked.Opaque + 7 }, "stray")
                    do! peer.Answer(asked, "first")
                    do! peer.Answer(asked, "second")
                    let! answer = call
                    remarkOf answer |> shouldEqual "first"
                    do! goesOn client peer
                })
        ]

let private timeouts =
    testList
        "timeouts"
        [
            testOn "a call without an answer times out, and its late answer is dropped" (fun network ->
                task {
                    let! client, peer = connect network.Options network
                    let call = client.InvokeWithin(request "slow", second, CancellationToken.None)

                    let other =
                        client.InvokeWithin(request "patient", 5.0 * second, CancellationToken.None)

                    let! slow = peer.Next()
                    let! patient = peer.Next()
                    network.Clock.Advance(TimeSpan.FromMilliseconds 999L)
                    call.IsCompleted |> shouldBeFalse
                    network.Clock.Advance(TimeSpan.FromMilliseconds 1L)
                    let! result = call

                    match result with
                    | Error(RemotingError.TimedOut(at, RequestCode.PullMessage, after, health)) ->
                        at |> shouldEqual endpoint
                        after |> shouldEqual second
                        // The patient one.
                        health.InFlight |> shouldEqual 2
                    | other -> failtest $"%A{other}"

                    do! peer.Answer(slow, "late")
                    do! peer.Answer(patient, "in time")
                    let! answer = other
                    remarkOf answer |> shouldEqual "in time"
                    do! goesOn client peer
                })

            testOn "a call that waits for a connection times out and reports that nothing was sent" (fun network ->
                task {
                    let client = RemotingClient(endpoint, network.Options)
                    let call = invoke client "a"

                    while network.Clock.Timers < 2 do
                        do! Task.Yield()

                    network.Clock.Advance(3.0 * second)
                    let! result = call
                    wasNotSent result
                })
        ]

/// One call that is answered; its task is only referenced weakly then.
let private answeredCall (client: RemotingClient) (peer: Peer) (cancellation: CancellationToken) : Task<WeakReference> =
    task {
        let call = client.Invoke(request "a", cancellation)
        do! answersNext peer "b" call
        return WeakReference call
    }

let private cancellationTests =
    testList
        "cancellation"
        [
            testOn "a cancelled call ends at once and leaves nothing behind" (fun network ->
                task {
                    let! client, peer = connect network.Options network
                    use cancellation = new CancellationTokenSource()
                    let call = client.Invoke(request "a", cancellation.Token)
                    let! asked = peer.Next()
                    cancellation.Cancel()
                    let! result = call
                    result |> shouldEqual (endedByCancel true)

                    client.InFlight |> shouldEqual 0
                    do! peer.Answer(asked, "late")
                    do! goesOn client peer
                })

            testOn "the token of a caller holds no call that has ended" (fun network ->
                task {
                    let! client, peer = connect network.Options network
                    use cancellation = new CancellationTokenSource()
                    let calls = ResizeArray<WeakReference>()

                    for _ in 1..100 do
                        let! call = answeredCall client peer cancellation.Token
                        calls.Add call

                    GC.Collect()
                    GC.WaitForPendingFinalizers()
                    GC.Collect()
                    // The last ones may still stand in a buffer of the connection.
                    calls |> Seq.filter _.IsAlive |> Seq.length |> shouldStayBelow 10
                    do! goesOn client peer
                })

            testOn "a call that is cancelled before it is written was not sent" (fun network ->
                task {
                    use cancelled = new CancellationTokenSource()
                    cancelled.Cancel()
                    let client = RemotingClient(endpoint, network.Options)
                    let! before = client.Invoke(request "a", cancelled.Token)
                    before |> shouldEqual (endedByCancel false)

                    let! oneWay = client.InvokeOneWay(request "a", cancelled.Token)
                    oneWay |> shouldEqual (endedByCancel false)

                    use leaving = new CancellationTokenSource()
                    let waiting = client.Invoke(request "a", leaving.Token)
                    leaving.Cancel()
                    let! waited = waiting
                    waited |> shouldEqual (endedByCancel false)

                    do! client.Close()
                })
        ]

let private lateCancellation =
    testList
        "late cancellation"
        [
            testOn
                "a call that is cancelled between two attempts reports whether the first may have been carried out"
                (fun network ->
                    task {
                        let! client, peer =
                            connect
                                { network.Options with
                                    Retry = RetryPolicy.Repeatable
                                }
                                network

                        use leaving = new CancellationTokenSource()
                        let call = client.Invoke(request "a", leaving.Token)
                        let! _ = peer.Next()
                        peer.Close()
                        // It waits for the next attempt, or for a connection.
                        while client.Health.LastFailure = "" do
                            do! Task.Yield()

                        leaving.Cancel()
                        let! result = call
                        result |> shouldEqual (endedByCancel true)

                        do! client.Close()
                    })
        ]

let private closingTests =
    testList
        "closing"
        [
            testOn "a closed client reports that it is closed, for any server and at any time" (fun network ->
                task {
                    let client = RemotingClient(endpoint, network.Options)
                    let waiting = invoke client "a"
                    let closing = client.Close()
                    let! atOnce = invoke client "b"
                    atOnce |> shouldEqual (Error(RemotingError.ClientClosed endpoint))
                    let! waited = waiting
                    waited |> shouldEqual (Error(RemotingError.ClientClosed endpoint))
                    do! closing
                    let clients = RemotingClients network.Options
                    do! clients.CloseAll()
                    let! never = clients.Invoke(endpoint, request "c", CancellationToken.None)
                    never |> shouldEqual (Error(RemotingError.ClientClosed endpoint))
                })
        ]

let private lostConnections =
    testList
        "lost connections"
        [
            losing "calls in flight end when the server closes the connection" "closed it" (fun peer ->
                peer.Close()
                Task.CompletedTask)

            losing "a truncated frame ends the connection and its calls" "in the middle of a frame" (fun peer ->
                task {
                    let answer =
                        Frame.encode Header.Json (Command.request RequestCode.PullMessage |> Command.asResponse)
                        |> Buffers.ok

                    do! peer.SendBytes answer[.. answer.Length - 2]
                    peer.Close()
                })

            losing "garbage ends the connection with the reason" "header type 255" (fun peer ->
                peer.SendBytes [| 0uy; 0uy; 0uy; 8uy; 255uy; 0uy; 0uy; 1uy; 1uy; 1uy; 1uy; 1uy |])

            losing
                "garbage that looks like a large frame ends the connection, with size and limit"
                "33554432"
                (fun peer -> peer.SendBytes "HTTP/"B)
        ]

let private limits =
    testList
        "limits"
        [
            testOn "a call over the limit in flight is refused until another ends" (fun network ->
                task {
                    let! client, peer = connect { network.Options with MaxInFlight = 2 } network
                    let first = invoke client "1"
                    let second = invoke client "2"
                    let! refused = invoke client "3"
                    refused |> shouldEqual (Error(RemotingError.TooManyInFlight(endpoint, 2)))
                    do! answersNext peer "1" first
                    let third = invoke client "3"
                    let! asked2 = peer.Next()
                    let! asked3 = peer.Next()
                    do! peer.Answer(asked3, "3")
                    do! peer.Answer(asked2, "2")
                    let! answers = Task.WhenAll(second, third)
                    answers |> Array.map remarkOf |> shouldEqual [| "2"; "3" |]
                })

            testOn "a server that does not read blocks its callers without taking memory" (fun network ->
                task {
                    let! client, peer =
                        connect
                            { network.Options with
                                MaxUnwrittenBytes = 100_000
                            }
                            network

                    let send () =
                        client.InvokeOneWay(
                            request "a" |> Command.withBody (ReadOnlyMemory(Array.zeroCreate 50_000)),
                            CancellationToken.None
                        )

                    let mutable sends: Task<Result<unit, RemotingError>> list = []

                    // The server's end holds 64 KiB, the buffer 100 kB: some of these must wait.
                    for _ in 1..20 do
                        sends <- send () :: sends

                    (sends |> List.filter _.IsCompleted).Length |> shouldStayBelow 10

                    for _ in sends do
                        let! _ = peer.Next()
                        ()

                    let! results = Task.WhenAll sends
                    results |> Array.forall _.IsOk |> shouldBeTrue
                })
        ]

let private refusals =
    testList
        "refusals"
        [
            testOn "a request that cannot be encoded is refused alone" (fun network ->
                task {
                    let! client, peer = connect network.Options network

                    let tooLarge =
                        request "a"
                        |> Command.withBody (ReadOnlyMemory(Array.zeroCreate (17 * 1024 * 1024)))

                    let! result = client.Invoke(tooLarge, CancellationToken.None)

                    match result with
                    | Error(RemotingError.NotEncoded(RequestCode.PullMessage, EncodedTooLarge(_, _, limit))) ->
                        limit |> shouldEqual (16L * 1024L * 1024L)
                    | other -> failtest $"%A{other}"

                    do! goesOn client peer
                })
        ]

let private requestsOfServers =
    testList
        "requests of servers"
        [
            testOn
                "requests of the server are answered: by their handler, with an error if it fails, with 3 if there is none"
                (fun network ->
                    task {
                        let handlers =
                            Map.ofList
                                [
                                    RequestCode.CheckTransactionState,
                                    (fun request ->
                                        Command.response ResponseCode.Success request
                                        |> Command.withRemark "handled"
                                        |> Some
                                        |> Task.FromResult)
                                    RequestCode.GetConsumerRunningInfo, (fun _ -> failwith "broken")
                                ]

                        let! client, peer =
                            connect
                                { network.Options with
                                    Handlers = handlers
                                }
                                network

                        let ask code opaque =
                            task {
                                do! peer.Send(Command.request code |> Command.withOpaque opaque)
                                let! answer = peer.Next()
                                answer.Kind |> shouldEqual CommandKind.Response
                                answer.Opaque |> shouldEqual opaque
                                return answer
                            }

                        let! handled = ask RequestCode.CheckTransactionState 71
                        handled.Remark |> shouldEqual (Some "handled")
                        let! broken = ask RequestCode.GetConsumerRunningInfo 72
                        broken.ResponseCode |> shouldEqual ResponseCode.SystemError
                        broken.Remark.Value |> shouldMention "broken"
                        let! unknown = ask (enum<RequestCode> 12345) 73
                        unknown.ResponseCode |> shouldEqual ResponseCode.RequestCodeNotSupported

                        // One-way requests get no answer: what the server hears next is the answer to a request after them.
                        for code in [ RequestCode.CheckTransactionState; enum<RequestCode> 12345 ] do
                            do! peer.Send(Command.request code |> Command.asOneWay)

                        let! _ = ask (enum<RequestCode> 12345) 74
                        do! goesOn client peer
                        do! client.Close()
                        let! last = peer.Receive()
                        last |> shouldEqual None
                    })
        ]

let private allCalls =
    testList
        "all calls"
        [
            property "every call ends once, as its server decided"
            <| fun (fates: (byte * bool) list) ->
                let network = Network()

                let run =
                    task {
                        let! client, peer = connect network.Options network
                        let calls = [ for index, _ in List.indexed fates -> invoke client $"{index}" ]
                        let asked = ResizeArray<RemotingCommand>()

                        for _ in calls do
                            let! command = peer.Next()
                            asked.Add command

                        let orderly =
                            List.zip3 fates calls (List.ofSeq asked)
                            |> List.sortBy (fun ((order, _), _, _) -> order)

                        for (_, isAnswered), _, command in orderly do
                            if isAnswered then
                                do! peer.Answer(command, command.Remark.Value)

                        // An answered call ends with its own answer; the others end when the connection does.
                        for index, ((_, isAnswered), call) in List.indexed (List.zip fates calls) do
                            if isAnswered then
                                let! result = call
                                remarkOf result |> shouldEqual $"{index}"

                        peer.Close()
                        let! results = Task.WhenAll calls
                        do! client.Close()

                        return
                            List.forall2
                                (fun (_, isAnswered) (result: Result<_, _>) -> result.IsOk = isAnswered)
                                fates
                                (List.ofArray results)
                    }

                run.WaitAsync(TimeSpan.FromSeconds 30L).GetAwaiter().GetResult()
        ]

[<Tests>]
let tests =
    testList
        "Calls"
        [
            answersTests
            timeouts
            cancellationTests
            lateCancellation
            closingTests
            lostConnections
            limits
            refusals
            requestsOfServers
            allCalls
        ]
