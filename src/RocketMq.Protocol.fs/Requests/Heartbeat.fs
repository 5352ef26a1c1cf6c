namespace RocketMq.Protocol

open System.Text.Json

/// What a consumer tells brokers of one topic that it reads. Source: SubscriptionData.java.
type Subscription =
    {
        Topic: string
        Filter: Filter
        /// Grows with each change: milliseconds since 1970.
        Version: int64
    }

/// What a consumer tells brokers of its group. Source: ConsumerData.java.
type ConsumerMembership =
    {
        Group: string
        /// It asks for messages itself, rather than having them pushed by the client library.
        IsPull: bool
        Subscriptions: Subscription list
    }

/// Who a client is and what it does. Source: HeartbeatData.java.
type Heartbeat =
    {
        ClientId: string
        ProducerGroups: string list
        Consumers: ConsumerMembership list
    }

/// HEART_BEAT (34) and UNREGISTER_CLIENT (35), to every broker a client uses. A broker forgets a client that it has not
/// heard of for 120 s.
module Heartbeat =
    let private writeSubscription (writer: Utf8JsonWriter) (subscription: Subscription) =
        let expression = Filter.expression subscription.Filter

        let tags =
            match subscription.Filter with
            | ByTag expression -> Filter.tags expression
            | BySql92 _ -> []

        writer.WriteStartObject()
        writer.WriteBoolean("classFilterMode", false)
        writer.WriteStartArray "codeSet"
        tags |> List.iter (fun tag -> writer.WriteNumberValue(Filter.tagHash tag))
        writer.WriteEndArray()
        writer.WriteString("expressionType", Filter.typeName subscription.Filter)
        writer.WriteString("subString", expression)
        writer.WriteNumber("subVersion", subscription.Version)
        writer.WriteStartArray "tagsSet"
        tags |> List.iter (fun tag -> writer.WriteStringValue tag)
        writer.WriteEndArray()
        writer.WriteString("topic", subscription.Topic)
        writer.WriteEndObject()

    let private writeConsumer (writer: Utf8JsonWriter) (consumer: ConsumerMembership) =
        writer.WriteStartObject()
        writer.WriteString("consumeFromWhere", "CONSUME_FROM_LAST_OFFSET")

        writer.WriteString(
            "consumeType",
            (if consumer.IsPull then
                 "CONSUME_ACTIVELY"
             else
                 "CONSUME_PASSIVELY")
        )

        writer.WriteString("groupName", consumer.Group)
        writer.WriteString("messageModel", "CLUSTERING")
        writer.WriteStartArray "subscriptionDataSet"
        List.iter (writeSubscription writer) consumer.Subscriptions
        writer.WriteEndArray()
        writer.WriteBoolean("unitMode", false)
        writer.WriteEndObject()

    let private encode (heartbeat: Heartbeat) =
        Json.encode (fun writer ->
            writer.WriteStartObject()
            writer.WriteString("clientID", heartbeat.ClientId)
            writer.WriteStartArray "consumerDataSet"
            List.iter (writeConsumer writer) heartbeat.Consumers
            writer.WriteEndArray()
            writer.WriteStartArray "producerDataSet"

            for group in heartbeat.ProducerGroups do
                writer.WriteStartObject()
                writer.WriteString("groupName", group)
                writer.WriteEndObject()

            writer.WriteEndArray()
            writer.WriteEndObject())

    let request (heartbeat: Heartbeat) : Request<unit> =
        {
            Command = Command.request RequestCode.HeartBeat |> Command.withBody (encode heartbeat)
            Decode = Request.decodeNothing
        }

    let private readSubscription element : Subscription =
        let expression = Json.text "subString" element

        {
            Topic = Json.text "topic" element
            Filter =
                match Json.text "expressionType" element with
                | "SQL92" -> BySql92 expression
                | _ -> ByTag expression
            Version = Json.int64 "subVersion" element
        }

    let private readConsumer element : ConsumerMembership =
        {
            Group = Json.text "groupName" element
            IsPull = Json.text "consumeType" element = "CONSUME_ACTIVELY"
            Subscriptions = Json.items "subscriptionDataSet" readSubscription element
        }

    let private readHeartbeat element : Heartbeat =
        {
            ClientId = Json.text "clientID" element
            ProducerGroups = Json.items "producerDataSet" (Json.text "groupName") element
            Consumers = Json.items "consumerDataSet" readConsumer element
        }

    /// What a broker reads.
    let decode (command: RemotingCommand) : Result<Heartbeat, DecodeError> =
        Json.decode "heartbeat" readHeartbeat command.Body

    /// UNREGISTER_CLIENT: forget this client as a producer of one group, a consumer of another, or both.
    let unregister (clientId: string) (producerGroup: string option) (consumerGroup: string option) : Request<unit> =
        let optional name value (command: RemotingCommand) =
            match value with
            | Some value -> Command.withField name value command
            | None -> command

        {
            Command =
                Command.request RequestCode.UnregisterClient
                |> Command.withField "clientID" clientId
                |> optional "producerGroup" producerGroup
                |> optional "consumerGroup" consumerGroup
            Decode = Request.decodeNothing
        }
