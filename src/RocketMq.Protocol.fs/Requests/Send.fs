namespace RocketMq.Protocol

open System

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

/// How far a message had come when the broker answered. In all four cases it is stored on the master.
type SendStatus =
    | SendOk
    | FlushDiskTimedOut
    | FlushSlaveTimedOut
    | SlaveNotAvailable

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
    let private fill
        names
        (group: string)
        (topic: string)
        (defaultTopic: string)
        (defaultTopicQueues: int)
        (queueId: int)
        (brokerName: string)
        (sysFlag: int)
        (bornTimestamp: int64)
        (flag: int)
        (properties: Properties)
        (reconsumeTimes: int)
        (isUnit: bool)
        (maxReconsumeTimes: int option)
        (isBatch: bool)
        (body: ReadOnlyMemory<byte>)
        (draft: Draft)
        =
        draft.Reserve(176 + properties.Text.Length)

        draft
            .Add(names.ProducerGroup, group)
            .Add(names.Topic, topic)
            .Add(names.DefaultTopic, defaultTopic)
            .Add(names.DefaultTopicQueues, defaultTopicQueues)
            .Add(names.QueueId, queueId)
            .Add(names.SysFlag, sysFlag)
            .Add(names.BornTimestamp, bornTimestamp)
            .Add(names.Flag, flag)
            .Add(names.ReconsumeTimes, reconsumeTimes)
            .Add(names.IsUnit, isUnit)
            .Add(names.IsBatch, isBatch)
            .AddUtf8(names.Properties, properties.Text.Span)
        |> ignore

        if brokerName <> "" then
            draft.Add(names.BrokerName, brokerName) |> ignore

        if maxReconsumeTimes.IsSome then
            draft.Add(names.MaxReconsumeTimes, maxReconsumeTimes.Value) |> ignore

        draft.Require(Names.checkTopic topic)
        draft.Require(Names.checkGroup group)

        match properties.Fault with
        | ValueSome fault -> draft.Require(Error fault)
        | ValueNone -> ()

        draft.Body <- body

    /// As codes 310, 320 and 325 say it, for a sender that has no `SendRequest` in its hands.
    let internal fillShort
        group
        topic
        defaultTopic
        defaultQueues
        queueId
        broker
        sysFlag
        born
        flag
        properties
        isUnit
        isBatch
        body
        draft
        =
        fill
            letters
            group
            topic
            defaultTopic
            defaultQueues
            queueId
            broker
            sysFlag
            born
            flag
            properties
            0
            isUnit
            None
            isBatch
            body
            draft

    let private write names (send: SendRequest) (draft: Draft) =
        fill
            names
            send.ProducerGroup
            send.Topic
            send.DefaultTopic
            send.DefaultTopicQueues
            send.QueueId
            send.BrokerName
            send.SysFlag
            send.BornTimestamp
            send.Flag
            send.Properties
            send.ReconsumeTimes
            send.IsUnit
            send.MaxReconsumeTimes
            send.IsBatch
            send.Body
            draft

    /// Absent numbers count as 0, as in Java.
    let private read names (command: RemotingCommand) : Result<SendRequest, DecodeError> =
        let number name =
            Fields.tryInt32 name command.Fields |> ValueOption.defaultValue 0

        let text name =
            Fields.tryFind name command.Fields |> ValueOption.defaultValue ""

        let isTrue name =
            Fields.tryBoolean name command.Fields |> ValueOption.defaultValue false

        result {
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

    /// Where a message was stored; nothing for a refusal, or for an answer that `message.DecodeAnswer` says is wrong.
    let internal tryPlace (command: RemotingCommand) : StoredPlace voption =
        let fields = command.Fields

        match
            statusOf command.ResponseCode,
            Fields.tryFind "msgId" fields,
            Fields.tryInt32 "queueId" fields,
            Fields.tryInt64 "queueOffset" fields
        with
        | ValueSome status, ValueSome offsetId, ValueSome queueId, ValueSome queueOffset ->
            ValueSome
                {
                    Status = status
                    OffsetId = offsetId
                    QueueId = queueId
                    QueueOffset = queueOffset
                    RecallHandle = optional "recallHandle" fields
                }
        | _ -> ValueNone

    /// Read by hand, not as declared: many answers pass here. What is wrong with one is left to the declaration to say.
    let private readAnswer (command: RemotingCommand) : Result<SendAnswer, DecodeError> =
        match tryPlace command with
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
