namespace RocketMq

open System
open RocketMq.Protocol

/// Goes on with messages whose first attempt has ended.
type internal ISendSettler =
    /// As `ICaller.Settle`.
    abstract Settle: message: OutgoingMessage * client: RemotingClient * pending: PendingRequest * outcome: obj -> bool

/// A message, or a batch of them, in the form in which it travels. It writes itself, and reads from the broker's answer where it is
/// stored; each attempt sets where to. It is the caller of its own first attempt, mostly the only one, so that nothing else need be
/// made for that.
and [<Sealed>] internal OutgoingMessage
    (
        options: ProducerOptions,
        operation: Operation<SendRequest, SendAnswer>,
        topic: string,
        source: Message,
        properties: ReadOnlyMemory<byte>,
        sysFlag: int,
        body: ReadOnlyMemory<byte>,
        isBatch: bool,
        uniqueId: PackedId,
        addsId: bool
    ) =
    inherit Outgoing<SendReceipt>()

    /// Before the first attempt.
    static let noQueue =
        {
            Topic = ""
            BrokerName = ""
            QueueId = -1
        }

    let mutable group = ""
    let mutable bornTimestamp = 0L
    let mutable queue = noQueue
    let mutable hostName = ""
    let mutable attempt = 0
    let mutable hasAlternative = false

    // Of the first attempt, if that settles itself.
    let mutable settler: ISendSettler | null = null
    let mutable client: RemotingClient | null = null
    let mutable target = AnyQueue
    let mutable begun = 0L

    let flag = if isBatch then 0 else source.Flag

    let stored (place: StoredPlace) : SendReceipt =
        let topic = Namespaced.unwrap options.Client.Namespace queue.Topic

        SendReceipt(
            place.Status,
            (if queue.QueueId = place.QueueId && String.Equals(queue.Topic, topic) then
                 queue
             else
                 { queue with
                     Topic = topic
                     QueueId = place.QueueId
                 }),
            place.QueueOffset,
            uniqueId,
            place.OffsetId,
            place.RecallHandle,
            attempt,
            hostName
        )

    let fieldsOfAttempt () =
        {
            SendFields.ProducerGroup = group
            Topic = topic
            DefaultTopic = options.Template.Topic
            DefaultTopicQueues = options.Template.Queues
            QueueId = queue.QueueId
            BrokerName = hostName
            SysFlag = sysFlag
            BornTimestamp = bornTimestamp
            Flag = flag
            Properties = properties
            AddedId = if addsId then ValueSome uniqueId else ValueNone
            ReconsumeTimes = 0
            IsUnit = options.Client.UnitName.IsSome
            MaxReconsumeTimes = None
            IsBatch = isBatch
        }

    member _.Operation = operation

    /// With its namespace.
    member _.Topic = topic

    member _.SysFlag = sysFlag

    member _.Properties =
        let fields = fieldsOfAttempt ()
        Properties.ofText fields.AllProperties

    /// For selectors of queues: as the application knows it, not compressed and without its namespace. Of a batch the
    /// first.
    member _.Source: Message =
        if options.Client.Namespace = "" then
            source
        else
            { source with
                Topic = Namespaced.unwrap options.Client.Namespace source.Topic
            }

    member _.Body = body
    member _.IsBatch = isBatch

    /// One, or those of a batch joined with commas.
    member _.UniqueId: string = uniqueId.ToString()

    /// Says where the next attempt goes, to a queue and the broker of that name which has it, its number, and whether another broker can be
    /// tried after it. Only between attempts.
    member _.Address
        (sendersGroup: string, now: int64, target: MessageQueue, host: string, number: int, mayTryAnother: bool)
        =
        group <- sendersGroup
        bornTimestamp <- now
        queue <- target
        hostName <- host
        attempt <- number
        hasAlternative <- mayTryAnother

    /// Says who goes on when the first attempt, as it has been addressed, has ended.
    member _.SettleBy(next: ISendSettler, broker: RemotingClient, aim: SendTarget, start: int64) =
        settler <- next
        client <- broker
        target <- aim
        begun <- start

    /// Where the last attempt went.
    member _.Queue = queue

    /// The name of the broker that it went to.
    member _.HostName = hostName

    /// Of the first attempt, if that settles itself.
    member _.Target = target

    /// When the first attempt began, if that settles itself: a timestamp of the clock.
    member _.Begun = begun

    /// What the next attempt says.
    member _.Request: SendRequest =
        let fields = fieldsOfAttempt ()
        SendFields.toRequest &fields body

    /// The receipt for an answer to the last attempt.
    member _.ReceiptOf(answer: SendAnswer) : SendReceipt =
        stored
            {
                Status = answer.Status
                OffsetId = PackedId.OfText answer.OffsetId
                QueueId = answer.QueueId
                QueueOffset = answer.QueueOffset
                RecallHandle = answer.RecallHandle
            }

    override _.Size =
        let added = if addsId then SenderProperties.size properties.Span else 0
        int64 body.Length + int64 (properties.Length + added)

    override _.Code = operation.Code
    override _.HasAlternative = hasAlternative
    override _.WaitsForServer = not hasAlternative

    override prepared.ToCommand() =
        (operation.Request prepared.Request).Command

    override _.Write(writer, opaque, output) =
        let draft = writer.Begin()
        let mutable fields = fieldsOfAttempt ()
        SendFields.fill SendFields.letters &fields draft
        draft.Body <- body
        writer.Finish(operation.Code, opaque, output)

    override _.Read frame =
        match Send.tryPlace (enum frame.Parts.Code) frame.Parts.FieldsWire.Span with
        | ValueSome place -> Ok(stored place)
        | ValueNone ->
            match operation.DecodeAnswer(frame.ToCommand()) with
            | Error error -> Error error
            | Ok _ ->
                Error(Undecodable(DecodeError.WrongValue("answer", "it does not say where the message is stored")))

    override _.StatusOf receipt = struct (Send.codeOf receipt.Status, "")

    interface ICaller with
        member _.TakeBack(pending, reason) =
            match client with
            | null -> ()
            | client -> client.TakeBack(pending, reason)

        member prepared.Settle(pending, outcome) =
            match settler, client with
            | null, _
            | _, null -> true
            | settler, client -> settler.Settle(prepared, client, pending, outcome)

