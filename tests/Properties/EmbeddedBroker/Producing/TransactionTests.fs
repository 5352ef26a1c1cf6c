module RocketMq.Protocol.Tests.TransactionTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let private interval = CheckSettings.defaults.IntervalMillis

/// A broker with the producers "p1" and "p2" of group G on connections 1 and 2, and one of another group on 3.
let private withProducers () =
    fresh ()
    |> ask 0L 1 (heartbeat "p1" [ "G" ])
    |> fst
    |> ask 0L 2 (heartbeat "p2" [ "other"; "G" ])
    |> fst
    |> ask 0L 3 (heartbeat "p3" [ "other" ])
    |> fst

let private codeOf effects = (answerIn effects).ResponseCode

/// Ends the transaction of a half message, which the broker answers with this code.
let private endedWith code now decision answer state =
    let state, effects = ask now 1 (finish decision answer) state
    codeOf effects |> shouldEqual code
    state

/// Lets so many rounds of checks pass, and gives what was pushed.
let private rounds count now state =
    [ 1L .. count ]
    |> List.mapFold
        (fun state round ->
            let state, effects = tick (now + round * interval) state
            pushesIn effects, state)
        state
    |> fun (pushes, state) -> state, List.concat pushes

let private checkedTwice () =
    let state, answer = sendOk 0L "T" "a" half (withProducers ())
    let state, pushes = rounds 2L 0L state
    state, answer, pushes

let private halfMessages =
    testList
        "half messages"
        [
            testCase "a half message is stored in a system topic, and the answer names its offset there"
            <| fun () ->
                let state, first = sendOk 0L "T" "a" half (withProducers ())
                let state, second = sendOk 0L "T" "b" half state
                ids "T" state |> shouldBeEmpty
                ids "RMQ_SYS_TRANS_HALF_TOPIC" state |> shouldEqual [ "a"; "b" ]
                first.QueueOffset |> shouldEqual 0L
                second.QueueOffset |> shouldEqual 1L
                second.TransactionId |> shouldEqual (Some "b")
                let lying = records "RMQ_SYS_TRANS_HALF_TOPIC" 0 state |> List.last
                second.OffsetId |> shouldEqual lying.OffsetId
                valueOf "__transactionId__" lying |> shouldEqual "b"
                valueOf PropertyName.realTopic lying |> shouldEqual "T"

            testCase "the property makes a half message, not the system flag, whose transaction bits are cleared"
            <| fun () ->
                let withFlag properties =
                    Examples.ask
                        { messageOf "T" "a" properties with
                            SysFlag = 0x4
                        }
                        Send.message

                let state, _ = ask 0L 1 (withFlag [ "TRAN_MSG", "no" ]) (fresh ())
                ids "T" state |> shouldEqual [ "a" ]

                for isTrue in [ "true"; "TRUE" ] do
                    let state, _ = ask 0L 1 (withFlag [ "TRAN_MSG", isTrue; "PGROUP", "G" ]) (fresh ())
                    let lying = records "RMQ_SYS_TRANS_HALF_TOPIC" 0 state |> List.exactlyOne
                    lying.SysFlag |> shouldEqual 0

            testCase
                "a commit writes the message with its flag and the offset of its half message, and a second one writes nothing"
            <| fun () ->
                let state, answer = sendOk 0L "T" "a" half (withProducers ())

                let state =
                    endedWith ResponseCode.Success 1L TransactionDecision.Commit answer state

                let message = records "T" 0 state |> List.exactlyOne
                message.SysFlag |> shouldEqual 0x8
                message.Flag |> shouldEqual Examples.send.Flag
                message.PreparedTransactionOffset |> shouldEqual (commitLogOffset answer)
                state.Transactions.NextRoundMillis |> shouldEqual ValueNone

                let state =
                    endedWith ResponseCode.SystemError 2L TransactionDecision.Commit answer state

                ids "T" state |> shouldEqual [ "a" ]
        ]

