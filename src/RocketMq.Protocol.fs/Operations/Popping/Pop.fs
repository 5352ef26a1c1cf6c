namespace RocketMq.Protocol

open System

/// Where a group begins that pops for the first time. Source: ConsumeInitMode.java.
type PopStart =
    | FromMin
    | FromMax

    override one.ToString() =
        match one with
        | FromMin -> "FromMin"
        | FromMax -> "FromMax"

/// Takes messages for a time. Source: PopMessageRequestHeader.java.
type PopRequest =
    {
        ConsumerGroup: string
        Topic: string
        /// -1: any queue.
        QueueId: int
        /// At most 32.
        MaxMessages: int
        /// For how long no other member gets the messages.
        InvisibleTime: TimeSpan
        /// How long the broker may wait for a message. Zero: not at all.
        PollTime: TimeSpan
        /// When the request was made, in milliseconds since 1970. It counts by the broker's clock: a request that is older than
        /// `PollTime` and half a second is refused with `PollingTimeout`. 0: when the broker gets it. Brokers of 5.x that
        /// check permissions take 0 as it is, and refuse it.
        BornTimestamp: int64
        Start: PopStart
        /// "TAG" or "SQL92".
        ExpressionType: string option
        Expression: string option
        IsOrderly: bool option
        /// Makes a repeated orderly request give the same messages.
        AttemptId: string option
    }

/// How a pop ended. Source: PopStatus.java.
[<RequireQualifiedAccess>]
type PopStatus =
    | Popped
    /// Nothing until the end of the wait.
    | NothingToPop
    /// The broker holds as many waiting requests as it can.
    | TooManyPolls
    | NothingYet

    override one.ToString() =
        match one with
        | Popped -> "Popped"
        | NothingToPop -> "NothingToPop"
        | TooManyPolls -> "TooManyPolls"
        | NothingYet -> "NothingYet"

/// Source: PopMessageResponseHeader.java.
type PopAnswer =
    {
        Status: PopStatus
        /// When the broker gave the messages out, in milliseconds since 1970.
        PopTimestamp: int64
        InvisibleTime: TimeSpan
        /// 999: orderly.
        ReviveQueueId: int
        /// Messages left.
        Rest: int64
        /// These three: receipts in part, see the protocol's POP chapter.
        StartOffsets: string option
        MessageOffsets: string option
        OrderCounts: string option
        /// See `MessageCodec`.
        Records: ReadOnlyMemory<byte>
    }

/// Source: PeekMessageRequestHeader.java.
type PeekRequest =
    {
        Topic: string
        QueueId: int
        MaxMessages: int
        ConsumerGroup: string
    }

/// Source: NotificationRequestHeader.java.
type PopNotificationRequest =
    {
        ConsumerGroup: string
        Topic: string
        QueueId: int
        PollTime: TimeSpan
        BornTimestamp: int64
        IsOrderly: bool option
        AttemptId: string option
    }

/// Whether there is a message to pop.
type PopNotification =
    {
        HasMessages: bool
        IsPollingFull: bool option
    }

