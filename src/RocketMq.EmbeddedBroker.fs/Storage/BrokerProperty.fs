namespace RocketMq.Embedded

/// Names of properties by which producers tell a broker what to do with a message, and what it adds.
/// Source: MessageConst.java.
module internal BrokerProperty =
    let producerGroup = "PGROUP"
    let cluster = "CLUSTER"
    let bornTimestamp = "BORN_TIMESTAMP"

    // Timed messages

    let timerDelaySeconds = "TIMER_DELAY_SEC"
    let timerDelayMillis = "TIMER_DELAY_MS"
    let timerDeliverMillis = "TIMER_DELIVER_MS"
    let timerOutMillis = "TIMER_OUT_MS"
    let timerParkedMillis = "TIMER_ENQUEUE_MS"
    let timerTakenMillis = "TIMER_DEQUEUE_MS"
    let timerRecalled = "TIMER_DEL_UNIQKEY"

    // Transactions

    let isHalf = "TRAN_MSG"
    let transactionId = "__transactionId__"
    let checkImmunitySeconds = "CHECK_IMMUNITY_TIME_IN_SECONDS"
    let checks = "TRANSACTION_CHECK_TIMES"

    // Replies

    let replyTo = "REPLY_TO_CLIENT"
    let pushedMillis = "PUSH_REPLY_TIME"
