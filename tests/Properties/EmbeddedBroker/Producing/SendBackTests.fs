/// Messages that consumers send back.
module RocketMq.Protocol.Tests.SendBackTests

open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

type Step =
    | SendOne
    /// Sends back one of the messages that were not sent back yet. Level 0 leaves it to the broker.
    | SendBack of which: byte * level: byte
    | Pass of seconds: uint16

let private maxTimes = 1

/// A record that is there for consumers.
type private Seen =
    { Id: string; Offset: int64<commitLog> }

type private Run =
    {
        State: BrokerState
        Now: int64
        Open: Seen list
        /// By message: how often it was sent back.
        Attempts: Map<string, int>
        /// By message: when it is to be there again.
        Due: Map<string, int64>
        Retried: int
        Dead: int
        Mistakes: string list
    }

let private first () =
    {
        State = fresh ()
        Now = 1_000_000L
        Open = []
        Attempts = Map.empty
        Due = Map.empty
        Retried = 0
        Dead = 0
        Mistakes = []
    }

let private wrong mistake run =
    { run with
        Mistakes = mistake :: run.Mistakes
    }

let private sendOne (run: Run) =
    let id = $"m{run.Attempts.Count}"
    let state, answer = sendOk run.Now "T" id [] run.State

    { run with
        State = state
        Attempts = Map.add id 0 run.Attempts
        Open =
            {
                Id = id
                Offset = commitLogOffset answer
            }
            :: run.Open
    }

/// What has come to the retry topic, and when.
let private lookAtRetries (run: Run) =
    let messages = records "%RETRY%G" 0 run.State |> List.skip run.Retried

    (run, messages)
    ||> List.fold (fun run message ->
        let id = idOf message

        let mistakes =
            [
                if Map.tryFind id run.Due <> Some message.StoreTimestamp then
                    $"{id} came at {message.StoreTimestamp}, not at %A{Map.tryFind id run.Due}"
                if message.ReconsumeTimes <> run.Attempts[id] then
                    $"{id} says {message.ReconsumeTimes} attempts after {run.Attempts[id]}"
                if valueOf PropertyName.retryTopic message <> "T" then
                    $"{id} has forgotten its topic"
            ]

        { run with
            Retried = run.Retried + 1
            Due = Map.remove id run.Due
            Open =
                {
                    Id = id
                    Offset = message.PhysicalOffset
                }
                :: run.Open
            Mistakes = mistakes @ run.Mistakes
        })

let private lookAtDead (run: Run) =
    let dead = records "%DLQ%G" 0 run.State

    if (dead |> List.map idOf |> List.distinct).Length <> dead.Length then
        wrong "a message is twice among the dead" run
    else
        { run with Dead = dead.Length }

