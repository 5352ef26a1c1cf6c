namespace RocketMq

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
