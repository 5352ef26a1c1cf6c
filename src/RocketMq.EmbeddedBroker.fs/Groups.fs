namespace RocketMq.Embedded

open RocketMq.Protocol

/// Consumer groups: who is in them, and what they subscribe to.
module internal Groups =
    let private withGroups groups (state: BrokerState) = { state with Groups = groups }

    /// Has the members share the queues anew. Those of a broadcasting group share nothing.
    let private notify name (group: ConsumerGroup) =
        match group.Model with
        | Broadcasting -> []
        | Clustering ->
            let command = ConsumerPositions.membersChanged.OneWay name

            group.Members
            |> Map.toList
            |> List.map (fun (connection, _) -> Push(connection, command))

    let private newer (subscriptions: Map<string, Subscription>) (subscription: Subscription) =
        match Map.tryFind subscription.Topic subscriptions with
        | Some known when known.Version >= subscription.Version -> known
        | _ -> subscription

    /// The heartbeat's topics and no others. Of one topic the younger subscription holds, as members that have not heard of
    /// a change yet go on to send the old one.
    let private subscriptionsAfter (membership: ConsumerMembership) (known: Map<string, Subscription>) =
        membership.Subscriptions
        |> List.map (newer known)
        |> List.map (fun subscription -> subscription.Topic, subscription)
        |> Map.ofList

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
    let private join connection clientId keepsSubscriptions (membership: ConsumerMembership) (state: BrokerState) =
        let known =
            Map.tryFind membership.Group state.Groups
            |> Option.defaultWith (fun () -> firstOf membership)

        let group: ConsumerGroup =
            {
                Members = Map.add connection clientId known.Members
                Subscriptions =
                    if keepsSubscriptions then
                        known.Subscriptions
                    else
                        subscriptionsAfter membership known.Subscriptions
                Type = membership.Type
                Model = membership.Model
                Start = membership.Start
            }

        let isOtherwise =
            not (known.Members.ContainsKey connection)
            || topicsOf group.Subscriptions <> topicsOf known.Subscriptions

        withGroups (Map.add membership.Group group state.Groups) state,
        (if isOtherwise then notify membership.Group group else [])

    /// Messages that are given back will lie here. A slave gets the topic from its master.
    let private withRetryTopic (membership: ConsumerMembership) (state: BrokerState) =
        if state.Settings.BrokerId = 0L then
            { state with
                Store = RetryTopics.ensure (RetryTopics.retryOf membership.Group) state.Store
            }
        else
            state

    /// Takes in what a heartbeat says of groups. Groups that it does not speak of stay as they are: a member leaves with a
    /// request of its own.
    let heartbeat connection (heartbeat: Heartbeat) (state: BrokerState) =
        let keepsSubscriptions = heartbeat.IsWithoutSubscriptions = Some true

        ((state, []), heartbeat.Consumers)
        ||> List.fold (fun (state, effects) membership ->
            let state, pushes =
                withRetryTopic membership state
                |> join connection heartbeat.ClientId keepsSubscriptions membership

            state, effects @ pushes)

    /// Takes a member out of one group. The last one takes the group's subscriptions with it.
    let leave connection name (state: BrokerState) =
        match Map.tryFind name state.Groups with
        | Some group when group.Members.ContainsKey connection ->
            let group =
                { group with
                    Members = Map.remove connection group.Members
                }

            if group.Members.IsEmpty then
                withGroups (Map.remove name state.Groups) state, []
            else
                withGroups (Map.add name group state.Groups) state, notify name group
        | _ -> state, []

    /// Takes a member out of all groups.
    let leaveAll connection (state: BrokerState) =
        ((state, []), state.Groups.Keys)
        ||> Seq.fold (fun (state, effects) name ->
            let state, pushes = leave connection name state
            state, effects @ pushes)

    /// The client ids of a group's members, each once.
    let clientIds name (state: BrokerState) : string list =
        match Map.tryFind name state.Groups with
        | Some group -> group.Members.Values |> Seq.distinct |> List.ofSeq
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
        | Some group ->
            match Map.tryFind topic group.Subscriptions with
            | None ->
                Error(ResponseCode.SubscriptionNotExist, $"the consumer's subscription not exist: {name} of {topic}")
            | Some subscription when subscription.Version < version ->
                Error(ResponseCode.SubscriptionNotLatest, $"the consumer's subscription not latest: {name} of {topic}")
            | Some subscription -> Ok subscription
