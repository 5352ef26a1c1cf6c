namespace RocketMq

open System
open System.Globalization
open RocketMq.Protocol

/// What spans say of messages. Never of a body but its size.
module internal MessageTags =
    let private normal = "normal"
    let private fifo = "fifo"
    let private delay = "delay"
    let private transaction = "transaction"

    let private isDelayed (properties: Properties) =
        Properties.contains PropertyName.delayLevel properties
        || Properties.contains PropertyName.timerDelayMillis properties
        || Properties.contains PropertyName.timerDelaySeconds properties
        || Properties.contains PropertyName.timerDeliverMillis properties

    /// The convention's word for the kind of a message. One that is delivered again was delayed by its broker.
    let typeOf (isRetried: bool) (properties: Properties) : string =
        if Properties.tryFind PropertyName.transactionMark properties = ValueSome "true" then
            transaction
        elif Properties.contains PropertyName.shardingKey properties then
            fifo
        elif not isRetried && isDelayed properties then
            delay
        else
            normal

    let private addNumber
        name
        property
        (parse: string -> (obj | null) voption)
        (properties: Properties)
        (tags: SpanTags)
        =
        match Properties.tryFind property properties with
        | ValueSome text ->
            match parse text with
            | ValueSome number -> MessageTelemetry.addTag name number tags
            | ValueNone -> ()
        | ValueNone -> ()

    let private int32Of (text: string) : (obj | null) voption =
        match Int32.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture) with
        | true, number -> ValueSome(box number)
        | _ -> ValueNone

    let private int64Of (text: string) : (obj | null) voption =
        match Int64.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture) with
        | true, number -> ValueSome(box number)
        | _ -> ValueNone

    let private ofProperties isRetried (properties: Properties) (tags: SpanTags) =
        MessageTelemetry.addTag TelemetryNames.messageType (typeOf isRetried properties) tags
        MessageTelemetry.addText TelemetryNames.tag (Properties.tryFind PropertyName.tags properties) tags

        MessageTelemetry.addText
            TelemetryNames.shardingKey
            (Properties.tryFind PropertyName.shardingKey properties)
            tags

        match Properties.tryFind PropertyName.keys properties with
        | ValueSome keys ->
            MessageTelemetry.addTag TelemetryNames.keys (keys.Split(' ', StringSplitOptions.RemoveEmptyEntries)) tags
        | ValueNone -> ()

        if not isRetried then
            addNumber TelemetryNames.delayLevel PropertyName.delayLevel int32Of properties tags

        addNumber TelemetryNames.deliveryTimestamp PropertyName.timerDeliverMillis int64Of properties tags

    /// Of a message that is to be sent.
    let ofMessage (message: Message) (tags: SpanTags) =
        MessageTelemetry.addTag TelemetryNames.bodySize message.Body.Length tags
        ofProperties false message.Properties tags

    /// The id that a message's sender gave it, or that of its place.
    let idOf (message: StoredMessage) : string =
        match Properties.tryFind PropertyName.uniqueKey message.Properties with
        | ValueSome id -> id
        | ValueNone -> message.OffsetId

    /// A queue's number is its broker's own, so the broker is part of its name.
    let partitionOf (brokerName: string) (queueId: int) : string = invariant $"{brokerName}/{queueId}"

    /// Of a message that was stored.
    let ofStored (message: StoredMessage) (tags: SpanTags) =
        MessageTelemetry.addTag TelemetryNames.messageId (idOf message) tags
        MessageTelemetry.addTag TelemetryNames.bodySize message.StoredBody.Length tags
        MessageTelemetry.addTag TelemetryNames.partition (partitionOf message.BrokerName message.QueueId) tags
        ofProperties (message.ReconsumeTimes > 0) message.Properties tags

    /// The topic that all have; empty if they have several, or there are none.
    let topicOf (messages: ReadOnlySpan<StoredMessage>) : string =
        if messages.IsEmpty then
            ""
        else
            let mutable topic = messages[0].Topic

            for message in messages do
                if not (String.Equals(message.Topic, topic)) then
                    topic <- ""

            topic

    /// Links to the contexts of messages. Null if none has one.
    let links (messages: ReadOnlySpan<StoredMessage>) =
        let contexts = ResizeArray messages.Length

        for message in messages do
            contexts.Add(TraceContext.tryRead message.Properties)

        TraceContext.links contexts
