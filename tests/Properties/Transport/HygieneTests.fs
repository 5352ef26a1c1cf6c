/// What one caller, one handler or one dead server does to the others: nothing.
module RocketMq.Protocol.Tests.HygieneTests

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private pull = Command.request RequestCode.PullMessage

let private answerAll (peer: Peer) count =
    task {
        for _ in 1..count do
            let! asked = peer.Next()
            do! peer.Answer(asked, "ok")
    }

let private deadServers =
    testList
        "dead servers"
        [
            testOn "a dead server is dialled at most 15 times a minute, however many call" (fun network ->
                task {
                    let client = impatient network

                    let mutable failed = 0

                    let refusing =
                        task {
                            while true do
                                do! network.Refuse()
                        }

                    while network.Clock.GetElapsedTime 0L < TimeSpan.FromMinutes 1L do
                        let call = client.Invoke(pull, CancellationToken.None)
                        do! passUntil network (fun () -> call.IsCompleted)
                        let! result = call
                        result.IsError |> shouldBeTrue
                        failed <- failed + 1
                        network.Clock.Advance(TimeSpan.FromMilliseconds 10L)

                        for _ in 1..20 do
                            do! Task.Yield()

                    network.Dials |> shouldStayBelow 16
                    network.Dials |> shouldExceed 4
                    failed |> shouldExceed 0
                    refusing.IsCompleted |> shouldBeFalse
                    do! client.Close()
                })

            testCase "two hundred clients that lose a server at once reconnect at different times"
            <| fun () ->
                for seed in 1..200 do
                    let random = Random seed

                    let waits =
                        Array.init 200 (fun _ -> Backoff.afterLoss Backoff.Default (random.NextDouble()))

                    let most =
                        waits
                        |> Array.map (fun start ->
                            waits
                            |> Array.filter (fun wait ->
                                wait >= start && wait < start + TimeSpan.FromMilliseconds 100L)
                            |> Array.length)
                        |> Array.max

                    most |> shouldStayBelow 41
        ]

let private noisyServers =
    testList
        "noisy servers"
        [
            testOn "a server that floods its client with requests disturbs no call" (fun network ->
                task {
                    let release = TaskCompletionSource<RemotingCommand option>()
                    let mutable handled = 0

                    let slow (_: RemotingCommand) =
                        Interlocked.Increment &handled |> ignore
                        release.Task

                    let client =
                        RemotingClient(
                            endpoint,
                            { network.Options with
                                Handlers = Map.ofList [ RequestCode.NotifyConsumerIdsChanged, slow ]
                            }
                        )

                    let opening = client.Open CancellationToken.None
                    let! peer = network.Accept()
                    let! _ = opening

                    for number in 1..10_000 do
                        do!
                            peer.Send(
                                Command.request RequestCode.NotifyConsumerIdsChanged
                                |> Command.asOneWay
                                |> Command.withOpaque number
                            )

                    let calls = [ for _ in 1..100 -> client.Invoke(pull, CancellationToken.None) ]
                    do! answerAll peer 100
                    let! answers = Task.WhenAll calls
                    answers |> Array.forall _.IsOk |> shouldBeTrue
                    do! until (fun () -> Volatile.Read &handled = 256)
                    release.SetResult None
                    do! client.Close()
                    Volatile.Read &handled |> shouldEqual 256
                })
        ]

let private blockedContinuations =
    testList
        "blocked continuations"
        [
            connected "a caller that blocks in its continuation blocks no other caller" (fun _ client peer ->
                task {
                    use blocked = new ManualResetEventSlim()
                    use entered = new ManualResetEventSlim()
                    let first = client.Invoke(pull, CancellationToken.None)

                    let blocking =
                        first.ContinueWith(
                            (fun (_: Task) ->
                                entered.Set()
                                blocked.Wait()),
                            CancellationToken.None,
                            TaskContinuationOptions.ExecuteSynchronously,
                            TaskScheduler.Default
                        )

                    do! answerAll peer 1
                    do! until (fun () -> entered.IsSet)
                    let calls = [ for _ in 1..100 -> client.Invoke(pull, CancellationToken.None) ]
                    do! answerAll peer 100
                    let! answers = Task.WhenAll calls
                    answers |> Array.forall _.IsOk |> shouldBeTrue
                    blocked.Set()
                    do! blocking
                })
        ]

let private closingTests =
    testList
        "closing"
        [
            propertyOf 100 "a close at any moment ends every call, once and for good"
            <| fun (callsBefore: byte) (isAccepted: bool) (answered: byte) ->
                let network = Network()

                let run =
                    task {
                        let client = RemotingClient(endpoint, network.Options)

                        let calls =
                            [ for _ in 1 .. int callsBefore -> client.Invoke(pull, CancellationToken.None) ]

                        if isAccepted && callsBefore > 0uy then
                            let! peer = network.Accept()
                            do! answerAll peer (min (int answered) (int callsBefore))

                        let closing = client.Close()
                        let later = client.Invoke(pull, CancellationToken.None)
                        do! closing
                        let! results = Task.WhenAll(later :: calls)
                        let dials = network.Dials
                        network.Clock.Advance(TimeSpan.FromMinutes 5L)

                        return
                            client.State = ConnectionState.Closed
                            && client.InFlight = 0
                            && network.Dials = dials
                            && results[0].IsError
                            && (results |> Array.filter _.IsOk |> Array.length) <= int answered
                    }

                run.WaitAsync(TimeSpan.FromSeconds 30L).GetAwaiter().GetResult()
        ]

[<Tests>]
let tests =
    testList "Hygiene" [ deadServers; noisyServers; blockedContinuations; closingTests ]
