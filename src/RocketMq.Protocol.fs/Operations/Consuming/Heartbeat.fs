namespace RocketMq.Protocol

open RocketMq

/// What a consumer tells brokers of one topic that it reads. Source: SubscriptionData.java.
type Subscription =
    {
        Topic: string
        /// "TAG" or "SQL92".
        ExpressionType: string
        Expression: string
        /// The single tags of a tag expression; none means every message.
        Tags: string list
        /// `Filter.tagHash` of each tag, by which brokers choose.
        TagHashes: int list
        /// Grows with each change: milliseconds since 1970.
        Version: int64
        /// The broker is to run a filter class; no broker of today does.
        IsClassFilter: bool
    }

    /// The subscription's expression as a filter.
    member subscription.Filter =
        match subscription.ExpressionType with
        | "SQL92" -> BySql92 subscription.Expression
        | _ -> ByTag subscription.Expression

module Subscription =
    /// As Java's clients tell it: brokers take "*" alone for every message, so that is told for an empty expression too.
    let create (topic: string) (filter: Filter) (version: int64) : Subscription =
        let expression, tags =
            match filter with
            | ByTag expression when Filter.isEveryTag expression -> "*", []
            | ByTag expression -> expression, Filter.tags expression
            | BySql92 expression -> expression, []

        {
            Topic = topic
            ExpressionType = Filter.typeName filter
            Expression = expression
            Tags = tags
            TagHashes = List.map Filter.tagHash tags
            Version = version
            IsClassFilter = false
        }

    let internal shape: JsonCodec<Subscription> =
        object<Subscription> {
            let! isClassFilter = Member.boolean "classFilterMode" _.IsClassFilter
            and! hashes = Member.list "codeSet" JsonCodec.int32 _.TagHashes
            and! expressionType = Member.text "expressionType" _.ExpressionType
            and! expression = Member.text "subString" _.Expression
            and! version = Member.int64 "subVersion" _.Version
            and! tags = Member.list "tagsSet" JsonCodec.text _.Tags
            and! topic = Member.text "topic" _.Topic

            return
                {
                    Topic = topic
                    ExpressionType = expressionType
                    Expression = expression
                    Tags = tags
                    TagHashes = hashes
                    Version = version
                    IsClassFilter = isClassFilter
                }
        }

/// How messages come to a consumer. Source: ConsumeType.java.
[<RequireQualifiedAccess>]
type ConsumeType =
    /// It asks for messages itself.
    | ConsumeActively
    /// The client library asks for it.
    | ConsumePassively
    /// Since 5.0: brokers give out single messages for a time.
    | Pop

    override one.ToString() =
        match one with
        | ConsumeActively -> "ConsumeActively"
        | ConsumePassively -> "ConsumePassively"
        | Pop -> "Pop"

/// Whether the members of a group share the queues or each read all. Source: MessageModel.java.
[<RequireQualifiedAccess>]
type MessageModel =
    | Broadcasting
    | Clustering

    override one.ToString() =
        match one with
        | Broadcasting -> "Broadcasting"
        | Clustering -> "Clustering"

/// Where a group begins in a queue in which it has committed nothing. Source: ConsumeFromWhere.java.
type ConsumeFromWhere =
    | FromLastOffset
    /// Of old clients; brokers take it for the last offset.
    | FromLastOffsetAndFromMinWhenBootFirst
    | FromMinOffset
    | FromMaxOffset
    | FromFirstOffset
    | FromTimestamp

    override one.ToString() =
        match one with
        | FromLastOffset -> "FromLastOffset"
        | FromLastOffsetAndFromMinWhenBootFirst -> "FromLastOffsetAndFromMinWhenBootFirst"
        | FromMinOffset -> "FromMinOffset"
        | FromMaxOffset -> "FromMaxOffset"
        | FromFirstOffset -> "FromFirstOffset"
        | FromTimestamp -> "FromTimestamp"

module internal ConsumerNames =
    let types: JsonCodec<ConsumeType> =
        JsonCodec.constant
            [
                "CONSUME_ACTIVELY", ConsumeType.ConsumeActively
                "CONSUME_PASSIVELY", ConsumeType.ConsumePassively
                "CONSUME_POP", ConsumeType.Pop
            ]

    let models: JsonCodec<MessageModel> =
        JsonCodec.constant
            [
                "BROADCASTING", MessageModel.Broadcasting
                "CLUSTERING", MessageModel.Clustering
            ]

    let starts: JsonCodec<ConsumeFromWhere> =
        JsonCodec.constant
            [
                "CONSUME_FROM_LAST_OFFSET", FromLastOffset
                "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST", FromLastOffsetAndFromMinWhenBootFirst
                "CONSUME_FROM_MIN_OFFSET", FromMinOffset
                "CONSUME_FROM_MAX_OFFSET", FromMaxOffset
                "CONSUME_FROM_FIRST_OFFSET", FromFirstOffset
                "CONSUME_FROM_TIMESTAMP", FromTimestamp
            ]

/// What a consumer tells brokers of its group. Source: ConsumerData.java.
type ConsumerMembership =
    {
        Group: string
        Type: ConsumeType
        Model: MessageModel
        Start: ConsumeFromWhere
        Subscriptions: Subscription list
        IsUnit: bool
    }

