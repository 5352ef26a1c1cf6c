namespace RocketMq.Embedded

open System
open System.Net
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// A request and where it came from.
type internal Arrival =
    {
        Connection: int
        Peer: Host
        Ticket: Ticket
        Command: RemotingCommand
    }

type internal BrokerEvent =
    | Arrived of Arrival
    /// A connection ended, and with it all that its client was known for.
    | Left of connection: int
    /// Time has passed.
    | Ticked
    /// Some requests are to meet a fault.
    | Faulted of RequestRule
    /// No request is to meet a fault any more.
    | Healed
    /// Nothing is known of clients any more, though they are there.
    | ClientsForgotten
    /// The broker has been started: nothing is known of clients, and figures begin again.
    | Restarted
    /// Clients are told from now on that the broker is there.
    | Advertised of address: string
    /// A client has answered what `Call` asked it, or will not any more.
    | CallEnded of Ticket * answer: RemotingCommand voption

type internal BrokerEffect =
    | Reply of Ticket * RemotingCommand
    /// This one will not be answered.
    | Forget of Ticket
    /// A request to a client, one-way.
    | Push of connection: int * RemotingCommand
    /// A request to a client whose answer is to be told by `CallEnded` of the same ticket.
    | Call of Ticket * connection: int * RemotingCommand
    /// A line for the log.
    | Note of brokerName: string * BrokerNote

/// A pull that waits for a message.
type internal ParkedPull =
    {
        Arrival: Arrival
        Pull: PullRequest
        /// Which messages wake it.
        Matches: StoredRecord -> bool
        DeadlineMillis: int64
    }

/// A pop that waits for a message.
type internal ParkedPop =
    {
        Arrival: Arrival
        Pop: PopRequest
        Matches: StoredRecord -> bool
        DeadlineMillis: int64
    }

/// What pops have in common of which one gets what another one gets. In order they do not, for their attempts.
type internal PopKind =
    {
        ConsumerGroup: string
        Topic: string
        QueueId: int
        IsOrderly: bool
        ExpressionType: string option
        Expression: string option
    }

/// Pops that wait for a message.
type internal ParkedPops =
    {
        Waits: Waits<PopKind, ParkedPop>
        /// How many there are of each kind, by the topics whose messages they wait for.
        Kinds: Map<string, Map<PopKind, int>>
    }

/// What a broker knows of popping.
type internal PopState =
    {
        Checkpoints: PopCheckpoints
        Parked: ParkedPops
        /// How many pops there were. Decides where the next one looks first.
        Served: int
        /// How messages come to a group, by topic and group, where that was set.
        Modes: Map<string * string, RequestModeSetting>
        /// The queues of topics on all brokers, as far as clients have asked.
        Queues: Map<string, MessageQueue list>
    }

/// A reply on its way to the client that waits for it. Who sent the reply is answered when that client has answered.
type internal PassingReply =
    {
        Arrival: Arrival
        /// As it will be kept.
        Incoming: Incoming
        Requester: string
    }

/// Members of a group that are asked one after the other where they stand.
type internal MembersQuery =
    {
        Arrival: Arrival
        Query: MemberOffsetsQuery
        /// Connections and client ids, the first of whom is being asked.
        Waiting: (int * string) list
        /// By client id.
        Found: Map<string, Map<MessageQueue, int64>>
    }

/// A request of an operator that consumers answer.
type internal ClientCall =
    /// Passed on to one consumer, whose answer is passed back.
    | Relayed of Arrival * consumer: string
    | Gathered of query: MembersQuery

    member call.Arrival =
        match call with
        | Relayed(arrival, _) -> arrival
        | Gathered query -> query.Arrival

/// What is to become of an answer.
type internal FateKind =
    | IsLost
    | ComesLate of TimeSpan

/// What is to become of the answer to one request.
type internal FaultOutcome = { Connection: int; Kind: FateKind }

/// An answer that waits for its time.
type internal LateAnswer =
    {
        Ticket: Ticket
        Connection: int
        Answer: RemotingCommand
        DueMillis: int64
    }

/// The faults that requests to one server meet.
type internal FaultState =
    {
        /// The oldest first.
        Rules: RequestRule list
        /// The requests whose answers meet a fault when they are made.
        FaultInjection: Map<Ticket, FaultOutcome>
        /// The latest first.
        Late: LateAnswer list
    }

/// What a client's heartbeat came with.
type internal ClientPeer =
    {
        Address: Host
        Language: LanguageCode
        Version: int
        /// For how long it has not been heard of, at the last look.
        SilentMillis: int64
        /// When its last heartbeat came, in milliseconds since 1970.
        HeartbeatMillis: int64
    }

type internal BrokerSettings =
    {
        ClusterName: string
        BrokerName: string
        /// 0 is a master. A slave has the name of its master.
        BrokerId: int64
        /// As clients are told, "host:port".
        BrokerAddress: string
        /// Queues of a topic that is made by the first send to it, at most.
        MaxNewTopicQueues: int
        AutoCreateTopics: bool
        /// As `autoCreateSubscriptionGroup`: whether a group exists that was not created.
        AutoCreateGroups: bool
        Checks: CheckSettings
        /// Of pops; 0 is then no time at which they come.
        TakesBornTimeAsSent: bool
        Limits: StoreLimits
        /// As `slaveReadEnable`: consumers are sent to a slave for what is not in memory.
        SlaveReads: bool
        /// As `brokerPermission`, in bits: 2 write, 4 read.
        Permission: int
        /// The release that it is for administrators, see `ProtocolVersion`.
        Version: int
    }

    /// 4.x does not know all that administrators ask, and has other codes for some refusals.
    member settings.IsBefore5 = settings.Version < ProtocolVersion.ofRelease 5 0 0

type internal BrokerState =
    {
        Settings: BrokerSettings
        Store: Store
        /// What each connection's heartbeat said last.
        Clients: Map<int, Heartbeat>
        /// Who sent these heartbeats.
        Peers: Map<int, ClientPeer>
        /// When to look next who has been silent. None while there are no clients.
        NextLookMillis: int64 voption
        Groups: Map<string, ConsumerGroup>
        /// By group: the fingerprint of the last heartbeat that named it, 0 if it had none.
        Fingerprints: Map<string, int>
        /// As they were given; those that were not renewed in time are still there.
        Locks: Map<LockedQueue, QueueLock>
        /// By the queue that they wait at.
        Parked: Waits<TopicQueue, ParkedPull>
        Faults: FaultState
        /// Of a slave: its master runs.
        HasMaster: bool
        Scheduled: ScheduledMessages
        Transactions: OpenTransactions
        Replies: Map<Ticket, PassingReply>
        Calls: Map<Ticket, ClientCall>
        Pops: PopState
        /// Figures for administrators, by which nothing is decided. The one thing here that changes by itself.
        Statistics: BrokerStatistics
        /// Settings that have no effect here, as administrators have changed them, by name.
        Configured: Map<string, string>
        /// How often administrators have changed settings, and when last.
        ConfigVersion: DataVersion
        /// How this broker and its replicas stand, when it is asked for.
        Replication: ReplicationStatus option
    }
