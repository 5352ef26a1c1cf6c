namespace RocketMq.Embedded

open RocketMq.Protocol

/// One server of a cluster, by its place among those of its kind, from 0.
[<Struct>]
type internal ServerId =
    | NameServerAt of nameServer: int
    | BrokerAt of broker: int

/// How a broker goes.
type internal Going =
    /// It tells the name servers.
    | Graceful
    /// Name servers keep it until they have not heard of it for too long.
    | Crash

type internal ClusterEvent =
    | At of ServerId * BrokerEvent
    /// A client has answered what a broker's `Call` asked it, or will not any more.
    | CallAnswered of Ticket * answer: RemotingCommand voption
    /// Time has passed, for all.
    | ClusterTicked
    | ServerStopped of ServerId * Going
    | ServerStarted of ServerId

type internal NameServerMember =
    {
        Names: NameServerState
        IsRunning: bool
    }

type internal BrokerMember =
    {
        State: BrokerState
        IsRunning: bool
        /// Of a slave: its master's place.
        Master: int voption
        /// Of a master: the places of its slaves.
        Slaves: int list
        /// Of a slave: when it takes over what its master has. None if it has all of it, or no server runs to have it from.
        CopyDueMillis: int64 voption
    }

/// Name servers and brokers that know each other.
type internal ClusterState =
    {
        NameServers: Map<int, NameServerMember>
        Brokers: Map<int, BrokerMember>
        /// How long after something new came to a master its slaves take over what it has; 0 is at once.
        CopyMillis: int64
    }
