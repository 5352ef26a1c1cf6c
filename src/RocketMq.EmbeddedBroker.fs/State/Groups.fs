namespace RocketMq.Embedded

open System
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq

/// Consumer groups: who is in them, and what they subscribe to.
module internal Groups =
    /// Groups of the system exist everywhere. Source: isSysConsumerGroup of MixAll.java.
    let private isSystem (name: string) =
        name.StartsWith("CID_RMQ_SYS_", StringComparison.Ordinal)

    let private exists name (state: BrokerState) =
        state.Settings.AutoCreateGroups
        || state.Store.Groups.ContainsKey name
        || isSystem name

    /// The settings of a group; of one that was not made those of a new one.
    let configOf name (state: BrokerState) : SubscriptionGroup =
        match Map.tryFind name state.Store.Groups with
        | Some group -> group
        | None -> SubscriptionGroups.create name

    /// Makes a group that is used for the first time, where brokers make groups by themselves. A slave gets it from its
    /// master. Source: findSubscriptionGroupConfig of SubscriptionGroupManager.java.
    let ensure name (state: BrokerState) : BrokerState =
        if
            state.Store.Groups.ContainsKey name
            || state.Settings.BrokerId <> 0L
            || not (exists name state)
            || (Names.checkGroup name).IsError
        then
            state
        else
            { state with
                Store = StoredSettings.withGroup (SubscriptionGroups.create name) state.Store
            }

    /// Why a group does not exist.
    let checkExists name (state: BrokerState) : Result<unit, ResponseCode * string> =
        if exists name state then
            Ok()
        else
            Error(ResponseCode.SubscriptionGroupNotExist, $"subscription group [{name}] does not exist")

    /// Why a group is served nothing. Source: PullMessageProcessor.java.
    let check name (state: BrokerState) : Result<unit, ResponseCode * string> =
        match Map.tryFind name state.Store.Groups with
        | Some group when group.IsConsumeEnabled -> Ok()
        | Some _ -> Error(ResponseCode.NoPermission, $"subscription group no permission, {name}")
        | None -> checkExists name state

    /// The bit that forbids a group to read a topic.
    let readForbidden = 0x4

    /// What is forbidden to a group of a topic, in bits.
    let forbiddenOf name topic (state: BrokerState) : int =
        Map.tryFind name state.Store.Forbidden
        |> Option.bind (Map.tryFind topic)
        |> Option.defaultValue 0

    let private withGroups groups (state: BrokerState) = { state with Groups = groups }

    /// Has the members share the queues again. Those of a broadcasting group share nothing.
    let private notifyAll name (group: ConsumerGroup) =
        match group.Model with
        | MessageModel.Broadcasting -> []
        | MessageModel.Clustering ->
            let command = ConsumerOffsets.membersChanged.OneWay name

            group.Members
            |> Map.toList
            |> List.map (fun (connection, _) -> Push(connection, command))

    /// The same, unless the group's settings say that its members are not notified.
    let private notify name (group: ConsumerGroup) (state: BrokerState) =
        if (configOf name state).NotifiesMembers then
            notifyAll name group
        else
            []

    let private note (state: BrokerState) note = Note(state.Settings.BrokerName, note)

    let private isAlike (one: Subscription) (other: Subscription) =
        one.ExpressionType = other.ExpressionType && one.Expression = other.Expression

    /// What holds of one topic after a heartbeat, with what is to be said of it. The younger subscription holds, as members
    /// that have not heard of a change yet go on to send the old one.
    let private newer (membership: ConsumerMembership) (known: Map<string, Subscription>) (reported: Subscription) =
        match Map.tryFind reported.Topic known with
        | None -> reported, [ SubscriptionAdded(membership.Group, reported) ]
        | Some known when known.Version >= reported.Version ->
            known,
            (if isAlike known reported then
                 []
             else
                 [ SubscriptionIgnored(membership.Group, known, reported) ])
        | Some known ->
            reported,
            (if membership.Type = ConsumeType.ConsumePassively then
                 [ SubscriptionReplaced(membership.Group, known, reported) ]
             else
                 [])

    /// One table for the whole group: the heartbeat's topics and no others. Source: updateSubscription of
    /// ConsumerGroupInfo.java.
    let private subscriptionsAfter (membership: ConsumerMembership) (known: Map<string, Subscription>) =
        let judged = membership.Subscriptions |> List.map (newer membership known)

        let subscriptions =
            judged
            |> List.map (fun (subscription, _) -> subscription.Topic, subscription)
            |> Map.ofList

        let removed =
            known
            |> Map.filter (fun topic _ -> not (subscriptions.ContainsKey topic))
            |> Map.values
            |> Seq.map (fun subscription -> SubscriptionRemoved(membership.Group, subscription))

        subscriptions, List.collect snd judged @ List.ofSeq removed

    /// What the heartbeat says otherwise of the whole group. The latest holds, and brokers of Java's do not speak of it.
    let private settingNotes (membership: ConsumerMembership) (known: ConsumerGroup) =
        [
            if known.Type <> membership.Type then
                GroupChanged(membership.Group, "consume type", string known.Type, string membership.Type)
            if known.Model <> membership.Model then
                GroupChanged(membership.Group, "message model", string known.Model, string membership.Model)
            if known.Start <> membership.Start then
                GroupChanged(membership.Group, "place to start from", string known.Start, string membership.Start)
        ]

    let private memberNotes connection clientId (membership: ConsumerMembership) (known: ConsumerGroup) =
        [
            if not (known.Members.ContainsKey connection) then
                ConsumerJoined(membership.Group, clientId)

                if known.Members |> Map.exists (fun _ other -> other = clientId) then
                    ClientIdShared(membership.Group, clientId)
        ]

    let private topicsOf (subscriptions: Map<string, Subscription>) = subscriptions |> Map.keys |> Set.ofSeq

    let private firstOf (membership: ConsumerMembership) : ConsumerGroup =
        {
            Members = Map.empty
            Subscriptions = Map.empty
            Type = membership.Type
            Model = membership.Model
            Start = membership.Start
        }

    /// Takes in what a member's heartbeat says of one group. A new member, or other topics, are told to all members.
    let private join connection clientId isWithoutSubscriptions (membership: ConsumerMembership) (state: BrokerState) =
        let known =
            Map.tryFind membership.Group state.Groups
            |> Option.defaultWith (fun () -> firstOf membership)

        let subscriptions, notes =
            if isWithoutSubscriptions then
                known.Subscriptions, []
            else
                subscriptionsAfter membership known.Subscriptions

        let group: ConsumerGroup =
            {
                Members = Map.add connection clientId known.Members
                Subscriptions = subscriptions
                Type = membership.Type
                Model = membership.Model
                Start = membership.Start
            }

        let isOtherwise =
            not (known.Members.ContainsKey connection)
            || topicsOf group.Subscriptions <> topicsOf known.Subscriptions

        let notes =
            memberNotes connection clientId membership known
            @ settingNotes membership known
            @ notes

        withGroups (Map.add membership.Group group state.Groups) state,
        List.map (note state) notes
        @ (if isOtherwise then
               notify membership.Group group state
           else
               [])

    /// Messages that are sent back will lie here. A slave gets the topic from its master.
    let private withRetryTopic (membership: ConsumerMembership) (state: BrokerState) =
        if state.Settings.BrokerId = 0L then
            { state with
                Store =
                    RetryTopics.ensure
                        (RetryTopics.retryOf membership.Group)
                        (max 0 (configOf membership.Group state).RetryQueues)
                        state.Store
            }
        else
            state

    /// Takes in what a heartbeat says of groups. Groups that it does not speak of stay as they are: a member leaves with a
    /// request of its own. One that does not exist is passed over without a word, as by 5.x; 4.9 takes its members in.
    /// Source: ClientManageProcessor.java.
    let heartbeat connection (heartbeat: Heartbeat) (state: BrokerState) =
        // Without a fingerprint it is a heartbeat as it always was; 4.x knows neither.
        let isWithoutSubscriptions =
            heartbeat.IsWithoutSubscriptions = Some true
            && defaultArg heartbeat.Fingerprint 0 <> 0
            && not state.Settings.IsBefore5

        ((state, []),
         heartbeat.Consumers
         |> List.filter (fun membership -> exists membership.Group state))
        ||> List.fold (fun (state, effects) membership ->
            let state, pushes =
                ensure membership.Group state
                |> withRetryTopic membership
                |> join connection heartbeat.ClientId isWithoutSubscriptions membership

            state, effects @ pushes)

    /// Takes a member out of one group. The last one takes the group's subscriptions with it.
    let private leave why connection name (state: BrokerState) =
        match Map.tryFind name state.Groups with
        | Some group when group.Members.ContainsKey connection ->
            let left = note state (ConsumerLeft(name, group.Members[connection], why))

            let group =
                { group with
                    Members = Map.remove connection group.Members
                }

            if group.Members.IsEmpty then
                withGroups (Map.remove name state.Groups) state, [ left ]
            else
                let pushes =
                    match why with
                    | HasUnregistered -> notify name group state
                    | HasDisconnected
                    | HasBeenSilent -> notifyAll name group

                withGroups (Map.add name group state.Groups) state, left :: pushes
        | _ -> state, []

    /// Takes a member out of one group, as it asks for. As in Java (5.x) the others are told even if it was none.
    let unregister connection name (state: BrokerState) =
        match Map.tryFind name state.Groups with
        | Some group when not (group.Members.ContainsKey connection) -> state, notify name group state
        | _ -> leave HasUnregistered connection name state

    /// Takes a member out of all groups.
    let leaveAll why connection (state: BrokerState) =
        ((state, []), state.Groups.Keys)
        ||> Seq.fold (fun (state, effects) name ->
            let state, pushes = leave why connection name state
            state, effects @ pushes)

    /// The client ids of a group's members, one for each connection: an id that two connections have is there twice.
    /// Source: getAllClientId of ConsumerGroupInfo.java.
    let clientIds name (state: BrokerState) : string list =
        match Map.tryFind name state.Groups with
        | Some group -> List.ofSeq group.Members.Values
        | None -> []

    /// The connection of a member; the latest if it has several.
    let tryConnection name clientId (state: BrokerState) : int voption =
        match Map.tryFind name state.Groups with
        | Some group ->
            group.Members
            |> Map.toSeq
            |> Seq.filter (fun (_, member') -> member' = clientId)
            |> Seq.tryLast
            |> Option.map fst
            |> Option.toValueOption
        | None -> ValueNone

    /// What a group's members said they want of a topic, if it is not older than what the asking one knows.
    let subscription name topic version (state: BrokerState) : Result<Subscription, ResponseCode * string> =
        match Map.tryFind name state.Groups with
        | None -> Error(ResponseCode.SubscriptionNotExist, $"the consumer's group info not exist: {name}")
        | Some group when
            group.Model = MessageModel.Broadcasting
            && not (configOf name state).IsBroadcastEnabled
            ->
            Error(ResponseCode.NoPermission, $"the consumer group[{name}] can not consume by broadcast way")
        | Some _ when forbiddenOf name topic state &&& readForbidden <> 0 ->
            Error(ResponseCode.NoPermission, invariant $"the consumer group[{name}] is forbidden for topic[{topic}]")
        | Some group ->
            match Map.tryFind topic group.Subscriptions with
            | None ->
                Error(ResponseCode.SubscriptionNotExist, $"the consumer's subscription not exist: {name} of {topic}")
            | Some subscription when subscription.Version < version ->
                Error(ResponseCode.SubscriptionNotLatest, $"the consumer's subscription not latest: {name} of {topic}")
            | Some subscription -> Ok subscription
