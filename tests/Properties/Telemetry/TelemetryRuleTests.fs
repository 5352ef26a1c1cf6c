/// What bounds the series of metrics, and the names of everything that listeners see.
module RocketMq.Protocol.Tests.TelemetryRuleTests

open System
open System.IO
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private topic = "telemetry"
let private request = RequestCode.SendMessageV2
let private why = FailureReason.ofText "why"

/// One of each case; a case that is added does not compile into `caseOf` until it is here, too.
let private errors =
    [
        RemotingError.Invalid(InvalidInput("the topic", "it is empty"))
        RemotingError.NotEncoded(request, NotEncodable("field 'a'", "why"))
        RemotingError.NotConnected(endpoint, why)
        RemotingError.TooManyInFlight(endpoint, 7)
        RemotingError.TooManyBytes(endpoint, 7)
        RemotingError.TooManyWaiting(RoomOnConnection endpoint, WaitingCallBound 5)
        RemotingError.ConnectionLost(endpoint, request, second, why)
        RemotingError.TimedOut(endpoint, request, second, OnNetwork.unheard)
        RemotingError.Refused(endpoint, request, second, ResponseCode.SystemBusy, "busy")
        RemotingError.NotDecoded(endpoint, request, DecodeError.Malformed("x", "y", 3))
        RemotingError.Cancelled(request, true)
        RemotingError.ClientClosed endpoint
        RemotingError.AlreadyClosed "The producer"
        RemotingError.NoRoute("T", [])
        RemotingError.NoBroker("T", "b")
        RemotingError.NoQueue("T", "why")
        RemotingError.RouteUnknown("T", why)
        RemotingError.NoReply("T", "id", second)
        RemotingError.ReceiptExpired("id", true)
        RemotingError.Misconfigured "why"
        RemotingError.InvalidCall "why"
        RemotingError.ClientNameTaken("G", "id")
        RemotingError.ConsumedByPull("T", "G")
        RemotingError.BadAddress "x"
        RemotingError.OffsetStoreFailed("why", None)
        RemotingError.CredentialsFailed "why"
        RemotingError.Unexpected("A send", Exception())
        RemotingError.InterceptorFailed(Exception(), false)
    ]

let private number (index: int) = Func<_, int>(fun _ -> index)
let private number2 (index: int) = Func<_, _, int>(fun _ _ -> index)
let private number3 (index: int) = Func<_, _, _, int>(fun _ _ _ -> index)

/// The number of an error's case, so that the list above can be seen to be complete.
let private caseOf (error: RemotingError) =
    error.Match<int>(
        number 0,
        number2 1,
        number 2,
        number2 3,
        number2 4,
        number2 5,
        number2 6,
        number3 7,
        Func<_, _, _, _, int>(fun _ _ _ _ -> 8),
        number2 9,
        number 10,
        number 11,
        number 12,
        number 13,
        number 14,
        number 15,
        number 16,
        number3 17,
        number 18,
        number 19,
        number 20,
        number2 21,
        number2 22,
        number 23,
        number 24,
        number 25,
        number2 26,
        number2 27
    )

let private errorTypes =
    testList
        "error types"
        [
            test "the list of errors here has each case" {
                errors |> List.map caseOf |> List.sort |> shouldEqual [ 0..27 ]
            }

            test "each error has a type of the fixed list" {
                for error in errors do
                    ErrorTypes.all |> Set.contains (ErrorTypes.ofError error) |> shouldBeTrue
            }

            property "so has a refusal with whatever code, known or not" (fun (code: int) ->
                let refusal = RemotingError.Refused(endpoint, request, second, enum code, "x")
                ErrorTypes.all |> Set.contains (ErrorTypes.ofError refusal) |> shouldBeTrue)

            test "so has what a handler makes of its messages, and success has none" {
                ErrorTypes.ofResult ConsumeResult.Success |> shouldEqual ValueNone

                for result in
                    [
                        ConsumeResult.Retry
                        ConsumeResult.RetryAfter second
                        ConsumeResult.RetryAtLevel 3
                        ConsumeResult.DeadLetter
                    ] do
                    match ErrorTypes.ofResult result with
                    | ValueSome kind -> ErrorTypes.all |> Set.contains kind |> shouldBeTrue
                    | ValueNone -> failtest "it has none"
            }

            test "the document lists each type" {
                let document =
                    File.ReadAllText(Path.Combine(Repository.root, "docs", "observability.md"))


                for kind in ErrorTypes.all do
                    document |> shouldMention $"`{kind}`"
            }
        ]

