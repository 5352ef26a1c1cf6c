/// What members that pop tell of what failed when several attempts are under way at a time, and of brokers that are gone.
module RocketMq.Protocol.Tests.PopOutcomesTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private failure =
    RemotingError.NotConnected({ Host = "b"; Port = 1 }, FailureReason.ofText "on purpose")

let private whats (outcomes: PopOutcomes) = outcomes.Problems |> List.map _.What

let private whatFails (problems: ClientProblem list) = problems |> List.map _.What

/// Two masters with a topic "T" of one queue each.
let private withTwo test =
    withTopicOf 1 (fun options -> options.Masters <- 2) test

let private refuse (broker: EmbeddedClusterBroker) (code: RequestCode) =
    broker.Faults.On(code).Refuse(ResponseCode.SystemError, "on purpose", Int32.MaxValue)

/// Moves the clock until something is so, but not for ever.
let private becomes (clock: EmbeddedClock) (condition: unit -> bool) : Task =
    task {
        let until = clock.GetUtcNow() + TimeSpan.FromMinutes 10L
        do! ChaosRig.pass clock (fun () -> condition () || clock.GetUtcNow() >= until)
        condition () |> shouldBeTrue
    }

let private orders =
    [
        test "the failure of an older attempt does not replace a newer outcome" {
            let outcomes = PopOutcomes TimeProvider.System
            let older = outcomes.Begin()
            let newer = outcomes.Begin()
            outcomes.Succeeded("acks", newer)
            outcomes.Failed("acks", older, failure)
            whats outcomes |> shouldBeEmpty
            // It is what failed last, all the same.
            (Option.get outcomes.LastFailure).What |> shouldEqual "acks"
        }

        test "the success of an older attempt does not replace a newer outcome" {
            let outcomes = PopOutcomes TimeProvider.System
            let older = outcomes.Begin()
            let newer = outcomes.Begin()
            outcomes.Failed("acks", newer, failure)
            outcomes.Succeeded("acks", older)
            whats outcomes |> shouldEqual [ "acks" ]
            outcomes.Succeeded("acks", outcomes.Begin())
            whats outcomes |> shouldBeEmpty
        }

        test "after a broker is forgotten, attempts already in flight do not report and later ones do" {
            let outcomes = PopOutcomes TimeProvider.System
            let older = outcomes.Begin()
            outcomes.Forget "queue"
            outcomes.Failed("queue", older, failure)
            whats outcomes |> shouldBeEmpty
            outcomes.Failed("queue", outcomes.Begin(), failure)
            whats outcomes |> shouldEqual [ "queue" ]
        }

        test "attempts at different keys are independent" {
            let outcomes = PopOutcomes TimeProvider.System
            let older = outcomes.Begin()
            outcomes.Succeeded("one", outcomes.Begin())
            outcomes.Failed("other", older, failure)
            whats outcomes |> shouldEqual [ "other" ]
        }
    ]

let private brokersOfSimpleConsumers =
    [
        liveWith
            withTwo
            "a simple consumer is healthy again when the broker whose pops failed has left the route"
            (fun clock cluster ->
                task {
                    let options =
                        SimpleConsumerOptions.create "G" (endpointsOf cluster.NameServers)
                        |> SimpleConsumerOptions.subscribe "T" Filter.all

                    let remoting = patiently clock options.Consumer.Client.Remoting

                    let! started =
                        SimpleConsumer.Start(
                            { options with
                                Consumer.Client.Remoting = remoting
                            }
                        )

                    use consumer = started |> Result.mapError RemotingError.describe |> Buffers.ok
                    refuse cluster.Brokers[1] RequestCode.PopMessage

                    let receive () : Task =
                        task {
                            let receiving = consumer.Receive(1, seconds 30, CancellationToken.None)
                            do! ChaosRig.pass clock (fun () -> receiving.IsCompleted)
                        }

                    do! receive ()

                    whatFails consumer.Health.Problems
                    |> shouldEqual [ $"T at {cluster.Brokers[1].Name}" ]

                    do! cluster.Brokers[1].StopAsync()
                    let mutable tries = 0

                    while not consumer.Health.IsHealthy && tries < 20 do
                        do! receive ()
                        tries <- tries + 1

                    whatFails consumer.Health.Problems |> shouldBeEmpty
                })
    ]

let private brokersOfPopConsumers =
    [
        liveWith
            withTwo
            "a popping member is healthy again when the broker whose acknowledgements failed has left the route"
            (fun clock cluster ->
                task {
                    let consume (_: ReceivedMessage) (_: CancellationToken) = Task.FromResult ConsumeResult.Success

                    let options =
                        { popConsumerAt cluster.NameServers clock "G" with
                            Consumer.ConsumeFrom = FirstOffset
                        }

                    use! consumer = startPop options consume
                    let leaving = cluster.Brokers[1]
                    refuse leaving RequestCode.AckMessage
                    refuse leaving RequestCode.BatchAckMessage
                    do! sendAll cluster "T" (numbered 0 8)
                    let what = PopDuty.acknowledge leaving.Name
                    do! becomes clock (fun () -> consumer.Health.Problems |> whatFails |> List.contains what)
                    do! leaving.StopAsync()
                    do! becomes clock (fun () -> consumer.InFlight = 0 && consumer.Health.IsHealthy)
                })
    ]

let private lateHeartbeats =
    [
        liveWith
            (withQueues 1)
            "a broker that did not take the first heartbeat is popped as soon as it takes one"
            (fun clock cluster ->
                task {
                    let seen = Seen()

                    let consume (received: ReceivedMessage) (_: CancellationToken) =
                        seen.Add(textOf received)
                        Task.FromResult ConsumeResult.Success

                    let options =
                        { popConsumerAt cluster.NameServers clock "G" with
                            Consumer.ConsumeFrom = FirstOffset
                            Consumer.Client.Remoting.RequestTimeout = seconds 10
                        }

                    cluster.Brokers[0].Faults.On(RequestCode.HeartBeat).LoseRequests(1)

                    let starting = startPop options consume
                    do! ChaosRig.pass clock (fun () -> starting.IsCompleted)
                    use! consumer = starting
                    do! sendAll cluster "T" [ "a" ]
                    do! becomes clock (fun () -> seen.Count = 1)
                    do! becomes clock (fun () -> consumer.Health.IsHealthy)
                })
    ]

let private gone = brokersOfSimpleConsumers @ brokersOfPopConsumers @ lateHeartbeats

[<Tests>]
let tests = testList "Pop outcomes" (orders @ gone)
