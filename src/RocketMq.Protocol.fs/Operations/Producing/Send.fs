namespace RocketMq

/// How far a message had come when the broker answered. In all four cases it is stored on the master.
type SendStatus =
    | SendOk
    | FlushDiskTimedOut
    | FlushSlaveTimedOut
    | SlaveNotAvailable

    override one.ToString() =
        match one with
        | SendOk -> "SendOk"
        | FlushDiskTimedOut -> "FlushDiskTimedOut"
        | FlushSlaveTimedOut -> "FlushSlaveTimedOut"
        | SlaveNotAvailable -> "SlaveNotAvailable"

namespace RocketMq.Protocol

open System
open RocketMq

/// Where a broker stored a message.
type SendAnswer =
    {
        Status: SendStatus
        /// The offset id; several, joined with commas, for a batch.
        OffsetId: string
        QueueId: int
        QueueOffset: int64
        /// The unique id of the message, as the producer chose it.
        TransactionId: string option
        /// The broker's region, for traces.
        Region: string option
        /// Whether the broker wants traces.
        IsTraced: bool option
        /// Since 5.0, of a timed message: what recalls it, see `Recall`.
        RecallHandle: string option
        /// Since 5.0, of a batch that is stored as one message.
        BatchUniqueId: string option
    }

/// What a sender wants to know of an answer, and no more: every message's answer passes here.
[<Struct>]
type internal StoredPlace =
    {
        Status: SendStatus
        OffsetId: PackedId
        QueueId: int
        QueueOffset: int64
        RecallHandle: string option
    }

