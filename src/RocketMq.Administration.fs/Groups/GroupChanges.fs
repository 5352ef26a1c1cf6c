namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What is to be set of a group: what is not named stays as it is, or becomes the default where the group is new.
type GroupSettings =
    {
        /// Whether it may consume at all. Default true.
        IsConsumeEnabled: bool option
        /// Whether its members may broadcast. Default true.
        IsBroadcastEnabled: bool option
        /// Whether a queue without a committed offset is read from its first message. Default true.
        IsConsumeFromMinEnabled: bool option
        /// Since 5.0. Default false.
        IsOrderly: bool option
        /// Default 1.
        RetryQueues: int option
        /// How often a message is handled again before it is a dead letter. Default 16.
        RetryMaxTimes: int option
        /// Whether members are told of each other. Default true.
        NotifiesMembers: bool option
    }

    static member Unchanged =
        {
            IsConsumeEnabled = None
            IsBroadcastEnabled = None
            IsConsumeFromMinEnabled = None
            IsOrderly = None
            RetryQueues = None
            RetryMaxTimes = None
            NotifiesMembers = None
        }

/// What is written about groups.
module GroupChanges =
    /// The settings with those that are named.
    let apply (settings: GroupSettings) (config: SubscriptionGroup) : SubscriptionGroup =
        { config with
            IsConsumeEnabled = settings.IsConsumeEnabled |> Option.defaultValue config.IsConsumeEnabled
            IsBroadcastEnabled = settings.IsBroadcastEnabled |> Option.defaultValue config.IsBroadcastEnabled
            IsConsumeFromMinEnabled =
                settings.IsConsumeFromMinEnabled
                |> Option.defaultValue config.IsConsumeFromMinEnabled
            IsOrderly = settings.IsOrderly |> Option.orElse config.IsOrderly
            RetryQueues = settings.RetryQueues |> Option.defaultValue config.RetryQueues
            RetryMaxTimes = settings.RetryMaxTimes |> Option.defaultValue config.RetryMaxTimes
            NotifiesMembers = settings.NotifiesMembers |> Option.defaultValue config.NotifiesMembers
        }

    let private check (group: string) (settings: GroupSettings) : Result<unit, AdminError> =
        let problems =
            [
                match Names.checkOwnGroup group with
                | Ok _ -> ()
                | Error error -> error.Message
                match settings.RetryQueues with
                | Some count when count < 0 -> invariant $"retry queues are {count}; 0 and more are allowed"
                | _ -> ()
                match settings.RetryMaxTimes with
                | Some count when count < 0 -> invariant $"retries are {count}; 0 and more are allowed"
                | _ -> ()
            ]

        match problems with
        | [] -> Ok()
        | problems ->
            let text = String.concat "; " problems
            Error(AdminError.Invalid $"The group's settings are not valid: {text}.")

    let private write (broker: BrokerAddress) (before: SubscriptionGroup option) (after: SubscriptionGroup) =
        Change.write
            (Target.Broker broker)
            $"group {after.Name}"
            (SubscriptionGroups.update.Request after)
            (before |> Option.map GroupConfigs.describe)
            (Some(GroupConfigs.describe after))

    /// Makes a group on all masters of a scope. It must not be on any of them.
    let create (scope: BrokerScope) (group: string) (settings: GroupSettings) : Plan<Change> =
        plan {
            do! Plan.ofResult (check group settings)
            let! configs = MasterSettings.read GroupConfigs.onMasters scope group

            do! MasterSettings.needNone GroupConfigs.onMasters group configs
            let config = apply settings (SubscriptionGroups.create group)

            return
                {
                    Summary = invariant $"create group {group} in {scope}"
                    Destroys = false
                    Warnings = []
                    Stages = [ configs |> List.map (fun (broker, _) -> write broker None config) ]
                    Verify =
                        configs
                        |> List.map (fun (broker, _) -> broker, config)
                        |> MasterSettings.verify GroupConfigs.onMasters
                }
        }

    /// Changes what is named on all masters of a scope that have the group, and leaves the rest.
    let update (scope: BrokerScope) (group: string) (settings: GroupSettings) : Plan<Change> =
        plan {
            do! Plan.ofResult (check group settings)
            let! configs = MasterSettings.read GroupConfigs.onMasters scope group

            let changes =
                MasterSettings.existing configs
                |> List.map (fun (broker, config) -> broker, config, apply settings config)

            match changes with
            | [] -> return! GroupConfigs.notFound (List.map fst configs) group
            | changes ->
                return
                    {
                        Summary = invariant $"update group {group} in {scope}"
                        Destroys = false
                        Warnings = MasterSettings.absent GroupConfigs.onMasters configs
                        Stages =
                            [
                                changes
                                |> List.filter (fun (_, before, after) -> before <> after)
                                |> List.map (fun (broker, before, after) -> write broker (Some before) after)
                            ]
                        Verify =
                            changes
                            |> List.map (fun (broker, _, after) -> broker, after)
                            |> MasterSettings.verify GroupConfigs.onMasters
                    }
        }

    /// Deletes a group on all masters of a scope, with its offsets unless they are to stay. Its retry topic and its dead letters stay:
    /// they are topics, and deleted as such.
    let delete (scope: BrokerScope) (group: string) (retainOffsets: bool) : Plan<Change> =
        plan {
            let deadLetters = TopicKind.deadLetterTopicOf group
            let retryTopic = TopicKind.retryTopicOf group
            let! all = Directory.all
            let! masters = Plan.ofResult (Directory.select scope BrokerRoles.Masters all)
            let! configs = MasterSettings.readOn GroupConfigs.onMasters masters group
            and! members = GroupMembers.ofGroup all group false
            and! deadLetterRoute = Directory.tryRoute deadLetters
            and! retryRoute = Directory.tryRoute retryTopic
            let there = MasterSettings.existing configs

            match there with
            | [] -> return! GroupConfigs.notFound (List.map fst configs) group
            | _ when members.IsOnline ->
                return!
                    Plan.Failed(
                        AdminError.NotAllowed(
                            invariant
                                $"The group {group} has {members.Members.Length} members online, whose next heartbeat may bring it back. Stop them first."
                        )
                    )
            | there ->
                return
                    {
                        Summary = invariant $"delete group {group} in {scope}"
                        Destroys = true
                        Warnings =
                            [
                                if retainOffsets then
                                    "Its offsets stay: a group of this name goes on there."
                                else
                                    "Its offsets are deleted."
                                if retryRoute.IsSome then
                                    $"Its retry topic {retryTopic} stays, with what waits there."
                                if deadLetterRoute.IsSome then
                                    $"Its dead letters stay, in {deadLetters}."
                                for failure in members.Failures do
                                    $"{failure.Server} does not say whether members are online: {failure.Reason}"
                            ]
                        Stages =
                            [
                                there
                                |> List.map (fun (broker, config) ->
                                    Change.write
                                        (Target.Broker broker)
                                        $"group {group}"
                                        (SubscriptionGroups.delete.Request
                                            {
                                                Group = group
                                                RemoveOffsets = Some(not retainOffsets)
                                                CleanOffsets = Some(not retainOffsets)
                                            })
                                        (Some(GroupConfigs.describe config))
                                        None)
                            ]
                        Verify = there |> List.map fst |> MasterSettings.verifyGone GroupConfigs.onMasters group
                    }
        }
