module RocketMq.Protocol.Tests.BrokerFaultTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private sendCode = int RequestCode.SendMessageV2

let private arrive ticket command = BrokerRig.arrive 1 ticket command

let private send = Send.message |> Examples.ask { Examples.send with QueueId = 0 }

let private pull =
    Pull.messages.Request
        { Examples.pull with
            Topic = Examples.send.Topic
            QueueId = 0
            QueueOffset = 0L
            LongPollTimeout = TimeSpan.FromSeconds 1L
            Filter = Some(ByTag "*")
        }
    |> _.Command

let private pullCode = int RequestCode.PullMessage

let private faulty rules =
    { BrokerRig.withTopic Examples.send.Topic 4 (BrokerRig.fresh ()) with
        Faults =
            { FaultInjection.none with
                Rules = rules
            }
    }

let private stored (state: BrokerState) =
    match Store.tryQueue Examples.send.Topic 0 state.Store with
    | ValueSome queue -> queue.Records.Count
    | ValueNone -> 0

/// Tickets that are answered or given up, in order.
let private tickets effects =
    effects
    |> List.map (fun effect ->
        match effect with
        | Reply(Ticket ticket, _) -> ticket
        | Forget(Ticket ticket) -> -ticket
        | other -> failtest $"%A{other}")

/// Sends so many requests at one time, and gives the state and all effects.
let private sendMany count state =
    [ 1L .. count ]
    |> List.mapFold
        (fun state ticket ->
            let state, effects = Broker.transition 0L state (arrive ticket send)
            effects, state)
        state
    |> fun (effects, state) -> state, List.concat effects

let private lose times =
    RequestRules.rule sendCode LoseAnswer times

let private refusalsAndLosses =
    testList
        "refusals and losses"
        [
            testCase
                "a refused request is answered with the refusal and not carried out, and the next one is carried out"
            <| fun () ->
                let rule =
                    RequestRules.rule sendCode (RefuseWith(ResponseCode.SystemBusy, "[TIMEOUT_CLEAN_QUEUE]")) 1

                let state, effects = sendMany 2L (faulty [ rule ])

                match effects with
                | [ Reply(_, busy); Reply(_, taken) ] ->
                    busy.ResponseCode |> shouldEqual ResponseCode.SystemBusy
                    busy.Remark |> shouldEqual (Some "[TIMEOUT_CLEAN_QUEUE]")
                    taken.ResponseCode |> shouldEqual ResponseCode.Success
                | other -> failtest $"%A{other}"

                stored state |> shouldEqual 1
                state.Faults.Rules |> shouldBeEmpty

            testCase "a lost request is neither carried out nor answered"
            <| fun () ->
                let state, effects =
                    sendMany 3L (faulty [ RequestRules.rule sendCode LoseRequest 2 ])

                tickets effects |> shouldEqual [ -1L; -2L; 3L ]
                stored state |> shouldEqual 1

            testCase "a request whose answer is lost was carried out"
            <| fun () ->
                let state, effects = sendMany 3L (faulty [ lose 2 ])
                tickets effects |> shouldEqual [ -1L; -2L; 3L ]
                stored state |> shouldEqual 3
                state.Faults.FaultInjection |> shouldEqual Map.empty

            testCase "a fault of each n-th answer affects no other"
            <| fun () ->
                let rule = lose 7 |> RequestRules.sparingEvery 3
                let state, effects = sendMany 8L (faulty [ rule ])
                tickets effects |> shouldEqual [ -1L; -2L; 3L; -4L; -5L; 6L; -7L; 8L ]
                stored state |> shouldEqual 8
        ]

let private delays =
    testList
        "delays"
        [
            testCase "a delayed answer is sent at its time and not a millisecond before"
            <| fun () ->
                let rule =
                    RequestRules.rule sendCode (AnswerAfter(TimeSpan.FromMilliseconds 500L)) 1

                let state, effects = sendMany 1L (faulty [ rule ])
                effects |> shouldBeEmpty
                stored state |> shouldEqual 1
                Broker.nextDeadline state |> shouldEqual (ValueSome 500L)
                Broker.transition 499L state Ticked |> snd |> shouldBeEmpty
                let state, effects = Broker.transition 500L state Ticked
                tickets effects |> shouldEqual [ 1L ]
                Broker.nextDeadline state |> shouldEqual ValueNone

            testCase "the delay or loss of a parked pull begins with its answer"
            <| fun () ->
                let rules =
                    [
                        RequestRules.rule pullCode (AnswerAfter(TimeSpan.FromMilliseconds 500L)) 1
                        RequestRules.rule pullCode LoseAnswer 1
                    ]

                let state, _ = Broker.transition 0L (faulty rules) (arrive 1L pull)
                let state, effects = Broker.transition 0L state (arrive 2L pull)
                effects |> shouldBeEmpty
                let state, effects = Broker.transition 100L state (arrive 3L send)
                tickets effects |> List.sort |> shouldEqual [ -2L; 3L ]
                Broker.nextDeadline state |> shouldEqual (ValueSome 600L)
                Broker.transition 600L state Ticked |> snd |> tickets |> shouldEqual [ 1L ]

            testCase "a delayed answer to a closed connection is dropped"
            <| fun () ->
                let rule = RequestRules.rule sendCode (AnswerAfter(TimeSpan.FromSeconds 1L)) 1
                let state, _ = sendMany 1L (faulty [ rule ])
                let state, effects = Broker.transition 1L state (Left 1)
                tickets effects |> shouldEqual [ -1L ]
                Broker.nextDeadline state |> shouldEqual ValueNone
        ]

