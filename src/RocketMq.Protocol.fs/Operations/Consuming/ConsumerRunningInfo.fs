namespace RocketMq.Protocol

open System
open RocketMq

/// One member of a group. Source: GetConsumerRunningInfoRequestHeader.java.
type RunningInfoQuery =
    {
        ConsumerGroup: string
        ClientId: string
        /// With the stacks of its threads.
        WithStacks: bool option
    }

/// What a consumer holds of one queue. Source: ProcessQueueInfo.java.
type ProcessQueueInfo =
    {
        CommitOffset: int64
        CachedMinOffset: int64
        CachedMaxOffset: int64
        CachedMessages: int
        /// MiB.
        CachedSize: int
        TransactionMinOffset: int64
        TransactionMaxOffset: int64
        TransactionMessages: int
        IsLocked: bool
        TryUnlockTimes: int64
        /// This and the next two in milliseconds since 1970.
        LastLockTimestamp: int64
        LastPullTimestamp: int64
        LastConsumeTimestamp: int64
        IsDropped: bool
    }

/// What a POP consumer holds of one queue. Source: PopProcessQueueInfo.java.
type PopProcessQueueInfo =
    {
        WaitingAcks: int
        IsDropped: bool
        LastPopTimestamp: int64
    }

/// A group's speed in one topic: milliseconds, and messages a second. Source: ConsumeStatus.java.
type ConsumeStatus =
    {
        PullMillis: float
        PullsPerSecond: float
        ConsumeMillis: float
        ConsumedPerSecond: float
        FailedPerSecond: float
        FailedMessages: int64
    }

/// What a consumer says of itself. Source: ConsumerRunningInfo.java.
type ConsumerRunningInfo =
    {
        Properties: Map<string, string>
        Subscriptions: Subscription list
        Queues: Map<MessageQueue, ProcessQueueInfo>
        /// Since 5.0.
        PopQueues: Map<MessageQueue, PopProcessQueueInfo> option
        /// By topic.
        Status: Map<string, ConsumeStatus>
        /// Since 5.0.
        UserInfo: Map<string, string> option
        Stacks: string option
    }

/// GET_CONSUMER_RUNNING_INFO (307): what a member is doing.
module RunningInfo =
    let private processQueue =
        object<ProcessQueueInfo> {
            let! messages = Member.int32 "cachedMsgCount" _.CachedMessages
            and! maxOffset = Member.int64 "cachedMsgMaxOffset" _.CachedMaxOffset
            and! minOffset = Member.int64 "cachedMsgMinOffset" _.CachedMinOffset
            and! size = Member.int32 "cachedMsgSizeInMiB" _.CachedSize
            and! commitOffset = Member.int64 "commitOffset" _.CommitOffset
            and! isDropped = Member.boolean "droped" _.IsDropped
            and! lastConsume = Member.int64 "lastConsumeTimestamp" _.LastConsumeTimestamp
            and! lastLock = Member.int64 "lastLockTimestamp" _.LastLockTimestamp
            and! lastPull = Member.int64 "lastPullTimestamp" _.LastPullTimestamp
            and! isLocked = Member.boolean "locked" _.IsLocked
            and! transactionMessages = Member.int32 "transactionMsgCount" _.TransactionMessages
            and! transactionMax = Member.int64 "transactionMsgMaxOffset" _.TransactionMaxOffset
            and! transactionMin = Member.int64 "transactionMsgMinOffset" _.TransactionMinOffset
            and! tryUnlockTimes = Member.int64 "tryUnlockTimes" _.TryUnlockTimes

            return
                {
                    CommitOffset = commitOffset
                    CachedMinOffset = minOffset
                    CachedMaxOffset = maxOffset
                    CachedMessages = messages
                    CachedSize = size
                    TransactionMinOffset = transactionMin
                    TransactionMaxOffset = transactionMax
                    TransactionMessages = transactionMessages
                    IsLocked = isLocked
                    TryUnlockTimes = tryUnlockTimes
                    LastLockTimestamp = lastLock
                    LastPullTimestamp = lastPull
                    LastConsumeTimestamp = lastConsume
                    IsDropped = isDropped
                }
        }

    let private popQueue =
        object<PopProcessQueueInfo> {
            let! isDropped = Member.boolean "droped" _.IsDropped
            and! lastPop = Member.int64 "lastPopTimestamp" _.LastPopTimestamp
            and! waiting = Member.int32 "waitAckCount" _.WaitingAcks

            return
                {
                    WaitingAcks = waiting
                    IsDropped = isDropped
                    LastPopTimestamp = lastPop
                }
        }

    let private status =
        object<ConsumeStatus> {
            let! failedMessages = Member.int64 "consumeFailedMsgs" _.FailedMessages
            and! failed = Member.always "consumeFailedTPS" JsonCodec.float _.FailedPerSecond
            and! consumed = Member.always "consumeOKTPS" JsonCodec.float _.ConsumedPerSecond
            and! consumeMillis = Member.always "consumeRT" JsonCodec.float _.ConsumeMillis
            and! pullMillis = Member.always "pullRT" JsonCodec.float _.PullMillis
            and! pulls = Member.always "pullTPS" JsonCodec.float _.PullsPerSecond

            return
                {
                    PullMillis = pullMillis
                    PullsPerSecond = pulls
                    ConsumeMillis = consumeMillis
                    ConsumedPerSecond = consumed
                    FailedPerSecond = failed
                    FailedMessages = failedMessages
                }
        }

    let private info =
        object<ConsumerRunningInfo> {
            let! stacks = Member.optionalText "jstack" _.Stacks

            and! popQueues =
                Member.sometimes "mqPopTable" (JsonCodec.mapOf Queues.key popQueue) _.PopQueues

            and! queues = Queues.table "mqTable" processQueue _.Queues
            and! properties = Member.map "properties" JsonCodec.text _.Properties
            and! status = Member.map "statusTable" status _.Status
            and! subscriptions = Member.list "subscriptionSet" Subscription.shape _.Subscriptions

            and! userInfo =
                Member.sometimes "userConsumerInfo" (JsonCodec.map JsonCodec.text) _.UserInfo

            return
                {
                    Properties = properties
                    Subscriptions = subscriptions
                    Queues = queues
                    PopQueues = popQueues
                    Status = status
                    UserInfo = userInfo
                    Stacks = stacks
                }
        }

    /// GET_CONSUMER_RUNNING_INFO (307), from an admin tool to a broker, which asks the consumer with the same request.
    /// Refused with ConsumeMessageTimeout if that one does not answer.
    let operation =
        Operation(
            RequestCode.GetConsumerRunningInfo,
            layout<RunningInfoQuery> {
                let! group = Field.group "consumerGroup" _.ConsumerGroup
                and! clientId = Field.text "clientId" _.ClientId
                and! withStacks = OptionalField.boolean "jstackEnable" _.WithStacks

                return
                    {
                        ConsumerGroup = group
                        ClientId = clientId
                        WithStacks = withStacks
                    }
            },
            Answers.json "consumer running info" info
        )