let private sendBackSeen which level (run: Run) =
    match run.Open with
    | [] -> run
    | open' ->
        let seen = open'[int which % open'.Length]
        let level = int level % 20 - 1
        let attempts = run.Attempts[seen.Id]

        let command =
            Examples.ask (sendBack "G" seen.Offset level (Some maxTimes)) SendBack.operation

        let state, effects = ask run.Now 1 command run.State
        (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
        let isDead = level < 0 || attempts >= maxTimes

        let next =
            { run with
                State = state
                Open = run.Open |> List.filter (fun other -> other <> seen)
                Attempts = Map.add seen.Id (attempts + 1) run.Attempts
                Due =
                    if isDead then
                        run.Due
                    else
                        let seconds = delaySeconds[(if level = 0 then 3 + attempts else level) - 1]
                        Map.add seen.Id (run.Now + 1_000L * int64 seconds) run.Due
            }
            |> lookAtDead

        if next.Dead - run.Dead <> (if isDead then 1 else 0) then
            wrong $"{seen.Id} after {attempts} attempts with level {level}: {next.Dead - run.Dead} dead" next
        else
            next

let private pass seconds (run: Run) =
    let now = run.Now + 1_000L * seconds
    let state, _ = passTo now run.Now run.State []
    let next = { run with State = state; Now = now } |> lookAtRetries

    match next.Due |> Map.tryFindKey (fun _ due -> due <= now) with
    | Some id -> wrong $"{id} has not come" next
    | None -> next

let private step (run: Run) step =
    match step with
    | SendOne -> sendOne run
    | SendBack(which, level) -> sendBackSeen which level run
    | Pass seconds -> pass (int64 (seconds % 8_000us)) run

let private giveBackNow (request: SendBackRequest) version now state =
    let command = Examples.ask request SendBack.operation |> Command.withVersion version

    ask now 1 command state

let private sent () =
    sendOk 0L "T" "m" [ PropertyName.tags, "a" ] (fresh ())

/// Gives the one message back as often as it comes; says how often and when it came, and what is in the dead letters.
let private untilDead max version =
    let rec next (state, offset) now times =
        let state, effects = giveBackNow (sendBack "G" offset 0 max) version now state
        (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success

        match Broker.nextDeadline state with
        | ValueSome due ->
            let state, _ = tick due state
            let message = records "%RETRY%G" 0 state |> List.last
            next (state, message.PhysicalOffset) due ((due - now) / 1_000L :: times)
        | ValueNone -> state, List.rev times

    let state, answer = sent ()
    next (state, commitLogOffset answer) 0L []

let private retrySend reconsumeTimes max : SendRequest =
    { messageOf "%RETRY%G" "m" [] with
        ReconsumeTimes = reconsumeTimes
        MaxReconsumeTimes = max
    }

let private redelivery =
    testList
        "redelivery"
        [
            property "each message is redelivered after its delay and becomes a dead letter once"
            <| fun (steps: Step list) -> (List.fold step (first ()) steps).Mistakes |> shouldBeEmpty

            testCase "a message is retried 16 times after 10 s to 2 h and then goes to the dead-letter queue"
            <| fun () ->
                let state, delays = untilDead None ProtocolVersion.current
                delays |> shouldEqual (List.map int64 (List.skip 2 delaySeconds))
                ids "%DLQ%G" state |> shouldEqual [ "m" ]
                let dead = records "%DLQ%G" 0 state |> List.exactlyOne
                dead.ReconsumeTimes |> shouldEqual 17
                valueOf PropertyName.retryTopic dead |> shouldEqual "T"

                valueOf PropertyName.originMessageId dead
                |> shouldEqual (snd (sent ())).OffsetId

                valueOf PropertyName.tags dead |> shouldEqual "a"

            testCase "the maximum of retries is that of the request if its version has it"
            <| fun () ->
                let retries max version = (untilDead max version |> snd).Length

                retries (Some 2) ProtocolVersion.current |> shouldEqual 2
                retries (Some 0) ProtocolVersion.current |> shouldEqual 0
                retries (Some 2) (ProtocolVersion.ofRelease 3 4 6) |> shouldEqual 16

            testCase "sending back an unknown message is an error, and nothing is stored"
            <| fun () ->
                let state, _ = sent ()
                let after, effects = giveBackNow (sendBack "G" 7L<commitLog> 0 None) 0 0L state
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.SystemError
                after.Store.NextPhysicalOffset |> shouldEqual state.Store.NextPhysicalOffset

            testCase "a slave accepts no send back"
            <| fun () ->
                let slave = Broker.start { settings with BrokerId = 1L } BrokerRig.host

                let state, answer = sent ()
                let slave = { slave with Store = state.Store }
                let offset = commitLogOffset answer
                let _, effects = giveBackNow (sendBack "G" offset 0 None) 0 0L slave
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.SystemError
        ]

let private retryTopics =
    testList
        "retry topics"
        [
            testCase "a parked pull of the retry topic is woken by the redelivered message"
            <| fun () ->
                let state, answer = sent ()

                let pull =
                    { patientPull with
                        Topic = "%RETRY%G"
                        Filter = Some Filter.all
                    }

                let state, _ =
                    ask 0L 1 (consumerHeartbeat "c" [ membership "G" MessageModel.Clustering [] ]) state

                let state, effects = ask 5_000L 2 (pullCommand pull) state
                effects |> shouldBeEmpty

                let state, _ =
                    giveBackNow (sendBack "G" (commitLogOffset answer) 3 None) 400 5_000L state

                let _, effects = passTo 15_000L 5_000L state []
                let found = answerIn effects |> decodeWith Pull.messages
                recordsOf found |> List.map idOf |> shouldEqual [ "m" ]

            testCase
                "a consumer's own send to its retry topic is delayed by its level, and goes to the dead-letter queue beyond the maximum"
            <| fun () ->
                let send reconsumeTimes max =
                    let request =
                        { retrySend reconsumeTimes max with
                            Properties = Properties.add PropertyName.delayLevel "3" (retrySend 1 None).Properties
                        }

                    let state, effects = ask 0L 1 (Examples.ask request Send.message) (fresh ())
                    (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
                    let state, _ = tick 10_000L state
                    (ids "%RETRY%G" state).Length, (ids "%DLQ%G" state).Length

                send 3 (Some 3) |> shouldEqual (1, 0)
                send 4 (Some 3) |> shouldEqual (0, 1)
                send 16 None |> shouldEqual (1, 0)
                send 17 None |> shouldEqual (0, 1)
        ]

let private lockedGroups =
    testList
        "locked groups"
        [
            testCase
                "while its group holds a lock, a message sent back goes to the dead-letter queue at once, as in Java 5.x"
            <| fun () ->
                let lockFor group state =
                    let command =
                        Examples.ask
                            {
                                ConsumerGroup = group
                                ClientId = "c"
                                Queues =
                                    [
                                        {
                                            Topic = "T"
                                            BrokerName = "broker-a"
                                            QueueId = 0
                                        }
                                    ]
                                OnlyThisBroker = None
                            }
                            QueueLocks.acquire

                    ask 0L 1 command state |> fst

                let dead now state =
                    let state, effects = ask now 1 (Examples.ask (retrySend 1 None) Send.message) state
                    (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
                    (ids "%DLQ%G" state).Length

                fresh () |> dead 0L |> shouldEqual 0
                fresh () |> lockFor "H" |> dead 0L |> shouldEqual 0
                fresh () |> lockFor "G" |> dead 60_000L |> shouldEqual 1
                fresh () |> lockFor "G" |> dead 60_001L |> shouldEqual 0

            testCase "a retry topic that a send creates has one queue"
            <| fun () ->
                let state, _ = ask 0L 1 (Examples.ask (retrySend 0 None) Send.message) (fresh ())
                state.Store.Topics["%RETRY%G"].Config.WriteQueues |> shouldEqual 1
        ]

[<Tests>]
let tests = testList "Send back" [ redelivery; retryTopics; lockedGroups ]
