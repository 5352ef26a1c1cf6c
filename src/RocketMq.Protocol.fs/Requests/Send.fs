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
        /// The broker that the queue belongs to.
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
    }

/// SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320).
module Send =
    /// The topic whose settings brokers give a topic that a send makes.
    let defaultTopic = "TBW102"

    let defaultTopicQueues = 4

    /// The field names of code 10, and the letters that stand for them in codes 310 and 320.
    type private Names =
        {
            ProducerGroup: string
            Topic: string
            DefaultTopic: string
            DefaultTopicQueues: string
            QueueId: string
            SysFlag: string
            BornTimestamp: string
            Flag: string
            Properties: string
            ReconsumeTimes: string
            IsUnit: string
            IsBatch: string
            BrokerName: string
        }

    let private longNames =
        {
            ProducerGroup = "producerGroup"
            Topic = "topic"
            DefaultTopic = "defaultTopic"
            DefaultTopicQueues = "defaultTopicQueueNums"
            QueueId = "queueId"
            SysFlag = "sysFlag"
            BornTimestamp = "bornTimestamp"
            Flag = "flag"
            Properties = "properties"
            ReconsumeTimes = "reconsumeTimes"
            IsUnit = "unitMode"
            IsBatch = "batch"
            BrokerName = "bname"
        }

    let private letters =
        {
            ProducerGroup = "a"
            Topic = "b"
            DefaultTopic = "c"
            DefaultTopicQueues = "d"
            QueueId = "e"
            SysFlag = "f"
            BornTimestamp = "g"
            Flag = "h"
            Properties = "i"
            ReconsumeTimes = "j"
            IsUnit = "k"
            IsBatch = "m"
            BrokerName = "n"
        }

    let private propertiesName = Text.Encoding.UTF8.GetBytes letters.Properties

    let private fields (send: SendRequest) =
        let names = letters

        let builder =
            FieldsBuilder(224 + send.Properties.Text.Length)
                .Add(names.ProducerGroup, send.ProducerGroup)
                .Add(names.Topic, send.Topic)
                .Add(names.DefaultTopic, send.DefaultTopic)
                .Add(names.DefaultTopicQueues, send.DefaultTopicQueues)
                .Add(names.QueueId, send.QueueId)
                .Add(names.SysFlag, send.SysFlag)
                .Add(names.BornTimestamp, send.BornTimestamp)
                .Add(names.Flag, send.Flag)
                .Add(names.ReconsumeTimes, send.ReconsumeTimes)
                .Add(names.IsUnit, false)
                .Add(names.IsBatch, send.IsBatch)
                .Add(names.BrokerName, send.BrokerName)

        builder.AddUtf8(ReadOnlySpan propertiesName, send.Properties.Text.Span)
        builder.ToFields()

    let private status code =
        match code with
        | ResponseCode.Success -> ValueSome SendOk
        | ResponseCode.FlushDiskTimeout -> ValueSome FlushDiskTimedOut
        | ResponseCode.FlushSlaveTimeout -> ValueSome FlushSlaveTimedOut
        | ResponseCode.SlaveNotAvailable -> ValueSome SlaveNotAvailable
        | _ -> ValueNone

    let private statusCode status =
        match status with
        | SendOk -> ResponseCode.Success
        | FlushDiskTimedOut -> ResponseCode.FlushDiskTimeout
        | FlushSlaveTimedOut -> ResponseCode.FlushSlaveTimeout
        | SlaveNotAvailable -> ResponseCode.SlaveNotAvailable

    let private readAnswer status answer : Result<SendAnswer, DecodeError> =
        result {
            let! offsetId = RequiredField.text "msgId" answer
            let! queueId = RequiredField.int32 "queueId" answer
            let! queueOffset = RequiredField.int64 "queueOffset" answer

            return
                {
                    Status = status
                    OffsetId = offsetId
                    QueueId = queueId
                    QueueOffset = queueOffset
                }
        }

    /// SEND_MESSAGE_V2 or, for a batch, SEND_BATCH_MESSAGE.
    let request (send: SendRequest) : Request<SendAnswer> =
        let code =
            if send.IsBatch then
                RequestCode.SendBatchMessage
            else
                RequestCode.SendMessageV2

        {
            Command =
                { Command.request code with
                    Fields = fields send
                    Body = send.Body
                }
            Decode =
                Request.decodeByCode (fun code answer ->
                    status code |> ValueOption.map (fun status -> readAnswer status answer))
        }

    /// What a broker reads. Absent numbers count as 0, as in Java.
    let decode (command: RemotingCommand) : Result<SendRequest, DecodeError> =
        let names =
            if command.RequestCode = RequestCode.SendMessage then
                longNames
            else
                letters

        let number name =
            Fields.tryInt32 name command.Fields |> ValueOption.defaultValue 0

        result {
            let! group = RequiredField.text names.ProducerGroup command
            let! topic = RequiredField.text names.Topic command
            let! queueId = RequiredField.int32 names.QueueId command

            return
                {
                    ProducerGroup = group
                    Topic = topic
                    DefaultTopic = Fields.tryFind names.DefaultTopic command.Fields |> ValueOption.defaultValue ""
                    DefaultTopicQueues = number names.DefaultTopicQueues
                    QueueId = queueId
                    SysFlag = number names.SysFlag
                    BornTimestamp =
                        Fields.tryInt64 names.BornTimestamp command.Fields
                        |> ValueOption.defaultValue 0L
                    Flag = number names.Flag
                    Properties =
                        Fields.tryFindUtf8 names.Properties command.Fields
                        |> ValueOption.defaultValue ReadOnlyMemory.Empty
                        |> Properties.ofText
                    ReconsumeTimes = number names.ReconsumeTimes
                    BrokerName = Fields.tryFind names.BrokerName command.Fields |> ValueOption.defaultValue ""
                    IsBatch = Fields.tryBoolean names.IsBatch command.Fields |> ValueOption.defaultValue false
                    Body = command.Body
                }
        }

    /// The broker's answer. `transactionId` is the unique id of the message, or empty.
    let answer (transactionId: string) (answer: SendAnswer) (command: RemotingCommand) : RemotingCommand =
        let fields =
            FieldsBuilder(128)
                .Add("msgId", answer.OffsetId)
                .Add("queueId", answer.QueueId)
                .Add("queueOffset", answer.QueueOffset)
                .Add("transactionId", transactionId)
                .Add(PropertyName.region, "DefaultRegion")
                .Add(PropertyName.traceSwitch, "true")
                .ToFields()

        Command.response (statusCode answer.Status) command |> Command.withFields fields
