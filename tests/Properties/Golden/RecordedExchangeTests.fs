/// What Java's producers said besides single messages, said again by ours: transactions, requests, replies, recalls, traces.
module RocketMq.Protocol.Tests.RecordedExchangeTests

open System
open RocketMq.Protocol
open RocketMq
open Captures
open RecordedSends

/// 4.9.8 does not know these fields, or leaves them out.
let private known (half: Recorded) (java: RemotingCommand) (ours: RemotingCommand) =
    let names = [ "topic"; "transactionId"; "bname" ]

    if half.Capture.Server = "4.9.8" then
        names
        |> List.filter (fun name -> not (Fields.contains name java.Fields))
        |> List.fold (fun command name -> Command.withoutField name command) ours
    else
        ours

/// A request of ours with Java's id in place of our own.
let private withId (ours: string) (javas: string) (command: RemotingCommand) =
    [ "msgId"; "transactionId" ]
    |> List.fold
        (fun command name ->
            if Fields.tryFind name command.Fields = ValueSome ours then
                Command.withField name javas command
            else
                command)
        command

/// What Java's broker answers to a half message, and the check that it sends after it.
let private reactTo capture check (command: RemotingCommand) =
    match command.RequestCode, check with
    | RequestCode.SendMessageV2, Some(_, check) ->
        match answerTo capture command with
        | Answers answer -> AnswersAndAsks(answer, check)
        | other -> other
    | RequestCode.SendMessageV2, None -> answerTo capture command
    | _ -> IsMute

