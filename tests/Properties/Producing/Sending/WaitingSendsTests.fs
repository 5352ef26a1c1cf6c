/// Sends that wait for a route, a connection or another attempt, and requests that wait for replies: bounded in number and bytes.
module RocketMq.Protocol.Tests.WaitingSendsTests

open System
open System.IO
open RocketMq.Protocol
open RocketMq

let private bound = 200
let private flood = 5_000

/// What the sends of a flood are kept waiting by, until it is released.
type private Obstacle =
    | SilentNameServer
    | BrokerNotConnecting
    | BrokerRejecting

let private obstacles =
    [
        "a name server that accepts and never answers", SilentNameServer
        "a broker that accepts no connection", BrokerNotConnecting
        "a broker that rejects connections", BrokerRejecting
    ]

type private Rig =
    {
        Clock: ManualClock
        Producer: Producer
        Servers: FakeServers
        /// Whether attempts are repeated after a while.
        NeedsTime: bool
        /// The servers come.
        Release: unit -> unit
    }

let private withObstacle obstacle (change: RemotingOptions -> RemotingOptions) (test: Rig -> Task) : Task =
    task {
        let clock = ManualClock()
        let mutable isReleased = false

        let released =
            TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

        let broker = FakeServers.at 11

        let welcome endpoint =
            if
                endpoint = broker
                && obstacle = BrokerRejecting
                && not (Volatile.Read &isReleased)
            then
                Rejects
            else
                Accepts

        let react _ (command: RemotingCommand) =
            task {
                match command.RequestCode with
                | RequestCode.GetRouteInfoByTopic ->
                    if obstacle = SilentNameServer then
                        do! released.Task

                    return FakeServers.routed (FakeServers.routeOver [ "a", 11, 4 ]) command
                | RequestCode.SendMessageV2 -> return FakeServers.stored 1L command
                | _ -> return FakeServers.success command
            }

        let servers = FakeServers(clock, welcome, react)
        let ports = servers.Options.Ports

        let connect (endpoint: Endpoint) (cancellation: CancellationToken) : Task<Stream> =
            backgroundTask {
                if endpoint = broker && obstacle = BrokerNotConnecting then
                    do! released.Task

                return! ports.Connect endpoint cancellation
            }

        let options = ProducerOptions.create "G" [ FakeServers.at 1 ]

        let remoting =
            { servers.Options with
                OnMaxInFlight = options.Client.Remoting.OnMaxInFlight
                Ports = { ports with Connect = connect }
            }

        let options =
            patient
                clock
                { options with
                    CompressFromBytes = Int32.MaxValue
                    Client.Remoting = change remoting
                }

        use producer = start options

        do!
            test
                {
                    Clock = clock
                    Producer = producer
                    Servers = servers
                    NeedsTime = (obstacle = BrokerRejecting)
                    Release =
                        fun () ->
                            Volatile.Write(&isReleased, true)
                            released.SetResult()
                }
    }

/// What waits goes on. Only where attempts are repeated after a while need time pass for that.
let private finish (rig: Rig) (sends: Task<Result<SendReceipt, RemotingError>>[]) =
    task {
        let all = Task.WhenAll sends

        while not all.IsCompleted do
            if rig.NeedsTime then
                rig.Clock.Advance(TimeSpan.FromMilliseconds 50L)

            let mutable turns = 0

            while turns < 200 && not all.IsCompleted do
                turns <- turns + 1
                do! Task.Yield()

        return! all
    }

let private sendMany (rig: Rig) count (bytes: int) =
    [|
        for number in 1..count ->
            let body =
                if bytes = 0 then
                    Text.Encoding.UTF8.GetBytes(string number)
                else
                    Array.zeroCreate bytes

            send rig.Producer (Message.ofBytes "T" body)
    |]

let private isCompleted (send: Task<Result<SendReceipt, RemotingError>>) = send.IsCompleted

