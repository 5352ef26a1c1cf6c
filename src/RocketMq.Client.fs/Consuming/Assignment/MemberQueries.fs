namespace RocketMq

open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What a member asks brokers to learn which queues are its own. Each answer becomes an event for `Rebalance`.
[<Sealed>]
type internal MemberQueries
    (
        settings: GroupSettings,
        // How brokers share the queues; none: the members do by themselves.
        sharing: BrokerSharing option,
        instance: ClientInstance,
        remoting: RemotingOptions,
        brokers: GroupBrokers,
        subscriptions: Subscriptions,
        problems: MemberProblems,
        refusals: GroupRefusals,
        refused: RemotingError -> unit,
        sendsSubscriptions: bool,
        post: RebalanceEvent -> unit,
        ending: CancellationToken
    ) =
    let log = remoting.Logger
    let group = settings.Group
    let routes = instance.Routes
    let run work = Supervised.run log ending work
    let membersOf = $"members of group {group}"
    let equalIds = $"client id {instance.ClientId}"

    let checkEqualIds (members: string list) =
        if members |> List.filter ((=) instance.ClientId) |> List.length > 1 then
            ConsumerLog.equalClientIds log group instance.ClientId

            problems.Report(
                equalIds,
                "another member of the group has the same one, so queues are read twice or not at all; give each an instance name of its own"
            )
        else
            problems.Clear equalIds

    let reportUnknown reason =
        problems.Report(membersOf, reason)
        ConsumerLog.membersUnknown log group reason

    /// Brokers of 5.x take the heartbeats of a group that does not exist, and forget them.
    let findMissingGroup topic (error: RemotingError option) =
        match error, subscriptions.TryFind topic with
        | (None | Some(RemotingError.Refused _)), NonNull subscribed ->
            MissingGroup.find brokers routes settings subscribed.Subscription remoting.RequestTimeout ending
        | _ -> Task.FromResult None

    /// Why the members are not known, or what brokers assign to this one, for which they may give no reason.
    let explain topic (error: RemotingError option) : Task =
        backgroundTask {
            let! missing = findMissingGroup topic error

            match missing, error with
            | None, None -> reportUnknown $"no broker says which queues of {topic} this member reads"
            | _ ->
                let struct (brokerName, error) =
                    missing |> Option.defaultWith (fun () -> struct ("", error.Value))

                let reason = RemotingError.describe error
                problems.Report(membersOf, reason)

                if refusals.Report(topic, brokerName, error) then
                    refused error
                elif refusals.IsMissing then
                    // It has just been created: brokers have forgotten the heartbeats from before.
                    do! instance.HeartbeatService.Renew()
                else
                    ConsumerLog.membersUnknown log group reason
        }

    let comparison =
        MemberComparison(log, group, subscriptions, problems, brokers, ending)

    let compareSubscriptions topics members : Task =
        if sendsSubscriptions && settings.Model = MessageModel.Clustering then
            comparison.MembersKnown(topics, members)
        else
            Task.CompletedTask

    let requestMembers topic =
        brokers.RequestFromFirst(topic, Heartbeat.members.Request group, ending)

    /// Always answers, for each of the topics, whatever happens. They are of the same brokers, which say of all of them the same.
    let queryMembersOf (topics: string list) : Task =
        backgroundTask {
            let topic = topics.Head
            let mutable known = []

            try
                match! requestMembers topic with
                | Ok members ->
                    problems.Clear membersOf
                    checkEqualIds members
                    known <- members
                    run (fun () -> compareSubscriptions topics members)
                | Error error -> do! explain topic (Some error)
            finally
                post (MembersKnown(topics, known))
        }

    /// Once for all topics of the same brokers. The retry topic is last: a failure is reported under the name of the first.
    let queryMembers (topics: string list) =
        let brokersOf topic =
            match routes.TryKnown topic with
            | ValueSome route -> route.Brokers |> List.map _.BrokerName
            | ValueNone -> []

        topics
        |> List.groupBy brokersOf
        |> List.collect (fun (brokers, topics) ->
            match brokers with
            | [] -> topics |> List.map List.singleton
            | _ -> [ topics |> List.sortBy Names.isRetryTopic ])
        |> List.iter (fun topics -> run (fun () -> queryMembersOf topics))

    let assignments =
        sharing
        |> Option.map (fun sharing -> AssignmentQueries(sharing, remoting, group, instance.ClientId, brokers, ending))

    /// Always answers, whatever happens.
    let queryAssignment (queries: AssignmentQueries) topic : Task =
        backgroundTask {
            let mutable known = MembersUnknown topic

            try
                match! queries.Query topic with
                | struct (MembersUnknown _, error) -> do! explain topic error
                | struct (event, _) ->
                    problems.Clear membersOf
                    known <- event
            finally
                post known
        }

    /// Queries the members of topics.
    member _.Members(topics: string list) = queryMembers topics

    /// Queries what brokers assign to this member, topic by topic.
    member _.Assignments(topics: string list) =
        for queries in Option.toList assignments do
            for topic in topics do
                run (fun () -> queryAssignment queries topic)

    /// Compares the members. Who is assigned queues by brokers does not ask for them otherwise.
    member _.Look() : Task =
        backgroundTask {
            match
                subscriptions.All
                |> List.tryFind (fun one -> not (Names.isRetryTopic one.Topic))
            with
            | None -> ()
            | Some one ->
                match! requestMembers one.Topic with
                | Ok members ->
                    checkEqualIds members
                    do! compareSubscriptions [ one.Topic ] members
                | Error _ -> ()
        }
