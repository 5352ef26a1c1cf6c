namespace RocketMq

open System

/// One queue of a topic. Ordered by topic, broker and number, as consumers of a group must agree on.
type MessageQueue =
    {
        Topic: string
        BrokerName: string
        QueueId: int
    }

    override queue.ToString() =
        invariant $"queue {queue.QueueId} of {queue.Topic} at {queue.BrokerName}"

/// A message to be sent.
[<StructuredFormatDisplay("{Display}"); CustomEquality; NoComparison>]
type Message =
    {
        Topic: string
        /// Not copied: what it is over must not be changed before the send has ended.
        Body: ReadOnlyMemory<byte>
        /// For applications; brokers keep it and do not look at it.
        Flag: int
        Properties: Properties
    }

    member private message.Display =
        invariant $"message to {message.Topic}, body {message.Body.Length} bytes, properties {message.Properties}"

    override message.ToString() = message.Display

    override message.Equals other =
        match other with
        | :? Message as other ->
            message.Topic = other.Topic
            && message.Flag = other.Flag
            && message.Properties = other.Properties
            && message.Body.Span.SequenceEqual other.Body.Span
        | _ -> false

    override message.GetHashCode() =
        HashCode.Combine(message.Topic, message.Flag, message.Body.Length)

/// Building messages. What a broker would refuse is found by `check`, which every send begins with.
module Message =
    /// The largest body that brokers take unless they are set up otherwise, in bytes, before compression.
    let maxBodyBytes = 4 * 1024 * 1024

    /// A message with no property and flag 0. Nothing is checked yet, see `check`.
    let create (topic: string) (body: ReadOnlyMemory<byte>) : Message =
        {
            Topic = topic
            Body = body
            Flag = 0
            Properties = Properties.empty
        }

    /// As `create`, of an array, which is not copied.
    let ofBytes (topic: string) (body: byte[]) = create topic (ReadOnlyMemory body)

    /// A message with a text in UTF-8 as its body.
    let ofText (topic: string) (text: string) =
        ofBytes topic (Text.Encoding.UTF8.GetBytes text)

    /// Sets what RocketMQ keeps for itself.
    let internal withSystemProperty name value (message: Message) =
        { message with
            Properties = Properties.add name value message.Properties
        }

    let internal refuse error (message: Message) =
        { message with
            Properties = Properties.refuse error message.Properties
        }

    /// Sets a system property to what `check` gives, or makes `Message.check` refuse the message.
    let private withChecked check name value (message: Message) =
        match check value with
        | Ok(text: string) -> withSystemProperty name text message
        | Error error -> refuse error message

    /// Sets a property that consumers see. A name that RocketMQ keeps for itself is not taken.
    let withProperty (name: string) (value: string) (message: Message) =
        if PropertyName.isReserved name then
            refuse (InvalidInput($"the property's name '{name}'", "RocketMQ keeps it for itself")) message
        else
            withSystemProperty name value message

    /// A tag: no blank at its ends and no "||", by which consumers tell tags apart.
    let checkTag (tag: string) : Result<string, InputError> =
        let refuse reason = Error(InvalidInput("the tag", reason))

        if String.IsNullOrWhiteSpace tag then
            refuse "it is empty"
        elif tag.Trim().Length <> tag.Length then
            refuse "it begins or ends with a blank, which consumers cut off their own"
        elif tag.Contains("||", StringComparison.Ordinal) then
            refuse "|| stands between the tags that a consumer asks for"
        else
            Ok tag

    /// A business key. Blanks separate keys.
    let checkKey (key: string) : Result<string, InputError> =
        if key.Length = 0 then
            Error(InvalidInput("the key", "it is empty"))
        elif key.Contains ' ' then
            Error(InvalidInput("the key", "it holds a blank, which separates keys"))
        else
            Ok key

    /// The highest delay level of brokers with default settings: two hours.
    let maxDelayLevel = 18

    /// A delay level: 1 (one second) to 18 (two hours).
    let checkDelayLevel (level: int) : Result<int, InputError> =
        if level >= 1 && level <= maxDelayLevel then
            Ok level
        else
            Error(InvalidInput("the delay level", invariant $"{level} is not from 1 to {maxDelayLevel}"))

    /// One tag, by which consumers can choose.
    let withTag (tag: string) message =
        withChecked checkTag PropertyName.tags tag message

    /// Business keys, by which messages can be looked up.
    let withKeys (keys: string list) message =
        let checkAll keys =
            match
                List.tryPick
                    (checkKey
                     >> function
                         | Error error -> Some error
                         | Ok _ -> None)
                    keys
            with
            | Some error -> Error error
            | None when keys.IsEmpty -> Error(InvalidInput("the list of keys", "it is empty"))
            | None -> Ok(String.Join(' ', keys))

        withChecked checkAll PropertyName.keys keys message

    /// The key by which ordered messages share a queue: brokers with typed topics ask for it. It is not empty.
    let withShardingKey (key: string) message =
        withSystemProperty PropertyName.shardingKey key message

    /// The key by which messages in order find their queue, if one is set.
    let shardingKey (message: Message) : string voption =
        Properties.tryFind PropertyName.shardingKey message.Properties

    /// Whether the broker answers only when the message is as safe as it makes messages; it does unless told otherwise.
    let withWaitStoreOk (isWaiting: bool) message =
        withSystemProperty PropertyName.waitStoreOk (if isWaiting then "true" else "false") message

    /// How long brokers hold the message back, by level.
    let withDelayLevel (level: int) message =
        withChecked (checkDelayLevel >> Result.map string) PropertyName.delayLevel level message

    /// Since 5.0: brokers hold the message back for so long, up to three days, to the second; parts of a millisecond count as
    /// a whole one. Older ones deliver it at once.
    let withDelay (delay: TimeSpan) message =
        let check (delay: TimeSpan) =
            if delay > TimeSpan.Zero then
                let isPart = delay.Ticks % TimeSpan.TicksPerMillisecond > 0L
                Ok(string (delay.Ticks / TimeSpan.TicksPerMillisecond + (if isPart then 1L else 0L)))
            else
                Error(InvalidInput("the delay", invariant $"{delay} is not above 0"))

        withChecked check PropertyName.timerDelayMillis delay message

    /// Since 5.0: brokers hold the message back until then, up to three days, to the second.
    let withDeliveryAt (time: DateTimeOffset) message =
        withSystemProperty PropertyName.timerDeliverMillis (string (time.ToUnixTimeMilliseconds())) message

    /// Sets the flag, which RocketMQ carries and does not read.
    let withFlag flag (message: Message) = { message with Flag = flag }

    /// Ok for a message that a broker with default settings takes. Producers and brokers add properties: whether there is room
    /// for them a producer checks when it sends.
    let check (message: Message) : Result<Message, InputError> =
        match Names.checkSendTopic message.Topic, message.Properties.Fault with
        | Error error, _ -> Error error
        | _, ValueSome error -> Error error
        | _ when message.Body.Length = 0 -> Error(InvalidInput("the body", "it is empty"))
        | _ when message.Body.Length > maxBodyBytes ->
            Error(
                InvalidInput("the body", invariant $"it has {message.Body.Length} bytes, the limit is {maxBodyBytes}")
            )
        | _ when message.Properties.Text.Length > Properties.maxBytes ->
            let size = message.Properties.Text.Length

            Error(
                InvalidInput(
                    "the set of properties",
                    invariant
                        $"it takes {size} bytes before a producer adds its own, the limit is {Properties.maxBytes}"
                )
            )
        | _ -> Ok message
