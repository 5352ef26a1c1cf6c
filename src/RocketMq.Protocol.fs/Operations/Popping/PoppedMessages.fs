namespace RocketMq.Protocol

open System
open RocketMq

/// A message that was popped, and what it is acknowledged by.
type Popped =
    {
        /// With the topic that was asked for, whichever topic it came from.
        Message: StoredMessage
        Receipt: PopReceipt
    }

    override popped.ToString() =
        invariant $"{popped.Message}, receipt {popped.Receipt}"

/// The messages in the answer to a pop. Source: MQClientAPIImpl.java, processPopResponse.
module PoppedMessages =
    let private what = "the pop's answer"

    /// Puts each message at the rank that its offset has among those of its queue.
    let private ranks (messages: struct (StoredMessage * string voption)[]) =
        messages
        |> Array.filter (fun (struct (_, check)) -> check.IsNone)
        |> Array.map (fun (struct (message, _)) ->
            (PopSource.text (PopSource.ofTopic message.Topic), string message.QueueId), message.QueueOffset)
        |> Array.groupBy fst
        |> Array.map (fun (key, offsets) -> key, offsets |> Array.map snd |> Array.sort)
        |> Map.ofArray

    /// The broker may say where a message lay in the queue otherwise than the message itself does.
    let private placeOf (read: PopOffsets.Read) (ranks: Map<string * string, int64[]>) (message: StoredMessage) =
        let key = PopSource.text (PopSource.ofTopic message.Topic), string message.QueueId

        let rank = Array.IndexOf(ranks[key], message.QueueOffset)

        match Map.tryFind key read.Starts, Map.tryFind key read.Messages with
        | Some start, Some offsets when rank < offsets.Length -> Ok(struct (start, offsets[rank]))
        | _ ->
            let queue = invariant $"queue {message.QueueId} of {message.Topic}"

            Error(
                DecodeError.Malformed(
                    what,
                    invariant $"it says nothing about message {message.QueueOffset} of {queue}",
                    0
                )
            )

    let private receipt brokerName (answer: PopAnswer) (message: StoredMessage) start offset : PopReceipt =
        {
            InitialOffset = start
            PopTimestamp = answer.PopTimestamp
            InvisibleMillis = int64 answer.InvisibleTime.TotalMilliseconds
            ReviveQueueId = answer.ReviveQueueId
            Source = PopSource.ofTopic message.Topic
            BrokerName = brokerName
            QueueId = message.QueueId
            QueueOffset = offset
        }

    /// Brokers that say nothing of offsets: the first message of each queue is where it began.
    let private withoutOffsets brokerName answer (messages: StoredMessage[]) =
        let starts =
            messages
            |> Array.groupBy (fun message -> message.Topic, message.QueueId)
            |> Array.map (fun (key, messages) -> key, messages[0].QueueOffset)
            |> Map.ofArray

        messages
        |> Array.map (fun message ->
            receipt brokerName answer message starts[message.Topic, message.QueueId] message.QueueOffset)
        |> Ok

    let private fromMessage (text: string) =
        match PopReceipt.tryParse text with
        | ValueSome receipt -> Ok receipt
        | ValueNone -> Error(DecodeError.Malformed(what, $"'{text}' is no receipt", 0))

    let private collect (results: Result<'T, DecodeError>[]) : Result<'T[], DecodeError> =
        let error =
            results
            |> Array.tryPick (fun result ->
                match result with
                | Error error -> Some error
                | Ok _ -> None)

        match error with
        | Some error -> Error error
        | None -> results |> Array.choose Result.toOption |> Ok

    let private withOffsets brokerName answer (read: PopOffsets.Read) (messages: StoredMessage[]) =
        let checks =
            messages
            |> Array.map (fun message ->
                struct (message, Properties.tryFind PropertyName.popReceipt message.Properties))

        let ranks = ranks checks

        checks
        |> Array.map (fun (struct (message, check)) ->
            match check with
            | ValueSome text -> fromMessage text
            | ValueNone ->
                placeOf read ranks message
                |> Result.map (fun (struct (start, offset)) -> receipt brokerName answer message start offset))
        |> collect

    /// As the application sees it. A message that is popped in order again stays where it is, and its broker counts.
    let private shown (request: PopRequest) (answer: PopAnswer) (read: PopOffsets.Read) (message: StoredMessage) =
        let count =
            if request.IsOrderly = Some true then
                PopOffsets.countOf (PopSource.ofTopic message.Topic) message.QueueId message.QueueOffset read
            else
                0

        let properties =
            if Properties.contains PropertyName.firstPopTime message.Properties then
                message.Properties
            else
                Properties.add PropertyName.firstPopTime (string answer.PopTimestamp) message.Properties

        message
        |> StoredMessage.change (fun fields ->
            { fields with
                Topic = request.Topic
                ReconsumeTimes = if count > 0 then count else fields.ReconsumeTimes
                Properties = properties
            })

    /// The messages of an answer, in its order.
    let ofAnswer (brokerName: string) (request: PopRequest) (answer: PopAnswer) : Result<Popped[], DecodeError> =
        match MessageCodec.decodeAll brokerName answer.Records, PopOffsets.read answer with
        | Error error, _
        | _, Error error -> Error error
        | Ok messages, Ok read ->
            let receipts =
                if read.Starts.IsEmpty then
                    withoutOffsets brokerName answer messages
                else
                    withOffsets brokerName answer read messages

            receipts
            |> Result.map (
                Array.map2
                    (fun message receipt ->
                        {
                            Message = shown request answer read message
                            Receipt = receipt
                        })
                    messages
            )
