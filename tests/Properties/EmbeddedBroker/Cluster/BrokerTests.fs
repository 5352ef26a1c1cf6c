module RocketMq.Protocol.Tests.BrokerTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private fresh = BrokerRig.fresh

let private toBroker ticket command = BrokerRig.arrive 1 ticket command

let private sendTo queueId (text: string) : RemotingCommand =
    let message = Message.ofText "T" text |> Message.withTag "a"

    Send.message
    |> Examples.ask
        { Examples.send with
            QueueId = queueId
            Properties = message.Properties
            Body = message.Body
        }

let private pullRequest offset (suspendMillis: int) tag =
    Pull.messages.Request
        { Examples.pull with
            ConsumerGroup = "G"
            QueueId = 0
            QueueOffset = offset
            LongPollTimeout = TimeSpan.FromMilliseconds(float suspendMillis)
            Filter = Some(ByTag tag)
        }

let private pull offset suspendMillis tag =
    (pullRequest offset suspendMillis tag).Command

let private readPull (command: RemotingCommand) =
    match (pullRequest 0L 0 "*").Decode command with
    | Ok answer -> answer
    | Error error -> failtest $"%A{error}"

/// Runs events one after the other, all at one time, and gives the state and the last effects.
let private run now state events =
    ((state, []), events)
    ||> List.fold (fun (state, _) event -> Broker.transition now state event)

let private withOne () =
    run 0L (fresh ()) [ toBroker 1L (sendTo 0 "one") ] |> fst

let private only effects =
    match effects with
    | [ Reply(Ticket ticket, answer) ] -> ticket, answer
    | other -> failtest $"%A{other}"

/// What clients do to a broker.
type Step =
    | SendOne of queue: byte
    | PullSome of offset: byte * suspendMillis: byte * connection: bool
    | Nonsense of code: int
    | Pass of millis: byte
    | Leave of connection: bool
    | Fault of isOfPulls: bool * kind: byte * times: byte
    | Heal

let private connectionOf isFirst = if isFirst then 1 else 2

/// State, time, tickets that wait with their connection, the next ticket, and whether all was right so far.
type private Run =
    {
        State: BrokerState
        Now: int64
        Open: Map<int64, int>
        Next: int64
        IsRight: bool
    }

let private settle (run: Run) effect =
    match effect with
    | Reply(Ticket ticket, _)
    | Forget(Ticket ticket) ->
        { run with
            Open = Map.remove ticket run.Open
            IsRight = run.IsRight && Map.containsKey ticket run.Open
        }
    | Push _
    | Note _
    | Call _ -> { run with IsRight = false }

let private feed event (run: Run) =
    let state, effects = Broker.transition run.Now run.State event
    List.fold settle { run with State = state } effects

let private ask connection command (run: Run) =
    { run with
        Open = Map.add run.Next connection run.Open
        Next = run.Next + 1L
    }
    |> feed (BrokerRig.arrive connection run.Next command)

let private ruleOf isOfPulls (kind: byte) times =
    let code =
        if isOfPulls then
            RequestCode.PullMessage
        else
            RequestCode.SendMessageV2

    let action =
        match int kind % 4 with
        | 0 -> RefuseWith(ResponseCode.SystemBusy, "busy")
        | 1 -> LoseRequest
        | 2 -> LoseAnswer
        | _ -> AnswerAfter(TimeSpan.FromMilliseconds(float kind))

    RequestRules.rule (int code) action times

let private step (run: Run) step =
    match step with
    | SendOne queue -> ask 1 (sendTo (int queue % 5 - 1) "x") run
    | PullSome(offset, suspend, connection) ->
        ask (connectionOf connection) (pull (int64 (offset % 4uy)) (int suspend) "*") run
    | Nonsense code -> ask 1 (Command.request (enum<RequestCode> code)) run
    | Pass millis ->
        { run with
            Now = run.Now + int64 millis
        }
        |> feed Ticked
    | Fault(isOfPulls, kind, times) -> feed (Faulted(ruleOf isOfPulls kind (1 + int times % 4))) run
    | Heal -> feed Healed run
    | Leave connection ->
        let run = feed (Left(connectionOf connection)) run

        { run with
            IsRight =
                run.IsRight
                && run.Open |> Map.forall (fun _ other -> other <> connectionOf connection)
        }

