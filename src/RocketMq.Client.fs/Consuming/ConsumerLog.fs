namespace RocketMq

open System

/// What consumers log. Bodies and properties never are.
module internal ConsumerLog =
    open LogEvent

    let pullFailed: Event2<MessageQueue, string> = event2 warning 1101 "PullFailed" "Pulling from {Queue} failed: {Reason}"
    let commitFailed: Event2<MessageQueue, string> = event2 warning 1102 "CommitFailed" "Committing the offset of {Queue} failed, the next commit includes it: {Reason}"
    let offsetMoved: Event3<MessageQueue, int64, int64> = event3 warning 1105 "OffsetMoved" "{Queue} has no offset {Offset}: reading continues at {Next}"
    let consumeFailed: Failure4<string, string, int, int64> = failure4 warning 1106 "ConsumeFailed" "The handler of group {Group} failed on {Topic}, queue {QueueId}, offset {Offset}"
    let retriedLocally: Event4<string, int, int64, string> = event4 warning 1107 "RetriedLocally" "The failed message of {Topic}, queue {QueueId}, offset {Offset} cannot be sent back; it is consumed again here: {Reason}"
    let messageDropped: Event4<string, string, int, int64> = event4 warning 1108 "MessageDropped" "The broadcasting group {Group} drops a message that its handler failed on: {Topic}, queue {QueueId}, offset {Offset}"
    let sendBackFailed: Event4<string, int, int64, string> = event4 warning 1109 "SendBackFailed" "The broker refused the message of {Topic}, queue {QueueId}, offset {Offset} that was sent back; a copy goes to the retry topic: {Reason}"
    let queueFailed: Failure1<MessageQueue> = failure1 error 1111 "QueueFailed" "Reading {Queue} failed and is tried again; please report this as a defect"
    let queueNotStarted: Event2<MessageQueue, string> = event2 warning 1112 "QueueNotStarted" "{Queue} cannot be read yet, it is tried again: {Reason}"
    let queueStarted: Event2<MessageQueue, int64> = event2 information 1113 "QueueStarted" "{Queue} is read from offset {Offset} on"
    let queueReleased: Event2<MessageQueue, int64> = event2 information 1114 "QueueReleased" "{Queue} is released, consumed up to offset {Offset}"
    let handlersLeftBehind: Event2<MessageQueue, int> = event2 warning 1115 "HandlersLeftBehind" "{Queue} is released while handlers still have {Messages} messages of it; these will be redelivered"
    let locksNotRenewed: Event2<string, string> = event2 warning 1116 "LocksNotRenewed" "Queue locks of {Broker} were not renewed: {Reason}"
    let lockLost: Event1<MessageQueue> = event1 warning 1117 "LockLost" "The lock of {Queue} is lost: another member may have it"
    let membersUnknown: Event2<string, string> = event2 warning 1118 "MembersUnknown" "The members of group {Group} are not known, its queues stay as they are: {Reason}"
    let offsetReset: Event2<MessageQueue, int64> = event2 information 1119 "OffsetReset" "An administrator has reset {Queue} to offset {Offset}"
    let handlerOverdue: Event3<string, MessageQueue, TimeSpan> = event3 warning 1120 "HandlerOverdue" "A handler of group {Group} with a message of {Queue} has not returned for {Time}; its token is cancelled"
    let queueStuck: Event2<MessageQueue, TimeSpan> = event2 warning 1121 "QueueStuck" "Nothing was pulled of {Queue} for {Time} though there is room; pulling starts again"
    let offsetsDamaged: Event2<string, string> = event2 warning 1122 "OffsetsDamaged" "The offsets in {Path} cannot be read, those saved before them count: {Reason}"
    let offsetTakenOver: Event3<MessageQueue, int64, int64> = event3 warning 1124 "OffsetTakenOver" "Another client has committed an offset of {Queue}: reading continues not at {Offset} but at {NewOffset}"
    let offsetLeftAlone: Event3<MessageQueue, int64, int64> = event3 information 1125 "OffsetLeftAlone" "{Queue}: offset {Offset} is not committed, as another client has committed {Committed} meanwhile"
    let resetRefused: Event2<MessageQueue, int64> = event2 warning 1126 "ResetRefused" "A reset of {Queue} to offset {Offset} is refused: offsets count from 0"
    let resetNotSaved: Event2<MessageQueue, int64> = event2 error 1127 "ResetNotSaved" "The reset of {Queue} to offset {Offset} could not be committed before the queue was released; reset it again"
    let callbackFailed: Failure1<string> = failure1 warning 1128 "CallbackFailed" "A callback of the token of a handler of group {Group} failed"
    let equalClientIds: Event2<string, string> = event2 warning 1129 "EqualClientIds" "Several members of group {Group} have the client id {ClientId}: some queues are read twice, others not at all; give each an instance name of its own"
    let recordDamaged: Event3<MessageQueue, int64, string> = event3 error 1130 "RecordDamaged" "The record of {Queue} at offset {Offset} cannot be read and is skipped: {Reason}"
    let handlersBlock: Event1<string> = event1 warning 1131 "HandlersBlock" "Handlers of group {Group} block their threads, so they are called on threads of their own; have them await, or return their task before they block"
    let accessRefused: Event4<string, string, string, string> = event4 warning 1132 "AccessRefused" "Access control does not let group {Group} consume {Topic} with access key {AccessKey}: {Reason}"
    let subscriptionsDiffer: Event2<string, string> = event2 warning 1133 "SubscriptionsDiffer" "Members of group {Group} subscribe differently, so that each loses messages: {Difference}"
    let topicMissing: Event3<string, string, string> = event3 warning 1134 "TopicMissing" "Group {Group} cannot read topic {Topic} yet and looks for it until it can: {Reason}"
    let topicFound: Event2<string, string> = event2 information 1135 "TopicFound" "Group {Group} has found topic {Topic} and reads it"
    let codecMissing: Event4<string, MessageQueue, int64, string> = event4 error 1148 "CodecMissing" "Group {Group} stops reading {Queue} at offset {Offset}, so that nothing is lost: {Reason}"
    let assignmentUnsupported: Event2<string, string> = event2 warning 1150 "AssignmentUnsupported" "The brokers of {Topic} assign no queues, as those before 5.0: the members of group {Group} share them by themselves"
    let popModeNotFollowed: Event2<string, string> = event2 warning 1151 "PopModeNotFollowed" "Brokers hand {Topic} out to group {Group} by pop, which its consumers in order do not follow: they share the queues by themselves, and pull"
    let modeFollowed: Event3<string, string, string> = event3 information 1152 "ModeFollowed" "Brokers hand {Topic} out to group {Group} by {Mode}"
    let groupMissing: Event2<string, string> = event2 warning 1147 "GroupMissing" "Group {Group} does not exist at {Broker}: none of its members gets messages there until it is created, with mqadmin updateSubGroup, or by a broker with autoCreateSubscriptionGroup"
