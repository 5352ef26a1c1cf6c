namespace RocketMq.Protocol

open System
open System.Globalization

/// Where a popped message lay. Source: ExtraInfoUtil.java.
type PopSource =
    /// In its own topic.
    | OfTopic
    /// In the topic of retries that brokers make unless they are set up otherwise.
    | OfRetry
    /// In the topic of retries of the second kind, whose name can be split without doubt.
    | OfRetryV2

    override one.ToString() =
        match one with
        | OfTopic -> "OfTopic"
        | OfRetry -> "OfRetry"
        | OfRetryV2 -> "OfRetryV2"

module PopSource =
    /// As receipts and answers name it.
    let text source =
        match source with
        | OfTopic -> "0"
        | OfRetry -> "1"
        | OfRetryV2 -> "2"

    /// Reads the mark of a queue in an answer; none if it is not one of those known.
    let ofText (text: string) : PopSource voption =
        match text with
        | "0" -> ValueSome OfTopic
        | "1" -> ValueSome OfRetry
        | "2" -> ValueSome OfRetryV2
        | _ -> ValueNone

    let private retryPrefix = "%RETRY%"

    /// What a topic's own name says.
    let ofTopic (topic: string) =
        if not (topic.StartsWith(retryPrefix, StringComparison.Ordinal)) then
            OfTopic
        elif topic.Contains '+' then
            OfRetryV2
        else
            OfRetry

    /// The topic that a group's messages of a topic lie in.
    let topicOf (group: string) (topic: string) source =
        match source with
        | OfTopic -> topic
        | OfRetry -> $"{retryPrefix}{group}_{topic}"
        | OfRetryV2 -> $"{retryPrefix}{group}+{topic}"

/// What a popped message is acknowledged by. It is good for as long as the message is hidden, and until it is exchanged
/// for another one. Source: ExtraInfoUtil.java.
type PopReceipt =
    {
        /// Where the batch began that the message was popped with.
        InitialOffset: int64
        /// When it was popped, by the broker's clock, in milliseconds since 1970.
        PopTimestamp: int64
        InvisibleMillis: int64
        /// 999: popped in order.
        ReviveQueueId: int
        Source: PopSource
        BrokerName: string
        QueueId: int
        QueueOffset: int64
    }

    /// Whether the message was popped in order.
    member receipt.IsOrderly = receipt.ReviveQueueId = PopReceipt.OrderlyQueueId

    /// The number that stands in the place of a revive queue where messages are popped in order.
    static member OrderlyQueueId = 999

    /// As it travels.
    override receipt.ToString() =
        String.Join(
            ' ',
            string receipt.InitialOffset,
            string receipt.PopTimestamp,
            string receipt.InvisibleMillis,
            string receipt.ReviveQueueId,
            PopSource.text receipt.Source,
            receipt.BrokerName,
            string receipt.QueueId,
            string receipt.QueueOffset
        )

module PopReceipt =
    /// Eight parts joined by blanks.
    let format (receipt: PopReceipt) : string = receipt.ToString()

    let private tryInt64 (text: string) =
        match Int64.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, number -> ValueSome number
        | _ -> ValueNone

    let private tryInt32 (text: string) =
        match Int32.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, number -> ValueSome number
        | _ -> ValueNone

    let private create start popped invisible revive source brokerName queueId offset : PopReceipt =
        {
            InitialOffset = start
            PopTimestamp = popped
            InvisibleMillis = invisible
            ReviveQueueId = revive
            Source = source
            BrokerName = brokerName
            QueueId = queueId
            QueueOffset = offset
        }

    /// None for a text that is no receipt.
    let tryParse (text: string) : PopReceipt voption =
        match text.Split ' ' with
        | [| start; popped; invisible; revive; source; brokerName; queueId; offset |] ->
            match tryInt64 start, tryInt64 popped, tryInt64 invisible, tryInt32 revive with
            | ValueSome start, ValueSome popped, ValueSome invisible, ValueSome revive ->
                match PopSource.ofText source, tryInt32 queueId, tryInt64 offset with
                | ValueSome source, ValueSome queueId, ValueSome offset ->
                    ValueSome(create start popped invisible revive source brokerName queueId offset)
                | _ -> ValueNone
            | _ -> ValueNone
        | _ -> ValueNone

    /// The message that the receipt stands for, as requests name it. `topic` is the one that the group subscribed to.
    let message (group: string) (topic: string) (receipt: PopReceipt) : PoppedMessage =
        {
            ConsumerGroup = group
            Topic = PopSource.topicOf group topic receipt.Source
            QueueId = receipt.QueueId
            ExtraInfo = format receipt
            QueueOffset = receipt.QueueOffset
        }

    /// The receipt that takes the place of this one when the broker has changed for how long the message is hidden.
    let changed (answer: InvisibleTimeAnswer) (receipt: PopReceipt) : PopReceipt =
        { receipt with
            InitialOffset = receipt.QueueOffset
            PopTimestamp = answer.PopTimestamp
            InvisibleMillis = int64 answer.InvisibleTime.TotalMilliseconds
            ReviveQueueId = answer.ReviveQueueId
        }