let private pulls =
    testList
        "pulls"
        [
            testCase "a message that was sent can be pulled"
            <| fun () ->
                let ticket, answer =
                    run 0L (withOne ()) [ toBroker 2L (pull 0L 0 "*") ] |> snd |> only

                let answer = readPull answer
                ticket |> shouldEqual 2L
                answer.NextOffset |> shouldEqual 1L

                let messages = MessageCodec.decodeAll "b" answer.Records |> Buffers.ok
                messages.Length |> shouldEqual 1

                MessageBody.decode 100 messages[0]
                |> Buffers.ok
                |> _.ToArray()
                |> shouldEqual "one"B

            testCase "a pull that finds nothing is parked and answered by the next message"
            <| fun () ->
                let waiting, effects = run 0L (withOne ()) [ toBroker 2L (pull 1L 1000 "*") ]
                effects |> shouldBeEmpty
                Broker.nextDeadline waiting |> shouldEqual (ValueSome 1000L)

                let state, effects = run 10L waiting [ toBroker 3L (sendTo 0 "two") ]

                effects
                |> List.map (fun effect ->
                    match effect with
                    | Reply(Ticket ticket, _) -> ticket
                    | _ -> -1L)
                |> shouldEqual [ 3L; 2L ]

                Broker.nextDeadline state |> shouldEqual ValueNone

            testCase "a message of another queue or tag wakes no parked pull"
            <| fun () ->
                let waiting, _ = run 0L (withOne ()) [ toBroker 2L (pull 1L 1000 "b") ]

                let state, _ =
                    run 10L waiting [ toBroker 3L (sendTo 1 "x"); toBroker 4L (sendTo 0 "x") ]

                Broker.nextDeadline state |> shouldEqual (ValueSome 1000L)
        ]

let private endsOfPulls =
    testList
        "ends of pulls"
        [
            testCase "a parked pull is answered at its timeout and not a millisecond before"
            <| fun () ->
                let waiting, _ = run 0L (withOne ()) [ toBroker 2L (pull 1L 1000 "*") ]
                run 999L waiting [ Ticked ] |> snd |> shouldBeEmpty
                let ticket, answer = run 1000L waiting [ Ticked ] |> snd |> only
                ticket |> shouldEqual 2L
                (readPull answer).Status |> shouldEqual PullStatus.NoNewMessage

            testCase "a connection that has closed is not answered"
            <| fun () ->
                let waiting, _ = run 0L (withOne ()) [ toBroker 2L (pull 1L 1000 "*") ]
                let state, effects = run 1L waiting [ Left 1 ]
                effects |> shouldEqual [ Forget(Ticket 2L) ]
                Broker.nextDeadline state |> shouldEqual ValueNone

            testCase "an offset beyond the end is corrected to the end"
            <| fun () ->
                let _, answer =
                    run 0L (withOne ()) [ toBroker 2L (pull 77L 1000 "*") ] |> snd |> only

                let answer = readPull answer
                answer.Status |> shouldEqual PullStatus.OffsetMoved
                answer.NextOffset |> shouldEqual 1L
        ]

let private badRequests =
    testList
        "bad requests"
        [
            testCase "requests that are not for a broker, or not for a name server, are answered with 3"
            <| fun () ->
                let ask (code: int) transition state =
                    let command = Command.request (enum<RequestCode> code)
                    transition 0L state (BrokerRig.arrive 1 1L command) |> snd |> only |> snd

                for code, answer in
                    [
                        9999, ask 9999 Broker.transition (fresh ())
                        105, ask 105 Broker.transition (fresh ())
                        9999, ask 9999 NameServer.transition Registry.empty
                        310, ask 310 NameServer.transition Registry.empty
                    ] do
                    answer.ResponseCode |> shouldEqual ResponseCode.RequestCodeNotSupported
                    answer.Remark.Value |> shouldMention $"{code}"

            testCase "a request without its fields is an error that names the field"
            <| fun () ->
                let command = Command.request RequestCode.GetRouteInfoByTopic

                let _, answer =
                    NameServer.transition 0L Registry.empty (BrokerRig.arrive 1 1L command)
                    |> snd
                    |> only

                answer.ResponseCode |> shouldEqual ResponseCode.SystemError
                answer.Remark.Value |> shouldMention "topic"

            property "every request is answered once, or waits, whatever clients do"
            <| fun (steps: Step list) ->
                let first =
                    {
                        State = fresh ()
                        Now = 0L
                        Open = Map.empty
                        Next = 1L
                        IsRight = true
                    }

                let last = List.fold step first steps
                // A pull that waits may be late after that.
                let waited = feed Ticked { last with Now = last.Now + 1000L }

                let ended = feed Ticked { waited with Now = waited.Now + 1000L }

                last.IsRight && ended.IsRight && ended.Open.IsEmpty
        ]

[<Tests>]
let tests = testList "Embedded broker" [ pulls; endsOfPulls; badRequests ]
