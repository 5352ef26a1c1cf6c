namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// What administrators ask a broker about settings of consumer groups. Source: AdminBrokerProcessor.java,
/// SubscriptionGroupManager.java.
module internal GroupAdministration =
    /// As brokers of 5.3.3 have it unless a group says otherwise.
    let private usualConsumeTimeoutMinutes = 15

    /// With what 5.x brokers know of each group, or without.
    let private shown (settings: BrokerSettings) (group: SubscriptionGroup) : SubscriptionGroup =
        if settings.IsBefore5 then
            { group with
                IsOrderly = None
                RetryPolicy = None
                SysFlag = None
                ConsumeTimeoutMinutes = None
                Subscriptions = None
                Attributes = None
            }
        else
            let usualPolicy =
                {
                    Type = GroupRetryPolicyType.Customized
                    Exponential = None
                    Customized = None
                }

            { group with
                IsOrderly = Some(Option.defaultValue false group.IsOrderly)
                RetryPolicy = Some(Option.defaultValue usualPolicy group.RetryPolicy)
                SysFlag = Some(Option.defaultValue 0 group.SysFlag)
                ConsumeTimeoutMinutes = Some(Option.defaultValue usualConsumeTimeoutMinutes group.ConsumeTimeoutMinutes)
                Attributes = Some(Option.defaultValue Map.empty group.Attributes)
            }

    let private withAttributes (group: SubscriptionGroup) (state: BrokerState) : Result<SubscriptionGroup, string> =
        if state.Settings.IsBefore5 then
            Ok { group with Attributes = None }
        else
            let current =
                Map.tryFind group.Name state.Store.Groups
                |> Option.map (fun known -> Option.defaultValue Map.empty known.Attributes)

            Attributes.alter Attributes.ofGroups current (Option.defaultValue Map.empty group.Attributes)
            |> Result.map (fun attributes -> { group with Attributes = Some attributes })

    /// Makes a group or changes it. Real brokers take any name; here one that no client can use is refused.
    let private configure (group: SubscriptionGroup) (state: BrokerState) : Result<BrokerState, string> =
        Names.checkGroup group.Name
        |> Result.mapError (fun error -> error.Message)
        |> Result.bind (fun _ -> withAttributes group state)
        |> Result.map (fun group ->
            { state with
                Store = Store.withGroup group state.Store
            })

    let private answer (arrival: Arrival) state result =
        match result with
        | Ok state -> state, [ Answer.succeed arrival ]
        | Error remark -> state, [ Answer.refuse arrival ResponseCode.SystemError remark ]

    /// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP.
    let update (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state SubscriptionGroups.update.Decode (fun group ->
            configure group state |> answer arrival state)

    /// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: all or none.
    let updateMany (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state SubscriptionGroups.updateMany.Decode (fun groups ->
            (Ok state, groups)
            ||> List.fold (fun result group -> Result.bind (configure group) result)
            |> answer arrival state)

    /// DELETE_SUBSCRIPTIONGROUP. A group that is not there is deleted as well as any other. The flag that says whether its
    /// offsets go has another name in 4.x than in 5.x, and each knows its own only.
    let delete (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state SubscriptionGroups.delete.Decode (fun removal ->
            let isClean =
                if state.Settings.IsBefore5 then
                    removal.RemoveOffsets = Some true
                else
                    removal.CleanOffsets = Some true

            let store = Store.withoutGroup removal.Group state.Store
            state.Statistics.ForgetGroup removal.Group

            { state with
                Store =
                    if isClean then
                        { store with
                            Committed = CommittedOffsets.withoutGroup removal.Group store.Committed
                        }
                    else
                        store
            },
            [ Answer.succeed arrival ])

    /// GET_ALL_SUBSCRIPTIONGROUP_CONFIG.
    let all (arrival: Arrival) (state: BrokerState) =
        let settings = state.Settings

        let table: SubscriptionGroupTable =
            {
                Groups = state.Store.Groups |> Map.map (fun _ group -> shown settings group)
                Version =
                    Some
                        {
                            Timestamp = state.Store.GroupsChangedMillis
                            Counter = state.Store.GroupChanges
                            StateVersion = if settings.IsBefore5 then None else Some 0L
                        }
                Forbidden =
                    if settings.IsBefore5 then
                        None
                    else
                        Some state.Store.Forbidden
            }

        state, [ Answer.reply arrival (SubscriptionGroups.all.Answer(table, arrival.Command)) ]

    /// GET_SUBSCRIPTIONGROUP_CONFIG. As in Java the question makes the group, where brokers make groups by themselves.
    let one (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state SubscriptionGroups.get.Decode (fun name ->
            let state = Groups.ensure name state

            match Map.tryFind name state.Store.Groups with
            | None ->
                state,
                [
                    Answer.refuse arrival ResponseCode.SubscriptionGroupNotExist "No group in this broker"
                ]
            | Some group ->
                let group = shown state.Settings group
                state, [ Answer.reply arrival (SubscriptionGroups.get.Answer(group, arrival.Command)) ])

    let private withForbidden group topic bits (state: BrokerState) =
        let topics =
            Map.tryFind group state.Store.Forbidden |> Option.defaultValue Map.empty

        let forbidden =
            // As in Java a topic that is not forbidden any more frees all topics of the group.
            if bits = 0 then
                Map.remove group state.Store.Forbidden
            else
                Map.add group (Map.add topic bits topics) state.Store.Forbidden

        { state with
            BrokerState.Store.Forbidden = forbidden
            BrokerState.Store.GroupChanges = state.Store.GroupChanges + 1L
        }

    /// UPDATE_AND_GET_GROUP_FORBIDDEN.
    let permission (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state SubscriptionGroups.permission.Decode (fun query ->
            let bits = Groups.forbiddenOf query.Group query.Topic state

            let state =
                match query.IsReadable with
                | None -> state
                | Some true -> withForbidden query.Group query.Topic (bits &&& ~~~Groups.readForbidden) state
                | Some false -> withForbidden query.Group query.Topic (bits ||| Groups.readForbidden) state

            let now = Groups.forbiddenOf query.Group query.Topic state

            let answer =
                { query with
                    IsReadable = Some(now &&& Groups.readForbidden = 0)
                }

            state, [ Answer.reply arrival (SubscriptionGroups.permission.Answer(answer, arrival.Command)) ])