/// What becomes of messages before they travel. Sources: DefaultMQProducerImpl.java, MessageBatch.java.
module internal OutgoingMessage =
    let private reply = "reply"

    let private isReply (message: Message) =
        Properties.tryFind PropertyName.messageType message.Properties = ValueSome reply

    /// Whether a message gets an id and says that it waits for the store, as nearly all do.
    let private isUsual (message: Message) =
        // Java's replies do not say whether they wait for the store: brokers push them on and need not keep them.
        not (
            isReply message
            || Properties.contains PropertyName.waitStoreOk message.Properties
            || Properties.contains PropertyName.uniqueKey message.Properties
        )

    /// Replies go to a topic that the brokers of the cluster have from the start, of no namespace. Java wraps it as well, and
    /// its replies get lost where topics are not made by themselves.
    let private travellingTopic (options: ProducerOptions) (message: Message) =
        if isReply message then
            message.Topic
        else
            Namespaced.wrap options.Client.Namespace message.Topic

    /// Gives a message its id, its namespace, and what Java's senders always say.
    let identified (options: ProducerOptions) (uniqueId: PackedId) (message: Message) : Message =
        let message =
            if isUsual message && uniqueId.IsPacked then
                let text = SenderProperties.textWith uniqueId message.Properties.Text

                { message with
                    Properties = Properties(text, message.Properties.Fault)
                }
            else
                Message.withSystemProperty PropertyName.uniqueKey (uniqueId.ToString()) message

        if options.Client.Namespace = "" then
            message
        else
            { message with
                Topic = travellingTopic options message
            }
            |> Message.withSystemProperty PropertyName.instanceId options.Client.Namespace

    let private compressed (options: ProducerOptions) (body: ReadOnlyMemory<byte>) =
        if body.Length < options.CompressFromBytes then
            Ok(struct (body, 0))
        else
            match BodyCodecs.compress options.Compression body options.Client.Codecs with
            | Ok smaller ->
                let compression = BodyCodecs.compressionOf options.Compression
                Ok(struct (smaller, SysFlag.withCompression compression 0))
            | Error error -> Error(RemotingError.Invalid error)

    let private isHalf (message: Message) =
        Properties.tryFind PropertyName.transactionMark message.Properties = ValueSome "true"

    let private delayProperties =
        [
            PropertyName.delayLevel, "a delay level"
            PropertyName.timerDelayMillis, "a delay"
            PropertyName.timerDelaySeconds, "a delay"
            PropertyName.timerDeliverMillis, "a delivery time"
        ]

    /// Ok for a message that can be part of a transaction. Brokers of 5.x put a half message with a delay among the timed ones,
    /// where its end finds nothing to commit, so that it is never delivered; older ones deliver it at once. Replies go to the client that
    /// asked as they come in.
    let checkTransaction (message: Message) : Result<unit, InputError> =
        let refuse reason =
            Error(InvalidInput("the transaction's message", reason))

        let isSet (name, _) =
            Properties.contains name message.Properties

        match List.tryFind isSet delayProperties with
        | Some(_, what) ->
            refuse
                $"it has {what}, and brokers cannot both hold a message back and make it part of a transaction: they never deliver it, or deliver it at once"
        | None when isReply message -> refuse "it is a reply, which brokers pass on before the transaction ends"
        | None -> Ok()

    let private sizeFault (bytes: int) reason =
        InvalidInput("the properties", invariant $"they take {bytes} bytes with those that the producer adds, {reason}")

    /// Why the properties cannot travel, if they cannot: `bytes` is the size of all of them.
    let private propertyFault (message: Message) (bytes: int) : InputError voption =
        if message.Properties.Fault.IsSome then
            message.Properties.Fault
        elif bytes > Properties.maxSentBytes then
            let room =
                invariant
                    $"brokers add {Properties.leastAddedBytes} at least, and a message has room for {Properties.maxBytes}"

            ValueSome(sizeFault bytes room)
        else
            ValueNone

    /// `addsId`: the message does not have its id yet, and gets it where it is written.
    let private ofText options uniqueId addsId (message: Message) : Result<OutgoingMessage, RemotingError> =
        let isHalf = isHalf message
        let inTransaction = if isHalf then checkTransaction message else Ok()
        let properties = message.Properties.Text

        let bytes =
            properties.Length
            + (if addsId then SenderProperties.size properties.Span else 0)

        match propertyFault message bytes, inTransaction with
        | ValueSome fault, _ -> Error(RemotingError.Invalid fault)
        | ValueNone, Error error -> Error(RemotingError.Invalid error)
        | ValueNone, Ok() ->
            match compressed options message.Body with
            | Error error -> Error error
            | Ok(struct (body, sysFlag)) ->
                let operation = if isReply message then Send.reply else Send.message

                let sysFlag =
                    if isHalf then
                        sysFlag ||| SysFlag.transactionHalf
                    else
                        sysFlag

                Ok(
                    OutgoingMessage(
                        options,
                        operation,
                        message.Topic,
                        message,
                        properties,
                        sysFlag,
                        body,
                        false,
                        uniqueId,
                        addsId
                    )
                )

    /// Ok for a message that has its id, and that can be sent by itself.
    let checkIdentified (message: Message) : Result<unit, InputError> =
        match propertyFault message message.Properties.Text.Length with
        | ValueSome fault -> Error fault
        | ValueNone -> Ok()

    /// A message that `Message.check` took and that has its id.
    let ofIdentified options uniqueId (message: Message) : Result<OutgoingMessage, RemotingError> =
        ofText options uniqueId false message

    /// A message that `Message.check` took, as it is after `identified`. Mostly no message and no properties are made for it.
    let ofMessage
        (options: ProducerOptions)
        (uniqueId: PackedId)
        (message: Message)
        : Result<OutgoingMessage, RemotingError> =
        if options.Client.Namespace = "" && uniqueId.IsPacked && isUsual message then
            ofText options uniqueId true message
        else
            ofIdentified options uniqueId (identified options uniqueId message)

    let private refuse reason =
        Error(InvalidInput("the batch", reason))

    /// Why the properties of one of the messages leave brokers too little room for theirs, if they do.
    let private batchedFault (messages: Message list) : InputError option =
        messages
        |> List.map _.Properties.Text.Length
        |> List.tryFind (fun bytes -> bytes > Properties.maxBatchedBytes)
        |> Option.map (fun bytes ->
            sizeFault
                bytes
                (invariant $"a message in a batch has room for {Properties.maxBatchedBytes}: send it by itself"))

    /// Ok for messages with ids that brokers take as one batch: of one topic that is no retry topic, none held back or part of a
    /// transaction, all waiting for the store or none, and not too large.
    let checkBatch (messages: Message list) : Result<unit, InputError> =
        let topics = messages |> List.map _.Topic |> List.distinct
        let kinds = messages |> List.map (Batchability.ofMessage false) |> List.distinct

        let fault = batchedFault messages

        let bytes =
            messages |> List.sumBy (fun message -> int64 (BatchCodec.recordBytes message))

        match messages, topics, kinds with
        | [], _, _ -> refuse "it is empty"
        | _ when fault.IsSome -> Error fault.Value
        | _, _ :: other :: _, _ -> refuse $"it has messages to {topics.Head} and to {other}"
        | _, _, kinds when List.contains NotBatchable kinds ->
            refuse
                "it has a message that can only be sent by itself: delayed, timed, transactional, or to a retry topic"
        | _, _, _ :: _ :: _ -> refuse "some of its messages wait for the store and others do not"
        | _ when bytes > int64 Message.maxBodyBytes ->
            refuse (invariant $"it takes {bytes} bytes, the limit is {Message.maxBodyBytes}")
        | _ -> Ok()

    /// Messages that `checkBatch` took and that have their ids, as one.
    let ofBatch (options: ProducerOptions) (messages: Message list) : Result<OutgoingMessage, RemotingError> =
        match BatchCodec.encode messages with
        | Error error -> Error(RemotingError.NotEncoded(RequestCode.SendBatchMessage, error))
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

            Ok(
                OutgoingMessage(
                    options,
                    Send.batch,
                    first.Topic,
                    first,
                    properties.Text,
                    0,
                    ReadOnlyMemory body,
                    true,
                    PackedId.OfText ids,
                    false
                )
            )
