namespace RocketMq.Protocol

open System
open System.Runtime.CompilerServices
open RocketMq

/// A message on its way to one queue. Source: SendMessageRequestHeader.java, SendMessageRequestHeaderV2.java.
type SendRequest =
    {
        ProducerGroup: string
        Topic: string
        /// The topic whose settings a topic made by this send takes over.
        DefaultTopic: string
        DefaultTopicQueues: int
        QueueId: int
        SysFlag: int
        /// Milliseconds since 1970, UTC.
        BornTimestamp: int64
        Flag: int
        Properties: Properties
        ReconsumeTimes: int
        /// The topic belongs to one unit of several.
        IsUnit: bool
        /// Of a retry topic's message: how often it may be consumed. Absent: as the group's settings say.
        MaxReconsumeTimes: int option
        /// The broker that the queue belongs to; empty if it is not said.
        BrokerName: string
        /// The body holds several messages, see `BatchCodec`.
        IsBatch: bool
        Body: ReadOnlyMemory<byte>
    }

namespace RocketMq

/// How far a message had come when the broker answered. In all four cases it is stored on the master.
type SendStatus =
    | SendOk
    | FlushDiskTimedOut
    | FlushSlaveTimedOut
    | SlaveNotAvailable

namespace RocketMq.Protocol

open System
open System.Runtime.CompilerServices
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

/// The fields of a send as they are written, the properties as text in UTF-8.
[<Struct; IsReadOnly; NoEquality; NoComparison>]
type internal SendFields =
    {
        ProducerGroup: string
        Topic: string
        DefaultTopic: string
        DefaultTopicQueues: int
        QueueId: int
        BrokerName: string
        SysFlag: int
        BornTimestamp: int64
        Flag: int
        Properties: ReadOnlyMemory<byte>
        ReconsumeTimes: int
        IsUnit: bool
        MaxReconsumeTimes: int option
        IsBatch: bool
    }

/// What a sender wants to know of an answer, and no more: every message's answer passes here.
[<Struct>]
type internal StoredPlace =
    {
        Status: SendStatus
        OffsetId: string
        QueueId: int
        QueueOffset: int64
        RecallHandle: string option
    }