let private rulesTests =
    testList
        "rules"
        [
            testCase "a fault affects its request code only, and a later one waits for the first"
            <| fun () ->
                let rules =
                    [
                        RequestRules.rule pullCode LoseRequest 1
                        RequestRules.rule sendCode LoseRequest 1
                        lose 1
                    ]

                let state, effects = sendMany 3L (faulty rules)
                tickets effects |> shouldEqual [ -1L; -2L; 3L ]
                stored state |> shouldEqual 2
                state.Faults.Rules.Length |> shouldEqual 1

            testCase "a one-way request is carried out with its answer lost, and leaves nothing behind"
            <| fun () ->
                let state, _ =
                    Broker.transition 0L (faulty [ lose 1 ]) (arrive 1L (Command.asOneWay send))

                stored state |> shouldEqual 1
                state.Faults.FaultInjection |> shouldEqual Map.empty

            testCase "healing ends faults and sends delayed answers in the order of their times"
            <| fun () ->
                let late millis =
                    RequestRules.rule sendCode (AnswerAfter(TimeSpan.FromMilliseconds(millis: int64))) 1

                let state, _ = sendMany 3L (faulty [ late 300L; late 100L; late 100L; lose 9 ])
                let state, effects = Broker.transition 1L state Healed
                tickets effects |> shouldEqual [ 2L; 3L; 1L ]
                state.Faults.Rules |> shouldBeEmpty
                Broker.nextDeadline state |> shouldEqual ValueNone

            testCase "a fault for all requests never wears out"
            <| fun () ->
                let rule =
                    { lose Int32.MaxValue with
                        Seen = Int32.MaxValue - 1
                    }

                let state, effects = sendMany 3L (faulty [ rule ])
                tickets effects |> shouldEqual [ -1L; -2L; -3L ]
                state.Faults.Rules.Length |> shouldEqual 1
        ]

let private forgottenClients =
    testList
        "forgotten clients"
        [
            testCase "forgotten clients have no registration but stay connected"
            <| fun () ->
                let heartbeat: Heartbeat =
                    {
                        ClientId = "c"
                        ProducerGroups = []
                        Consumers = []
                        Fingerprint = None
                        IsWithoutSubscriptions = None
                    }

                let state, _ =
                    Broker.transition 0L (BrokerRig.fresh ()) (arrive 1L (Examples.ask heartbeat Heartbeat.send))

                state.Clients.Count |> shouldEqual 1
                let state, effects = Broker.transition 0L state ClientsForgotten
                state.Clients |> shouldEqual Map.empty
                effects |> shouldBeEmpty

            property "rules count each request of their code once, whatever comes between"
            <| fun (codes: bool list) (first: byte) (second: byte) ->
                let first, second = 1 + int first % 4, 1 + int second % 4

                let rules =
                    [ RequestRules.rule 1 LoseRequest first; RequestRules.rule 1 LoseAnswer second ]

                let actions, _ =
                    (rules, codes)
                    ||> List.mapFold (fun rules isTheirs ->
                        let struct (action, rules) = RequestRules.take (if isTheirs then 1 else 2) rules
                        (isTheirs, action), rules)

                let theirs = actions |> List.filter fst |> List.map snd

                let expected =
                    List.replicate first (ValueSome LoseRequest)
                    @ List.replicate second (ValueSome LoseAnswer)
                    @ List.replicate codes.Length ValueNone

                theirs = List.truncate theirs.Length expected
                && actions |> List.forall (fun (isTheirs, action) -> isTheirs || action.IsNone)
        ]

[<Tests>]
let tests =
    testList "Broker faults" [ refusalsAndLosses; delays; rulesTests; forgottenClients ]
