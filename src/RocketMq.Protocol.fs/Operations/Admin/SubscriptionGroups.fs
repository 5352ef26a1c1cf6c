namespace RocketMq.Protocol.Admin

open RocketMq.Protocol

/// How the delays between a group's retries grow. Source: GroupRetryPolicyType.java.
[<RequireQualifiedAccess>]
type GroupRetryPolicyType =
    | Exponential
    | Customized

    override one.ToString() =
        match one with
        | Exponential -> "Exponential"
        | Customized -> "Customized"

/// Source: ExponentialRetryPolicy.java.
type ExponentialRetry =
    {
        InitialMillis: int64
        MaxMillis: int64
        Multiplier: int64
    }

/// How long a message that failed waits. Since 5.0. Source: GroupRetryPolicy.java.
type GroupRetryPolicy =
    {
        Type: GroupRetryPolicyType
        Exponential: ExponentialRetry option
        /// The waits one after the other, in milliseconds.
        Customized: int64 list option
    }

/// A subscription that an administrator fixed. Since 5.0. Source: SimpleSubscriptionData.java.
type FixedSubscription =
    {
        Topic: string
        ExpressionType: string
        Expression: string
        Version: int64
    }

/// The settings of a consumer group on one broker. Source: SubscriptionGroupConfig.java.
type SubscriptionGroup =
    {
        Name: string
        IsConsumeEnabled: bool
        IsConsumeFromMinEnabled: bool
        IsBroadcastEnabled: bool
        RetryQueues: int
        RetryMaxTimes: int
        /// 0 is the master.
        BrokerId: int64
        /// Where a consumer that lags is sent to.
        BrokerIdWhenSlow: int64
        NotifiesMembers: bool
        /// Since 5.0.
        IsOrderly: bool option
        /// Since 5.0.
        RetryPolicy: GroupRetryPolicy option
        /// Since 5.0.
        SysFlag: int option
        /// Since 5.0.
        ConsumeTimeoutMinutes: int option
        /// Since 5.0.
        Subscriptions: FixedSubscription list option
        /// Since 5.0.
        Attributes: Map<string, string> option
    }

/// All groups of one broker. Source: SubscriptionGroupWrapper.java.
type SubscriptionGroupTable =
    {
        Groups: Map<string, SubscriptionGroup>
        Version: DataVersion option
        /// Since 5.0: what is forbidden to a group, by topic, in bits.
        Forbidden: Map<string, Map<string, int>> option
    }

/// Source: DeleteSubscriptionGroupRequestHeader.java.
type GroupRemoval =
    {
        Group: string
        /// Its offsets too, as 4.9.8 names it.
        RemoveOffsets: bool option
        /// The same, as 5.0 and later name it: send both.
        CleanOffsets: bool option
    }

/// Whether a group may read a topic. Since 5.0. Source: UpdateGroupForbiddenRequestHeader.java.
type GroupPermission =
    {
        Group: string
        Topic: string
        /// Absent in a request: only ask.
        IsReadable: bool option
    }

