namespace RocketMq.Protocol

open System

/// A message, or a batch of them, in the form in which it travels. It writes itself: each attempt sets where to.
[<Sealed>]
type internal Prepared
    (
        options: ProducerOptions,
        operation: Operation<SendRequest, SendAnswer>,
        message: Message,
        source: Message,
        sysFlag: int,
        body: ReadOnlyMemory<byte>,
        isBatch: bool,
        uniqueId: string
    ) =
    inherit OutgoingQuery()

    let mutable group = ""
    let mutable bornTimestamp = 0L
    let mutable queue: MessageQueue | null = null

    let queueId () =
        match queue with
        | null -> -1
        | queue -> queue.QueueId

    let brokerName () =
        match queue with
        | null -> ""
        | queue -> queue.BrokerName

    member _.Operation = operation

    /// With its namespace.
    member _.Topic = message.Topic

    member _.Flag = message.Flag
    member _.SysFlag = sysFlag
    member _.Properties = message.Properties

    /// For selectors of queues: as the application knows it, not compressed and without its namespace. Of a batch the
    /// first.
    member _.Source: Message =
        if options.Namespace = "" then
            source
        else
            { source with
                Topic = Namespaced.unwrap options.Namespace source.Topic
            }

    member _.Body = body
    member _.IsBatch = isBatch

    /// One, or those of a batch joined with commas.
    member _.UniqueId = uniqueId

    /// Says where the next attempt goes. Only between attempts.
    member _.Address(sendersGroup: string, now: int64, target: MessageQueue) =
        group <- sendersGroup
        bornTimestamp <- now
        queue <- target

    /// What the next attempt says.
    member _.Request: SendRequest =
        {
            ProducerGroup = group
            Topic = message.Topic
            DefaultTopic = options.Template.Topic
            DefaultTopicQueues = options.Template.Queues
            QueueId = queueId ()
            SysFlag = sysFlag
            BornTimestamp = bornTimestamp
            Flag = message.Flag
            Properties = message.Properties
            ReconsumeTimes = 0
            IsUnit = options.UnitName.IsSome
            MaxReconsumeTimes = None
            BrokerName = brokerName ()
            IsBatch = isBatch
            Body = body
        }

    override prepared.ToCommand() =
        (operation.Request prepared.Request).Command

    override prepared.Write(writer, opaque, output) =
        writer.Write(operation.Code, (prepared :> IDraftSource), opaque, output)

    interface IDraftSource with
        member _.Fill draft =
            Send.fillShort
                group
                message.Topic
                options.Template.Topic
                options.Template.Queues
                (queueId ())
                (brokerName ())
                sysFlag
                bornTimestamp
                message.Flag
                message.Properties
                options.UnitName.IsSome
                isBatch
                body
                draft

/// What becomes of messages before they travel. Sources: DefaultMQProducerImpl.java, MessageBatch.java.
module internal Prepared =
    let private reply = "reply"

    let private isReply (message: Message) =
        Properties.tryFind PropertyName.messageType message.Properties = ValueSome reply

    /// Gives a message its id, its namespace, and what Java's senders always say.
    let identified (options: ProducerOptions) (uniqueId: string) (message: Message) : Message =
        let properties = message.Properties

        let message =
            // Java's replies do not say whether they wait for the store: brokers push them on and need not keep them.
            if
                isReply message
                || Properties.contains PropertyName.waitStoreOk properties
                || Properties.contains PropertyName.uniqueKey properties
            then
                Message.withSystemProperty PropertyName.uniqueKey uniqueId message
            else
                { message with
                    Properties =
                        Properties.addTwo PropertyName.uniqueKey uniqueId PropertyName.waitStoreOk "true" properties
                }

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
            let operation = if isReply message then Send.reply else Send.message

            let sysFlag =
                if isHalf message then
                    sysFlag ||| SysFlag.transactionHalf
                else
                    sysFlag

            Ok(Prepared(options, operation, message, message, sysFlag, body, false, uniqueId))

    let private refuse reason =
        Error(InvalidInput("the batch", reason))

    /// Ok for messages that brokers take as one batch: of one topic that is no retry topic, none held back or part of a
    /// transaction, all waiting for the store or none, and not too large.
    let checkBatch (messages: Message list) : Result<unit, InputError> =
        let topics = messages |> List.map _.Topic |> List.distinct
        let kinds = messages |> List.map (Gatherable.ofMessage false) |> List.distinct

        let bytes =
            messages |> List.sumBy (fun message -> int64 (BatchCodec.recordBytes message))

        match messages, topics, kinds with
        | [], _, _ -> refuse "it is empty"
        | _, _ :: other :: _, _ -> refuse $"it has messages to {topics.Head} and to {other}"
        | _, _, kinds when List.contains Alone kinds ->
            refuse
                "it has a message that can only be sent by itself: delayed, timed, transactional, or to a retry topic"
        | _, _, _ :: _ :: _ -> refuse "some of its messages wait for the store and others do not"
        | _ when bytes > int64 Message.maxBodyBytes ->
            refuse $"it takes {bytes} bytes, the limit is {Message.maxBodyBytes}"
        | _ -> Ok()

    /// Messages that `checkBatch` took and that have their ids, as one.
    let ofBatch (options: ProducerOptions) (messages: Message list) : Result<Prepared, RemotingError> =
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

            // No more than this: brokers add what stands here to each message.
            let properties = Properties.add PropertyName.waitStoreOk waits Properties.empty
            let ids = messages |> List.map idOf |> String.concat ","

            let envelope =
                {
                    Topic = first.Topic
                    Body = ReadOnlyMemory body
                    Flag = 0
                    Properties = properties
                }

            Ok(Prepared(options, Send.batch, envelope, first, 0, envelope.Body, true, ids))
