module RocketMq.Protocol.Tests.PopTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig
open PopRig

let private ofStates isOrderly (steps: PopStep list) =
    let run = steps |> List.fold step (start isOrderly) |> finish

    if run.Problems.IsEmpty then
        true
    else
        failtest $"%A{List.rev run.Problems}"

let private withMessages ids =
    (fresh (), List.indexed ids)
    ||> List.fold (fun state (index, id) -> ask (int64 index) 1 (sendTo 0 id) state |> fst)

let private codeOf now command state =
    let _, effects = ask now 2 command state
    (answerIn effects).ResponseCode

let private parkedPop seconds =
    Examples.ask
        { pop with
            PollTime = TimeSpan.FromSeconds(int64 seconds)
        }
        Pop.messages

let private orderly = { pop with IsOrderly = Some true }

let private popModel =
    testList
        "pop model"
        [
            property "no message is lost, none is delivered while it is hidden, and none after it is acknowledged"
            <| fun (steps: PopStep list) -> ofStates false steps

            property "in order: no message overtakes one that is not acknowledged, none is lost or left out"
            <| fun (steps: PopStep list) -> ofStates true steps
        ]

let private receipts =
    testList
        "receipts"
        [
            testCase "the answer states the start offset and the messages as Java writes them"
            <| fun () ->
                let state = withMessages [ "a"; "b"; "c" ]
                let state, _ = ask 4L 1 (sendTo 1 "d") state
                let state, effects = ask 5L 2 (Examples.ask pop Pop.messages) state
                let answer = decode Pop.messages (answerIn effects)
                answer.StartOffsets |> shouldEqual (Some "0 0 0;0 1 0")
                answer.MessageOffsets |> shouldEqual (Some "0 0 0,1,2;0 1 0")
                answer.OrderCounts |> shouldEqual None
                answer.PopTimestamp |> shouldEqual 5L
                answer.Rest |> shouldEqual 0L
                (answerIn effects).Remark |> shouldEqual (Some "FOUND")

                poppedIn pop (answerIn effects)
                |> List.map (fun popped -> PopReceipt.format popped.Receipt)
                |> shouldEqual
                    [
                        "0 5 10000 0 0 broker-a 0 0"
                        "0 5 10000 0 0 broker-a 0 1"
                        "0 5 10000 0 0 broker-a 0 2"
                        "0 5 10000 0 0 broker-a 1 0"
                    ]

                let _, effects = ask 6L 2 (Examples.ask pop Pop.messages) state
                let answer = answerIn effects
                answer.ResponseCode |> shouldEqual ResponseCode.PollingTimeout
                answer.Remark |> shouldEqual (Some "NO_MESSAGE_IN_QUEUE")

            testCase "an unacknowledged message is redelivered from the retry topic with its count raised"
            <| fun () ->
                let state, popped = popNow 5L pop (withMessages [ "a"; "b" ])
                let state, _ = ask 6L 2 (ackOf popped[0]) state
                Broker.nextDeadline state |> shouldEqual (ValueSome 10_005L)
                records "%RETRY%G_T" 0 (fst (tick 10_004L state)) |> shouldBeEmpty
                let state, _ = tick 10_005L state
                let revived = records "%RETRY%G_T" 0 state |> List.exactlyOne
                revived.ReconsumeTimes |> shouldEqual 1
                valueOf "1ST_POP_TIME" revived |> shouldEqual "5"

                let state, again = popNow 10_006L pop state
                let again = List.exactlyOne again
                idOf again |> shouldEqual "b"
                again.Message.Topic |> shouldEqual "T"
                again.Message.ReconsumeTimes |> shouldEqual 1
                again.Receipt.Source |> shouldEqual OfRetry

                let state, _ = tick 20_006L state
                let state, third = popNow 20_007L pop state
                (List.exactlyOne third).Message.ReconsumeTimes |> shouldEqual 2
                let state, _ = ask 20_008L 2 (ackOf (List.exactlyOne third)) state
                Broker.nextDeadline state |> shouldEqual ValueNone
        ]

