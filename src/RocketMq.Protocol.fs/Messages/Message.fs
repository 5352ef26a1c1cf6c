namespace RocketMq.Protocol

open System

/// One queue of a topic. Ordered by topic, broker and number, as consumers of a group must agree on.
type MessageQueue =
    {
        Topic: string
        BrokerName: string
        QueueId: int
    }

/// A message to be sent.
[<StructuredFormatDisplay("{Display}"); CustomEquality; NoComparison>]
type Message =
    {
        Topic: string
        Body: ReadOnlyMemory<byte>
        /// For applications; brokers keep it and do not look at it.
        Flag: int
        Properties: Properties
    }

    member private message.Display =
        $"message to {message.Topic}, body {message.Body.Length} bytes, properties %O{message.Properties}"

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

    let create (topic: string) (body: ReadOnlyMemory<byte>) : Message =
        {
            Topic = topic
            Body = body
            Flag = 0
            Properties = Properties.empty
        }

    let ofBytes (topic: string) (body: byte[]) = create topic (ReadOnlyMemory body)

    /// A message with a text in UTF-8 as its body.
    let ofText (topic: string) (text: string) =
        ofBytes topic (Text.Encoding.UTF8.GetBytes text)

    let withProperty name value (message: Message) =
        { message with
            Properties = Properties.add name value message.Properties
        }

    /// One tag, by which consumers can choose.
    let withTag (tag: string) message =
        withProperty PropertyName.tags tag message

    /// Business keys, by which messages can be looked up. A key holds no blank: blanks separate them.
    let withKeys (keys: string list) message =
        withProperty PropertyName.keys (String.Join(' ', keys)) message

    let withFlag flag (message: Message) = { message with Flag = flag }

    /// Ok for a message that a broker with default settings takes.
    let check (message: Message) : Result<Message, InputError> =
        match Names.checkTopic message.Topic, message.Properties.Fault with
        | Error error, _ -> Error error
        | _, ValueSome error -> Error error
        | _ when message.Body.Length = 0 -> Error(InvalidInput("the body", "it is empty"))
        | _ when message.Body.Length > maxBodyBytes ->
            Error(InvalidInput("the body", $"it has {message.Body.Length} bytes, the limit is {maxBodyBytes}"))
        | _ when message.Properties.Text.Length > Properties.maxBytes ->
            let size = message.Properties.Text.Length
            Error(InvalidInput("the properties", $"they take {size} bytes, the limit is {Properties.maxBytes}"))
        | _ -> Ok message
