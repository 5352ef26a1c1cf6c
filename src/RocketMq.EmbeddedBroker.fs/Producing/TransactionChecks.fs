namespace RocketMq.Embedded

open System
open System.Buffers
open RocketMq.Protocol
open RocketMq

/// Asking producers what became of their transactions.
module internal TransactionChecks =
    /// By the broker's own clock, which may be far from the one that the message was born by.
    let private isDue now (half: HalfMessage) (settings: CheckSettings) =
        now - half.SinceMillis
        >= (HalfMessages.immunityMillis half
            |> ValueOption.defaultValue settings.TimeoutMillis)

    /// The connections of clients that said they produce for a group.
    let producers group (state: BrokerState) : int list =
        state.Clients
        |> Map.filter (fun _ heartbeat -> List.contains group heartbeat.ProducerGroups)
        |> Map.keys
        |> List.ofSeq

    /// As real brokers copy it: they leave flag and number of attempts behind.
    let private asIncoming topic properties (stored: StoredMessage) : Incoming =
        {
            Message =
                {
                    Topic = topic
                    Body = stored.StoredBody
                    Flag = 0
                    Properties = properties
                }
            QueueId = 0
            SysFlag = stored.SysFlag
            BornTimestamp = stored.BornTimestamp
            BornHost = stored.BornHost
            ReconsumeTimes = 0
            PreparedTransactionOffset = 0L<commitLog>
        }

    /// The half message as the producer is shown it: at its new place, and with its real topic.
    let private shown (before: StoredMessage) (now: StoredMessage) : StoredMessage =
        { StoredMessage.fields before with
            Topic = HalfMessages.text PropertyName.realTopic now.Properties
            QueueId =
                match Int32.TryParse(HalfMessages.text PropertyName.realQueueId now.Properties) with
                | true, queueId -> queueId
                | _ -> 0
            QueueOffset = now.QueueOffset
            PhysicalOffset = now.PhysicalOffset
            Properties = Properties.add PropertyName.waitStoreOk "false" now.Properties
        }
        |> StoredMessage.create

    let private request brokerName (before: StoredMessage) (stored: StoredMessage) : RemotingCommand voption =
        let record = ArrayBufferWriter<byte>(512 + before.StoredBody.Length)

        let uniqueId =
            Properties.tryFind PropertyName.uniqueKey stored.Properties
            |> ValueOption.toOption

        match MessageCodec.write (shown before stored) record with
        | Error _ -> ValueNone
        | Ok _ ->
            Transactions.check.OneWay
                {
                    Topic = Some SystemTopics.half
                    QueueOffset = stored.QueueOffset
                    CommitLogOffset = stored.PhysicalOffset
                    MessageId = uniqueId
                    TransactionId = uniqueId
                    OffsetMessageId = Some stored.OffsetId
                    Record = record.WrittenMemory
                }
            |> Command.withField "bname" brokerName
            |> ValueSome

    /// Puts the half message to the end of its topic with one more check to its account, and asks one of its producers.
    let private sendCheck now (half: HalfMessage) (connections: int list) (state: BrokerState) =
        let checks = half.Checks + 1

        let properties =
            Properties.add BrokerProperty.checks (string checks) half.Stored.Properties

        match ScheduledDelivery.append now (asIncoming SystemTopics.half properties half.Stored) state with
        | Error _ -> state, []
        | Ok(struct (state, stored, woken)) ->
            let moved =
                { half with
                    Stored = stored
                    Earlier = HalfMessages.placeOf half.Stored :: half.Earlier
                    Checks = checks
                }

            let turn = state.Transactions.ChecksSent % connections.Length

            let state =
                { state with
                    BrokerState.Transactions.ChecksSent = state.Transactions.ChecksSent + 1
                }

            let state = state |> HalfMessages.remove half |> HalfMessages.add moved

            match request state.Settings.BrokerName half.Stored stored with
            | ValueSome command -> state, Push(connections[turn], command) :: woken
            | ValueNone -> state, woken

    let private withDiscardTopic (state: BrokerState) =
        if state.Store.Topics.ContainsKey SystemTopics.discarded then
            state
        else
            { state with
                Store = Store.withTopic SystemTopics.discarded 1 state.Store
            }

    let private discard now (half: HalfMessage) (state: BrokerState) =
        let incoming = asIncoming SystemTopics.discarded half.Stored.Properties half.Stored

        let incoming =
            { incoming with
                Incoming.Message.Flag = half.Stored.Flag
                ReconsumeTimes = half.Stored.ReconsumeTimes
            }

        let state = HalfMessages.remove half state

        match ScheduledDelivery.append now incoming (withDiscardTopic state) with
        | Ok(struct (state, _, woken)) -> state, woken
        | Error _ -> state, []

    /// While no producer of the group is connected the check waits, and does not count.
    let private checkOne now (state: BrokerState) (half: HalfMessage) =
        let settings = state.Settings.Checks

        if half.Checks >= settings.MaxChecks then
            discard now half state
        elif not (isDue now half settings) then
            state, []
        else
            match producers (HalfMessages.text BrokerProperty.producerGroup half.Stored.Properties) state with
            | [] -> state, []
            | connections -> sendCheck now half connections state

    let private round now (state: BrokerState) =
        let halves = state.Transactions.Halves |> Map.values |> List.ofSeq

        let effects, state =
            halves
            |> List.mapFold
                (fun state half ->
                    let state, effects = checkOne now state half
                    effects, state)
                state

        { state with
            BrokerState.Transactions.NextRoundMillis =
                if state.Transactions.Halves.IsEmpty then
                    ValueNone
                else
                    ValueSome(now + state.Settings.Checks.IntervalMillis)
        },
        List.concat effects

    /// Goes through the open transactions if it is time to.
    let expire now (state: BrokerState) =
        match state.Transactions.NextRoundMillis with
        | ValueSome due when due <= now -> round now state
        | _ -> state, []