let private changedTimes =
    testList
        "changed times"
        [
            testCase "a changed invisible time returns a new receipt, and the old one acknowledges nothing"
            <| fun () ->
                let state, popped = popNow 5L pop (withMessages [ "a" ])
                let popped = List.exactlyOne popped
                let state, effects = ask 100L 2 (changeOf (TimeSpan.FromSeconds 30L) popped) state

                let receipt =
                    PopReceipt.changed (decode PopReceipts.changeInvisibleTime (answerIn effects)) popped.Receipt

                PopReceipt.format receipt |> shouldEqual "0 100 30000 0 0 broker-a 0 0"
                let state, effects = ask 101L 2 (ackOf popped) state
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
                Broker.nextDeadline state |> shouldEqual (ValueSome 30_100L)
                let state, _ = ask 102L 2 (ackOf { popped with Receipt = receipt }) state
                Broker.nextDeadline state |> shouldEqual ValueNone
        ]

let private parkedPops =
    testList
        "parked pops"
        [
            testCase "a parked pop is answered by a new message and by one whose invisible time ends"
            <| fun () ->
                let state, popped = popNow 5L pop (withMessages [ "a" ])
                popped |> idsOf |> shouldEqual [ "a" ]
                let state, effects = ask 6L 2 (parkedPop 20) state
                effects |> shouldBeEmpty

                let sent, effects = ask 7L 1 (sendTo 2 "b") state
                Waits.isEmpty sent.Pops.Parked.Waits |> shouldBeTrue

                effects
                |> List.choose (fun effect ->
                    match effect with
                    | Reply(Ticket 6L, answer) -> Some(poppedIn pop answer |> idsOf)
                    | _ -> None)
                |> shouldEqual [ [ "b" ] ]

                let _, effects = tick 10_005L state
                poppedIn pop (answerIn effects) |> idsOf |> shouldEqual [ "a" ]

            testCase "a parked pop ends at its timeout or with its connection"
            <| fun () ->
                let state, _ = popNow 1L pop (withMessages [ "a" ])
                let state, _ = ask 2L 2 (parkedPop 3) state
                // 50 ms sooner, as in Java.
                Broker.nextDeadline state |> shouldEqual (ValueSome 2_953L)
                let ended, effects = tick 2_953L state
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.PollingTimeout
                Waits.isEmpty ended.Pops.Parked.Waits |> shouldBeTrue
                let left, effects = Broker.transition 3L state (Left 2)
                effects |> shouldEqual [ Forget(Ticket 2L) ]
                Waits.isEmpty left.Pops.Parked.Waits |> shouldBeTrue

            testCase "tags select, and messages that do not match are skipped for good"
            <| fun () ->
                let state, _ =
                    ask 0L 1 (Examples.ask (messageOf "T" "a" [ PropertyName.tags, "x" ]) Send.message) (fresh ())

                let state, _ =
                    ask 1L 1 (Examples.ask (messageOf "T" "b" [ PropertyName.tags, "y" ]) Send.message) state

                let ofY =
                    { pop with
                        ExpressionType = Some "TAG"
                        Expression = Some "y||z"
                    }

                let state, popped = popNow 2L ofY state
                idsOf popped |> shouldEqual [ "b" ]
                let state, _ = tick 10_002L state
                let _, popped = popNow 10_003L ofY state
                idsOf popped |> shouldEqual [ "b" ]
        ]