/// Sends one half message again, with its end and the answer to its check. Whether there was a check.
let private compareTransaction ends checks (half: Recorded) : Task<bool> =
    task {
        let id = half.Properties[PropertyName.uniqueKey]

        let of' isCheck (command: RemotingCommand) =
            Fields.tryFind "msgId" command.Fields = ValueSome id
            && Fields.tryFind "fromTransactionCheck" command.Fields = ValueSome isCheck

        let ended =
            ends
            |> Array.filter (fun (_, command) -> of' "false" command)
            |> Array.exactlyOne

        let check =
            checks
            |> Array.tryFind (fun (_, command) -> Fields.tryFind "msgId" command.Fields = ValueSome id)

        let checkEnd = ends |> Array.tryFind (fun (_, command) -> of' "true" command)
        let decision = (Transactions.finish.Decode(snd ended) |> Buffers.ok).Decision

        let servers =
            serversFor [ half.Send.Topic, half.Send.BrokerName ] (reactTo half.Capture check)

        let checker (_: StoredMessage) =
            match checkEnd with
            | Some(_, command) -> Task.FromResult (Transactions.finish.Decode command |> Buffers.ok).Decision
            | None -> Task.FromResult TransactionDecision.Undecided

        let! started =
            TransactionProducer.Start(optionsFor servers half.Send.ProducerGroup, [], checker)

        use producer = Buffers.ok started

        let message = rebuilt half.Send.Topic half.Body half.Send.Flag half.Properties

        let! outcome =
            producer.Send(message, (fun _ -> Task.FromResult decision), CancellationToken.None)

        let receipt = (Buffers.ok outcome).Receipt

        let ourEnds () =
            requests servers [ RequestCode.EndTransaction ]

        let isCheck (command: RemotingCommand) =
            of' "true" (Command.withField "msgId" id command)

        do! until (fun () -> (ourEnds ()).Length = (if checkEnd.IsSome then 2 else 1))

        // Which queue it goes to is chance.
        let ours = requests servers sends |> List.exactlyOne
        let queueId = Map.find "e" (fieldsOf half.Command)
        sameSend half.Command (Command.withField "e" queueId ours)

        let first = ourEnds () |> List.find (isCheck >> not)
        same (snd ended) (known half (snd ended) (withId receipt.UniqueId id first))

        match checkEnd with
        | Some(_, java) -> same java (known half java (ourEnds () |> List.find isCheck))
        | None -> ()

        return checkEnd.IsSome
    }

let private transactionIsThatOfJava () : Task =
    task {
        let halves = recorded "transaction" [ RequestCode.SendMessageV2 ] |> Array.map read

        let ends =
            recorded "transaction" [ RequestCode.EndTransaction ]
            |> Array.map (fun capture -> capture, commandOf capture)

        let checks =
            recorded "transaction" [ RequestCode.CheckTransactionState ]
            |> Array.map (fun capture -> capture, commandOf capture)

        halves.Length |> shouldEqual 15
        let mutable compared = 0

        for half in halves do
            let! isChecked = compareTransaction ends checks half

            if isChecked then
                compared <- compared + 1

        compared |> shouldEqual 5
    }

let private transactions =
    testList
        "transactions"
        [
            live "transaction: the half message, its end and the answer to the check are Java's" transactionIsThatOfJava
        ]

let private requestsTests =
    testList
        "requests"
        [
            live "request-reply: the request is Java's but for its ids" (fun () ->
                forEachOf "request-reply" RequestCode.SendMessageV2 (fun capture ->
                    task {
                        let java = read capture

                        let timeout =
                            TimeSpan.FromMilliseconds(float java.Properties[PropertyName.timeToLive])

                        let message = rebuilt java.Send.Topic java.Body java.Send.Flag java.Properties
                        use giving = new CancellationTokenSource()

                        let came = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

                        let servers =
                            serversFor [ java.Send.Topic, java.Send.BrokerName ] (fun command ->
                                came.TrySetResult() |> ignore
                                answerTo capture command)

                        use producer = optionsFor servers java.Send.ProducerGroup |> start
                        let asking = producer.Request(message, timeout, queueOf java.Send, giving.Token)
                        do! came.Task
                        giving.Cancel()
                        let! _ = asking
                        sameSend java.Command (requests servers sends |> List.exactlyOne)
                    }))
        ]

let private replies =
    testList
        "replies"
        [
            live "request-reply: the reply is Java's" (fun () ->
                forEachOf "request-reply" RequestCode.SendReplyMessageV2 (fun capture ->
                    task {
                        let java = read capture
                        let cluster = java.Send.Topic.Replace("_REPLY_TOPIC", "")

                        let request =
                            { Parts.emptyFields with
                                BrokerName = java.Send.BrokerName
                                StoreHost = Host.create Net.IPAddress.Loopback 2
                                Properties =
                                    Properties.ofList
                                        [
                                            PropertyName.cluster, cluster
                                            for name in
                                                [
                                                    PropertyName.correlationId
                                                    PropertyName.replyToClient
                                                    PropertyName.timeToLive
                                                ] do
                                                name, java.Properties[name]
                                        ]
                            }
                            |> StoredMessage.create

                        let! servers =
                            again java (fun producer ->
                                task {
                                    let! _ =
                                        producer.SendTo(
                                            queueOf java.Send,
                                            Reply.create request java.Body,
                                            CancellationToken.None
                                        )

                                    ()
                                })

                        sameSend java.Command (requests servers sends |> List.exactlyOne)
                    }))
        ]

let private recalls =
    testList
        "recalls"
        [
            live "recall: the request is Java's" (fun () ->
                forEachOf "recall" RequestCode.RecallMessage (fun capture ->
                    task {
                        let java = commandOf capture
                        let query = Recall.operation.Decode java |> Buffers.ok
                        let brokerName = RecallHandle.brokerName query.Handle |> Buffers.ok
                        let servers = serversFor [ query.Topic, brokerName ] (answerTo capture)
                        use producer = optionsFor servers (Option.get query.ProducerGroup) |> start
                        let! _ = producer.Recall(query.Topic, query.Handle, CancellationToken.None)
                        same java (requests servers [ RequestCode.RecallMessage ] |> List.exactlyOne)
                    }))
        ]

/// Sends one message again whose trace is this.
let private compareTrace (messages: Recorded[]) (trace: Recorded) : Task =
    task {
        let javaRecord = TraceRecords.decode trace.Body |> List.exactlyOne |> Buffers.ok

        match javaRecord with
        | SendTraced java ->
            let message =
                messages
                |> Array.find (fun one -> one.Properties[PropertyName.uniqueKey] = java.MessageId)

            let servers =
                serversFor [ message.Send.Topic, message.Send.BrokerName ] (fun command ->
                    match (Send.message.Decode command |> Buffers.ok).Topic with
                    | topic when topic = TraceRecords.defaultTopic -> answerTo trace.Capture command
                    | _ -> answerTo message.Capture command)

            use producer =
                optionsFor servers message.Send.ProducerGroup
                |> (fun options ->
                    { options with
                        TraceTopic = Some TraceRecords.defaultTopic
                    })
                |> start

            let! receipt =
                producer.SendTo(
                    queueOf message.Send,
                    rebuilt message.Send.Topic message.Body message.Send.Flag message.Properties,
                    CancellationToken.None
                )

            let id = (Buffers.ok receipt).UniqueId
            do! producer.Close()

            match requests servers sends with
            | [ ourMessage; ourTrace ] ->
                sameSend message.Command ourMessage
                let queueId = string trace.Send.QueueId
                same trace.Command (Command.withField "e" queueId ourTrace)

                let ourProperties =
                    (Send.message.Decode ourTrace |> Buffers.ok).Properties |> Properties.toMap

                let names (map: Map<string, string>) = map.Keys |> Set.ofSeq
                names ourProperties |> shouldEqual (names trace.Properties)

                let keys (text: string) other =
                    text.Split ' '
                    |> Array.map (fun key -> if key = other then "the id" else key)
                    |> Set.ofArray

                keys ourProperties["KEYS"] id
                |> shouldEqual (keys trace.Properties["KEYS"] java.MessageId)

                match TraceRecords.decode (inflate (Send.message.Decode ourTrace |> Buffers.ok)) with
                | [ Ok(SendTraced ours) ] ->
                    { ours with
                        Timestamp = java.Timestamp
                        MessageId = java.MessageId
                        CostMillis = java.CostMillis
                        StoreHost = java.StoreHost
                        ClientHost = java.ClientHost
                    }
                    |> shouldEqual java
                | other -> failtest $"%A{other}"
            | other -> failtest $"{other.Length} requests"
        | other -> failtest $"%A{other}"
    }

let private traceIsThatOfJava () : Task =
    task {
        let captures =
            recorded "trace-producer" [ RequestCode.SendMessageV2 ] |> Array.map read

        let traces, messages =
            captures
            |> Array.partition (fun one -> one.Send.Topic = TraceRecords.defaultTopic)

        traces.Length |> shouldEqual 4

        for trace in traces do
            do! compareTrace messages trace
    }

let private tracesTests =
    testList
        "traces"
        [
            live "trace-producer: the trace that follows a message is Java's" traceIsThatOfJava
        ]

[<Tests>]
let tests =
    testList "Recorded exchange" [ transactions; requestsTests; replies; recalls; tracesTests ]
