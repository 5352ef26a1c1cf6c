module RocketMq.Protocol.Tests.DelayTests

open System
open System.Text
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let private day = 86_400_000L

let private handleOf (answer: SendAnswer) =
    match answer.RecallHandle with
    | Some handle -> handle
    | None -> failtest "the answer has no recall handle"

let private encode (text: string) =
    Convert.ToBase64String(Encoding.UTF8.GetBytes text)

let private delayLevels =
    testList
        "delay levels"
        [
            testCase "each level delays by what Java's table says: to the millisecond, in a queue of its own"
            <| fun () ->
                for level, delay in List.indexed delaySeconds do
                    let due = 5L + int64 delay * 1_000L

                    let state, answer =
                        sendOk 5L "T" "a" [ PropertyName.delayLevel, string (level + 1) ] (fresh ())

                    answer.QueueId |> shouldEqual 0
                    answer.QueueOffset |> shouldEqual 0L
                    answer.RecallHandle |> shouldEqual None
                    records "SCHEDULE_TOPIC_XXXX" level state |> List.length |> shouldEqual 1
                    Broker.nextDeadline state |> shouldEqual (ValueSome due)
                    let early, _ = tick (due - 1L) state
                    ids "T" early |> shouldBeEmpty
                    let delivered, _ = tick due early
                    ids "T" delivered |> shouldEqual [ "a" ]
                    Broker.nextDeadline delivered |> shouldEqual ValueNone

            testCase "a level above the highest is the highest, none below 1 delays, and no number is refused"
            <| fun () ->
                let state, _ = sendOk 0L "T" "a" [ PropertyName.delayLevel, "99" ] (fresh ())
                Broker.nextDeadline state |> shouldEqual (ValueSome 7_200_000L)

                for level in [ "0"; "-1" ] do
                    let state, _ = sendOk 0L "T" "a" [ PropertyName.delayLevel, level ] (fresh ())
                    ids "T" state |> shouldEqual [ "a" ]

                let _, effects =
                    ask 0L 1 (send "T" "a" [ PropertyName.delayLevel, "soon" ]) (fresh ())

                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.SystemError

            testCase "a delivered message wakes the pull that is parked for it"
            <| fun () ->
                let state, _ = sendOk 0L "T" "a" [ PropertyName.delayLevel, "1" ] (fresh ())

                let pull =
                    (Pull.messages.Request
                        { Examples.pull with
                            QueueId = 0
                            QueueOffset = 0L
                            LongPollTimeout = TimeSpan.FromSeconds 20L
                            Filter = Some(ByTag "*")
                        })
                        .Command

                let state, effects = ask 10L 2 pull state
                effects |> shouldBeEmpty
                let _, effects = tick 1_000L state
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
        ]

let private deliveryTimes =
    testList
        "delivery times"
        [
            testCase "of several delivery times the first in Java's order holds, and a delay level before them all"
            <| fun () ->
                let times =
                    [
                        "TIMER_DELIVER_MS", "90000"
                        "TIMER_DELAY_MS", "60000"
                        "TIMER_DELAY_SEC", "30"
                    ]

                for count, expected in [ 3, 30_000L; 2, 60_000L; 1, 90_000L ] do
                    let state, _ = sendOk 0L "T" "a" (List.truncate count times) (fresh ())
                    Broker.nextDeadline state |> shouldEqual (ValueSome expected)

                let state, answer =
                    sendOk 0L "T" "a" ((PropertyName.delayLevel, "1") :: times) (fresh ())

                answer.RecallHandle |> shouldEqual None
                let state, _ = tick 1_000L state
                let message = records "T" 0 state |> List.exactlyOne

                times
                |> List.map (fun (name, _) -> valueOf name message)
                |> List.distinct
                |> shouldEqual [ "" ]

            testCase "a delivery time in the past is no delay; one too far ahead or invalid is refused with code 13"
            <| fun () ->
                for time in [ "TIMER_DELIVER_MS", "1000"; "TIMER_DELAY_SEC", "0"; "TIMER_DELAY_MS", "-5" ] do
                    let state, answer = sendOk 1_000L "T" "a" [ time ] (fresh ())
                    ids "T" state |> shouldEqual [ "a" ]
                    answer.RecallHandle |> shouldEqual None

                let limit = 3L * day
                let state, _ = sendOk 0L "T" "a" [ "TIMER_DELAY_MS", string limit ] (fresh ())
                Broker.nextDeadline state |> shouldEqual (ValueSome limit)

                for time in
                    [
                        "TIMER_DELAY_MS", string (limit + 1L)
                        "TIMER_DELAY_SEC", string Int64.MaxValue
                        "TIMER_DELIVER_MS", "tomorrow"
                    ] do
                    let state, effects = ask 0L 1 (send "T" "a" [ time ]) (fresh ())
                    (answerIn effects).ResponseCode |> shouldEqual ResponseCode.MessageIllegal
                    records "rmq_sys_wheel_timer" 0 state |> shouldBeEmpty
        ]

