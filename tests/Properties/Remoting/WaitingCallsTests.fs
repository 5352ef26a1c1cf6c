/// Calls that wait for room on a connection: in turn, within bounds, and out at once.
module RocketMq.Protocol.Tests.WaitingCallsTests

open System
open System.Collections.Generic
open RocketMq.Protocol
open RocketMq
open OnNetwork

type Step =
    | Join of size: byte
    | Leave of place: byte

/// Those that wait, in their order, and whether all went as it must.
let private apply (calls: WaitingCalls) maxCalls maxBytes (waiting: LinkedListNode<WaitingCall> list, isRight) step =
    let bytes = waiting |> List.sumBy _.Value.Bytes

    let waiting, isRight =
        match step with
        | Join size ->
            let isTaken =
                waiting.Length < maxCalls && (waiting.IsEmpty || bytes + int64 size <= maxBytes)

            match calls.TryJoin(int64 size) with
            | Ok call -> waiting @ [ call ], isRight && isTaken
            | Error _ -> waiting, isRight && not isTaken
        | Leave _ when waiting.IsEmpty -> waiting, isRight
        | Leave place ->
            let chosen = waiting[int place % waiting.Length]
            calls.Leave chosen
            List.except [ chosen ] waiting, isRight

    let turns = waiting |> List.map _.Value.HasTurn
    waiting, isRight && turns = List.mapi (fun index _ -> index = 0) waiting

let private pull = Command.request RequestCode.PullMessage
let private numbered (number: int) = Command.withRemark $"{number}" pull

let private sized (bytes: int) =
    pull |> Command.withBody (ReadOnlyMemory(Array.zeroCreate bytes))

let private invoke (client: RemotingClient) command =
    client.Invoke(command, CancellationToken.None)

let private waiting name (change: RemotingOptions -> RemotingOptions) body =
    testOn name (fun network ->
        task {
            let options =
                { network.Options with
                    RequestTimeout = TimeSpan.FromHours 1
                    OnMaxInFlight = WaitForRoom
                    MaxInFlight = 1
                }

            let client = RemotingClient(endpoint, change options)
            let opening = client.Open CancellationToken.None
            let! peer = network.Accept()
            let! _ = opening
            do! body client peer
            do! client.Close()
        })

let private tooMany bound (result: Result<RemotingCommand, RemotingError>) =
    match result with
    | Error(RemotingError.TooManyWaiting(RoomOnConnection server, hit) as error) ->
        server |> shouldEqual endpoint
        hit |> shouldEqual bound
        RemotingError.outcome error |> shouldEqual NotExecuted
        RemotingError.isOverload error |> shouldBeTrue
        RemotingError.describe error |> shouldMention "Nothing was sent"
        RemotingError.describe error |> shouldMention (string bound.Value)
    | other -> failtest $"%A{other}"

