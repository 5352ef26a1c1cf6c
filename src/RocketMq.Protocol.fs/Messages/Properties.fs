namespace RocketMq

open System
open System.Runtime.CompilerServices
open System.Text
open RocketMq.Protocol

/// Names of message properties that mean something to brokers or clients. Source: MessageConst.java.
module PropertyName =
    /// Keys to find the message by, joined with a blank.
    let keys = "KEYS"
    /// The tag.
    let tags = "TAGS"
    /// Whether the broker answers only when the message is stored as its settings ask.
    let waitStoreOk = "WAIT"
    /// The delay level, from 1.
    let delayLevel = "DELAY"
    /// The unique id that the client chose.
    let uniqueKey = "UNIQ_KEY"
    /// The topic that a message sent back came from.
    let retryTopic = "RETRY_TOPIC"
    /// The topic that a delayed or half message is for.
    let realTopic = "REAL_TOPIC"
    /// The queue id that a delayed or half message is for.
    let realQueueId = "REAL_QID"
    /// The offset id of the message that was sent back.
    let originMessageId = "ORIGIN_MESSAGE_ID"
    /// How often a message was sent back, as its sender counts.
    let reconsumeTimes = "RECONSUME_TIME"
    /// How often a message may be sent back.
    let maxReconsumeTimes = "MAX_RECONSUME_TIMES"
    /// The broker's region.
    let region = "MSG_REGION"
    /// Whether the broker wants traces.
    let traceSwitch = "TRACE_ON"
    /// When a timed message is due, in ms after its arrival.
    let timerDelayMillis = "TIMER_DELAY_MS"
    /// When a timed message is due, in s after its arrival.
    let timerDelaySeconds = "TIMER_DELAY_SEC"
    /// When a timed message is due, in ms since 1970.
    let timerDeliverMillis = "TIMER_DELIVER_MS"
    /// Whether the message is a half message of a transaction.
    let transactionMark = "TRAN_MSG"
    /// The group of the producer that sent a half message.
    let producerGroup = "PGROUP"
    /// How long a broker waits, in s, before it checks a transaction for the first time.
    let checkImmunitySeconds = "CHECK_IMMUNITY_TIME_IN_SECONDS"
    /// Which request a reply is for.
    let correlationId = "CORRELATION_ID"
    /// The client id of who waits for a reply.
    let replyToClient = "REPLY_TO_CLIENT"
    /// How long a request waits for its reply, in ms.
    let timeToLive = "TTL"
    /// The kind of message; `reply` for a reply.
    let messageType = "MSG_TYPE"
    /// The cluster of the broker.
    let cluster = "CLUSTER"
    /// The instance id of a cloud, a namespace.
    let instanceId = "INSTANCE_ID"
    /// The key by which messages in order find their queue.
    let shardingKey = "__SHARDINGKEY"
    /// The receipt of a pop, which acknowledges the message.
    let popReceipt = "POP_CK"
    /// When a message was popped for the first time, in ms since 1970.
    let firstPopTime = "1ST_POP_TIME"

    /// What clients, brokers and retries use among themselves: an application that set one would break them.
    let private reserved =
        set
            [
                keys
                tags
                waitStoreOk
                delayLevel
                uniqueKey
                retryTopic
                realTopic
                realQueueId
                originMessageId
                region
                traceSwitch
                shardingKey
                "TIMER_DELIVER_MS"
                "TIMER_DELAY_MS"
                "TIMER_DELAY_SEC"
                "TIMER_OUT_MS"
                "TIMER_ENQUEUE_MS"
                "TIMER_DEQUEUE_MS"
                "TIMER_ROLL_TIMES"
                "TIMER_DELAY_LEVEL"
                "TIMER_DEL_UNIQKEY"
                reconsumeTimes
                maxReconsumeTimes
                "DLQ_ORIGIN_TOPIC"
                "DLQ_ORIGIN_MESSAGE_ID"
                "TRAN_MSG"
                "PGROUP"
                "__transactionId__"
                "CHECK_IMMUNITY_TIME_IN_SECONDS"
                "TRANSACTION_CHECK_TIMES"
                "TRAN_PREPARED_QUEUE_OFFSET"
                "CORRELATION_ID"
                "REPLY_TO_CLIENT"
                "TTL"
                "MSG_TYPE"
                "PUSH_REPLY_TIME"
                "ARRIVE_TIME"
                "CLUSTER"
                "MIN_OFFSET"
                "MAX_OFFSET"
                "CONSUME_START_TIME"
                "INSTANCE_ID"
                "POP_CK"
                "POP_CK_OFFSET"
                "1ST_POP_TIME"
                "INNER_NUM"
                "INNER_BASE"
                "INNER_MULTI_DISPATCH"
                "INNER_MULTI_QUEUE_OFFSET"
                "DUP_INFO"
                "EXTEND_UNIQ_INFO"
                "PROPERTY_FORWARD_QUEUE_ID"
                "REDIRECT"
                "TRACE_CONTEXT"
                "BUYER_ID"
                "TRANSFER_FLAG"
                "CORRECTION_FLAG"
                "MQ2_FLAG"
                "__BORNHOST"
                "BORN_TIMESTAMP"
                "__CRC32#"
            ]

    /// Whether RocketMQ keeps a name for itself: applications may not set it.
    let isReserved (name: string) = reserved.Contains name

