namespace RocketMq

open RocketMq.Protocol

type internal RebalanceEvent =
    /// The topic is subscribed to from now on. Routes of other topics are no news.
    | TopicSubscribed of topic: string
    /// The topic is not subscribed to any more.
    | TopicUnsubscribed of topic: string
    /// The queues of a topic that can be read now. None at all counts as no news.
    | RouteKnown of topic: string * queues: MessageQueue list
    /// The client ids of the group's members, which brokers say of these topics, each of them once. None at all counts as `MembersUnknown`.
    | MembersKnown of topics: string list * members: string list
    /// The members, or what brokers assign, could not be queried: the assignment stays as it is.
    | MembersUnknown of topic: string
    /// What brokers assign to this member of a topic, and how each queue is read. None at all is an assignment too.
    | AssignmentsKnown of topic: string * assignments: Assignment list
    /// The brokers of a topic assign no queues: they know no such request. The members share the queues by themselves.
    | AssignmentsUnsupported of topic: string
    /// A broker says that members came or went.
    | MembersChanged
    /// Time to rebalance: every 20 s, as in Java.
    | RebalanceDue
    /// All queues are given up, for good.
    | StopRequested

type internal RebalanceEffect =
    /// Query a broker of the topic for the members, and report the answer.
    | QueryMembers of topic: string
    /// Query a broker of the topic for what it assigns to this member, and report the answer.
    | QueryAssignments of topic: string
    /// The queue is this member's from now on.
    | Assign of MessageQueue
    /// The queue is not this member's any more.
    | Revoke of MessageQueue
    /// These are popped of the topic, and nothing else of it: queues, or all of a broker's with the id -1.
    | PopQueues of topic: string * MessageQueue list
    /// How brokers hand the topic out to this member: for the first time, or otherwise than before.
    | FollowMode of topic: string * RequestMode