let private recalls =
    testList
        "recalls"
        [
            testCase "a recall holds until the message's second begins, and only for the message it names"
            <| fun () ->
                let state, answer = sendOk 0L "T" "a" [ "TIMER_DELAY_MS", "5500" ] (fresh ())
                let state, _ = sendOk 0L "T" "b" [ "TIMER_DELAY_MS", "5500" ] state
                let handle = handleOf answer

                let late, effects = ask 5_001L 1 (recall "T" handle) state
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.IllegalOperation
                ids "T" (fst (tick 6_000L late)) |> shouldEqual [ "a"; "b" ]

                let recalled, effects = ask 5_000L 1 (recall "T" handle) state
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
                ids "T" (fst (tick 6_000L recalled)) |> shouldEqual [ "b" ]

            testCase "recalls are refused for Java's reasons"
            <| fun () ->
                let state, answer = sendOk 0L "T" "a" [ "TIMER_DELAY_SEC", "60" ] (fresh ())
                let state, _ = sendOk 0L "U" "u" [] state
                let handle = handleOf answer
                let far = string (3L * day + 1L)

                for topic, handle, code, remark in
                    [
                        "V", handle, ResponseCode.TopicNotExist, "recall failed, the topic[V] not exist"
                        "U", handle, ResponseCode.IllegalOperation, "recall failed, topic not match"
                        "T", "?", ResponseCode.IllegalOperation, "recall handle is invalid"
                        "T", encode "v2 T broker-a 9 a", ResponseCode.IllegalOperation, "recall handle is invalid"
                        "T", encode "v1 T broker-a 9", ResponseCode.IllegalOperation, "recall handle is invalid"
                        "T",
                        encode "v1 T broker-b 9999 a",
                        ResponseCode.IllegalOperation,
                        "recall failed, broker service not available"
                        "T",
                        encode "v1 T broker-a soon a",
                        ResponseCode.IllegalOperation,
                        "recall failed, timestamp invalid"
                        "T",
                        encode $"v1 T broker-a {far} a",
                        ResponseCode.IllegalOperation,
                        "recall failed, timestamp invalid"
                    ] do
                    let state, effects = ask 1L 1 (recall topic handle) state
                    let answer = answerIn effects
                    answer.ResponseCode |> shouldEqual code
                    answer.Remark |> shouldEqual (Some remark)
                    ids "T" (fst (tick 60_000L state)) |> shouldEqual [ "a" ]
        ]

let private unnamedMessages =
    testList
        "unnamed messages"
        [
            testCase "a message without a unique id can be recalled as well"
            <| fun () ->
                let command =
                    Examples.ask
                        { messageOf "T" "" [] with
                            Properties = Properties.ofList [ "TIMER_DELAY_SEC", "60" ]
                        }
                        Send.message

                let state, effects = ask 0L 1 command (fresh ())
                let handle = handleOf (decodeSend (answerIn effects))
                let state, _ = ask 1L 1 (recall "T" handle) state
                ids "T" (fst (tick 60_000L state)) |> shouldBeEmpty
        ]

let private systemTopicsAndBatches =
    testList
        "system topics and batches"
        [
            testCase "system topics accept no sends"
            <| fun () ->
                for topic in
                    [
                        "SCHEDULE_TOPIC_XXXX"
                        "RMQ_SYS_TRANS_HALF_TOPIC"
                        "RMQ_SYS_TRANS_OP_HALF_TOPIC"
                        "TRANS_CHECK_MAX_TIME_TOPIC"
                    ] do
                    for operation in [ Send.message; Send.reply ] do
                        let command = Examples.ask (messageOf topic "a" []) operation
                        let state, effects = ask 0L 1 command (fresh ())
                        (answerIn effects).ResponseCode |> shouldEqual ResponseCode.NoPermission
                        ids topic state |> shouldBeEmpty

            testCase "a batch cannot be delayed as a whole, and delays of its messages are ignored"
            <| fun () ->
                let one = Message.ofText "T" "x" |> Message.withDelayLevel 3
                let batch = ReadOnlyMemory(BatchCodec.encode [ one ] |> Buffers.ok)

                let request properties =
                    Examples.ask
                        { messageOf "T" "b" properties with
                            IsBatch = true
                            Body = batch
                        }
                        Send.batch

                let state, effects = ask 0L 1 (request []) (fresh ())
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
                records "T" 0 state |> List.length |> shouldEqual 1

                for wait in [ PropertyName.delayLevel, "3"; "TIMER_DELAY_SEC", "3" ] do
                    let _, effects = ask 0L 1 (request [ wait ]) (fresh ())
                    (answerIn effects).ResponseCode |> shouldEqual ResponseCode.MessageIllegal
        ]

let private recallHandles =
    testList
        "recall handles"
        [
            property "a timed message is delivered in the second after its time, and its handle names it"
            <| fun (start: uint32) (delay: uint32) ->
                let start, delay = int64 start, 1L + int64 delay % (3L * day)
                let deliver = start + delay

                let state, answer =
                    sendOk start "T" "a" [ "TIMER_DELIVER_MS", string deliver ] (fresh ())

                match Broker.nextDeadline state, RecallHandle.decode (handleOf answer) with
                | ValueSome due, ValueSome handle ->
                    let early, _ = tick (due - 1L) state
                    let delivered, _ = tick due state

                    due >= deliver
                    && due < deliver + 1_000L
                    && due % 1_000L = 0L
                    && List.isEmpty (ids "T" early)
                    && ids "T" delivered = [ "a" ]
                    && handle.MessageId = "a"
                    && TimerSlot.dueMillis (TimerSlot.ofDelivery (Int64.Parse handle.Timestamp)) = due
                | _ -> false

            property "a handle is read as it was written"
            <| fun (id: Guid) (out: uint32) ->
                let handle =
                    {
                        Topic = $"T-{id}"
                        BrokerName = "b"
                        Timestamp = string out
                        MessageId = string id
                    }

                RecallHandle.decode (RecallHandle.encode handle) = ValueSome handle
        ]

[<Tests>]
let tests =
    testList
        "Broker delays"
        [
            delayLevels
            deliveryTimes
            recalls
            unnamedMessages
            systemTopicsAndBatches
            recallHandles
        ]
