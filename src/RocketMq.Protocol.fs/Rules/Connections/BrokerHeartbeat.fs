namespace RocketMq.Protocol

/// A heartbeat as it was sent, and what the broker said to it.
type internal HeartbeatOutcome =
    {
        Groups: ConsumerMembership list
        WithSubscriptions: bool
        /// The connection, if it was the same before the heartbeat and after its answer.
        Session: int voption
        /// The broker takes heartbeats without subscriptions.
        IsSupported: bool
        /// The broker has heard another fingerprint of one of the groups since this client's last heartbeat.
        IsChanged: bool
    }

/// What a broker knows of the groups of this client, by its answers to heartbeats.
type internal BrokerHeartbeat =
    {
        /// The broker has taken in these groups with their subscriptions, over this connection, and nothing has happened since that
        /// could have changed that.
        Known: struct (int * ConsumerMembership list) voption
        /// Heartbeats that have no answer yet.
        InFlight: int
        /// Something else was sent while one of them was: which the broker took in last is not known.
        HasOverlap: bool
    }

type internal BrokerHeartbeatEvent =
    /// A heartbeat is due, over this connection if there is one.
    | HeartbeatDue of session: int voption * groups: ConsumerMembership list
    | HeartbeatAnswered of HeartbeatOutcome
    /// Nobody knows whether the broker has taken it in.
    | HeartbeatFailed
    /// The broker may not know what it did: the client leaves a group, or the broker has refused a request of a group for want of a
    /// subscription.
    | HeartbeatDoubted

type internal BrokerHeartbeatEffect =
    | SendWithSubscriptions
    | SendWithoutSubscriptions
    /// The broker knows less than was thought: a heartbeat is due now.
    | SendAgain

/// Whether a heartbeat may leave the subscriptions out (version 2 of heartbeats, brokers of 5.x). Such a heartbeat of a group that the
/// broker does not know makes it one without subscriptions, and the broker does not complain of that; so subscriptions are left out only
/// after an answer over the same connection, and after nothing that could have lost them. Sources: ClientManageProcessor.java,
/// ConsumerManager.java (registerConsumerWithoutSub), MQClientInstance.java (sendHeartbeatToBrokerV2).
module internal BrokerHeartbeat =
    let initial: BrokerHeartbeat =
        {
            Known = ValueNone
            InFlight = 0
            HasOverlap = false
        }

    let private due session groups (state: BrokerHeartbeat) =
        let isKnown =
            match session, state.Known with
            | ValueSome session, ValueSome(struct (knownSession, known)) -> session = knownSession && groups = known
            | _ -> false

        let isAlone = state.InFlight = 0

        { state with
            InFlight = state.InFlight + 1
            HasOverlap = state.HasOverlap || not isAlone
        },
        [
            if isKnown && isAlone then
                SendWithoutSubscriptions
            else
                SendWithSubscriptions
        ]

    let private ended known (state: BrokerHeartbeat) =
        let inFlight = max 0 (state.InFlight - 1)

        { state with
            Known = known
            InFlight = inFlight
            HasOverlap = state.HasOverlap && inFlight > 0
        }

    /// What is known after an answer.
    let private knownAfter (outcome: HeartbeatOutcome) (state: BrokerHeartbeat) =
        match outcome.Session with
        | ValueSome session when outcome.IsSupported && not outcome.IsChanged && not state.HasOverlap ->
            if outcome.WithSubscriptions then
                ValueSome(struct (session, outcome.Groups))
            else
                state.Known
        | _ -> ValueNone

    let transition (state: BrokerHeartbeat) (event: BrokerHeartbeatEvent) =
        match event with
        | HeartbeatDue(session, groups) -> due session groups state
        | HeartbeatFailed -> ended ValueNone state, []
        | HeartbeatDoubted ->
            { state with
                Known = ValueNone
                HasOverlap = state.InFlight > 0
            },
            []
        | HeartbeatAnswered outcome ->
            let known = knownAfter outcome state

            ended known state,
            [
                if known.IsNone && not outcome.WithSubscriptions then
                    SendAgain
            ]

/// What brokers compare of heartbeats (version 2). Members that subscribe alike have the same.
module internal HeartbeatFingerprint =
    /// FNV-1a, of the UTF-16 characters.
    let private add (hash: uint32) (text: string) : uint32 =
        let mutable hash = hash

        for char in text do
            hash <- (hash ^^^ uint32 char) * 16777619u

        // Ends the text, so that "a", "bc" differs from "ab", "c".
        (hash ^^^ 0xFFFFu) * 16777619u

    let private addSubscription hash (subscription: Subscription) =
        [ subscription.Topic; subscription.ExpressionType; subscription.Expression ]
        |> List.fold add hash

    let private addGroup hash (membership: ConsumerMembership) =
        let hash = add hash membership.Group

        membership.Subscriptions
        |> List.sortBy (fun subscription -> struct (subscription.Topic, subscription.Expression))
        |> List.fold addSubscription hash

    /// Of all groups of consumers, with what they subscribe to, in whatever order and since whenever. Never 0, which means that there is
    /// none.
    let compute (memberships: ConsumerMembership list) : int =
        match memberships |> List.sortBy _.Group |> List.fold addGroup 2166136261u |> int with
        | 0 -> 1
        | fingerprint -> fingerprint