/// Who a client is and what it does. Source: HeartbeatData.java.
type Heartbeat =
    {
        ClientId: string
        ProducerGroups: string list
        Consumers: ConsumerMembership list
        /// Since 5.0: a hash of the subscriptions, 0 if the client does not use it.
        Fingerprint: int option
        /// Since 5.0: the subscriptions are left out, the broker has them already.
        IsWithoutSubscriptions: bool option
    }

/// What brokers since 5.0 say to a heartbeat.
type HeartbeatAnswer =
    {
        /// The broker takes heartbeats without subscriptions.
        SupportsFingerprints: bool option
        IsSubscriptionChanged: bool option
    }

/// UNREGISTER_CLIENT (35): a client leaves a group of producers, of consumers, or both.
type Departure =
    {
        ClientId: string
        /// Forget the client as a producer of this group.
        ProducerGroup: string option
        /// Forget it as a consumer of this group.
        ConsumerGroup: string option
    }

/// A subscription that is to be checked before a consumer starts with it.
type SubscriptionCheck =
    {
        ClientId: string
        Group: string
        Subscription: Subscription
        /// Since 5.0.
        Namespace: string option
    }

/// What clients tell every broker they use. A broker forgets a client that it has not heard of for 120 s.
module Heartbeat =
    let private membership =
        object<ConsumerMembership> {
            let! start = Member.always "consumeFromWhere" ConsumerNames.starts _.Start
            and! consumeType = Member.always "consumeType" ConsumerNames.types _.Type
            and! group = Member.text "groupName" _.Group
            and! model = Member.always "messageModel" ConsumerNames.models _.Model

            and! subscriptions =
                Member.list "subscriptionDataSet" Subscription.shape _.Subscriptions

            and! isUnit = Member.boolean "unitMode" _.IsUnit

            return
                {
                    Group = group
                    Type = consumeType
                    Model = model
                    Start = start
                    Subscriptions = subscriptions
                    IsUnit = isUnit
                }
        }

    let private producer = Member.objectOf (Member.text "groupName" id)

    let private query =
        Layout.json
            "heartbeat"
            (object<Heartbeat> {
                let! clientId = Member.text "clientID" _.ClientId
                and! consumers = Member.list "consumerDataSet" membership _.Consumers

                and! fingerprint =
                    Member.sometimes "heartbeatFingerprint" JsonCodec.int32 _.Fingerprint

                and! producers = Member.list "producerDataSet" producer _.ProducerGroups

                and! isWithout =
                    Member.sometimes "withoutSub" JsonCodec.boolean _.IsWithoutSubscriptions

                return
                    {
                        ClientId = clientId
                        ProducerGroups = producers
                        Consumers = consumers
                        Fingerprint = fingerprint
                        IsWithoutSubscriptions = isWithout
                    }
            })

    /// HEART_BEAT (34).
    let send =
        Operation(
            RequestCode.HeartBeat,
            query,
            Answers.ok (
                layout<HeartbeatAnswer> {
                    let! supports =
                        OptionalField.boolean "IS_SUPPORT_HEART_BEAT_V2" _.SupportsFingerprints

                    and! isChanged = OptionalField.boolean "IS_SUB_CHANGE" _.IsSubscriptionChanged

                    return
                        {
                            SupportsFingerprints = supports
                            IsSubscriptionChanged = isChanged
                        }
                }
            )
        )

    /// UNREGISTER_CLIENT (35): forget this client as a producer of one group, a consumer of another, or both.
    let unregister =
        Operation(
            RequestCode.UnregisterClient,
            layout<Departure> {
                let! clientId = Field.text "clientID" _.ClientId
                and! producerGroup = OptionalField.group "producerGroup" _.ProducerGroup
                and! consumerGroup = OptionalField.group "consumerGroup" _.ConsumerGroup

                return
                    {
                        ClientId = clientId
                        ProducerGroup = producerGroup
                        ConsumerGroup = consumerGroup
                    }
            },
            Answers.nothing
        )

    /// CHECK_CLIENT_CONFIG (46): whether the broker can filter as a subscription says. Refused with
    /// SubscriptionParseFailed where it cannot. Source: CheckClientRequestBody.java.
    let check =
        Operation(
            RequestCode.CheckClientConfig,
            Layout.json
                "subscription"
                (object<SubscriptionCheck> {
                    let! clientId = Member.text "clientId" _.ClientId
                    and! group = Member.text "group" _.Group
                    and! space = Member.optionalText "namespace" _.Namespace

                    and! subscription =
                        Member.always "subscriptionData" Subscription.shape _.Subscription

                    return
                        {
                            ClientId = clientId
                            Group = group
                            Subscription = subscription
                            Namespace = space
                        }
                }),
            Answers.nothing
        )

    /// GET_CONSUMER_LIST_BY_GROUP (38), to any broker of a topic that the group consumes: the client ids of its members.
    /// Refused with SystemError if the group has none.
    let members =
        Operation(
            RequestCode.GetConsumerListByGroup,
            Layout.group "consumerGroup",
            Answers.json "group members" (Member.objectOf (Member.list "consumerIdList" JsonCodec.text id))
        )