let private orderlyPops =
    testList
        "orderly pops"
        [
            testCase "in order, a queue is blocked until its messages are acknowledged, and then answers a parked pop"
            <| fun () ->
                let two = { orderly with MaxMessages = 2 }
                let state, popped = popNow 5L two (withMessages [ "a"; "b"; "c" ])
                idsOf popped |> shouldEqual [ "a"; "b" ]
                popped |> List.map _.Receipt.ReviveQueueId |> shouldEqual [ 999; 999 ]

                let state, effects =
                    ask
                        6L
                        2
                        (Examples.ask
                            { two with
                                PollTime = TimeSpan.FromSeconds 60L
                            }
                            Pop.messages)
                        state

                effects |> shouldBeEmpty
                let state, effects = ask 7L 2 (ackOf popped[1]) state
                effects |> List.length |> shouldEqual 1
                let acked, effects = ask 8L 2 (ackOf popped[0]) state
                effects |> List.length |> shouldEqual 2
                Waits.isEmpty acked.Pops.Parked.Waits |> shouldBeTrue

                // Not acknowledged: the queue opens with the time of the first, and both come again.
                let expired, effects = tick 10_005L state
                let answer = answerIn effects
                poppedIn two answer |> idsOf |> shouldEqual [ "a"; "b" ]
                poppedIn two answer |> List.map _.Message.ReconsumeTimes |> shouldEqual [ 1; 1 ]

                (decode Pop.messages answer).OrderCounts
                |> shouldEqual (Some "0 qo0%0 1;0 qo0%1 1;0 0 1")

                Waits.isEmpty expired.Pops.Parked.Waits |> shouldBeTrue
        ]

let private orderlyAttempts =
    testList
        "orderly attempts"
        [
            testCase "in order, a repeated attempt returns the same messages with the same counts"
            <| fun () ->
                let attempt = { orderly with AttemptId = Some "x" }

                let state, popped = popNow 5L attempt (withMessages [ "a"; "b" ])
                let state, again = popNow 6L attempt state
                idsOf again |> shouldEqual (idsOf popped)
                again |> List.map _.Message.ReconsumeTimes |> shouldEqual [ 0; 0 ]

                codeOf 7L (Examples.ask { attempt with AttemptId = Some "y" } Pop.messages) state
                |> shouldEqual ResponseCode.PollingTimeout

            testCase
                "in order, a changed invisible time keeps the pop time of the receipt and unblocks the queue at its end"
            <| fun () ->
                let state, popped = popNow 5L orderly (withMessages [ "a" ])
                let popped = List.exactlyOne popped
                let state, effects = ask 100L 2 (changeOf (TimeSpan.FromSeconds 1L) popped) state
                let answer = decode PopReceipts.changeInvisibleTime (answerIn effects)
                answer.PopTimestamp |> shouldEqual 5L
                answer.InvisibleTime.TotalMilliseconds |> shouldEqual 1_095.0
                let _, early = popNow 1_099L orderly state
                early |> shouldBeEmpty
                let _, again = popNow 1_100L orderly state
                idsOf again |> shouldEqual [ "a" ]
        ]

let private popTime =
    testList
        "pop time"
        [
            testCase
                "the age of a pop follows from its time and the broker's clock, and 0 means now unless the time is taken as sent"
            <| fun () ->
                let now = 1_000_000L
                let second = TimeSpan.FromSeconds 1L

                let answerOf isAsSent born poll =
                    let state = withMessages [ "a" ]

                    let state =
                        { state with
                            BrokerState.Settings.TakesBornTimeAsSent = isAsSent
                        }

                    let request =
                        { pop with
                            BornTimestamp = born
                            PollTime = poll
                        }

                    let _, effects = ask now 2 (Examples.ask request Pop.messages) state
                    answerIn effects

                for isAsSent, born, poll, isTaken in
                    [
                        false, 0L, TimeSpan.Zero, true
                        true, 0L, TimeSpan.Zero, false
                        true, 0L, TimeSpan.FromSeconds 15L, false
                        true, now, TimeSpan.Zero, true
                        true, now - 500L, TimeSpan.Zero, true
                        true, now - 501L, TimeSpan.Zero, false
                        false, now - 501L, TimeSpan.Zero, false
                        true, now - 1_500L, second, true
                        true, now - 1_501L, second, false
                        true, Int64.MaxValue, TimeSpan.Zero, true
                    ] do
                    let answer = answerOf isAsSent born poll

                    match Pop.messages.DecodeAnswer answer with
                    | Ok answer -> (isTaken, answer.Status) |> shouldEqual (true, PopStatus.Popped)
                    | Error(RefusedByServer(code, remark)) ->
                        (isTaken, code) |> shouldEqual (false, ResponseCode.PollingTimeout)
                        remark |> shouldMention "pop message is timeout too much"
                    | Error error -> failtest $"%A{error}"
        ]