/// Sending one message or one batch. Codes 10 and 310 differ in the names of the fields only; Java clients use 310.
/// Sources: SendMessageRequestHeader.java, SendMessageRequestHeaderV2.java, SendMessageResponseHeader.java.
module Send =
    /// The topic whose settings brokers give a topic that a send makes.
    let defaultTopic = "TBW102"

    let defaultTopicQueues = 4

    /// The field names of code 10, and the letters that stand for them in codes 310 and 320.
    type private Names =
        {
            ProducerGroup: FieldName
            Topic: FieldName
            DefaultTopic: FieldName
            DefaultTopicQueues: FieldName
            QueueId: FieldName
            SysFlag: FieldName
            BornTimestamp: FieldName
            Flag: FieldName
            Properties: FieldName
            ReconsumeTimes: FieldName
            IsUnit: FieldName
            MaxReconsumeTimes: FieldName
            IsBatch: FieldName
            BrokerName: FieldName
        }

    let private longNames =
        {
            ProducerGroup = FieldName.OfText "producerGroup"
            Topic = FieldName.OfText "topic"
            DefaultTopic = FieldName.OfText "defaultTopic"
            DefaultTopicQueues = FieldName.OfText "defaultTopicQueueNums"
            QueueId = FieldName.OfText "queueId"
            SysFlag = FieldName.OfText "sysFlag"
            BornTimestamp = FieldName.OfText "bornTimestamp"
            Flag = FieldName.OfText "flag"
            Properties = FieldName.OfText "properties"
            ReconsumeTimes = FieldName.OfText "reconsumeTimes"
            IsUnit = FieldName.OfText "unitMode"
            MaxReconsumeTimes = FieldName.OfText "maxReconsumeTimes"
            IsBatch = FieldName.OfText "batch"
            BrokerName = FieldName.OfText "bname"
        }

    let private letters =
        {
            ProducerGroup = FieldName.OfText "a"
            Topic = FieldName.OfText "b"
            DefaultTopic = FieldName.OfText "c"
            DefaultTopicQueues = FieldName.OfText "d"
            QueueId = FieldName.OfText "e"
            SysFlag = FieldName.OfText "f"
            BornTimestamp = FieldName.OfText "g"
            Flag = FieldName.OfText "h"
            Properties = FieldName.OfText "i"
            ReconsumeTimes = FieldName.OfText "j"
            IsUnit = FieldName.OfText "k"
            MaxReconsumeTimes = FieldName.OfText "l"
            IsBatch = FieldName.OfText "m"
            BrokerName = FieldName.OfText "n"
        }

    /// Written by hand, not declared: every message passes here.
    let private fill names (send: inref<SendFields>) (draft: FieldWriter) =
        draft.Reserve(176 + send.Properties.Length)

        draft
            .Add(names.ProducerGroup, send.ProducerGroup)
            .Add(names.Topic, send.Topic)
            .Add(names.DefaultTopic, send.DefaultTopic)
            .Add(names.DefaultTopicQueues, send.DefaultTopicQueues)
            .Add(names.QueueId, send.QueueId)
            .Add(names.SysFlag, send.SysFlag)
            .Add(names.BornTimestamp, send.BornTimestamp)
            .Add(names.Flag, send.Flag)
            .Add(names.ReconsumeTimes, send.ReconsumeTimes)
            .Add(names.IsUnit, send.IsUnit)
            .Add(names.IsBatch, send.IsBatch)
            .AddUtf8(names.Properties, send.Properties.Span)
        |> ignore

        if send.BrokerName <> "" then
            draft.Add(names.BrokerName, send.BrokerName) |> ignore

        if send.MaxReconsumeTimes.IsSome then
            draft.Add(names.MaxReconsumeTimes, send.MaxReconsumeTimes.Value) |> ignore

        draft.Require(Names.checkTopic send.Topic)
        draft.Require(Names.checkGroup send.ProducerGroup)

    /// As codes 310, 320 and 325 say it, for a sender that has no `SendRequest` in its hands. The body is left to it.
    let internal fillShort (send: inref<SendFields>) (draft: FieldWriter) = fill letters &send draft

    let private write names (send: SendRequest) (draft: FieldWriter) =
        let fields =
            {
                SendFields.ProducerGroup = send.ProducerGroup
                Topic = send.Topic
                DefaultTopic = send.DefaultTopic
                DefaultTopicQueues = send.DefaultTopicQueues
                QueueId = send.QueueId
                BrokerName = send.BrokerName
                SysFlag = send.SysFlag
                BornTimestamp = send.BornTimestamp
                Flag = send.Flag
                Properties = send.Properties.Text
                ReconsumeTimes = send.ReconsumeTimes
                IsUnit = send.IsUnit
                MaxReconsumeTimes = send.MaxReconsumeTimes
                IsBatch = send.IsBatch
            }

        fill names &fields draft

        match send.Properties.Fault with
        | ValueSome fault -> draft.Require(Error fault)
        | ValueNone -> ()

        draft.Body <- send.Body

    /// Absent numbers count as 0, as in Java.
    let private read names (command: RemotingCommand) : Result<SendRequest, DecodeError> =
        let number name =
            Fields.tryInt32 name command.Fields |> ValueOption.defaultValue 0

        let text name =
            Fields.tryFind name command.Fields |> ValueOption.defaultValue ""

        let isTrue name =
            Fields.tryBoolean name command.Fields |> ValueOption.defaultValue false

        result {
            let! () = RequiredField.allReadable command
            let! group = RequiredField.text names.ProducerGroup.Text command
            let! topic = RequiredField.text names.Topic.Text command
            let! queueId = RequiredField.int32 names.QueueId.Text command

            return
                {
                    ProducerGroup = group
                    Topic = topic
                    DefaultTopic = text names.DefaultTopic.Text
                    DefaultTopicQueues = number names.DefaultTopicQueues.Text
                    QueueId = queueId
                    SysFlag = number names.SysFlag.Text
                    BornTimestamp =
                        Fields.tryInt64 names.BornTimestamp.Text command.Fields
                        |> ValueOption.defaultValue 0L
                    Flag = number names.Flag.Text
                    Properties =
                        Fields.tryFindUtf8 names.Properties.Text command.Fields
                        |> ValueOption.defaultValue ReadOnlyMemory.Empty
                        |> Properties.ofText
                    ReconsumeTimes = number names.ReconsumeTimes.Text
                    IsUnit = isTrue names.IsUnit.Text
                    MaxReconsumeTimes =
                        Fields.tryInt32 names.MaxReconsumeTimes.Text command.Fields
                        |> ValueOption.toOption
                    BrokerName = text names.BrokerName.Text
                    IsBatch = isTrue names.IsBatch.Text
                    Body = command.Body
                }
        }

    let private layoutWith names : Layout<SendRequest> =
        {
            Write = write names
            Read = read names
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

    let private statusOf code =
        match code with
        | ResponseCode.Success -> ValueSome SendOk
        | ResponseCode.FlushDiskTimeout -> ValueSome FlushDiskTimedOut
        | ResponseCode.FlushSlaveTimeout -> ValueSome FlushSlaveTimedOut
        | ResponseCode.SlaveNotAvailable -> ValueSome SlaveNotAvailable
        | _ -> ValueNone

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
                offsetId <- ValueSome(Utf8Text.read cursor.Value)
            elif name.SequenceEqual(ReadOnlySpan queueIdName) then
                queueId <- Utf8Text.tryInt64 cursor.Value
            elif name.SequenceEqual(ReadOnlySpan queueOffsetName) then
                queueOffset <- Utf8Text.tryInt64 cursor.Value
            elif name.SequenceEqual(ReadOnlySpan recallHandleName) then
                isReadable <- isReadable && Utf8Text.isValid cursor.Value
                recallHandle <- Some(Utf8Text.read cursor.Value)

        match statusOf code, offsetId, queueId, queueOffset with
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
                    OffsetId = place.OffsetId
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
    let withLongNames = Operation(RequestCode.SendMessage, layoutWith longNames, answer)

    /// SEND_MESSAGE_V2 (310).
    let message = Operation(RequestCode.SendMessageV2, layoutWith letters, answer)

    /// SEND_BATCH_MESSAGE (320). Brokers go by `IsBatch`, not by the code.
    let batch = Operation(RequestCode.SendBatchMessage, layoutWith letters, answer)

    /// SEND_REPLY_MESSAGE (324): a reply, which the broker pushes to the client that its properties name.
    let replyWithLongNames =
        Operation(RequestCode.SendReplyMessage, layoutWith longNames, answer)

    /// SEND_REPLY_MESSAGE_V2 (325).
    let reply = Operation(RequestCode.SendReplyMessageV2, layoutWith letters, answer)
