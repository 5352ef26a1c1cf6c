namespace RocketMq.Embedded

open System
open System.Globalization
open RocketMq.Protocol
open RocketMq

/// Taking timed messages back.
module internal Recalls =
    /// Of the message that stands for a recall.
    let private recallTag = "_RECALL_TAG_"

    let private region = "DefaultRegion"

    let private withRegion effect =
        match effect with
        | Reply(ticket, answer) -> Reply(ticket, Command.withField PropertyName.region region answer)
        | other -> other

    let private timeLeft now (handle: RecallHandle) =
        match Int64.TryParse(handle.Timestamp, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, timestamp when timestamp > 0L -> timestamp - now
        | _ -> -1L

    let private check now (request: RecallRequest) (state: BrokerState) : Result<RecallHandle, ResponseCode * string> =
        if not (state.Store.Topics.ContainsKey request.Topic) then
            Error(ResponseCode.TopicNotExist, $"recall failed, the topic[{request.Topic}] not exist")
        else
            match RecallHandle.decode request.Handle with
            | ValueNone -> Error(ResponseCode.IllegalOperation, "recall handle is invalid")
            | ValueSome handle when handle.Topic <> request.Topic ->
                Error(ResponseCode.IllegalOperation, "recall failed, topic not match")
            | ValueSome handle when handle.BrokerName <> state.Settings.BrokerName ->
                Error(ResponseCode.IllegalOperation, "recall failed, broker service not available")
            | ValueSome handle ->
                let left = timeLeft now handle

                if left <= 0L || left >= int64 Timers.maxDelay.TotalMilliseconds then
                    Error(ResponseCode.IllegalOperation, "recall failed, timestamp invalid")
                else
                    Ok handle

    /// The message that stands for a recall: it waits with the one that it recalls.
    let private messageFor now (arrival: Arrival) (request: RecallRequest) (handle: RecallHandle) : Incoming =
        let withGroup (message: Message) =
            match request.ProducerGroup with
            | Some group -> Message.withSystemProperty BrokerProperty.producerGroup group message
            | None -> message

        let message =
            Message.ofText handle.Topic "0"
            |> Message.withSystemProperty PropertyName.tags recallTag
            |> Message.withSystemProperty BrokerProperty.timerRecalled (Timers.recallName handle.Topic handle.MessageId)
            |> Message.withSystemProperty PropertyName.uniqueKey handle.MessageId
            |> Message.withSystemProperty BrokerProperty.timerDeliverMillis handle.Timestamp
            |> Message.withSystemProperty BrokerProperty.bornTimestamp (string now)
            |> withGroup

        {
            Message = message
            QueueId = 0
            SysFlag = 0
            BornTimestamp = now
            BornHost = arrival.Peer
            ReconsumeTimes = 0
            PreparedTransactionOffset = 0L<commitLog>
        }

    let private answer (arrival: Arrival) messageId =
        let answer: RecallAnswer =
            {
                MessageId = messageId
                Region = Some region
            }

        Recall.operation.Answer(answer, arrival.Command)
        // What Java's brokers say of every recall that succeeds.
        |> Command.withRemark "not set any response code"
        |> Answer.reply arrival

    /// Says yes to a recall in time, whether or not there is such a message, as real brokers do.
    let recall now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Recall.operation.Decode (fun request ->
            match check now request state with
            | Error(code, remark) -> state, [ withRegion (Answer.refuse arrival code remark) ]
            | Ok handle ->
                let out =
                    TimerSlot.ofDelivery (Int64.Parse(handle.Timestamp, CultureInfo.InvariantCulture))

                match Timers.park now out (messageFor now arrival request handle) state with
                | Ok(struct (state, _, woken)) -> state, answer arrival handle.MessageId :: woken
                | Error error -> state, [ withRegion (Answer.refuse arrival ResponseCode.SystemError error.Message) ])