let private bounds =
    testList
        "bounds"
        [
            property
                "never more pairs than the limit are counted by themselves, and a pair stays what it is"
                (fun (numbers: (byte * byte) list) ->
                    let limit = 10
                    let pairs = TopicGroups limit

                    let before =
                        [
                            for topic, group in numbers do
                                let asked = struct ($"t{topic}", (if group % 3uy = 0uy then "" else $"g{group}"))
                                let struct (topic, group) = asked
                                asked, pairs.Of(topic, group)
                        ]

                    for struct (topic, group), found in before do
                        obj.ReferenceEquals(pairs.Of(topic, group), found) |> shouldBeTrue

                        if found.Topic = TelemetryNames.other then
                            (found.Group = "" && group = "" || found.Group = TelemetryNames.other)
                            |> shouldBeTrue
                        else
                            struct (found.Topic, found.Group) |> shouldEqual (struct (topic, group))

                    (pairs.Count <= limit) |> shouldBeTrue)

            test "the process counts 1,000 pairs" {
                let pairs = TopicGroups 1_000

                let names = [ for index in 1..1_200 -> (pairs.Of($"{topic}-{index}", "G")).Topic ]

                names |> List.distinct |> List.length |> shouldEqual 1_001
                names[1_199] |> shouldEqual "_other"
            }
        ]

/// From the conventions, 1.44.0.
let private convention =
    set
        [
            "messaging.system"
            "messaging.operation.name"
            "messaging.operation.type"
            "messaging.destination.name"
            "messaging.destination.partition.id"
            "messaging.consumer.group.name"
            "messaging.message.id"
            "messaging.message.body.size"
            "messaging.batch.message_count"
            "server.address"
            "server.port"
            "error.type"
            "messaging.rocketmq.namespace"
            "messaging.rocketmq.message.tag"
            "messaging.rocketmq.message.keys"
            "messaging.rocketmq.message.type"
            "messaging.rocketmq.message.delay_time_level"
            "messaging.rocketmq.message.delivery_timestamp"
            "messaging.rocketmq.message.group"
            "messaging.rocketmq.consumption_model"
        ]

let private ours =
    [
        TelemetryNames.system
        TelemetryNames.operationName
        TelemetryNames.operationType
        TelemetryNames.destination
        TelemetryNames.partition
        TelemetryNames.group
        TelemetryNames.messageId
        TelemetryNames.bodySize
        TelemetryNames.batchCount
        TelemetryNames.serverAddress
        TelemetryNames.serverPort
        TelemetryNames.errorType
        TelemetryNames.space
        TelemetryNames.tag
        TelemetryNames.keys
        TelemetryNames.messageType
        TelemetryNames.delayLevel
        TelemetryNames.deliveryTimestamp
        TelemetryNames.shardingKey
        TelemetryNames.model
    ]

let private names =
    testList
        "names"
        [
            test "attributes have the names of the conventions" { set ours |> shouldEqual convention }

            test "so have the metrics that these know" {
                [
                    TelemetryNames.operationDuration
                    TelemetryNames.processDuration
                    TelemetryNames.sentMessages
                    TelemetryNames.consumedMessages
                ]
                |> shouldEqual
                    [
                        "messaging.client.operation.duration"
                        "messaging.process.duration"
                        "messaging.client.sent.messages"
                        "messaging.client.consumed.messages"
                    ]
            }
        ]

[<Tests>]
let tests = testList "Telemetry rules" [ errorTypes; bounds; names ]
