/// What a connection does about silence, graceful closes and limits.
module RocketMq.Protocol.Tests.LifeTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private seconds (count: float) = TimeSpan.FromSeconds count

let private pull = Command.request RequestCode.PullMessage

let private remarked text = Command.withRemark text pull

let private withClient (change: RemotingOptions -> RemotingOptions) name body =
    testOn name (fun network ->
        task {
            // Time enough for tests that move the clock while others work.
            let options =
                { network.Options with
                    RequestTimeout = seconds 60.0
                    Backoff =
                        { Backoff.Default with
                            Spread = TimeSpan.Zero
                        }
                }

            let! client, peer = connect (change options) network
            do! body network client peer
            let closing = client.Close()
            do! passUntil network (fun () -> closing.IsCompleted)
        })

let private sendAway (peer: Peer) (request: RemotingCommand) =
    peer.Send(Command.response ResponseCode.GoAway request)

let private silentServers =
    testList
        "silent servers"
        [
            withClient
                id
                "a server that falls silent is replaced within the limit, and the calls on it end"
                (fun network client peer ->
                    task {
                        let call = client.InvokeWithin(pull, seconds 60.0, CancellationToken.None)

                        let! _ = peer.Next()
                        network.Clock.Advance(seconds 1.5)
                        let! sign = peer.Receive()
                        Peer.IsProbe sign.Value.Command |> shouldBeTrue
                        network.Clock.Advance(seconds 1.49)
                        call.IsCompleted |> shouldBeFalse
                        network.Clock.Advance(seconds 0.02)
                        let! result = call

                        match result with
                        | Error(RemotingError.ConnectionLost(_, _, _, reason)) -> reason.Text |> shouldMention "ping"
                        | other -> failtest $"%A{other}"

                        let next = client.Invoke(pull, CancellationToken.None)
                        do! passUntil network (fun () -> network.Dials = 2)
                        let! second = network.Accept()
                        do! answersNext second "here" next
                        client.Health.Connections |> shouldEqual 2
                        client.Health.LastFailure |> shouldMention "ping"
                    })

            withClient id "an idle server that answers pings stays connected" (fun network client peer ->
                task {
                    network.Clock.Advance(seconds 30.0)
                    let! frame = peer.Receive()
                    let asked = frame.Value.Command
                    Peer.IsProbe asked |> shouldBeTrue
                    do! peer.Send(Command.response ResponseCode.RequestCodeNotSupported asked)
                    do! until (fun () -> client.InFlight = 0)
                    network.Clock.Advance(seconds 10.0)
                    client.State |> shouldEqual (ConnectionState.Connected(1, 0))
                })
        ]

let private idleConnections =
    testList
        "idle connections"
        [
            withClient
                id
                "an unused connection is closed, and opened again for the next call"
                (fun network client peer ->
                    task {
                        let nothing = peer.Receive()

                        let answering =
                            task {
                                let mutable isOpen = true
                                let mutable frame = nothing

                                while isOpen do
                                    match! frame with
                                    | Some probe ->
                                        do! peer.Answer(probe.Command, "here")
                                        frame <- peer.Receive()
                                    | None -> isOpen <- false
                            }

                        for _ in 1..119 do
                            network.Clock.Advance(seconds 1.0)
                            do! until (fun () -> client.InFlight = 0)

                        client.State |> shouldEqual (ConnectionState.Connected(1, 0))
                        network.Clock.Advance(seconds 1.1)
                        do! until (fun () -> client.State = ConnectionState.Disconnected)
                        do! answering
                        network.Dials |> shouldEqual 1
                        let call = client.Invoke(pull, CancellationToken.None)
                        let! second = network.Accept()
                        do! answersNext second "again" call
                    })
        ]

let private unusedServers =
    testList
        "unused servers"
        [
            testOn "a server without callers is not dialled for ever" (fun network ->
                task {
                    let client = RemotingClient(endpoint, network.Options)

                    let! opened =
                        task {
                            let opening = client.Open CancellationToken.None
                            do! network.Refuse()
                            return! opening
                        }

                    opened.IsError |> shouldBeTrue

                    while client.State <> ConnectionState.Disconnected do
                        let dials = network.Dials

                        do!
                            passUntil network (fun () ->
                                client.State = ConnectionState.Disconnected || network.Dials > dials)

                        if network.Dials > dials then
                            do! network.Refuse()

                    network.Dials |> shouldExceed 3
                    network.Clock.Timers |> shouldEqual 0
                    let call = client.Invoke(pull, CancellationToken.None)
                    let! peer = network.Accept()
                    do! answersNext peer "back" call
                })
        ]