/// Sending one message or one batch. Codes 10 and 310 differ in the names of the fields only; Java clients use 310.
/// Sources: SendMessageRequestHeader.java, SendMessageRequestHeaderV2.java, SendMessageResponseHeader.java.
module Send =
    /// The topic whose settings brokers give a topic that a send makes.
    let defaultTopic = "TBW102"

    /// How many queues a topic gets that a send creates. Source: DefaultMQProducer.java.
    let defaultTopicQueues = 4

    let private layoutOf form : Layout<SendRequest> =
        {
            Write = SendFields.write form
            Read = SendFields.read form
        }

    let private statuses =
        [
            ResponseCode.Success, SendOk
            ResponseCode.FlushDiskTimeout, FlushDiskTimedOut
            ResponseCode.FlushSlaveTimeout, FlushSlaveTimedOut
            ResponseCode.SlaveNotAvailable, SlaveNotAvailable
        ]

    let private answerLayout =
        (layout<SendAnswer> {
            let! status = Answers.status statuses _.Status
            and! offsetId = Field.text "msgId" _.OffsetId
            and! queueId = Field.int32 "queueId" _.QueueId
            and! queueOffset = Field.int64 "queueOffset" _.QueueOffset
            and! transactionId = OptionalField.text "transactionId" _.TransactionId
            and! region = OptionalField.text PropertyName.region _.Region
            and! isTraced = OptionalField.boolean PropertyName.traceSwitch _.IsTraced
            and! recallHandle = OptionalField.text "recallHandle" _.RecallHandle
            and! batchUniqueId = OptionalField.text "batchUniqId" _.BatchUniqueId

            return
                {
                    Status = status
                    OffsetId = offsetId
                    QueueId = queueId
                    QueueOffset = queueOffset
                    TransactionId = transactionId
                    Region = region
                    IsTraced = isTraced
                    RecallHandle = recallHandle
                    BatchUniqueId = batchUniqueId
                }
        })

    let private isTraced = Some true
    let private isNotTraced = Some false

    /// The code of an answer of this status.
    let internal codeOf (status: SendStatus) = Answers.codeOf statuses status

    let private optional name fields =
        Fields.tryFind name fields |> ValueOption.toOption

    // Bound once: a byte text in place is a new array each time.
    let private offsetIdName = "msgId"B
    let private queueIdName = "queueId"B
    let private queueOffsetName = "queueOffset"B
    let private recallHandleName = "recallHandle"B

    /// Where a message was stored, from the code of an answer and its fields as in a binary header. Nothing for a refusal,
    /// or for an answer that `message.DecodeAnswer` says is wrong.
    let internal tryPlace (code: ResponseCode) (fields: ReadOnlySpan<byte>) : StoredPlace voption =
        let mutable offsetId = ValueNone
        let mutable queueId = ValueNone
        let mutable queueOffset = ValueNone
        let mutable recallHandle = None
        let mutable isReadable = true
        let mutable cursor = FieldCursor fields

        // The last one of a name counts, as in Java.
        while cursor.MoveNext() do
            let name = cursor.Name

            if name.SequenceEqual(ReadOnlySpan offsetIdName) then
                isReadable <- isReadable && Utf8Text.isValid cursor.Value
                offsetId <- ValueSome(PackedId.OfUtf8 cursor.Value)
            elif name.SequenceEqual(ReadOnlySpan queueIdName) then
                queueId <- Utf8Text.tryInt64 cursor.Value
            elif name.SequenceEqual(ReadOnlySpan queueOffsetName) then
                queueOffset <- Utf8Text.tryInt64 cursor.Value
            elif name.SequenceEqual(ReadOnlySpan recallHandleName) then
                isReadable <- isReadable && Utf8Text.isValid cursor.Value
                recallHandle <- Some(Utf8Text.read cursor.Value)

        match Answers.tryStatus statuses code, offsetId, queueId, queueOffset with
        | ValueSome status, ValueSome offsetId, ValueSome queueId, ValueSome queueOffset when
            isReadable && queueId = int64 (int queueId)
            ->
            ValueSome
                {
                    Status = status
                    OffsetId = offsetId
                    QueueId = int queueId
                    QueueOffset = queueOffset
                    RecallHandle = recallHandle
                }
        | _ -> ValueNone

    /// Read by hand, not as declared: many answers pass here. What is wrong with one is left to the declaration to say.
    let private readAnswer (command: RemotingCommand) : Result<SendAnswer, DecodeError> =
        match tryPlace command.ResponseCode command.Fields.Wire.Span with
        | ValueSome place ->
            let fields = command.Fields

            Ok
                {
                    Status = place.Status
                    OffsetId = place.OffsetId.ToString()
                    QueueId = place.QueueId
                    QueueOffset = place.QueueOffset
                    TransactionId = optional "transactionId" fields
                    Region = optional PropertyName.region fields
                    IsTraced =
                        match Fields.tryBoolean PropertyName.traceSwitch fields with
                        | ValueSome true -> isTraced
                        | ValueSome false -> isNotTraced
                        | ValueNone -> None
                    RecallHandle = place.RecallHandle
                    BatchUniqueId = optional "batchUniqId" fields
                }
        | ValueNone -> answerLayout.Read command

    let private answer = Answers.among statuses { answerLayout with Read = readAnswer }

    /// SEND_MESSAGE (10).
    let withLongNames =
        Operation(RequestCode.SendMessage, layoutOf SendFields.longNames, answer)

    /// SEND_MESSAGE_V2 (310).
    let message =
        Operation(RequestCode.SendMessageV2, layoutOf SendFields.letters, answer)

    /// SEND_BATCH_MESSAGE (320). Brokers go by `IsBatch`, not by the code.
    let batch =
        Operation(RequestCode.SendBatchMessage, layoutOf SendFields.letters, answer)

    /// SEND_REPLY_MESSAGE (324): a reply, which the broker pushes to the client that its properties name.
    let replyWithLongNames =
        Operation(RequestCode.SendReplyMessage, layoutOf SendFields.longNames, answer)

    /// SEND_REPLY_MESSAGE_V2 (325).
    let reply =
        Operation(RequestCode.SendReplyMessageV2, layoutOf SendFields.letters, answer)
