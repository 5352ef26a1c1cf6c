namespace RocketMq

/// What consumers that pop log. Bodies and properties never are.
module internal PopLog =
    open LogEvent

    let popFailed: Event2<MessageQueue, string> = event2 warning 1141 "PopFailed" "Popping from {Queue} failed: {Reason}"
    let poppingFailed: Failure1<MessageQueue> = failure1 error 1142 "PoppingFailed" "Popping from {Queue} failed and is tried again; please report this as a defect"
    let receiptLost: Event1<string> = event1 warning 1143 "ReceiptLost" "Message {MessageId} could not be acknowledged, nor its invisible time changed, in time; it will be redelivered"
    let assignmentFailed: Event3<string, string, string> = event3 warning 1144 "AssignmentFailed" "No broker says what group {Group} may pop of {Topic}: {Reason}"
    let modeIsPull: Event2<string, string> = event2 error 1145 "ModeIsPull" "Group {Group} may not pop {Topic} any more, its mode at the brokers is pull; nothing of it is consumed until it may"
    let codecMissing: Event4<string, MessageQueue, string, string> = event4 error 1149 "PopCodecMissing" "Group {Group} stops popping from {Queue} at message {MessageId}, which stays at the broker: {Reason}"
    let noDeadLetters: Event2<string, string> = event2 warning 1146 "NoDeadLetters" "The handler of group {Group} made message {MessageId} a dead letter; brokers have none of popped messages, so it will be redelivered"
