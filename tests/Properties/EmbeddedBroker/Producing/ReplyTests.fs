module RocketMq.Protocol.Tests.ReplyTests

open System
open RocketMq.Protocol
open RocketMq.Embedded
open BrokerRig

let private replyTopic = "DefaultCluster_REPLY_TOPIC"

let private reply requester =
    let properties =
        match requester with
        | Some client -> [ "REPLY_TO_CLIENT", client; "CORRELATION_ID", "7" ]
        | None -> [ "CORRELATION_ID", "7" ]

    Examples.ask (messageOf replyTopic "r" properties) Send.reply

/// The requester is connected by 5 and by 6, the replier by 1.
let private connected () =
    fresh ()
    |> ask 0L 5 (heartbeat "me" [ "G" ])
    |> fst
    |> ask 0L 6 (heartbeat "me" [ "G" ])
    |> fst
    |> ask 0L 7 (heartbeat "consumer" [])
    |> fst

let private callIn effects =
    match effects with
    | [ Call(Ticket ticket, connection, command) ] -> ticket, connection, command
    | other -> failtest $"%A{other}"

let private success command =
    ValueSome(Command.response ResponseCode.Success command)

/// The answers that a reply leads to when its requester answers so, or not at all.
let private ending answer =
    let state, effects = ask 9L 1 (reply (Some "me")) (connected ())
    let _, _, command = callIn effects
    Broker.transition 10L state (CallEnded(Ticket 9L, answer command))

let private pushingReplies =
    testList
        "pushing replies"
        [
            testCase
                "a reply is pushed to the client it is for, by its latest connection, and answered when it has answered"
            <| fun () ->
                let state, effects = ask 9L 1 (reply (Some "me")) (connected ())
                let ticket, connection, command = callIn effects
                ticket |> shouldEqual 9L
                connection |> shouldEqual 6
                command.Kind |> shouldEqual CommandKind.Request
                ids replyTopic state |> shouldBeEmpty

                match Replies.push.Decode command with
                | Ok pushed ->
                    pushed.Topic |> shouldEqual replyTopic
                    pushed.Body.ToArray() |> shouldEqual "body"B
                    pushed.Properties.Value |> shouldMention "CORRELATION_ID\0017"
                    pushed.Properties.Value |> shouldMention "PUSH_REPLY_TIME\0019"
                | Error error -> failtest $"%A{error}"

                let state, effects =
                    Broker.transition 10L state (CallEnded(Ticket 9L, success command))

                let answer = answerIn effects
                answer.ResponseCode |> shouldEqual ResponseCode.Success
                answer.Remark |> shouldEqual None
                (decodeSend answer).QueueOffset |> shouldEqual 0L
                ids replyTopic state |> shouldEqual [ "r" ]
                state.Replies |> shouldEqual Map.empty

            testCase "a requester that refuses or does not answer is an error that names it"
            <| fun () ->
                for answer in
                    [
                        fun _ -> ValueNone
                        fun command -> ValueSome(Command.response ResponseCode.SystemError command)
                    ] do
                    let state, effects = ending answer
                    let answer = answerIn effects
                    answer.ResponseCode |> shouldEqual ResponseCode.SystemError
                    answer.Remark |> shouldEqual (Some "push reply message to mefail.")
                    ids replyTopic state |> shouldEqual [ "r" ]

            testCase
                "a requester that is not connected, or does not produce, is not found; one that is not named, neither"
            <| fun () ->
                for requester, remark in
                    [
                        Some "nobody", "push reply message fail, channel of <nobody> not found."
                        Some "consumer", "push reply message fail, channel of <consumer> not found."
                        None, "reply message properties[REPLY_TO_CLIENT] is null"
                    ] do
                    let state, effects = ask 9L 1 (reply requester) (connected ())
                    let answer = answerIn effects
                    answer.ResponseCode |> shouldEqual ResponseCode.SystemError
                    answer.Remark |> shouldEqual (Some remark)
                    state.Replies |> shouldEqual Map.empty
        ]

let private lostConnections =
    testList
        "lost connections"
        [
            testCase "a reply goes by the connection that is left when one of a requester has ended"
            <| fun () ->
                let state, _ = Broker.transition 1L (connected ()) (Left 6)
                let _, effects = ask 9L 1 (reply (Some "me")) state
                let _, connection, _ = callIn effects
                connection |> shouldEqual 5

            testCase "a replier that has disconnected is not answered, and its reply is dropped"
            <| fun () ->
                let state, effects = ask 9L 1 (reply (Some "me")) (connected ())
                let _, _, command = callIn effects
                let state, effects = Broker.transition 10L state (Left 1)
                effects |> shouldEqual [ Forget(Ticket 9L) ]

                let state, effects =
                    Broker.transition 11L state (CallEnded(Ticket 9L, success command))

                effects |> shouldBeEmpty
                ids replyTopic state |> shouldBeEmpty
        ]

let private routesAndFaults =
    testList
        "routes and faults"
        [
            testCase "the topics of replies and traces have routes from the start"
            <| fun () ->
                let oneBroker = Servers.create 0L 1 0L [ settings, BrokerRig.host, ValueNone ]

                for topic in [ replyTopic; "RMQ_SYS_TRACE_TOPIC" ] do
                    let query =
                        Examples.ask
                            {
                                Topic = topic
                                AcceptStandardJsonOnly = None
                            }
                            GetRoute.operation

                    let _, effects =
                        Servers.transition 0L oneBroker (At(NameServerAt 0, BrokerRig.arrive 1 1L query))

                    match GetRoute.operation.DecodeAnswer(answerIn effects) with
                    | Ok route -> route.Queues.Head.WriteQueues |> shouldEqual 1
                    | Error error -> failtest $"%A{error}"

            testCase "a lost answer is lost when it is made, not when the request arrives"
            <| fun () ->
                let rule = RequestRules.rule (int RequestCode.SendReplyMessageV2) LoseAnswer 1

                let state, effects =
                    ask
                        9L
                        1
                        (reply (Some "me"))
                        { (connected ()) with
                            BrokerState.Faults.Rules = [ rule ]
                        }

                let _, _, command = callIn effects

                let state, effects =
                    Broker.transition 10L state (CallEnded(Ticket 9L, success command))

                effects |> shouldEqual [ Forget(Ticket 9L) ]
                ids replyTopic state |> shouldEqual [ "r" ]
        ]

[<Tests>]
let tests =
    testList "Broker replies" [ pushingReplies; lostConnections; routesAndFaults ]