let private drainingServers =
    testList
        "draining servers"
        [
            withClient
                id
                "a draining server answers its pending calls, and the refused request goes to the next connection"
                (fun network client peer ->
                    task {
                        let owed = client.Invoke(remarked "owed", CancellationToken.None)
                        let! first = peer.Next()
                        let refused = client.Invoke(remarked "refused", CancellationToken.None)
                        let! second = peer.Next()
                        do! sendAway peer second
                        do! passUntil network (fun () -> network.Dials = 2)
                        let! other = network.Accept()
                        let! again = other.Next()
                        again.Remark |> shouldEqual (Some "refused")
                        do! other.Answer(again, "from the other")
                        let! answer = refused
                        remarkOf answer |> shouldEqual "from the other"
                        // The old session lives until its last answer.
                        do! peer.Answer(first, "late but here")
                        let! answer = owed
                        remarkOf answer |> shouldEqual "late but here"
                        let! last = peer.Receive()
                        last |> shouldEqual None
                    })
        ]

let private resentRequests =
    testList
        "resent requests"
        [
            withClient id "a request that is refused by two draining connections fails" (fun network client peer ->
                task {
                    let call = client.Invoke(pull, CancellationToken.None)
                    let! asked = peer.Next()
                    do! sendAway peer asked
                    do! passUntil network (fun () -> network.Dials = 2)
                    let! other = network.Accept()
                    let! again = other.Next()
                    do! sendAway other again
                    let! answer = call

                    match answer with
                    | Ok answer -> answer.ResponseCode |> shouldEqual ResponseCode.GoAway
                    | other -> failtest $"%A{other}"
                })

            withClient id "a call that was moved can be cancelled" (fun network client peer ->
                task {
                    use cancellation = new CancellationTokenSource()
                    let call = client.Invoke(pull, cancellation.Token)
                    let! asked = peer.Next()
                    do! sendAway peer asked
                    do! passUntil network (fun () -> network.Dials = 2)
                    cancellation.Cancel()
                    let! result = call
                    result |> shouldEqual (endedByCancel false)

                    let! other = network.Accept()
                    let next = client.Invoke(remarked "next", CancellationToken.None)
                    let! asked = other.Next()
                    asked.Remark |> shouldEqual (Some "next")
                    do! other.Answer(asked, "ok")
                    let! answer = next
                    remarkOf answer |> shouldEqual "ok"
                })
        ]

let private unsentRequests =
    testList
        "unsent requests"
        [
            withClient
                id
                "an unsent request is sent on the next connection, and one that may have been sent is not"
                (fun network client peer ->
                    task {
                        // The peer takes 64 KiB and reads nothing: the second request waits in the client's buffer.
                        let large =
                            remarked "large" |> Command.withBody (ReadOnlyMemory(Array.zeroCreate 200_000))

                        let left = client.Invoke(large, CancellationToken.None)
                        do! until (fun () -> (client.Health.Session |> Option.get).UnwrittenBytes = 0L)
                        let unsent = client.Invoke(remarked "small", CancellationToken.None)
                        (client.Health.Session |> Option.get).UnwrittenBytes |> shouldExceed 0L
                        peer.CloseSending()
                        let! lost = left

                        match lost with
                        | Error(RemotingError.ConnectionLost _ as error) ->
                            RemotingError.outcome error |> shouldEqual UnknownOutcome
                        | other -> failtest $"%A{other}"

                        do! passUntil network (fun () -> network.Dials = 2)
                        let! second = network.Accept()
                        let! asked = second.Next()
                        asked.Remark |> shouldEqual (Some "small")
                        do! second.Answer(asked, "ok")
                        let! answer = unsent
                        remarkOf answer |> shouldEqual "ok"
                    })
        ]

let private resending =
    testList
        "resending"
        [
            withClient
                (fun options ->
                    { options with
                        WhenDisconnected = FailWithDial
                    })
                "a caller that does not wait gets the error that its request was not sent"
                (fun _ client peer ->
                    task {
                        let large = pull |> Command.withBody (ReadOnlyMemory(Array.zeroCreate 200_000))

                        let _ = client.Invoke(large, CancellationToken.None)
                        do! until (fun () -> (client.Health.Session |> Option.get).UnwrittenBytes = 0L)
                        let unsent = client.Invoke(pull, CancellationToken.None)
                        peer.CloseSending()
                        let! result = unsent
                        wasNotSent result
                    })
        ]