/// Walks the bytes of a property text: name 0x01 value 0x02 name 0x01 value 0x02 and so on, the last 0x02 being optional.
/// Skips what Java skips: entries with an empty name, an empty value or no 0x01. Source: MessageDecoder.java.
[<Struct; IsByRefLike>]
type internal PropertyCursor =
    val private text: ReadOnlySpan<byte>
    val mutable private nameStart: int
    val mutable private valueStart: int
    val mutable private valueEnd: int
    val mutable private next: int

    new(text: ReadOnlySpan<byte>) =
        {
            text = text
            nameStart = 0
            valueStart = 0
            valueEnd = 0
            next = 0
        }

    member cursor.MoveNext() =
        let mutable found = false

        while not found && cursor.next < cursor.text.Length do
            let rest = cursor.text.Slice cursor.next
            let separator = rest.IndexOf 2uy
            let entry = if separator < 0 then rest else rest.Slice(0, separator)
            let nameBytes = entry.IndexOf 1uy
            cursor.nameStart <- cursor.next
            cursor.valueStart <- cursor.next + nameBytes + 1
            cursor.valueEnd <- cursor.next + entry.Length
            cursor.next <- cursor.valueEnd + 1
            found <- nameBytes > 0 && cursor.valueStart < cursor.valueEnd

        found

    member cursor.Name =
        cursor.text.Slice(cursor.nameStart, cursor.valueStart - 1 - cursor.nameStart)

    member cursor.Value =
        cursor.text.Slice(cursor.valueStart, cursor.valueEnd - cursor.valueStart)

/// The properties of a message, kept as the text that travels and read when asked for. A repeated name keeps its last
/// value, as in Java.
[<Sealed; StructuredFormatDisplay("{Display}")>]
type Properties internal (text: ReadOnlyMemory<byte>, fault: InputError voption) =
    static let empty = Properties(ReadOnlyMemory.Empty, ValueNone)

    /// No properties.
    static member Empty = empty

    /// The property text in UTF-8.
    member _.Text = text

    /// The first property that could not be taken; a message with one is refused when it is sent.
    member internal _.Fault = fault

    member internal _.ToMap() =
        let mutable cursor = PropertyCursor text.Span
        let mutable map = Map.empty

        while cursor.MoveNext() do
            map <- Map.add (Utf8Text.read cursor.Name) (Utf8Text.read cursor.Value) map

        map

    member private properties.Display =
        let shown =
            [ for KeyValue(name, value) in properties.ToMap() -> $"{name}={value}" ]
            |> String.concat ", "

        $"[{shown}]"

    override properties.Equals other =
        match other with
        | :? Properties as other ->
            fault = other.Fault
            && (text.Span.SequenceEqual other.Text.Span || properties.ToMap() = other.ToMap())
        | _ -> false

    override properties.GetHashCode() = hash (properties.ToMap())
    override properties.ToString() = properties.Display