let private ending =
    testList
        "ending"
        [
            testCase "after a rollback there is nothing left to commit"
            <| fun () ->
                let state, answer = sendOk 0L "T" "a" half (withProducers ())

                let state =
                    endedWith ResponseCode.Success 1L TransactionDecision.Rollback answer state

                let state =
                    endedWith ResponseCode.SystemError 2L TransactionDecision.Commit answer state

                let state, pushes = rounds 3L 0L state
                pushes |> shouldBeEmpty
                ids "T" state |> shouldBeEmpty

            testCase "the end of a transaction by another group or at another offset is ignored"
            <| fun () ->
                let state, answer = sendOk 0L "T" "a" half (withProducers ())

                let right =
                    endOf TransactionDecision.Commit false answer.QueueOffset (commitLogOffset answer)

                for wrong, remark in
                    [
                        { right with ProducerGroup = "other" }, "The producer group wrong"
                        { right with QueueOffset = 7L }, "The transaction state table offset wrong"
                        { right with
                            CommitLogOffset = 1L<commitLog>
                        },
                        "Find prepared transaction message failed"
                    ] do
                    let state, effects = ask 1L 1 (Examples.ask wrong Transactions.finish) state
                    codeOf effects |> shouldEqual ResponseCode.SystemError
                    (answerIn effects).Remark |> shouldEqual (Some remark)
                    ids "T" state |> shouldBeEmpty
                    state.Transactions.Halves.Count |> shouldEqual 1

            testCase "an undecided end is not answered"
            <| fun () ->
                let state, answer = sendOk 0L "T" "a" half (withProducers ())
                let state, effects = ask 1L 1 (finish TransactionDecision.Undecided answer) state
                effects |> shouldEqual [ Forget(Ticket 1L) ]
                state.Transactions.Halves.Count |> shouldEqual 1
        ]

let private checks =
    testList
        "checks"
        [
            testCase "the producers of the group are checked in turn, with the message and its current offset"
            <| fun () ->
                let state, _, pushes = checkedTwice ()
                pushes |> List.map fst |> shouldEqual [ 1; 2 ]
                let command = snd (List.last pushes)
                command.Kind |> shouldEqual CommandKind.OneWay
                let check = readCheck command
                let lying = records "RMQ_SYS_TRANS_HALF_TOPIC" 0 state |> List.last
                check.QueueOffset |> shouldEqual lying.QueueOffset
                check.CommitLogOffset |> shouldEqual lying.PhysicalOffset
                check.OffsetMessageId |> shouldEqual (Some lying.OffsetId)
                check.TransactionId |> shouldEqual (Some "a")

                let shown =
                    MessageCodec.decodeAll "b" check.Record |> Buffers.ok |> Array.exactlyOne

                shown.Topic |> shouldEqual "T"
                shown.QueueId |> shouldEqual 0
                valueOf "TRANSACTION_CHECK_TIMES" shown |> shouldEqual "2"

            testCase "a decision counts once, at the offset of the check or of the send"
            <| fun () ->
                let state, answer, pushes = checkedTwice ()
                let check = readCheck (snd (List.last pushes))

                let byCheck =
                    Examples.ask
                        (endOf TransactionDecision.Commit true check.QueueOffset check.CommitLogOffset)
                        Transactions.finish

                let bySend = finish TransactionDecision.Commit answer

                for first, second in [ byCheck, bySend; bySend, byCheck ] do
                    let state, effects = ask 70_000L 1 first state
                    codeOf effects |> shouldEqual ResponseCode.Success
                    ids "T" state |> shouldEqual [ "a" ]
                    let state, effects = ask 70_000L 1 second state
                    codeOf effects |> shouldEqual ResponseCode.SystemError
                    ids "T" state |> shouldEqual [ "a" ]

            testCase "a message that was checked fifteen times in vain is not checked again and moves to a system topic"
            <| fun () ->
                let state, answer = sendOk 0L "T" "a" half (withProducers ())
                let state, pushes = rounds 15L 0L state
                pushes.Length |> shouldEqual 15
                ids "TRANS_CHECK_MAX_TIME_TOPIC" state |> shouldBeEmpty
                let state, pushes = rounds 3L (15L * interval) state
                pushes |> shouldBeEmpty
                ids "TRANS_CHECK_MAX_TIME_TOPIC" state |> shouldEqual [ "a" ]
                state.Transactions.NextRoundMillis |> shouldEqual ValueNone
                let _, effects = ask 0L 1 (finish TransactionDecision.Commit answer) state
                codeOf effects |> shouldEqual ResponseCode.SystemError
        ]

