/// The embedded broker is asked what was asked of Java's 5.3.3 broker, and must say and store what that one did.
module RocketMq.Protocol.Tests.RecordedBrokerTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let private recorded =
    lazy (Captures.all () |> Array.filter (fun capture -> capture.Server = "5.3.3"))

/// Requests of some codes, each with its recorded answer.
let private asked (codes: int list) : (RemotingCommand * RemotingCommand) list =
    let requests =
        recorded.Value
        |> Array.filter (fun capture -> Captures.isRequest capture && List.contains capture.Code codes)
        |> Array.map (fun capture -> capture.Id, Captures.commandOf capture)
        |> Map.ofArray

    [
        for capture in recorded.Value do
            match capture.RequestId |> Option.bind (fun id -> Map.tryFind id requests) with
            | Some request -> request, Captures.commandOf capture
            | None -> ()
    ]

/// The messages that pulls brought, by topic and unique id: a copy that a consumer sends back keeps its id.
let private pulled =
    lazy
        (recorded.Value
         |> Seq.filter (fun capture -> capture.RequestCode = Some 11 && capture.Code = 0)
         |> Seq.collect (fun capture ->
             MessageCodec.decodeAll "broker-a" (Captures.commandOf capture).Body
             |> Buffers.ok)
         |> Seq.map (fun message -> (message.Topic, idOf message), message)
         |> Map.ofSeq)

let private fieldsBut (without: string list) (command: RemotingCommand) : Map<string, string> =
    Fields.toList command.Fields
    |> List.filter (fun (name, _) -> not (List.contains name without))
    |> Map.ofList

/// What a real broker's store decides, and its other messages.
let private places = [ "msgId"; "queueOffset" ]

let private readSend (command: RemotingCommand) =
    let operation =
        if command.Code = 10 then
            Send.withLongNames
        else
            Send.message

    match operation.Decode command with
    | Ok send -> send
    | Error error -> failtest $"%A{error}"

let private has names (send: SendRequest) =
    names |> List.exists (fun name -> Properties.contains name send.Properties)

let private sends names =
    asked [ 10; 310 ]
    |> List.filter (fun (_, answer) -> answer.Code = 0)
    |> List.map (fun (request, answer) -> readSend request, request, answer)
    |> List.filter (fun (send, _, _) -> has names send)

/// Sends what was sent, when it was sent, to a broker that has the topic, and something in its commit log already.
let private replay (send: SendRequest) request =
    let filled, _ = sendOk 0L "filler" "filler" [] (fresh ())

    ask send.BornTimestamp 1 request (withTopic send.Topic 8 filled)

let private shouldAnswerAs (recorded: RemotingCommand) without effects =
    let answer = answerIn effects
    answer.Code |> shouldEqual recorded.Code
    answer.Remark |> shouldEqual recorded.Remark
    fieldsBut without answer |> shouldEqual (fieldsBut without recorded)

    Map.keys (fieldsBut [] answer)
    |> List.ofSeq
    |> shouldEqual (Map.keys (fieldsBut [] recorded) |> List.ofSeq)

/// What consumers see of a message besides the places and times that its store gave it.
let private seen (message: StoredMessage) =
    let properties =
        [ "TIMER_DEQUEUE_MS" ]
        |> List.fold (fun properties name -> Map.remove name properties) (Properties.toMap message.Properties)

    {|
        Topic = message.Topic
        QueueId = message.QueueId
        Flag = message.Flag
        SysFlag = message.SysFlag
        Born = message.BornTimestamp
        Attempts = message.ReconsumeTimes
        IsPrepared = message.PreparedTransactionOffset <> 0L<commitLog>
        Body = Convert.ToHexString message.StoredBody.Span
        Properties = properties
    |}

let private shouldDeliver topic id (state: BrokerState) =
    let wanted = pulled.Value[(topic, id)]

    records wanted.Topic wanted.QueueId state
    |> List.map seen
    |> shouldEqual [ seen wanted ]

let private timeNames = [ "TIMER_DELAY_SEC"; "TIMER_DELAY_MS"; "TIMER_DELIVER_MS" ]

let private propertiesOf (push: PushedReply) =
    Option.defaultValue "" push.Properties
    |> Text.Encoding.UTF8.GetBytes
    |> ReadOnlyMemory
    |> Properties.ofText

/// After all that was recorded is due.
let private later (send: SendRequest) = send.BornTimestamp + 3L * 3_600_000L

let private delaysAndRecalls =
    testList
        "delays and recalls"
        [
            testCase "delayed and timed messages are answered and delivered as by Java's broker"
            <| fun () ->
                let mutable delivered = 0

                for send, request, answer in sends (PropertyName.delayLevel :: timeNames) do
                    let state, effects = replay send request
                    effects |> shouldAnswerAs answer places

                    let id =
                        Properties.tryFind PropertyName.uniqueKey send.Properties |> ValueOption.get

                    if pulled.Value.ContainsKey((send.Topic, id)) then
                        fst (tick (later send) state) |> shouldDeliver send.Topic id
                        delivered <- delivered + 1

                delivered |> shouldExceed 8

            testCase "recalls are answered and take effect as by Java's broker"
            <| fun () ->
                let mutable count = 0

                for request, answer in asked [ 370 ] do
                    let query =
                        match Recall.operation.Decode request with
                        | Ok query -> query
                        | Error error -> failtest $"%A{error}"

                    let handle = RecallHandle.decode query.Handle |> ValueOption.get

                    // The message that is recalled, sent as it was.
                    let send, sent, _ =
                        sends timeNames
                        |> List.find (fun (_, _, answer) -> (decodeSend answer).RecallHandle = Some query.Handle)

                    let state, _ = replay send sent
                    let state, effects = ask (send.BornTimestamp + 10L) 1 request state
                    effects |> shouldAnswerAs answer []
                    let state, _ = tick (later send) state
                    records send.Topic send.QueueId state |> shouldBeEmpty
                    handle.BrokerName |> shouldEqual "broker-a"
                    count <- count + 1

                count |> shouldExceed 2
        ]