let private futurePops =
    testList
        "future pops"
        [
            testCase "a pop without a wait is answered at once although its time is in the future"
            <| fun () ->
                let state, _ = popNow 1L pop (withMessages [ "a" ])

                codeOf
                    2L
                    (Examples.ask
                        { pop with
                            BornTimestamp = Int64.MaxValue
                        }
                        Pop.messages)
                    state
                |> shouldEqual ResponseCode.PollingTimeout
        ]

let private refusals =
    testList
        "refusals"
        [
            testCase "refusals have Java's codes"
            <| fun () ->
                let state, popped = popNow 1L pop (withMessages [ "a" ])
                let popped = List.exactlyOne popped

                let popCode change =
                    codeOf 2L (Examples.ask (change pop) Pop.messages) state

                popCode (fun pop -> { pop with MaxMessages = 33 })
                |> shouldEqual ResponseCode.InvalidParameter

                popCode (fun pop -> { pop with Topic = "U" })
                |> shouldEqual ResponseCode.TopicNotExist

                popCode (fun pop -> { pop with QueueId = 99 })
                |> shouldEqual ResponseCode.InvalidParameter

                codeOf 1_000L (Examples.ask { pop with BornTimestamp = 1L } Pop.messages) state
                |> shouldEqual ResponseCode.PollingTimeout

                popCode (fun pop ->
                    { pop with
                        ExpressionType = Some "SQL92"
                        Expression = Some "a >"
                    })
                |> shouldEqual ResponseCode.SubscriptionParseFailed

                let ackCode change =
                    codeOf 2L (Examples.ask (change (nameOf popped)) PopReceipts.acknowledge) state

                ackCode (fun message -> { message with QueueOffset = 2L })
                |> shouldEqual ResponseCode.NoMessage

                ackCode (fun message -> { message with QueueId = 99 })
                |> shouldEqual ResponseCode.MessageIllegal

                ackCode (fun message -> { message with Topic = "U" })
                |> shouldEqual ResponseCode.TopicNotExist

                ackCode id |> shouldEqual ResponseCode.Success

                codeOf 2L (Examples.ask { BrokerName = "b"; Acks = [] } PopReceipts.acknowledgeMany) state
                |> shouldEqual ResponseCode.NoMessage
        ]

let private popLimits =
    testList
        "pop limits"
        [
            testCase "a queue with too many parked pops refuses another one"
            <| fun () ->
                let state, _ = popNow 1L pop (withMessages [ "a" ])

                let full =
                    (state, [ 1L .. 1_024L ])
                    ||> List.fold (fun state ticket ->
                        Broker.transition 2L state (BrokerRig.arrive 2 ticket (parkedPop 20)) |> fst)

                codeOf 3L (parkedPop 20) full |> shouldEqual ResponseCode.PollingFull

            testCase "a slave answers no pop"
            <| fun () ->
                let slave =
                    { withMessages [ "a" ] with
                        Settings = { settings with BrokerId = 1L }
                    }

                codeOf 1L (Examples.ask pop Pop.messages) slave
                |> shouldEqual ResponseCode.SlaveNotAvailable
        ]

[<Tests>]
let tests =
    testList
        "Broker pops"
        [
            popModel
            receipts
            changedTimes
            parkedPops
            orderlyPops
            orderlyAttempts
            popTime
            futurePops
            refusals
            popLimits
        ]

let private memberOf clientId =
    Examples.ask
        {
            ClientId = clientId
            ProducerGroups = []
            Consumers =
                [
                    {
                        Group = "G"
                        Type = ConsumeType.ConsumePassively
                        Model = MessageModel.Clustering
                        Start = FromLastOffset
                        Subscriptions = []
                        IsUnit = false
                    }
                ]
            Fingerprint = None
            IsWithoutSubscriptions = None
        }
        Heartbeat.send

