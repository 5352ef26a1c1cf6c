namespace RocketMq.Embedded

open System
open RocketMq.Protocol
open RocketMq

/// Messages whose transaction is open, and the ends of transactions.
module internal HalfMessages =
    /// Of the flag word: half, committed or rolled back.
    let private transactionBits = 0xC

    let private committed = 0x8

    let private longestImmunitySeconds = 1L <<< 40

    let withoutTransactionBits sysFlag = sysFlag &&& ~~~transactionBits

    let text name (properties: Properties) =
        Properties.tryFind name properties |> ValueOption.defaultValue ""

    /// The property decides, not the flag word. Messages that old clients send back with it are none.
    let isHalf delayLevel (incoming: Incoming) =
        String.Equals(
            text BrokerProperty.isHalf incoming.Message.Properties,
            "true",
            StringComparison.OrdinalIgnoreCase
        )
        && not (incoming.ReconsumeTimes > 0 && delayLevel > 0)

    let private withHalves halves (state: BrokerState) =
        { state with
            BrokerState.Transactions.Halves = halves
            BrokerState.Transactions.NextRoundMillis =
                if Map.isEmpty halves then
                    ValueNone
                else
                    state.Transactions.NextRoundMillis
        }

    let add (half: HalfMessage) (state: BrokerState) =
        withHalves (Map.add half.Stored.PhysicalOffset half state.Transactions.Halves) state

    let remove (half: HalfMessage) (state: BrokerState) =
        withHalves (Map.remove half.Stored.PhysicalOffset state.Transactions.Halves) state

    /// Forgets those that are gone from the log.
    let dropBefore physicalOffset (state: BrokerState) =
        let halves = state.Transactions.Halves

        if halves.IsEmpty || fst (Map.minKeyValue halves) >= physicalOffset then
            state
        else
            withHalves (halves |> Map.filter (fun place _ -> place >= physicalOffset)) state

    let private withRound now (state: BrokerState) =
        match state.Transactions.NextRoundMillis with
        | ValueSome _ -> state
        | ValueNone ->
            { state with
                BrokerState.Transactions.NextRoundMillis = ValueSome(now + state.Settings.Checks.IntervalMillis)
            }

    let private appendHalf now (parked: Incoming) (state: BrokerState) =
        ScheduledDelivery.append now parked state
        |> Result.map (fun (struct (state, stored, woken)) ->
            let half =
                {
                    Stored = stored
                    Earlier = []
                    SinceMillis = now
                    Checks = 0
                }

            struct (add half (withRound now state), stored, woken))

    /// Keeps a message away from consumers until its transaction ends.
    let park now (incoming: Incoming) (state: BrokerState) =
        let uniqueId = text PropertyName.uniqueKey incoming.Message.Properties

        let message =
            incoming.Message
            |> Message.withSystemProperty BrokerProperty.transactionId uniqueId
            |> Delays.withRealPlace incoming

        let parked =
            { incoming with
                Message =
                    { message with
                        Topic = SystemTopics.half
                    }
                QueueId = 0
                SysFlag = withoutTransactionBits incoming.SysFlag
            }

        appendHalf now parked state

    /// Puts a half message back that was given up: producers are asked about it from the beginning.
    let putBack now (message: StoredMessage) (state: BrokerState) =
        appendHalf
            now
            {
                Message =
                    {
                        Topic = SystemTopics.half
                        Body = message.StoredBody
                        Flag = message.Flag
                        Properties = Properties.add BrokerProperty.checks "0" message.Properties
                    }
                QueueId = 0
                SysFlag = message.SysFlag
                BornTimestamp = message.BornTimestamp
                BornHost = message.BornHost
                ReconsumeTimes = message.ReconsumeTimes
                PreparedTransactionOffset = 0L<commitLog>
            }
            state

    let placeOf (stored: StoredMessage) : HalfPlace =
        {
            CommitLogOffset = stored.PhysicalOffset
            QueueOffset = stored.QueueOffset
        }

    /// The half message that lies, or lay, at a offset of the commit log, and its place there.
    let private tryFind commitLogOffset (state: BrokerState) : struct (HalfMessage * HalfPlace) voption =
        let isThere (place: HalfPlace) = place.CommitLogOffset = commitLogOffset

        match Map.tryFind commitLogOffset state.Transactions.Halves with
        | Some half -> ValueSome(struct (half, placeOf half.Stored))
        | None ->
            state.Transactions.Halves
            |> Map.tryPick (fun _ half ->
                List.tryFind isThere half.Earlier
                |> Option.map (fun place -> struct (half, place)))
            |> Option.toValueOption

    /// How long its producer wants to be left alone, if it says so.
    let immunityMillis (half: HalfMessage) : int64 voption =
        match Int64.TryParse(text BrokerProperty.checkImmunitySeconds half.Stored.Properties) with
        | true, seconds when seconds >= 0L -> ValueSome(min seconds longestImmunitySeconds * 1_000L)
        | _ -> ValueNone

    /// A producer that chose when to be asked first has so long to decide by itself.
    let private isTooLate now (request: EndTransaction) (half: HalfMessage) (state: BrokerState) =
        match Properties.tryFind BrokerProperty.checkImmunitySeconds half.Stored.Properties with
        | ValueSome _ when request.IsCheckAnswer <> Some true ->
            let immunity = immunityMillis half |> ValueOption.defaultValue 0L
            now - half.SinceMillis > max immunity state.Settings.Checks.TimeoutMillis
        | _ -> false

    /// Whether the one who ends a transaction is who began it, and means it.
    let private check (request: EndTransaction) (half: HalfMessage) (place: HalfPlace) =
        if
            text BrokerProperty.producerGroup half.Stored.Properties
            <> request.ProducerGroup
        then
            Error(ResponseCode.SystemError, "The producer group wrong")
        elif place.QueueOffset <> request.QueueOffset then
            Error(ResponseCode.SystemError, "The transaction state table offset wrong")
        else
            Ok()

    /// The message for consumers: they see the properties of the half message.
    let private finalMessage (half: HalfMessage) (place: HalfPlace) : Incoming =
        let stored = half.Stored

        let queueId =
            match Int32.TryParse(text PropertyName.realQueueId stored.Properties) with
            | true, queueId -> queueId
            | _ -> 0

        {
            Message =
                {
                    Topic = text PropertyName.realTopic stored.Properties
                    Body = stored.StoredBody
                    Flag = stored.Flag
                    Properties = stored.Properties
                }
            QueueId = queueId
            SysFlag = withoutTransactionBits stored.SysFlag ||| committed
            BornTimestamp = stored.BornTimestamp
            BornHost = stored.BornHost
            ReconsumeTimes = stored.ReconsumeTimes
            PreparedTransactionOffset = place.CommitLogOffset
        }

    let private commit now (arrival: Arrival) half place (state: BrokerState) =
        let incoming = finalMessage half place

        match Store.tryQueue incoming.Message.Topic incoming.QueueId state.Store with
        | ValueNone -> state, [ Answer.noTopic arrival incoming.Message.Topic ]
        | ValueSome _ ->
            match ScheduledDelivery.append now incoming state with
            | Error error -> state, [ Answer.refuse arrival ResponseCode.MessageIllegal error.Message ]
            | Ok(struct (state, _, woken)) -> remove half state, Answer.succeed arrival :: woken

    let private settle now (arrival: Arrival) (request: EndTransaction) (state: BrokerState) =
        match tryFind request.CommitLogOffset state with
        | ValueNone ->
            state,
            [
                Answer.refuse arrival ResponseCode.SystemError "Find prepared transaction message failed"
            ]
        | ValueSome(struct (half, _)) when isTooLate now request half state ->
            state,
            [
                Answer.reply arrival (Command.response ResponseCode.IllegalOperation arrival.Command)
            ]
        | ValueSome(struct (half, place)) ->
            match check request half place, request.Decision with
            | Error(code, remark), _ -> state, [ Answer.refuse arrival code remark ]
            | Ok(), TransactionDecision.Commit -> commit now arrival half place state
            | Ok(), _ -> remove half state, [ Answer.succeed arrival ]

    /// Ends a transaction, whether its producer was asked or decides by itself. A transaction ends once: real brokers
    /// would write the message again for a second commit.
    let finish now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Transactions.finish.Decode (fun request ->
            match request.Decision with
            | TransactionDecision.Undecided -> state, [ Forget arrival.Ticket ]
            | _ -> settle now arrival request state)
