/// More sends at a time than may be in flight: first-use.md 13.
module RocketMq.Protocol.Tests.CrowdedProducerTests

open System
open RocketMq.Protocol
open RocketMq

let private count = 20_000

let private timely (options: ProducerOptions) =
    { options with
        SendTimeout = TimeSpan.FromHours 1
    }

let private waitingForRoom =
    testList
        "waiting for room"
        [
            live "20,000 sends at once, of a producer as it is made, are all stored, once" (fun () ->
                task {
                    use! cluster = startCluster ignore
                    let options = ProducerOptions.create "G" (endpointsOf cluster.NameServers)
                    use producer = start (timely options)

                    let sends =
                        [|
                            for number in 1..count -> send producer (Message.ofText "Crowd" $"{number}")
                        |]

                    let! results = Task.WhenAll sends
                    let receipts = results |> Array.map Buffers.ok
                    let! stored = readAll cluster "Crowd" 4
                    let ids = stored |> Map.values |> Seq.collect id |> Seq.map uniqueIdOf |> Seq.sort
                    ids |> Seq.length |> shouldEqual count
                    Seq.toArray ids |> shouldEqual (receipts |> Array.map _.UniqueId |> Array.sort)
                })

            testCase "producers wait for room whatever the preset, and clients of other kinds do not"
            <| fun () ->
                let producer =
                    ProducerOptions.ofText "G" "nameServers=a:1;preset=production" |> Buffers.ok

                producer.Client.Remoting.OnMaxInFlight |> shouldEqual WaitForRoom

                producer.Client.Remoting.MaxInFlight
                |> shouldEqual RemotingOptions.Production.MaxInFlight

                let failing =
                    ProducerOptions.ofText "G" "nameServers=a:1;onMaxInFlight=fail" |> Buffers.ok

                failing.Client.Remoting.OnMaxInFlight |> shouldEqual FailAtOnce

                (PullConsumerOptions.create "G" []).Consumer.Client.Remoting.OnMaxInFlight
                |> shouldEqual FailAtOnce
        ]

/// Servers that answer no send before `release`, and count the heartbeats that they answer.
let private answeringSendsLater (release: Task) (heartbeats: int ref) =
    let react _ (command: RemotingCommand) =
        task {
            match command.RequestCode with
            | RequestCode.GetRouteInfoByTopic ->
                return FakeServers.routed (FakeServers.routeOver [ "a", 11, 4 ]) command
            | RequestCode.SendMessageV2 ->
                do! release
                return FakeServers.stored 1L command
            | RequestCode.HeartBeat ->
                Interlocked.Increment heartbeats |> ignore
                return FakeServers.success command
            | _ -> return FakeServers.success command
        }

    FakeServers(ManualClock(), (fun _ -> Accepts), react)

/// A producer with one call in flight and two that wait.
let private narrow (servers: FakeServers) =
    let options = ProducerOptions.create "G" [ FakeServers.at 1 ]

    { options with
        Client.Remoting =
            { servers.Options with
                OnMaxInFlight = options.Client.Remoting.OnMaxInFlight
                MaxInFlight = 1
                MaxWaitingCalls = 2
            }
    }

let private refusing =
    testList
        "refusing"
        [
            live
                "a send beyond the limit of waiting ones fails at once, is not retried, and reports that nothing was sent"
                (fun () ->
                    task {
                        let release =
                            TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

                        let heartbeats = ref 0
                        use producer = start (narrow (answeringSendsLater release.Task heartbeats))
                        let! _ = producer.Queues("T", CancellationToken.None)
                        let client = producer.ClientOf(FakeServers.at 11)
                        let! _ = client.Open CancellationToken.None
                        // A new broker is sent a heartbeat, which must not be the one call in flight that sends wait for.
                        do! until (fun () -> heartbeats.Value = 1 && client.InFlight = 0)

                        let waiting =
                            [ for number in 1..3 -> send producer (Message.ofText "T" $"{number}") ]

                        let! result = send producer (Message.ofText "T" "4")

                        match result with
                        | Error(RemotingError.TooManyWaiting(RoomOnConnection _, WaitingCallBound 2) as error) ->
                            RemotingError.describe error |> shouldMention "Nothing was sent"
                        | other -> failtest $"%A{other}"

                        waiting |> List.exists _.IsCompleted |> shouldBeFalse
                        release.SetResult()
                        let! results = Task.WhenAll waiting
                        results |> Array.forall _.IsOk |> shouldBeTrue
                    })
        ]

[<Tests>]
let tests = testList "Crowded producer" [ waitingForRoom; refusing ]