/// Reading and changing properties. A change gives new properties and leaves the old ones as they were.
module Properties =
    /// No properties.
    let empty = Properties.Empty

    /// The longest property text a stored message has room for, in bytes.
    let maxBytes = int Int16.MaxValue

    /// What brokers add to a message at least: MSG_REGION, TRACE_ON and CLUSTER, with a region and a cluster of one letter.
    /// Those of 4.9 add less.
    let internal leastAddedBytes = "MSG_REGION=r;TRACE_ON=true;CLUSTER=c;".Length

    /// The longest property text that a message may travel with, in bytes.
    let internal maxSentBytes = maxBytes - leastAddedBytes

    /// As above, of a message in a batch. Brokers add the batch's properties and theirs to each of its messages and do not look
    /// whether there is room: a sum over the limit becomes a record that no client can read. So there is room for long names
    /// of regions and clusters. Source: MessageExtEncoder.java.
    let internal maxBatchedBytes = maxBytes - 1024

    let private isNamed (name: string) (utf8: ReadOnlySpan<byte>) =
        Ascii.Equals(utf8, name.AsSpan())
        || (not (Ascii.IsValid(name.AsSpan())) && Utf8Text.read utf8 = name)

    /// The properties found in a received text. Any bytes are taken: what is no entry is skipped when read.
    let ofText (text: ReadOnlyMemory<byte>) = Properties(text, ValueNone)

    /// All properties by name. A repeated name has its last value.
    let toMap (properties: Properties) = properties.ToMap()

    /// The value of a property, if there is one.
    let tryFind (name: string) (properties: Properties) : string voption =
        let mutable cursor = PropertyCursor properties.Text.Span
        let mutable found = ValueNone

        while cursor.MoveNext() do
            if isNamed name cursor.Name then
                found <- ValueSome(Utf8Text.read cursor.Value)

        found

    /// Whether there is a property of that name.
    let contains name properties = (tryFind name properties).IsSome

    let private without (name: string) (properties: Properties) =
        let retained = StringBuilder()
        let mutable cursor = PropertyCursor properties.Text.Span

        while cursor.MoveNext() do
            if not (isNamed name cursor.Name) then
                retained
                    .Append(Utf8Text.read cursor.Name)
                    .Append('\001')
                    .Append(Utf8Text.read cursor.Value)
                    .Append('\002')
                |> ignore

        retained.ToString()

    /// What a property text has no way to carry, or would lose.
    let private faultIn what (text: string) =
        if text.Length = 0 then
            ValueSome(InvalidInput(what, "it is empty, and an empty one is lost on the way"))
        elif text.AsSpan().IndexOfAny('\001', '\002') >= 0 then
            ValueSome(InvalidInput(what, "U+0001 and U+0002 separate properties and cannot be part of one"))
        elif not (Utf8Text.isEncodable text) then
            ValueSome(InvalidInput(what, "it holds a lone surrogate"))
        else
            ValueNone

    /// The text with one entry more.
    let private appended (text: ReadOnlySpan<byte>) (name: string) (value: string) : byte[] =
        let isOpen = text.Length > 0 && text[text.Length - 1] <> 2uy
        let start = text.Length + (if isOpen then 1 else 0)
        let nameBytes = Encoding.UTF8.GetByteCount name

        let longer: byte[] =
            Array.zeroCreate (start + nameBytes + 1 + Encoding.UTF8.GetByteCount value)

        text.CopyTo(longer.AsSpan())

        if isOpen then
            longer[text.Length] <- 2uy

        Encoding.UTF8.GetBytes(name, longer.AsSpan start) |> ignore
        longer[start + nameBytes] <- 1uy

        Encoding.UTF8.GetBytes(value, longer.AsSpan(start + nameBytes + 1)) |> ignore

        longer

    /// Without the property of that name.
    let remove (name: string) (properties: Properties) =
        Properties(ReadOnlyMemory(Encoding.UTF8.GetBytes((without name properties).TrimEnd '\002')), properties.Fault)

    /// Sets a property, in place of one of the same name. An empty name or value, one with U+0001 or U+0002, or one with
    /// a lone surrogate, is not taken: sending a message with such properties fails and says which one it was.
    let add (name: string) (value: string) (properties: Properties) =
        let fault =
            properties.Fault
            |> ValueOption.orElseWith (fun () -> faultIn "a property's name" name)
            |> ValueOption.orElseWith (fun () -> faultIn $"the value of property '{name}'" value)

        if fault.IsSome then
            Properties(properties.Text, fault)
        elif contains name properties then
            let text = without name properties + name + "\001" + value
            Properties(ReadOnlyMemory(Encoding.UTF8.GetBytes text), ValueNone)
        else
            Properties(ReadOnlyMemory(appended properties.Text.Span name value), ValueNone)

    /// The same properties, not to be sent for a reason.
    let internal refuse (error: InputError) (properties: Properties) =
        Properties(properties.Text, ValueSome(ValueOption.defaultValue error properties.Fault))

    /// Properties of pairs of name and value. They are not checked.
    let ofList (pairs: (string * string) list) =
        (empty, pairs)
        ||> List.fold (fun properties (name, value) -> add name value properties)