let private limits =
    testList
        "limits"
        [
            withClient
                (fun options ->
                    { options with
                        MaxInFlight = 4
                        OnMaxInFlight = WaitForRoom
                    })
                "calls over the limit wait for room if the policy is Wait"
                (fun _ client peer ->
                    task {
                        let calls =
                            [
                                for index in 1..40 -> client.Invoke(remarked $"{index}", CancellationToken.None)
                            ]

                        for _ in calls do
                            let! asked = peer.Next()
                            client.InFlight |> shouldStayBelow 5
                            do! peer.Answer(asked, asked.Remark.Value)

                        let! answers = Task.WhenAll calls

                        answers
                        |> Array.map remarkOf
                        |> shouldEqual [| for index in 1..40 -> $"{index}" |]
                    })

            withClient
                (fun options ->
                    { options with
                        MaxInFlight = 1
                        OnMaxInFlight = WaitForRoom
                    })
                "a call without room in time is an error, and nothing was sent"
                (fun network client peer ->
                    task {
                        let first = client.InvokeWithin(pull, seconds 20.0, CancellationToken.None)

                        let! asked = peer.Next()
                        let signs = peer.Next()
                        let second = client.InvokeWithin(pull, seconds 2.0, CancellationToken.None)
                        do! passUntil network (fun () -> second.IsCompleted)
                        let! result = second
                        result |> shouldEqual (Error(RemotingError.TooManyInFlight(endpoint, 1)))
                        do! peer.Answer(asked, "ok")
                        let! answer = first
                        remarkOf answer |> shouldEqual "ok"
                        signs.IsCompleted |> shouldBeFalse
                    })
        ]

let private slowReaders =
    testList
        "slow readers"
        [
            withClient
                (fun options ->
                    { options with
                        MaxUnwrittenBytes = 100_000
                        OnMaxUnwrittenBytes = FailAtOnce
                    })
                "a call fails at once with the policy Reject where the server reads too slowly"
                (fun _ client _ ->
                    task {
                        let send () =
                            client.InvokeOneWay(
                                pull |> Command.withBody (ReadOnlyMemory(Array.zeroCreate 90_000)),
                                CancellationToken.None
                            )

                        let mutable last = Ok()

                        while last.IsOk do
                            let! result = send ()
                            last <- result

                        last |> shouldEqual (Error(RemotingError.TooManyBytes(endpoint, 100_000)))
                    })
        ]

let private busyServers =
    testList
        "busy servers"
        [
            withClient
                (fun options ->
                    { options with
                        Retry = RetryPolicy.Safe
                    })
                "a request that a busy server refuses is sent again a little later"
                (fun network client peer ->
                    task {
                        let call = client.Invoke(pull, CancellationToken.None)

                        for _ in 1..2 do
                            let next = peer.Next()
                            do! passUntil network (fun () -> next.IsCompleted)
                            let! asked = next
                            do! peer.Send(Command.response ResponseCode.SystemBusy asked)

                        let next = peer.Next()
                        do! passUntil network (fun () -> next.IsCompleted)
                        let! asked = next
                        do! peer.Answer(asked, "now")
                        let! answer = call
                        remarkOf answer |> shouldEqual "now"
                    })

            withClient
                id
                "one-way requests in the buffer are written before a connection is closed"
                (fun _ client peer ->
                    task {
                        for index in 1..50 do
                            let! sent = client.InvokeOneWay(remarked $"{index}", CancellationToken.None)
                            sent |> shouldEqual (Ok())

                        let closing = client.Close()

                        for index in 1..50 do
                            let! asked = peer.Next()
                            asked.Remark |> shouldEqual (Some $"{index}")

                        do! closing
                        let! last = peer.Receive()
                        last |> shouldEqual None
                    })
        ]

let private mappedAddresses =
    testList
        "mapped addresses"
        [
            testOn "a server is dialled where it is mapped to, and errors name both places" (fun network ->
                task {
                    let options =
                        { network.Options with
                            MapAddress = fun _ -> { Host = "127.0.0.1"; Port = 30911 }
                            WhenDisconnected = FailWithDial
                        }

                    let client = RemotingClient(endpoint, options)
                    let call = client.Invoke(pull, CancellationToken.None)
                    do! network.Refuse()
                    let! result = call

                    match result with
                    | Error error ->
                        RemotingError.describe error |> shouldMention "broker:10911"
                        RemotingError.describe error |> shouldMention "127.0.0.1:30911"
                    | other -> failtest $"%A{other}"

                    do! client.Close()
                })

            testOn
                "a function that maps addresses and throws fails the attempt to connect, with what it threw"
                (fun network ->
                    task {
                        let options =
                            { network.Options with
                                MapAddress = fun _ -> failwith "a map that throws, on purpose"
                                WhenDisconnected = FailWithDial
                            }

                        let client = RemotingClient(endpoint, options)

                        match! client.Invoke(pull, CancellationToken.None) with
                        | Error(RemotingError.NotConnected(_, reason)) -> reason.Text |> shouldMention "on purpose"
                        | other -> failtest $"%A{other}"

                        do! client.Close()
                    })
        ]

[<Tests>]
let tests =
    testList
        "Connection life"
        [
            silentServers
            idleConnections
            unusedServers
            drainingServers
            resentRequests
            unsentRequests
            resending
            limits
            slowReaders
            busyServers
            mappedAddresses
        ]