/// Two brokers that have the topic, with two queues each, and members of the group at the first.
let private cluster (members: string list) =
    let withTopic place cluster =
        ClusterRig.askAt 0L (BrokerAt place) (sendTo 0 "a") cluster |> fst

    let cluster =
        ClusterRig.cluster 1 [ "broker-a"; "broker-b" ] [] |> withTopic 0 |> withTopic 1

    (cluster, List.indexed members)
    ||> List.fold (fun cluster (index, clientId) ->
        Servers.transition
            1L
            cluster
            (At(BrokerAt 0, BrokerRig.arrive (10 + index) (10L + int64 index) (memberOf clientId)))
        |> fst)

let private assigned clientId strategy cluster =
    ClusterRig.read
        2L
        (BrokerAt 0)
        Assignments.query
        {
            Topic = "T"
            ConsumerGroup = "G"
            ClientId = clientId
            Strategy = strategy
            Model = MessageModel.Clustering
        }
        cluster
    |> Option.map (List.map (fun assignment -> assignment.Queue.BrokerName, assignment.Queue.QueueId, assignment.Mode))

let private withMode sharing cluster =
    ClusterRig.askAt
        2L
        (BrokerAt 0)
        (Examples.ask
            {
                Topic = "T"
                ConsumerGroup = "G"
                Mode = PopMode
                SharingMembers = sharing
            }
            Assignments.setMode)
        cluster
    |> fst

let private byPull =
    testList
        "by pull"
        [
            testCase "queues of all brokers are pulled unless the mode is set, each by one member"
            <| fun () ->
                let cluster = cluster [ "y"; "x" ]

                let queues name =
                    [ for queueId in 0..3 -> name, queueId, PullMode ]

                assigned "x" "AVG" cluster |> shouldEqual (Some(queues "broker-a"))
                assigned "y" "AVG" cluster |> shouldEqual (Some(queues "broker-b"))

                assigned "x" "AVG_BY_CIRCLE" cluster
                |> shouldEqual (
                    Some
                        [
                            for name in [ "broker-a"; "broker-b" ] do
                                for queueId in [ 0; 2 ] -> name, queueId, PullMode
                        ]
                )

                assigned "x" "OTHER" cluster |> shouldEqual None
                assigned "z" "AVG" cluster |> shouldEqual (Some [])

            testCase "members with one client id both get its first share, and the other share is read by none"
            <| fun () ->
                let cluster = cluster [ "x"; "x" ]

                assigned "x" "AVG" cluster
                |> shouldEqual (Some [ for queueId in 0..3 -> "broker-a", queueId, PullMode ])

            testCase "a group without members has no assignments"
            <| fun () -> assigned "x" "AVG" (cluster []) |> shouldEqual None
        ]

let private byPop =
    testList
        "by pop"
        [
            testCase "in pop mode all members read all brokers, or as many share a queue as is set"
            <| fun () ->
                let cluster = cluster [ "w"; "x"; "y"; "z" ]

                assigned "x" "AVG" (withMode -1 cluster)
                |> shouldEqual (Some [ "broker-a", -1, PopMode; "broker-b", -1, PopMode ])

                assigned "x" "AVG" (withMode 3 cluster)
                |> shouldEqual (Some [ "broker-a", -1, PopMode; "broker-b", -1, PopMode ])

                assigned "z" "AVG" (withMode 1 cluster)
                |> shouldEqual (
                    Some
                        [
                            "broker-b", 2, PopMode
                            "broker-b", 3, PopMode
                            "broker-a", 0, PopMode
                            "broker-a", 1, PopMode
                        ]
                )

            testCase "the mode of an unknown topic or of a retry topic is not set"
            <| fun () ->
                for topic, code in [ "U", ResponseCode.TopicNotExist; "%RETRY%G", ResponseCode.NoPermission ] do
                    let command =
                        Examples.ask
                            {
                                Topic = topic
                                ConsumerGroup = "G"
                                Mode = PopMode
                                SharingMembers = 0
                            }
                            Assignments.setMode

                    codeOf 1L command (fresh ()) |> shouldEqual code
        ]

[<Tests>]
let assignmentTests = testList "Broker assignments" [ byPull; byPop ]
