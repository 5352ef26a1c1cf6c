namespace RocketMq.Embedded

open RocketMq.Protocol

/// Sends: topics made by the first one, messages stored, waiting pulls woken.
module internal Sends =
    let private ensureTopic (send: SendRequest) (state: BrokerState) =
        match Map.tryFind send.Topic state.Store.Topics with
        | Some _ -> Ok state
        | None when state.Settings.AutoCreateTopics && (Names.checkTopic send.Topic).IsOk ->
            let queues = max 1 (min send.DefaultTopicQueues state.Settings.MaxNewTopicQueues)

            Ok
                { state with
                    Store = Store.withTopic send.Topic queues state.Store
                }
        | None -> Error()

    /// What a real broker adds to every message's properties.
    let private withBrokerProperties (settings: BrokerSettings) (message: Message) =
        message
        |> Message.withSystemProperty PropertyName.region "DefaultRegion"
        |> Message.withSystemProperty PropertyName.traceSwitch "true"
        |> Message.withSystemProperty "CLUSTER" settings.ClusterName

    let private messagesOf (send: SendRequest) : Result<Message list, DecodeError> =
        if send.IsBatch then
            BatchCodec.decode send.Topic send.Body
        else
            Ok
                [
                    {
                        Topic = send.Topic
                        Body = send.Body
                        Flag = send.Flag
                        Properties = send.Properties
                    }
                ]

    let private appendAll (now: int64) (arrival: Arrival) (send: SendRequest) queueId messages (state: BrokerState) =
        let append result message =
            result
            |> Result.bind (fun (store, stored) ->
                let incoming =
                    {
                        Message = withBrokerProperties state.Settings message
                        QueueId = queueId
                        SysFlag = send.SysFlag
                        BornTimestamp = send.BornTimestamp
                        BornHost = arrival.Peer
                        ReconsumeTimes = send.ReconsumeTimes
                    }

                Store.append now incoming store
                |> Result.map (fun (struct (store, message)) -> store, message :: stored))

        (Ok(state.Store, []), messages)
        ||> List.fold append
        |> Result.map (fun (store, stored) -> { state with Store = store }, List.rev stored)

    let private uniqueKey (message: Message) =
        Properties.tryFind PropertyName.uniqueKey message.Properties
        |> ValueOption.defaultValue ""

    let private sendAnswer (arrival: Arrival) (messages: Message list) (stored: StoredMessage list) =
        let first = List.head stored

        let answer: SendAnswer =
            {
                Status = SendOk
                OffsetId = stored |> List.map (fun message -> message.OffsetId) |> String.concat ","
                QueueId = first.QueueId
                QueueOffset = first.QueueOffset
                TransactionId = Some(messages |> List.map uniqueKey |> String.concat ",")
                Region = Some "DefaultRegion"
                IsTraced = Some true
                RecallHandle = None
                BatchUniqueId = None
            }

        Answer.reply arrival (Send.message.Answer(answer, arrival.Command))

    let private store now (arrival: Arrival) (send: SendRequest) (state: BrokerState) =
        let queues = state.Store.Topics[send.Topic].Queues.Length

        // A negative number leaves the choice to the broker.
        let queueId =
            if send.QueueId < 0 then
                int (state.Store.NextPhysicalOffset % int64 queues)
            else
                send.QueueId

        let badQueue =
            $"queue {queueId} of topic {send.Topic} does not exist, it has {queues}"

        match messagesOf send with
        | Error error -> state, [ Answer.refuse arrival ResponseCode.MessageIllegal error.Message ]
        | Ok [] ->
            state,
            [
                Answer.refuse arrival ResponseCode.MessageIllegal "the batch holds no message"
            ]
        | Ok _ when queueId >= queues -> state, [ Answer.refuse arrival ResponseCode.SystemError badQueue ]
        | Ok messages ->
            match appendAll now arrival send queueId messages state with
            | Error error -> state, [ Answer.refuse arrival ResponseCode.MessageIllegal error.Message ]
            | Ok(state, stored) ->
                let state, woken = Pulls.wake send.Topic queueId state
                state, sendAnswer arrival messages stored :: woken

    let send now (arrival: Arrival) (state: BrokerState) =
        let operation =
            match arrival.Command.RequestCode with
            | RequestCode.SendMessage -> Send.withLongNames
            | _ -> Send.message

        Answer.decoding arrival state operation.Decode (fun send ->
            if send.Body.Length > Message.maxBodyBytes then
                state,
                [
                    Answer.refuse arrival ResponseCode.MessageIllegal $"the body has {send.Body.Length} bytes"
                ]
            elif Properties.contains PropertyName.delayLevel send.Properties then
                state,
                [
                    Answer.refuse arrival ResponseCode.MessageIllegal "the embedded broker cannot delay messages"
                ]
            else
                match ensureTopic send state with
                | Ok state -> store now arrival send state
                | Error() -> state, [ Answer.noTopic arrival send.Topic ])