let private producersOfAGroup =
    testList
        "producers of a group"
        [
            testCase "while no producer of the group is connected the check waits, and counts for nothing"
            <| fun () ->
                let state, _ = sendOk 0L "T" "a" half (fresh ())
                let state, pushes = rounds 20L 0L state
                pushes |> shouldBeEmpty
                let state, _ = ask 0L 7 (heartbeat "p7" [ "G" ]) state
                let state, pushes = rounds 1L (20L * interval) state
                pushes |> List.map fst |> shouldEqual [ 7 ]
                let state, _ = Broker.transition 0L state (Left 7)
                let _, pushes = rounds 5L (21L * interval) state
                pushes |> shouldBeEmpty

            testCase "a producer that unregisters is not checked again and keeps its other registrations"
            <| fun () ->
                let state, _ = sendOk 0L "T" "a" half (withProducers ())

                let unregister =
                    Examples.ask
                        {
                            ClientId = "p2"
                            ProducerGroup = Some "G"
                            ConsumerGroup = None
                        }
                        Heartbeat.unregister

                let state, _ = ask 1L 2 unregister state
                let state, pushes = rounds 3L 0L state
                pushes |> List.map fst |> List.distinct |> shouldEqual [ 1 ]
                state.Clients[2].ProducerGroups |> shouldEqual [ "other" ]
        ]

let private checkTimeouts =
    testList
        "check timeouts"
        [
            testCase "a message younger than the timeout is not checked, nor one with a longer timeout of its own"
            <| fun () ->
                let state, _ = sendOk 0L "T" "old" half (withProducers ())
                // So that the round finds it a millisecond too young.
                let state, _ = sendOk (interval - 5_999L) "T" "young" half state
                let _, pushes = rounds 1L 0L state

                pushes
                |> List.map (fun (_, command) -> (readCheck command).MessageId)
                |> shouldEqual [ Some "old" ]

                let state, answer =
                    sendOk 0L "T" "a" (("CHECK_IMMUNITY_TIME_IN_SECONDS", "60") :: half) (withProducers ())

                let state, pushes = rounds 1L 0L state
                pushes |> shouldBeEmpty
                let state, pushes = rounds 1L interval state
                pushes.Length |> shouldEqual 1
                // From then on its producer is not believed unless it was asked.
                let _, effects = ask 60_001L 1 (finish TransactionDecision.Commit answer) state
                codeOf effects |> shouldEqual ResponseCode.IllegalOperation

                let asked =
                    endOf TransactionDecision.Commit true answer.QueueOffset (commitLogOffset answer)

                let state, effects = ask 60_001L 1 (Examples.ask asked Transactions.finish) state
                codeOf effects |> shouldEqual ResponseCode.Success
                ids "T" state |> shouldEqual [ "a" ]

            testCase "a half message with a delay is refused, as a broker would lose it"
            <| fun () ->
                for wait in [ PropertyName.delayLevel, "3"; "TIMER_DELAY_SEC", "3" ] do
                    let _, effects = ask 0L 1 (send "T" "a" (wait :: half)) (fresh ())
                    codeOf effects |> shouldEqual ResponseCode.MessageIllegal
        ]

[<Tests>]
let tests =
    testList "Broker transactions" [ halfMessages; ending; checks; producersOfAGroup; checkTimeouts ]
