namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Sends: topics made by the first one, messages stored, waiting pulls woken.
module internal Sends =
    /// Makes the topic if it is not there and `AutoCreateTopics` allows it, as it does by default.
    let ensureTopic (send: SendRequest) (state: BrokerState) =
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
        |> Message.withSystemProperty BrokerProperty.cluster settings.ClusterName

    let private incoming (arrival: Arrival) (send: SendRequest) queueId (state: BrokerState) message : Incoming =
        {
            Message = withBrokerProperties state.Settings message
            QueueId = queueId
            SysFlag = send.SysFlag
            BornTimestamp = send.BornTimestamp
            BornHost = arrival.Peer
            ReconsumeTimes = send.ReconsumeTimes
            PreparedTransactionOffset = 0L<commitLog>
        }

    let private appendAll (now: int64) (arrival: Arrival) (send: SendRequest) queueId messages (state: BrokerState) =
        let append result message =
            result
            |> Result.bind (fun (store, stored) ->
                Store.append now (incoming arrival send queueId state message) store
                |> Result.map (fun (struct (store, message)) -> store, message :: stored))

        (Ok(state.Store, []), messages)
        ||> List.fold append
        |> Result.map (fun (store, stored) ->
            state.Statistics.Put(send.Topic, stored.Length, Store.bytesBetween state.Store store)
            { state with Store = store }, List.rev stored)

    /// That of the message, or of the batch itself: its messages are not named one by one, as in Java.
    let private transactionId (send: SendRequest) (stored: StoredMessage list) =
        let properties =
            if send.IsBatch then
                send.Properties
            else
                stored.Head.Properties

        Properties.tryFind PropertyName.uniqueKey properties |> ValueOption.toOption

    /// A message that waits is answered for with the place where it waits, but with the queue it was sent to.
    let private sendAnswer (arrival: Arrival) (send: SendRequest) queueId recallHandle (stored: StoredMessage list) =
        let first = List.head stored

        let answer: SendAnswer =
            {
                Status = SendOk
                OffsetId = stored |> List.map (fun message -> message.OffsetId) |> String.concat ","
                QueueId = queueId
                QueueOffset = first.QueueOffset
                TransactionId = transactionId send stored
                Region = Some "DefaultRegion"
                IsTraced = Some true
                RecallHandle = recallHandle
                BatchUniqueId = None
            }

        Answer.reply arrival (Send.message.Answer(answer, arrival.Command))

    /// The queue that a send to a topic that exists is for. A negative number leaves the choice to the broker.
    let chooseQueue (send: SendRequest) (state: BrokerState) : Result<int, string> =
        let config = state.Store.Topics[send.Topic].Config
        let queues = max config.ReadQueues config.WriteQueues

        if send.QueueId < 0 && config.WriteQueues = 0 then
            Error $"topic {send.Topic} has no queue to choose"
        elif send.QueueId < 0 then
            Ok(int (int64 state.Store.NextPhysicalOffset % int64 config.WriteQueues))
        elif send.QueueId < queues then
            Ok send.QueueId
        else
            Error(invariant $"queue {send.QueueId} of topic {send.Topic} does not exist, it has {queues}")

    let private storeBatch now (arrival: Arrival) (send: SendRequest) queueId (state: BrokerState) =
        match BatchCodec.decode send.Topic send.Body with
        | Error error -> state, [ Answer.refuse arrival ResponseCode.MessageIllegal error.Message ]
        | Ok [] ->
            state,
            [
                Answer.refuse arrival ResponseCode.MessageIllegal "the batch holds no message"
            ]
        | Ok messages ->
            match appendAll now arrival send queueId messages state with
            | Error error -> state, [ Answer.refuse arrival ResponseCode.MessageIllegal error.Message ]
            | Ok(state, stored) ->
                let firstNew = (List.head stored).QueueOffset
                let state, woken = Pulls.wake send.Topic queueId firstNew state
                let state, popped = Pops.wakeFor now send.Topic queueId firstNew state
                state, sendAnswer arrival send queueId None stored :: woken @ popped

    let private storeOne now (arrival: Arrival) (send: SendRequest) queueId (state: BrokerState) =
        let message: Message =
            {
                Topic = send.Topic
                Body = send.Body
                Flag = send.Flag
                Properties = send.Properties
            }

        match MessageStoreWriter.put now (incoming arrival send queueId state message) state with
        | Error(code, remark) -> state, [ Answer.refuse arrival code remark ]
        | Ok(struct (state, receipt, woken)) ->
            state, sendAnswer arrival send queueId receipt.RecallHandle [ receipt.Stored ] :: woken

    let private store now (arrival: Arrival) (send: SendRequest) (state: BrokerState) =
        match chooseQueue send state with
        | Error reason -> state, [ Answer.refuse arrival ResponseCode.SystemError reason ]
        | Ok queueId when send.IsBatch ->
            match MessageStoreWriter.checkBatch send with
            | Ok() -> storeBatch now arrival send queueId state
            | Error reason -> state, [ Answer.refuse arrival ResponseCode.MessageIllegal reason ]
        | Ok queueId -> storeOne now arrival send queueId state

    /// A broker that is not to be written to refuses what has an order, as nothing else would bring its producers elsewhere.
    /// The others learn of it by their routes. Source: msgCheck of AbstractSendMessageProcessor.java.
    let private isDrained (send: SendRequest) (state: BrokerState) =
        not (Permission.isWritable state.Settings.Permission)
        && (match Map.tryFind send.Topic state.Store.Topics with
            | Some topic -> topic.Config.IsOrderly
            | None -> false)

    let closed (arrival: Arrival) topic =
        Answer.refuse arrival ResponseCode.NoPermission (invariant $"Sending message to topic[{topic}] is forbidden.")

    let send now (arrival: Arrival) (state: BrokerState) =
        let operation =
            match arrival.Command.RequestCode with
            | RequestCode.SendMessage -> Send.withLongNames
            | _ -> Send.message

        Answer.decoding arrival state operation.Decode (fun send ->
            if send.Body.Length > Message.maxBodyBytes then
                state,
                [
                    Answer.refuse
                        arrival
                        ResponseCode.MessageIllegal
                        (invariant $"the body has {send.Body.Length} bytes")
                ]
            elif SystemTopics.isClosed send.Topic then
                state, [ closed arrival send.Topic ]
            elif isDrained send state then
                let remark =
                    $"the broker[{state.Settings.BrokerAddress}] sending message is forbidden"

                state, [ Answer.refuse arrival ResponseCode.NoPermission remark ]
            else
                let struct (send, state) = SendBacks.redirect now arrival send state

                match ensureTopic send state with
                | Ok state -> store now arrival send state
                | Error() -> state, [ Answer.noTopic arrival send.Topic ])
