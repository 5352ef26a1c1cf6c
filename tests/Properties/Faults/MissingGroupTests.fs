/// Consumers that pull for a group that does not exist, at a broker that makes none. Brokers of 5.x forget the group's members without
/// a word; those of 4.9 take them in, and refuse their pulls.
module RocketMq.Protocol.Tests.MissingGroupTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private missing = 1147
let private pullFailed = 1101
let private membersUnknown = 1118

type private Line =
    | Line49
    | Line5

/// A cluster that has the topic "T" with a message, and no group.
let private withoutGroup line (test: EmbeddedClock -> EmbeddedCluster -> Task) : Task =
    withStrictCluster (fun options -> options.AutoCreateGroups <- (line = Line49)) (fun clock cluster ->
        task {
            do! cluster.CreateTopicAsync("T", 2)
            do! sendAll cluster "T" [ "a" ]

            if line = Line49 then
                cluster.Brokers[0]
                    .Faults.On(RequestCode.PullMessage)
                    .Refuse(
                        ResponseCode.SubscriptionGroupNotExist,
                        "subscription group [C] does not exist",
                        Int32.MaxValue
                    )

            do! test clock cluster
        })

/// Somebody makes the group.
let private create line (cluster: EmbeddedCluster) : Task =
    match line with
    | Line5 -> cluster.CreateGroupAsync "C"
    | Line49 ->
        cluster.Brokers[0].Faults.Heal()
        Task.CompletedTask

let private logged (log: LogLines) (remoting: RemotingOptions) = { remoting with Logger = log }

let private isToldOnce (log: LogLines) =
    (log.Count missing, log.Count pullFailed, log.Count membersUnknown)
    |> shouldEqual (1, 0, 0)

let private says (problems: ClientProblem list) =
    problems
    |> List.map _.Reason
    |> String.concat " "
    |> shouldMention "Create the group"

let private push line =
    withoutGroup line (fun clock cluster ->
        task {
            let log = LogLines()
            let seen = Seen()

            let! consumer =
                startMember clock (memberFromFirst cluster clock "one" (logged log)) (remember seen)

            do! ChaosRig.pass clock (fun () -> log.Count missing = 1)
            do! ChaosRig.passFor clock (TimeSpan.FromMinutes 2L)
            do! until (fun () -> not consumer.Health.IsHealthy)
            says consumer.Health.Problems
            isToldOnce log
            seen.Count |> shouldEqual 0
            do! create line cluster
            do! ChaosRig.pass clock (fun () -> seen.Count = 1 && consumer.Health.IsHealthy)
            isToldOnce log
            do! close clock consumer
        })

/// What a poll ends with.
let private poll clock (consumer: PullConsumer) : Task<Result<ReceivedMessage, RemotingError>> =
    waitFor clock (consumer.Receive CancellationToken.None)

let private pull line =
    withoutGroup line (fun clock cluster ->
        task {
            let log = LogLines()
            let! consumer = startPuller clock cluster (logged log)

            for _ in 1..3 do
                match! poll clock consumer with
                | Error(RemotingError.Refused(_, _, _, ResponseCode.SubscriptionGroupNotExist, _) as error) ->
                    RemotingError.describe error |> shouldMention "Create the group"
                | other -> failtest $"%A{other}"

            consumer.Health.IsHealthy |> shouldBeFalse
            says consumer.Health.Problems
            isToldOnce log
            do! create line cluster
            let mutable received: string option = None

            while received.IsNone do
                match! poll clock consumer with
                | Ok message -> received <- Some(textOf message)
                | Error(RemotingError.Refused(_, _, _, ResponseCode.SubscriptionGroupNotExist, _)) -> ()
                | Error error -> failtest (RemotingError.describe error)

            received |> shouldEqual (Some "a")
            do! ChaosRig.pass clock (fun () -> consumer.Health.IsHealthy)
            isToldOnce log
            do! ChaosRig.finish clock (consumer.Close())
        })

let private pushConsumers =
    testList
        "push consumers"
        [
            for line in [ Line49; Line5 ] do
                live
                    $"a push consumer of an unknown group logs it once and starts when the group is created ({line})"
                    (fun () -> push line)

                live
                    $"polls of a pull consumer of an unknown group fail and get messages when the group is created ({line})"
                    (fun () -> pull line)
        ]

let private clientsAndGroups =
    testList
        "clients and groups"
        [
            liveWith
                (withoutGroup Line5)
                "a broker that creates no groups serves a group only after it is created, and always those of the system"
                (fun _ cluster ->
                    task {
                        use client =
                            RemotingClient.Create(
                                (endpointsOf cluster.Brokers[0].Address).Head,
                                RemotingOptions.Default
                            )
                            |> Buffers.ok

                        let settings group =
                            { Examples.group with
                                Group = group
                                PullBatch = 1
                                LongPollTimeout = TimeSpan.Zero
                            }

                        let wanted: TopicSubscription =
                            {
                                Topic = "T"
                                Filter = Filter.all
                                Version = 1L
                            }

                        let codeFor group =
                            task {
                                let request =
                                    GroupRequests.pull (settings group) 32 (PullRig.queueOf cluster 0) 0L wanted
                                    |> Pull.messages.Request

                                match! client.Request(request, CancellationToken.None) with
                                | Ok _ -> return ResponseCode.Success
                                | Error(RemotingError.Refused(_, _, _, code, _)) -> return code
                                | Error error -> return failtest (RemotingError.describe error)
                            }

                        let! before = codeFor "C"
                        do! cluster.CreateGroupAsync "C"
                        let! after = codeFor "C"
                        let! other = codeFor "D"
                        let! system = codeFor "CID_RMQ_SYS_ANY"

                        [ before; after; other; system ]
                        |> shouldEqual
                            [
                                ResponseCode.SubscriptionGroupNotExist
                                ResponseCode.Success
                                ResponseCode.SubscriptionGroupNotExist
                                ResponseCode.Success
                            ]
                    })
        ]

[<Tests>]
let tests = testList "Missing groups" [ pushConsumers; clientsAndGroups ]