/// Has one consumer consume one message now. Source: ConsumeMessageDirectlyResultRequestHeader.java.
type DirectConsumption =
    {
        ConsumerGroup: string
        ClientId: string option
        /// The offset id.
        MessageId: string option
        /// The broker that stores the message: it says so itself.
        BrokerName: string option
        /// Since 5.0.
        Topic: string option
        /// Since 5.0, from a broker.
        TopicSysFlag: int option
        /// Since 5.0, from a broker.
        GroupSysFlag: int option
        /// The message as a record, see `MessageCodec`: from a broker. An admin tool sends none.
        Record: ReadOnlyMemory<byte>
    }

/// Source: CMResult.java.
[<RequireQualifiedAccess>]
type DirectOutcome =
    | Succeeded
    | ToBeRetried
    | RolledBack
    | Committed
    | Threw
    | ReturnedNull

    override one.ToString() =
        match one with
        | Succeeded -> "Succeeded"
        | ToBeRetried -> "ToBeRetried"
        | RolledBack -> "RolledBack"
        | Committed -> "Committed"
        | Threw -> "Threw"
        | ReturnedNull -> "ReturnedNull"

/// Source: ConsumeMessageDirectlyResult.java.
type DirectConsumptionResult =
    {
        IsOrderly: bool
        IsAutoCommit: bool
        Outcome: DirectOutcome option
        Remark: string option
        SpentMillis: int64
    }

module DirectConsumption =
    let private outcomes =
        JsonCodec.constant
            [
                "CR_SUCCESS", DirectOutcome.Succeeded
                "CR_LATER", DirectOutcome.ToBeRetried
                "CR_ROLLBACK", DirectOutcome.RolledBack
                "CR_COMMIT", DirectOutcome.Committed
                "CR_THROW_EXCEPTION", DirectOutcome.Threw
                "CR_RETURN_NULL", DirectOutcome.ReturnedNull
            ]

    /// CONSUME_MESSAGE_DIRECTLY (309), from an admin tool to a broker, which adds the message and asks the consumer.
    let operation =
        Operation(
            RequestCode.ConsumeMessageDirectly,
            layout<DirectConsumption> {
                let! group = Field.group "consumerGroup" _.ConsumerGroup
                and! clientId = OptionalField.text "clientId" _.ClientId
                and! messageId = OptionalField.text "msgId" _.MessageId
                and! brokerName = OptionalField.text "brokerName" _.BrokerName
                and! topic = OptionalField.text "topic" _.Topic
                and! topicSysFlag = OptionalField.int32 "topicSysFlag" _.TopicSysFlag
                and! groupSysFlag = OptionalField.int32 "groupSysFlag" _.GroupSysFlag
                and! record = Body.bytes _.Record

                return
                    {
                        ConsumerGroup = group
                        ClientId = clientId
                        MessageId = messageId
                        BrokerName = brokerName
                        Topic = topic
                        TopicSysFlag = topicSysFlag
                        GroupSysFlag = groupSysFlag
                        Record = record
                    }
            },
            Answers.json
                "direct consumption"
                (object<DirectConsumptionResult> {
                    let! isAutoCommit = Member.boolean "autoCommit" _.IsAutoCommit
                    and! outcome = Member.sometimes "consumeResult" outcomes _.Outcome
                    and! isOrderly = Member.boolean "order" _.IsOrderly
                    and! remark = Member.optionalText "remark" _.Remark
                    and! spentMillis = Member.int64 "spentTimeMills" _.SpentMillis

                    return
                        {
                            IsOrderly = isOrderly
                            IsAutoCommit = isAutoCommit
                            Outcome = outcome
                            Remark = remark
                            SpentMillis = spentMillis
                        }
                })
        )
