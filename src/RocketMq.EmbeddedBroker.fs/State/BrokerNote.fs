namespace RocketMq.Embedded

open RocketMq.Protocol

/// Why a consumer is no member of its group any more.
type internal Departing =
    /// It has said so.
    | HasUnregistered
    | HasDisconnected
    /// It was not heard of for too long.
    | HasBeenSilent

/// A thing about its consumers that a broker's log says.
type internal BrokerNote =
    | ConsumerJoined of group: string * clientId: string
    /// Another connection has the same client id.
    | ClientIdShared of group: string * clientId: string
    | ConsumerLeft of group: string * clientId: string * Departing
    | SubscriptionAdded of group: string * Subscription
    | SubscriptionReplaced of group: string * before: Subscription * after: Subscription
    /// A heartbeat of the group does not name the topic any more.
    | SubscriptionRemoved of group: string * Subscription
    /// A heartbeat has another subscription of a topic, and no newer one: the one that is known holds.
    | SubscriptionIgnored of group: string * known: Subscription * ignored: Subscription
    /// A heartbeat says otherwise how the whole group consumes.
    | GroupChanged of group: string * setting: string * before: string * after: string
