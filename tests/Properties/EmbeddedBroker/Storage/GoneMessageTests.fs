/// What queries, transactions, delays and POP make of messages that are not kept any more.
module RocketMq.Protocol.Tests.GoneMessageTests

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig
open RetentionTests

let private lookups =
    testList
        "lookups"
        [
            testCase "neither keys nor commit-log offsets find deleted messages"
            <| fun () ->
                let query key =
                    Examples.ask
                        {
                            Topic = "T"
                            Key = key
                            MaxMessages = 9
                            BeginMillis = 0L
                            EndMillis = System.Int64.MaxValue
                            IsUniqueId = Some true
                        }
                        MessageQuery.byKey

                let codeOf command state =
                    let state, effects = ask 0L 9 command state
                    state, (answerIn effects).ResponseCode

                let before = keepingBytes (3L * sizeOfOne) |> sends 0L [ 1; 2; 3 ]
                // The index has it when it goes.
                let before, code = codeOf (query "m1") before
                code |> shouldEqual ResponseCode.Success
                let after = sends 0L [ 4 ] before
                codeOf (query "m1") after |> snd |> shouldEqual ResponseCode.QueryNotFound
                codeOf (query "m4") after |> snd |> shouldEqual ResponseCode.Success

                let view offset =
                    Examples.ask
                        {
                            CommitLogOffset = offset
                            Topic = None
                        }
                        MessageQuery.byOffset

                codeOf (view 0L<commitLog>) after |> snd |> shouldEqual ResponseCode.SystemError

                codeOf (view (sizeOfOne * 1L<commitLog>)) after
                |> snd
                |> shouldEqual ResponseCode.Success

            testCase "a deleted message cannot be sent back"
            <| fun () ->
                let sendBackOf offset =
                    Examples.ask (sendBack "G" offset 0 None) SendBack.operation

                let code offset =
                    (ask 0L 9 (sendBackOf offset) (lastThree ()) |> snd |> answerIn).ResponseCode

                code 0L<commitLog> |> shouldEqual ResponseCode.SystemError
                code (6L * sizeOfOne * 1L<commitLog>) |> shouldEqual ResponseCode.Success
        ]

let private resetsAndDelays =
    testList
        "resets and delays"
        [
            testCase "a reset to a deleted offset is refused"
            <| fun () ->
                let code offset =
                    let command =
                        Examples.ask
                            {
                                Group = "G"
                                Topic = "T"
                                QueueId = Some 0
                                Offset = Some offset
                                TimestampMillis = 0L
                                IsForced = true
                            }
                            ConsumerOffsets.resetAll

                    (ask 0L 9 command (Groups.ensure "G" (lastThree ())) |> snd |> answerIn).ResponseCode

                code 5L |> shouldEqual ResponseCode.SystemError
                code 6L |> shouldEqual ResponseCode.Success

            testCase "a delayed message is deleted with the log, and a timed one only for lack of room"
            <| fun () ->
                let delivered properties state =
                    let state, _ = sendOk 0L "T" "late" properties state
                    // Something in the log stays behind it.
                    let state = sends 900L [ 1 ] state
                    let state, _ = passTo 20_000L 900L state []
                    (Store.tryQueue "T" 0 state.Store |> ValueOption.get).MaxOffset

                let level = [ PropertyName.delayLevel, "2" ]
                let timed = [ "TIMER_DELAY_MS", "5000" ]
                delivered level (keepingMillis 6_000L) |> shouldEqual 2L
                delivered level (keepingMillis 4_000L) |> shouldEqual 1L
                delivered timed (keepingMillis 4_000L) |> shouldEqual 2L
                delivered timed (keepingBytes 1L) |> shouldEqual 1L
        ]

let private transactions =
    testList
        "transactions"
        [
            testCase "a transaction whose half message is deleted is not checked, and its end finds nothing"
            <| fun () ->
                let begun state =
                    let state, _ = ask 0L 5 (heartbeat "p" [ "G" ]) state
                    let state, answer = sendOk 0L "T" "half" half state
                    sends 0L [ 1 ] state, answer

                let checks state =
                    passTo 100_000L 0L state [] |> snd |> pushesIn |> List.length

                let state, answer = begun (fresh ())
                checks state |> shouldExceed 0

                (ask 0L 5 (finish TransactionDecision.Commit answer) state |> snd |> answerIn).ResponseCode
                |> shouldEqual ResponseCode.Success

                let state, answer = begun (keepingBytes 1L)
                checks state |> shouldEqual 0

                let refused =
                    ask 0L 5 (finish TransactionDecision.Commit answer) state |> snd |> answerIn

                refused.ResponseCode |> shouldEqual ResponseCode.SystemError
        ]

let private pops =
    testList
        "pops"
        [
            testCase "pops continue with the messages that are left, and deleted ones are not acknowledged"
            <| fun () ->
                let state = keepingBytes (3L * sizeOfOne) |> sends 0L [ 1..3 ]

                let state, popped =
                    PopRig.popNow
                        10L
                        { PopRig.pop with
                            QueueId = 0
                            MaxMessages = 1
                        }
                        state

                PopRig.idsOf popped |> shouldEqual [ "m1" ]
                let state = sends 20L [ 4..9 ] state

                let refused = ask 30L 2 (PopRig.ackOf popped.Head) state |> snd |> answerIn
                refused.ResponseCode |> shouldEqual ResponseCode.NoMessage
                let next, popped = PopRig.popNow 40L { PopRig.pop with QueueId = 0 } state
                PopRig.idsOf popped |> shouldEqual [ "m7"; "m8"; "m9" ]
                // When the time of the first one is over there is nothing to be handed on.
                let late, _ = passTo 9_000L 40L next []
                let late, _ = passTo 10_020L 9_000L late []

                late.Store.Topics.Keys
                |> Seq.filter (fun name -> name.Contains "RETRY")
                |> shouldBeEmpty

            testCase "orderly pops are not blocked for ever by deleted messages"
            <| fun () ->
                let orderly =
                    { PopRig.pop with
                        QueueId = 0
                        IsOrderly = Some true
                    }

                let state = keepingBytes (3L * sizeOfOne) |> sends 0L [ 1..3 ]
                let state, popped = PopRig.popNow 10L orderly state
                PopRig.idsOf popped |> shouldEqual [ "m1"; "m2"; "m3" ]
                let state = sends 20L [ 4..6 ] state
                PopRig.popNow 30L orderly state |> snd |> shouldBeEmpty
                let state, _ = passTo 10_011L 30L state []

                PopRig.popNow 10_011L orderly state
                |> snd
                |> PopRig.idsOf
                |> shouldEqual [ "m4"; "m5"; "m6" ]
        ]

[<Tests>]
let tests =
    testList "Gone messages" [ lookups; resetsAndDelays; transactions; pops ]
