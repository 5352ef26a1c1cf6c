namespace RocketMq.Protocol

open System

/// A message, or a batch of them, in the form in which it travels, whatever the queue.
type internal Prepared =
    {
        Operation: Operation<SendRequest, SendAnswer>
        /// With its namespace.
        Topic: string
        Flag: int
        SysFlag: int
        Properties: Properties
        Body: ReadOnlyMemory<byte>
        IsBatch: bool
        /// One, or those of a batch joined with commas.
        UniqueId: string
    }

/// What becomes of messages before they travel. Sources: DefaultMQProducerImpl.java, MessageBatch.java.
module internal Prepared =
    let private reply = "reply"

    let private isReply (message: Message) =
        Properties.tryFind PropertyName.messageType message.Properties = ValueSome reply

    let private withAbsent name value (message: Message) =
        if Properties.contains name message.Properties then
            message
        else
            Message.withSystemProperty name value message

    /// Gives a message its id, its namespace, and what Java's senders always say.
    let identified (options: ProducerOptions) (uniqueId: string) (message: Message) : Message =
        let message = Message.withSystemProperty PropertyName.uniqueKey uniqueId message

        // Java's replies do not say whether they wait for the store: brokers push them on and need not keep them.
        let message =
            if isReply message then
                message
            else
                withAbsent PropertyName.waitStoreOk "true" message

        if options.Namespace = "" then
            message
        else
            { message with
                Topic = Namespaced.wrap options.Namespace message.Topic
            }
            |> Message.withSystemProperty PropertyName.instanceId options.Namespace

    let private compressed (options: ProducerOptions) (body: ReadOnlyMemory<byte>) =
        if body.Length < options.CompressFromBytes then
            Ok(struct (body, 0))
        else
            match BodyCodecs.compress options.Compression body options.Codecs with
            | Ok smaller ->
                let compression = BodyCodecs.compressionOf options.Compression
                Ok(struct (smaller, SysFlag.withCompression compression 0))
            | Error error -> Error(Invalid error)

    let private isHalf (message: Message) =
        Properties.tryFind PropertyName.transactionMark message.Properties = ValueSome "true"

    /// A message that `Message.check` took and that has its id.
    let ofMessage (options: ProducerOptions) (uniqueId: string) (message: Message) : Result<Prepared, RemotingError> =
        match compressed options message.Body with
        | Error error -> Error error
        | Ok(struct (body, sysFlag)) ->
            Ok
                {
                    Operation = if isReply message then Send.reply else Send.message
                    Topic = message.Topic
                    Flag = message.Flag
                    SysFlag = if isHalf message then sysFlag ||| SysFlag.transactionHalf else sysFlag
                    Properties = message.Properties
                    Body = body
                    IsBatch = false
                    UniqueId = uniqueId
                }

    let private refuse reason =
        Error(InvalidInput("the batch", reason))

    /// Ok for messages that brokers take as one batch: of one topic that is no retry topic, none held back or part of a
    /// transaction, all waiting for the store or none, and not too large.
    let checkBatch (messages: Message list) : Result<unit, InputError> =
        let topics = messages |> List.map _.Topic |> List.distinct
        let kinds = messages |> List.map (Gatherable.ofMessage false) |> List.distinct
        let bytes = messages |> List.sumBy (fun message -> int64 (BatchCodec.recordBytes message))

        match messages, topics, kinds with
        | [], _, _ -> refuse "it is empty"
        | _, _ :: other :: _, _ -> refuse $"it has messages to {topics.Head} and to {other}"
        | _, _, kinds when List.contains Alone kinds ->
            refuse "it has a message that can only be sent by itself: delayed, timed, transactional, or to a retry topic"
        | _, _, _ :: _ :: _ -> refuse "some of its messages wait for the store and others do not"
        | _ when bytes > int64 Message.maxBodyBytes ->
            refuse $"it takes {bytes} bytes, the limit is {Message.maxBodyBytes}"
        | _ -> Ok()

    /// Messages that `checkBatch` took and that have their ids, as one.
    let ofBatch (messages: Message list) : Result<Prepared, RemotingError> =
        match BatchCodec.encode messages with
        | Error error -> Error(NotEncoded(RequestCode.SendBatchMessage, error))
        | Ok body ->
            let first = messages.Head

            let waits =
                Properties.tryFind PropertyName.waitStoreOk first.Properties
                |> ValueOption.defaultValue "true"

            let idOf (message: Message) =
                Properties.tryFind PropertyName.uniqueKey message.Properties
                |> ValueOption.defaultValue ""

            Ok
                {
                    Operation = Send.batch
                    Topic = first.Topic
                    Flag = 0
                    SysFlag = 0
                    // No more than this: brokers add what stands here to each message.
                    Properties = Properties.add PropertyName.waitStoreOk waits Properties.empty
                    Body = ReadOnlyMemory body
                    IsBatch = true
                    UniqueId = messages |> List.map idOf |> String.concat ","
                }

    let request (options: ProducerOptions) group now (queue: MessageQueue) (prepared: Prepared) : SendRequest =
        {
            ProducerGroup = group
            Topic = prepared.Topic
            DefaultTopic = options.Template.Topic
            DefaultTopicQueues = options.Template.Queues
            QueueId = queue.QueueId
            SysFlag = prepared.SysFlag
            BornTimestamp = now
            Flag = prepared.Flag
            Properties = prepared.Properties
            ReconsumeTimes = 0
            IsUnit = options.UnitName.IsSome
            MaxReconsumeTimes = None
            BrokerName = queue.BrokerName
            IsBatch = prepared.IsBatch
            Body = prepared.Body
        }
