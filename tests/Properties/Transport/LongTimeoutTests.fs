/// Timeouts without an end are waited for, not overflown: faults.md D13.
module RocketMq.Protocol.Tests.LongTimeoutTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private question = Command.request RequestCode.PullMessage

let private endless =
    [
        "TimeSpan.MaxValue", TimeSpan.MaxValue
        "Timeout.InfiniteTimeSpan", Timeout.InfiniteTimeSpan
        "a hundred days", TimeSpan.FromDays 100.0
    ]

let private longTimeoutsOfCalls =
    testList
        "long timeouts of calls"
        [
            for name, timeout in endless do
                connected $"a call within {name} waits for its answer" (fun network client peer ->
                    task {
                        let call = client.InvokeWithin(question, timeout, CancellationToken.None)
                        let! asked = peer.Next()

                        // What runs out of time does so in this second; a silent server would be given up later.
                        network.Clock.Advance(TimeSpan.FromSeconds 1L)
                        do! peer.Answer(asked, "late")
                        let! answer = call

                        match answer with
                        | Ok answer -> answer.Remark |> shouldEqual (Some "late")
                        | Error error -> failtest (RemotingError.describe error)
                    })

                testOn $"a call within {name} waits for the connection" (fun network ->
                    task {
                        let client = RemotingClient(endpoint, network.Options)

                        let call = client.InvokeWithin(question, timeout, CancellationToken.None)
                        let! peer = network.Accept()
                        let! asked = peer.Next()
                        do! peer.Answer(asked, "")
                        let! answer = call
                        answer.IsOk |> shouldBeTrue
                        do! client.Close()
                    })

                testOn $"a call within {name} says how long it has waited when its connection ends" (fun network ->
                    task {
                        let client = impatient network

                        let call = client.InvokeWithin(question, timeout, CancellationToken.None)
                        let! peer = network.Accept()
                        let! _ = peer.Next()
                        network.Clock.Advance(TimeSpan.FromMilliseconds 700L)
                        peer.Close()
                        let! answer = call

                        match answer with
                        | Error(RemotingError.ConnectionLost(_, _, after, _)) ->
                            after |> shouldEqual (TimeSpan.FromMilliseconds 700L)
                        | other -> failtest $"%A{other}"

                        do! client.Close()
                    })
        ]

let private deadlinesTests =
    testList
        "deadlines"
        [
            testCase "deadlines are never before the moment that they are counted from"
            <| fun () ->
                for clock in [ ManualClock() :> TimeProvider; TimeProvider.System ] do
                    use deadlines = new TimeoutTimer(clock)
                    let now = clock.Timestamp

                    for _, timeout in endless do
                        deadlines.At(now, timeout) |> shouldExceed now

                    deadlines.At(now, TimeSpan.MaxValue) |> shouldEqual never
                    deadlines.At(now, TimeSpan.Zero) |> shouldEqual now
        ]

[<Tests>]
let tests = testList "Long timeouts" [ longTimeoutsOfCalls; deadlinesTests ]