let private halfMessagesAsInJava () =
    let checks =
        recorded.Value
        |> Array.filter (fun capture -> Captures.isRequest capture && capture.Code = 39)
        |> Array.map (fun capture ->
            let command = Captures.commandOf capture
            (readCheck command).MessageId, command)
        |> Map.ofArray

    let mutable committed = 0
    let mutable checkedOnes = 0

    for send, request, answer in sends [ "TRAN_MSG" ] do
        let id = Properties.tryFind PropertyName.uniqueKey send.Properties
        let group = send.ProducerGroup
        let state, effects = replay send request
        effects |> shouldAnswerAs answer places
        let own = decodeSend (answerIn effects)
        let state, _ = ask send.BornTimestamp 2 (heartbeat "p" [ group ]) state

        let check = Map.tryFind (ValueOption.toOption id) checks

        let state, pushes =
            match check with
            | Some _ ->
                let state, effects = tick (send.BornTimestamp + 30_000L) state
                state, pushesIn effects
            | None -> state, []

        let state, isCheckAnswer, queueOffset, offset =
            match check, pushes with
            | Some wanted, [ _, pushed ] ->
                let places = [ "commitLogOffset"; "tranStateTableOffset"; "offsetMsgId" ]

                pushed.Flag |> shouldEqual wanted.Flag
                fieldsBut places pushed |> shouldEqual (fieldsBut places wanted)
                let mine, javas = readCheck pushed, readCheck wanted

                let shown (check: TransactionCheck) =
                    MessageCodec.decodeAll "b" check.Record
                    |> Buffers.ok
                    |> Array.exactlyOne
                    |> seen

                shown mine |> shouldEqual (shown javas)
                checkedOnes <- checkedOnes + 1
                state, true, mine.QueueOffset, mine.CommitLogOffset
            | _ -> state, false, own.QueueOffset, commitLogOffset own

        let ending =
            { endOf TransactionDecision.Commit isCheckAnswer queueOffset offset with
                ProducerGroup = group
            }

        if pulled.Value.ContainsKey((send.Topic, ValueOption.get id)) then
            let state, _ = ask (later send) 1 (Examples.ask ending Transactions.finish) state
            state |> shouldDeliver send.Topic (ValueOption.get id)
            committed <- committed + 1

    committed |> shouldExceed 3
    checkedOnes |> shouldExceed 1

let private transactions =
    testList
        "transactions"
        [
            testCase "half messages are answered, checked and committed as by Java's broker" halfMessagesAsInJava
        ]

let private repliesAsInJava () =
    let pushes =
        recorded.Value
        |> Array.filter (fun capture -> Captures.isRequest capture && capture.Code = 326)
        |> Array.map (fun capture ->
            match Replies.push.Decode(Captures.commandOf capture) with
            | Ok push ->
                let properties = propertiesOf push

                // A reply that failed was sent again.
                (Properties.tryFind PropertyName.uniqueKey properties, push.BornTimestamp), (push, properties)
            | Error error -> failtest $"%A{error}")
        |> Map.ofArray

    let pushed (push: PushedReply, properties: Properties) =
        { push with
            Properties = None
            BornHost = ""
            StoreHost = ""
            StoreTimestamp = 0L
            Body = ReadOnlyMemory.Empty
        },
        Convert.ToHexString push.Body.Span,
        Properties.toMap properties |> Map.remove "PUSH_REPLY_TIME"

    let mutable count = 0

    for request, answer in asked [ 324; 325 ] do
        let operation =
            if request.Code = 324 then
                Send.replyWithLongNames
            else
                Send.reply

        let send =
            match operation.Decode request with
            | Ok send -> send
            | Error error -> failtest $"%A{error}"

        let requester =
            Properties.tryFind "REPLY_TO_CLIENT" send.Properties |> ValueOption.get

        let wanted =
            pushes
            |> Map.tryFind (Properties.tryFind PropertyName.uniqueKey send.Properties, send.BornTimestamp)

        let state =
            match wanted with
            | Some _ -> fst (ask 0L 2 (heartbeat requester [ "G" ]) (fresh ()))
            | None -> fresh ()

        let state, effects = ask send.BornTimestamp 1 request state

        let effects =
            match wanted, effects with
            | Some wanted, [ Call(ticket, 2, command) ] ->
                match Replies.push.Decode command with
                | Ok push -> pushed (push, propertiesOf push) |> shouldEqual (pushed wanted)
                | Error error -> failtest $"%A{error}"

                let accepted = ValueSome(Command.response ResponseCode.Success command)
                snd (Broker.transition 1L state (CallEnded(ticket, accepted)))
            | _, effects -> effects

        effects |> shouldAnswerAs answer places
        count <- count + 1

    count |> shouldExceed 5

let private replies =
    testList
        "replies"
        [
            testCase "replies are pushed and answered as by Java's broker" repliesAsInJava
        ]

[<Tests>]
let tests = testList "Recorded broker" [ delaysAndRecalls; transactions; replies ]
