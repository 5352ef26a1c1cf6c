module RocketMq.Protocol.Tests.RecordedGroupTests

open System
open Expecto
open RocketMq.Protocol
open RocketMq.Protocol.Tests.Recorded

/// The bodies of these requests say all: decoded and encoded again, they must be the recorded ones.
let private sameBodies code (make: LockRequest -> Request<'Answer>) =
    let requests, _ = recorded code
    requests |> shouldNotBeEmpty

    for capture in requests do
        let java = command capture
        let ours = (QueueLocks.decode java |> Buffers.ok |> make).Command
        ours.RequestCode |> shouldEqual code

        Text.Encoding.UTF8.GetString ours.Body.Span
        |> shouldEqual (
            Text.Encoding.UTF8
                .GetString(java.Body.Span)
                .Replace(",\"onlyThisBroker\":false", "", StringComparison.Ordinal)
        )

[<Tests>]
let tests =
    testList
        "Recorded group requests"
        [
            testCase "members of a group"
            <| fun () ->
                agrees
                    RequestCode.GetConsumerListByGroup
                    (fun f -> GetGroupMembers.request f["consumerGroup"])
                    (fun _ members -> not members.IsEmpty && members |> List.forall (fun id -> id.Contains '@'))

            testCase "time of the first message"
            <| fun () ->
                agrees
                    RequestCode.GetEarliestMessageStoreTime
                    (fun f -> Offsets.earliestStoreTime f["topic"] (int f["queueId"]))
                    (fun java time -> string time = (fieldsOf java)["timestamp"])

            testCase "locks of queues"
            <| fun () ->
                sameBodies RequestCode.LockBatchMq QueueLocks.acquire
                sameBodies RequestCode.UnlockBatchMq QueueLocks.release
                let _, answers = recorded RequestCode.LockBatchMq
                answers |> shouldNotBeEmpty

                for capture in answers do
                    let queues =
                        (QueueLocks.acquire
                            {
                                ConsumerGroup = "g"
                                ClientId = "c"
                                Queues = []
                            })
                            .Decode(command capture)
                        |> Buffers.ok

                    for queue in queues do
                        queue.BrokerName |> shouldEqual "broker-a"
                        queue.Topic |> shouldNotBeEmpty
        ]