let private orderTests =
    testList
        "order"
        [
            property "waiting calls proceed first in, first out, within their limit"
            <| fun (steps: Step list) ->
                let calls = WaitingCalls(5, 300)
                let waiting, isRight = List.fold (apply calls 5 300L) ([], true) steps
                isRight && calls.Count = waiting.Length && calls.IsEmpty = waiting.IsEmpty

            waiting "calls are sent in the order in which they came, those that come later too" id (fun client peer ->
                task {
                    let calls = Queue [ for number in 1..100 -> invoke client (numbered number) ]

                    for number in 1..200 do
                        let! asked = peer.Next()
                        asked.Remark |> shouldEqual (Some $"{number}")

                        do! peer.Answer(asked, "ok")

                        // There may be room for who comes now, but others are before it.
                        if number <= 100 then
                            calls.Enqueue(invoke client (numbered (number + 100)))

                    let! _ = Task.WhenAll calls
                    client.WaitingForRoom |> shouldEqual 0
                })

            waiting "a call that is cancelled leaves at once, and those behind it go on" id (fun client peer ->
                task {
                    let first = invoke client (numbered 1)
                    let! asked = peer.Next()
                    use first' = new CancellationTokenSource()
                    use second' = new CancellationTokenSource()
                    let head = client.Invoke(numbered 2, first'.Token)
                    let behind = client.Invoke(numbered 3, second'.Token)
                    let last = invoke client (numbered 4)
                    client.WaitingForRoom |> shouldEqual 3

                    for cancellation, call in [ second', behind; first', head ] do
                        cancellation.Cancel()
                        let! result = call

                        result
                        |> shouldEqual (Error(RemotingError.Cancelled(RequestCode.PullMessage, false)))

                    do! until (fun () -> client.WaitingForRoom = 1)
                    do! peer.Answer(asked, "ok")
                    let! _ = first
                    let! asked = peer.Next()
                    asked.Remark |> shouldEqual (Some "4")
                    do! peer.Answer(asked, "ok")
                    let! _ = last
                    ()
                })
        ]

// What memory a test takes is seen only while no other test runs.
let private limits =
    testSequenced
    <| testList
        "limits"
        [
            waiting
                "a call over the number of those that may wait fails at once, and nothing was sent"
                (fun options -> { options with MaxWaitingCalls = 3 })
                (fun client _ ->
                    task {
                        let calls = [ for number in 1..4 -> invoke client (numbered number) ]
                        let! result = invoke client (numbered 5)
                        tooMany (WaitingCallBound 3) result
                        client.WaitingForRoom |> shouldEqual 3
                        calls |> List.exists _.IsCompleted |> shouldBeFalse
                    })

            waiting
                "a call over the bytes of those that may wait fails at once, and takes no memory"
                (fun options ->
                    { options with
                        MaxWaitingBytes = 1024 * 1024
                    })
                (fun client _ ->
                    task {
                        let _ = invoke client pull
                        let before = GC.GetTotalMemory true
                        let calls = [| for _ in 1..5_000 -> invoke client (sized 10_000) |]
                        GC.GetTotalMemory true - before |> shouldStayBelow (12L * 1024L * 1024L)
                        client.WaitingForRoom |> shouldEqual (1024 * 1024 / 10_000)
                        let! result = calls[4_999]
                        tooMany (WaitingByteBound(1024 * 1024)) result
                    })
        ]

let private waitingForAConnection =
    testList
        "waiting for a connection"
        [
            testOn
                "calls that wait for a connection are limited, and free their places when they have it"
                (fun network ->
                    task {
                        let options =
                            { network.Options with
                                RequestTimeout = TimeSpan.FromHours 1
                                MaxWaitingCalls = 3
                            }

                        let client = RemotingClient(endpoint, options)
                        use cancellation = new CancellationTokenSource()
                        let gone = client.Invoke(numbered 0, cancellation.Token)
                        let calls = [ for number in 1..2 -> invoke client (numbered number) ]
                        client.WaitingForConnection |> shouldEqual 3
                        let! result = invoke client (numbered 4)

                        match result with
                        | Error(RemotingError.TooManyWaiting(ConnectionTo server, WaitingCallBound 3) as error) ->
                            server |> shouldEqual endpoint
                            RemotingError.outcome error |> shouldEqual NotExecuted
                        | other -> failtest $"%A{other}"

                        cancellation.Cancel()
                        let! result = gone

                        result
                        |> shouldEqual (Error(RemotingError.Cancelled(RequestCode.PullMessage, false)))

                        client.WaitingForConnection |> shouldEqual 2
                        let! peer = network.Accept()

                        for _ in calls do
                            let! asked = peer.Next()
                            do! peer.Answer(asked, "ok")

                        let! results = Task.WhenAll calls
                        results |> Array.forall Result.isOk |> shouldBeTrue
                        client.WaitingForConnection |> shouldEqual 0
                        do! client.Close()
                    })

            waiting "a client that is closed ends the calls that wait" id (fun client _ ->
                task {
                    let calls = [ for number in 1..50 -> invoke client (numbered number) ]
                    do! client.Close()
                    let! results = Task.WhenAll calls
                    results |> Array.forall Result.isError |> shouldBeTrue

                    results[49] |> shouldEqual (Error(RemotingError.ClientClosed endpoint))
                })
        ]

[<Tests>]
let tests = testList "Waiting calls" [ orderTests; limits; waitingForAConnection ]