/// Consumer groups on brokers. Source: AdminBrokerProcessor.java.
module SubscriptionGroups =
    let private exponential =
        object<ExponentialRetry> {
            let! initial = Member.int64 "initial" _.InitialMillis
            and! maximum = Member.int64 "max" _.MaxMillis
            and! multiplier = Member.int64 "multiplier" _.Multiplier

            return
                {
                    InitialMillis = initial
                    MaxMillis = maximum
                    Multiplier = multiplier
                }
        }

    let private customized = Member.objectOf (Member.list "next" JsonCodec.int64 id)

    let private retryPolicy =
        let types =
            JsonCodec.constant
                [
                    "EXPONENTIAL", GroupRetryPolicyType.Exponential
                    "CUSTOMIZED", GroupRetryPolicyType.Customized
                ]

        object<GroupRetryPolicy> {
            let! customized = Member.sometimes "customizedRetryPolicy" customized _.Customized

            and! exponential =
                Member.sometimes "exponentialRetryPolicy" exponential _.Exponential

            and! policyType = Member.always "type" types _.Type

            return
                {
                    Type = policyType
                    Exponential = exponential
                    Customized = customized
                }
        }

    let private fixedSubscription =
        object<FixedSubscription> {
            let! expression = Member.text "expression" _.Expression
            and! expressionType = Member.text "expressionType" _.ExpressionType
            and! topic = Member.text "topic" _.Topic
            and! version = Member.int64 "version" _.Version

            return
                {
                    Topic = topic
                    ExpressionType = expressionType
                    Expression = expression
                    Version = version
                }
        }

    let private group =
        object<SubscriptionGroup> {
            let! attributes =
                Member.sometimes "attributes" (JsonCodec.map JsonCodec.text) _.Attributes

            and! brokerId = Member.int64 "brokerId" _.BrokerId

            and! isBroadcastEnabled =
                Member.boolean "consumeBroadcastEnable" _.IsBroadcastEnabled

            and! isConsumeEnabled = Member.boolean "consumeEnable" _.IsConsumeEnabled

            and! isFromMinEnabled =
                Member.boolean "consumeFromMinEnable" _.IsConsumeFromMinEnabled

            and! isOrderly =
                Member.sometimes "consumeMessageOrderly" JsonCodec.boolean _.IsOrderly

            and! consumeTimeout =
                Member.sometimes "consumeTimeoutMinute" JsonCodec.int32 _.ConsumeTimeoutMinutes

            and! name = Member.text "groupName" _.Name
            and! retryPolicy = Member.sometimes "groupRetryPolicy" retryPolicy _.RetryPolicy
            and! sysFlag = Member.sometimes "groupSysFlag" JsonCodec.int32 _.SysFlag
            and! notifies = Member.boolean "notifyConsumerIdsChangedEnable" _.NotifiesMembers
            and! retryMaxTimes = Member.int32 "retryMaxTimes" _.RetryMaxTimes
            and! retryQueues = Member.int32 "retryQueueNums" _.RetryQueues

            and! subscriptions =
                Member.sometimes "subscriptionDataSet" (JsonCodec.list fixedSubscription) _.Subscriptions

            and! brokerIdWhenSlow =
                Member.int64 "whichBrokerWhenConsumeSlowly" _.BrokerIdWhenSlow

            return
                {
                    Name = name
                    IsConsumeEnabled = isConsumeEnabled
                    IsConsumeFromMinEnabled = isFromMinEnabled
                    IsBroadcastEnabled = isBroadcastEnabled
                    RetryQueues = retryQueues
                    RetryMaxTimes = retryMaxTimes
                    BrokerId = brokerId
                    BrokerIdWhenSlow = brokerIdWhenSlow
                    NotifiesMembers = notifies
                    IsOrderly = isOrderly
                    RetryPolicy = retryPolicy
                    SysFlag = sysFlag
                    ConsumeTimeoutMinutes = consumeTimeout
                    Subscriptions = subscriptions
                    Attributes = attributes
                }
        }

    /// A group with the settings that 4.9.8 gives a new one.
    let create (name: string) : SubscriptionGroup =
        {
            Name = name
            IsConsumeEnabled = true
            IsConsumeFromMinEnabled = true
            IsBroadcastEnabled = true
            RetryQueues = 1
            RetryMaxTimes = 16
            BrokerId = 0L
            BrokerIdWhenSlow = 1L
            NotifiesMembers = true
            IsOrderly = None
            RetryPolicy = None
            SysFlag = None
            ConsumeTimeoutMinutes = None
            Subscriptions = None
            Attributes = None
        }

    /// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200).
    let update =
        Operation(RequestCode.UpdateAndCreateSubscriptionGroup, Layout.json "subscription group" group, Answers.nothing)

    /// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST (225), since 5.0.
    let updateMany =
        Operation(
            RequestCode.UpdateAndCreateSubscriptionGroupList,
            Layout.json "subscription groups" (Member.objectOf (Member.list "groupConfigList" group id)),
            Answers.nothing
        )

    /// GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201).
    let all =
        Operation(
            RequestCode.GetAllSubscriptionGroupConfig,
            Layout.nothing,
            Answers.json
                "subscription groups"
                (object<SubscriptionGroupTable> {
                    let! version = DataVersion.optional _.Version

                    and! forbidden =
                        Member.sometimes "forbiddenTable" (JsonCodec.map (JsonCodec.map JsonCodec.int32)) _.Forbidden

                    and! groups = Member.map "subscriptionGroupTable" group _.Groups

                    return
                        {
                            Groups = groups
                            Version = version
                            Forbidden = forbidden
                        }
                })
        )

    /// GET_SUBSCRIPTIONGROUP_CONFIG (352), since 5.0. Refused with SubscriptionGroupNotExist.
    let get =
        Operation(RequestCode.GetSubscriptionGroupConfig, Layout.group "group", Answers.json "subscription group" group)

    /// DELETE_SUBSCRIPTIONGROUP (207).
    let delete =
        Operation(
            RequestCode.DeleteSubscriptionGroup,
            layout<GroupRemoval> {
                let! group = Field.text "groupName" _.Group
                and! remove = OptionalField.boolean "removeOffset" _.RemoveOffsets
                and! clean = OptionalField.boolean "cleanOffset" _.CleanOffsets

                return
                    {
                        Group = group
                        RemoveOffsets = remove
                        CleanOffsets = clean
                    }
            },
            Answers.nothing
        )

    /// UPDATE_AND_GET_GROUP_FORBIDDEN (353), since 5.0.
    let permission =
        Operation(
            RequestCode.UpdateAndGetGroupForbidden,
            layout<GroupPermission> {
                let! group = Field.group "group" _.Group
                and! topic = Field.topic "topic" _.Topic
                and! isReadable = OptionalField.boolean "readable" _.IsReadable

                return
                    {
                        Group = group
                        Topic = topic
                        IsReadable = isReadable
                    }
            },
            Answers.json
                "group permission"
                (object<GroupPermission> {
                    let! group = Member.text "group" _.Group
                    and! isReadable = Member.sometimes "readable" JsonCodec.boolean _.IsReadable
                    and! topic = Member.text "topic" _.Topic

                    return
                        {
                            Group = group
                            Topic = topic
                            IsReadable = isReadable
                        }
                })
        )