let private tellsBound (expected: WaitingBound) (setting: string) (result: Result<'T, RemotingError>) =
    match result with
    | Error(RemotingError.TooManyWaiting(_, hit) as error) ->
        hit |> shouldEqual expected
        RemotingError.outcome error |> shouldEqual NotExecuted
        let text = RemotingError.describe error
        text |> shouldMention "Nothing was sent"
        text |> shouldMention setting
        text |> shouldMention (string expected.Value)
    | other -> failtest $"%A{other}"

/// How many wait, heartbeats included.
let private countOf (rig: Rig) =
    rig.Producer.Sender.Waiting
    + (rig.Producer.ClientOf(FakeServers.at 11)).WaitingForConnection

/// Each send waits or is refused. Gives both.
let private settled (rig: Rig) (sends: Task<Result<SendReceipt, RemotingError>>[]) =
    task {
        do! until (fun () -> (sends |> Array.filter isCompleted).Length + countOf rig >= sends.Length)
        return sends |> Array.partition isCompleted
    }

/// Heartbeats wait for the same connection as sends.
let private heartbeats = 2

let private waitingForRoutes =
    testList
        "waiting for routes"
        [
            for name, obstacle in obstacles do
                liveWith
                    (withObstacle obstacle (fun options -> { options with MaxWaitingCalls = bound }))
                    $"of a flood before {name} as many wait as may, the others fail at once, and those that wait are stored when it comes"
                    (fun rig ->
                        task {
                            let sends = sendMany rig flood 0
                            let! refused, waiting = settled rig sends
                            // Those that wait for the connection, and those that wait for another attempt.
                            waiting.Length |> shouldStayBelow (2 * bound + 1)

                            for send in refused do
                                tellsBound (WaitingCallBound bound) "MaxWaitingCalls" send.Result

                            rig.Servers.CountOf RequestCode.SendMessageV2 |> shouldEqual 0
                            rig.Release()
                            let! results = finish rig waiting
                            let stored, others = results |> Array.partition _.IsOk

                            // Who waited for another attempt, and then finds too many that wait for the connection.
                            for result in others do
                                tellsBound (WaitingCallBound bound) "MaxWaitingCalls" result

                            bound - heartbeats - 1 |> shouldStayBelow stored.Length
                            rig.Servers.CountOf RequestCode.SendMessageV2 |> shouldEqual stored.Length

                            // There is room again.
                            countOf rig |> shouldEqual 0
                            let! later = finish rig (sendMany rig bound 0)
                            later |> Array.forall _.IsOk |> shouldBeTrue
                        })

                live $"a flood of large messages before {name} keeps no more bytes than may wait" (fun () ->
                    let limit = 1024 * 1024

                    withObstacle obstacle (fun options -> { options with MaxWaitingBytes = limit }) (fun rig ->
                        task {
                            let before = GC.GetTotalMemory true
                            let sends = sendMany rig flood 10_000
                            let! refused, waiting = settled rig sends
                            GC.GetTotalMemory true - before |> shouldStayBelow (16L * 1024L * 1024L)
                            waiting.Length |> shouldStayBelow (2 * limit / 10_000 + 1)

                            for send in refused do
                                tellsBound (WaitingByteBound limit) "MaxWaitingBytes" send.Result

                            rig.Release()
                            let! results = finish rig waiting
                            let stored, others = results |> Array.partition _.IsOk

                            for result in others do
                                tellsBound (WaitingByteBound limit) "MaxWaitingBytes" result

                            limit / 10_000 - heartbeats - 2 |> shouldStayBelow stored.Length
                        }))
        ]

let private bounds =
    testList
        "bounds"
        [
            liveWith
                (withObstacle SilentNameServer (fun options -> { options with MaxWaitingCalls = 3 }))
                "one-way sends and queue queries count with the sends that wait for a route"
                (fun rig ->
                    task {
                        let sends = sendMany rig 1 0

                        let oneWay () =
                            rig.Producer.SendOneWay(Message.ofText "T" "x", AnyQueue, CancellationToken.None)

                        let waiting = oneWay ()
                        let queues = rig.Producer.Queues("T", CancellationToken.None)
                        let! result = oneWay ()
                        tellsBound (WaitingCallBound 3) "MaxWaitingCalls" result
                        let! result = rig.Producer.Queues("T", CancellationToken.None)
                        tellsBound (WaitingCallBound 3) "MaxWaitingCalls" result
                        rig.Release()
                        let! sent = finish rig sends
                        sent[0].IsOk |> shouldBeTrue
                        let! result = waiting
                        result.IsOk |> shouldBeTrue
                        let! result = queues
                        result.IsOk |> shouldBeTrue
                    })

            liveWith
                (withObstacle SilentNameServer (fun options -> { options with MaxWaitingCalls = 4 }))
                "requests that wait for replies are limited too"
                (fun rig ->
                    task {
                        rig.Release()
                        let! _ = rig.Producer.Queues("T", CancellationToken.None)

                        let ask () =
                            rig.Producer.Request(
                                Message.ofText "T" "?",
                                TimeSpan.FromHours 1,
                                AnyQueue,
                                CancellationToken.None
                            )

                        let waiting = [ for _ in 1..4 -> ask () ]
                        do! until (fun () -> rig.Servers.CountOf RequestCode.SendMessageV2 = 4)
                        let! result = ask ()

                        match result with
                        | Error(RemotingError.TooManyWaiting(ReplyTo "T", _)) ->
                            tellsBound (WaitingCallBound 4) "replies" result
                        | other -> failtest $"%A{other}"

                        waiting |> List.exists _.IsCompleted |> shouldBeFalse
                        rig.Clock.Advance(TimeSpan.FromMinutes 61L)
                        let! results = Task.WhenAll waiting
                        results |> Array.forall Result.isError |> shouldBeTrue
                    })
        ]

let private accounting =
    testList
        "accounting"
        [
            property "waiting places are limited in number and bytes, and one alone may have any size"
            <| fun (sizes: byte list) ->
                let places = WaitingPlaces(5, 300)

                let expected (taken: int64 list) size =
                    if taken.Length >= 5 then
                        ValueSome(WaitingCallBound 5)
                    elif not taken.IsEmpty && List.sum taken + size > 300L then
                        ValueSome(WaitingByteBound 300)
                    else
                        ValueNone

                let take (taken, isRight) (size: byte) =
                    let size = int64 size * 2L
                    let hit = places.TryTake size
                    let isRight = isRight && hit = expected taken size

                    match taken with
                    | _ when hit.IsNone -> size :: taken, isRight
                    | last :: others when size % 3L = 0L ->
                        places.Leave last
                        others, isRight
                    | taken -> taken, isRight

                let taken, isRight = List.fold take ([], true) sizes
                isRight && places.Count = taken.Length

            testCase "an attempt that may have been stored is reported rather than the lack of room for the next one"
            <| fun () ->
                let lost =
                    RemotingError.ConnectionLost(
                        FakeServers.at 1,
                        RequestCode.SendMessageV2,
                        TimeSpan.Zero,
                        FailureReason.ofText "it ended"
                    )

                SendRetry.graver (Some lost) (RemotingError.TooManyWaiting(RouteOrRetry "T", WaitingCallBound 1))
                |> shouldEqual lost
        ]

[<Tests>]
let tests = testList "Waiting sends" [ waitingForRoutes; bounds; accounting ]