/// Consuming message by message, since 5.0. The codes of this family do not fit the binary header: they go as JSON.
module Pop =
    let private starts = [ "0", FromMin; "1", FromMax ]

    let private statuses =
        [
            ResponseCode.Success, PopStatus.Popped
            ResponseCode.PollingTimeout, PopStatus.NothingToPop
            ResponseCode.PollingFull, PopStatus.TooManyPolls
            ResponseCode.PullNotFound, PopStatus.NothingYet
        ]

    /// The code of a wait that found nothing also refuses requests that are too old; only the remark tells them apart.
    /// Source: PopMessageProcessor.java.
    let private isTooOld (answer: RemotingCommand) =
        answer.ResponseCode = ResponseCode.PollingTimeout
        && (Option.defaultValue "" answer.Remark).Contains("timeout too much", StringComparison.Ordinal)

    /// PullNotFound and PollingFull come without fields.
    let private answer =
        let number name get : FieldCodec<PopAnswer, int64> =
            let usual = Field.int64 name get

            {
                Put = usual.Put
                Take =
                    fun command ->
                        if Fields.contains name command.Fields then
                            usual.Take command
                        else
                            Ok 0L
            }

        Answers.among
            statuses
            (layout<PopAnswer> {
                let! status = Answers.status statuses _.Status
                and! popTimestamp = number "popTime" _.PopTimestamp

                and! invisibleMillis =
                    number "invisibleTime" (fun answer -> int64 answer.InvisibleTime.TotalMilliseconds)

                and! reviveQueueId = number "reviveQid" (fun answer -> int64 answer.ReviveQueueId)
                and! rest = number "restNum" _.Rest
                and! startOffsets = OptionalField.text "startOffsetInfo" _.StartOffsets
                and! messageOffsets = OptionalField.text "msgOffsetInfo" _.MessageOffsets
                and! orderCounts = OptionalField.text "orderCountInfo" _.OrderCounts
                and! records = Body.bytes _.Records

                return
                    {
                        Status = status
                        PopTimestamp = popTimestamp
                        InvisibleTime = TimeSpan.FromMilliseconds(float invisibleMillis)
                        ReviveQueueId = int reviveQueueId
                        Rest = rest
                        StartOffsets = startOffsets
                        MessageOffsets = messageOffsets
                        OrderCounts = orderCounts
                        Records = records
                    }
            })
        |> Answers.unless isTooOld

    /// POP_MESSAGE (200050).
    let messages =
        Operation(
            RequestCode.PopMessage,
            layout<PopRequest> {
                let! group = Field.group "consumerGroup" _.ConsumerGroup
                and! topic = Field.topic "topic" _.Topic
                and! queueId = Field.int32 "queueId" _.QueueId
                and! maxMessages = Field.int32 "maxMsgNums" _.MaxMessages
                and! invisibleTime = Field.milliseconds "invisibleTime" _.InvisibleTime
                and! pollTime = Field.milliseconds "pollTime" _.PollTime
                and! born = Field.int64 "bornTime" _.BornTimestamp
                and! start = Field.choice "initMode" starts _.Start
                and! expressionType = OptionalField.text "expType" _.ExpressionType
                and! expression = OptionalField.text "exp" _.Expression
                and! isOrderly = OptionalField.boolean "order" _.IsOrderly
                and! attemptId = OptionalField.text "attemptId" _.AttemptId

                return
                    {
                        ConsumerGroup = group
                        Topic = topic
                        QueueId = queueId
                        MaxMessages = maxMessages
                        InvisibleTime = invisibleTime
                        PollTime = pollTime
                        BornTimestamp = born
                        Start = start
                        ExpressionType = expressionType
                        Expression = expression
                        IsOrderly = isOrderly
                        AttemptId = attemptId
                    }
            },
            answer
        )

    /// PEEK_MESSAGE (200052): messages that stay visible. Only the rest is set in the answer.
    let peek =
        Operation(
            RequestCode.PeekMessage,
            layout<PeekRequest> {
                let! topic = Field.topic "topic" _.Topic
                and! queueId = Field.int32 "queueId" _.QueueId
                and! maxMessages = Field.int32 "maxMsgNums" _.MaxMessages
                and! group = Field.group "consumerGroup" _.ConsumerGroup

                return
                    {
                        Topic = topic
                        QueueId = queueId
                        MaxMessages = maxMessages
                        ConsumerGroup = group
                    }
            },
            answer
        )

    /// NOTIFICATION (200054): waits until there is something to pop.
    let await =
        Operation(
            RequestCode.Notification,
            layout<PopNotificationRequest> {
                let! group = Field.group "consumerGroup" _.ConsumerGroup
                and! topic = Field.topic "topic" _.Topic
                and! queueId = Field.int32 "queueId" _.QueueId
                and! pollTime = Field.milliseconds "pollTime" _.PollTime
                and! born = Field.int64 "bornTime" _.BornTimestamp
                and! isOrderly = OptionalField.boolean "order" _.IsOrderly
                and! attemptId = OptionalField.text "attemptId" _.AttemptId

                return
                    {
                        ConsumerGroup = group
                        Topic = topic
                        QueueId = queueId
                        PollTime = pollTime
                        BornTimestamp = born
                        IsOrderly = isOrderly
                        AttemptId = attemptId
                    }
            },
            Answers.ok (
                layout<PopNotification> {
                    let! hasMessages = Field.boolean "hasMsg" _.HasMessages
                    and! isFull = OptionalField.boolean "pollingFull" _.IsPollingFull

                    return
                        {
                            HasMessages = hasMessages
                            IsPollingFull = isFull
                        }
                }
            )
        )

    /// POLLING_INFO (200055): how many requests wait for messages of one queue.
    let waiting =
        Operation(RequestCode.PollingInfo, Offsets.groupQueue, Answers.ok (Layout.int32 "pollingNum"))

    /// POP_ROLLBACK (200056): back from the store in RocksDB to the one in files.
    let rollback = Operation(RequestCode.PopRollback, Layout.nothing, Answers.nothing)
