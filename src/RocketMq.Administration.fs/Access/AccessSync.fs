namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol.Admin

/// What is not the same on all brokers.
type AccessDifferences =
    {
        Users: AccessTable<string, AccessUser>
        Rules: AccessTable<RuleKey, AccessRule>
    }

    /// How many rows of users and rules there are.
    member differences.Count =
        differences.Users.Rows.Length + differences.Rules.Rows.Length

/// Users and rules of several brokers, compared and copied: a broker that comes later has none.
module AccessSync =
    let private ofBroker (broker: BrokerAddress) =
        Plan.both (AccessUsers.ofBroker broker) (AccessRules.ofBroker None broker)
        |> Plan.map (fun (struct (users, rules)) ->
            match users, rules with
            | Error error, _
            | _, Error error -> Error error
            | Ok users, Ok rules -> Ok(users, rules))

    let private differing (table: AccessTable<'Key, 'T>) : AccessTable<'Key, 'T> =
        // The brokers that have what others lack are shown beside them.
        let keys = table.Differing |> List.map _.Key |> List.distinct

        { table with
            Rows = table.Rows |> List.filter (fun row -> List.contains row.Key keys)
        }

    /// The users and rules that are not the same on all brokers of a scope.
    let differences (scope: BrokerScope) : Plan<AccessDifferences> =
        plan {
            let! answers = AccessAnswers.query AccessKind.Users scope ofBroker
            let! answers = AccessAnswers.needOne AccessKind.Users answers

            return
                {
                    Users = answers |> AccessAnswers.map fst |> AccessUsers.compare |> differing
                    Rules = answers |> AccessAnswers.map snd |> AccessRules.compare |> differing
                }
        }

    let private same (text: string) (other: string) =
        String.Equals(text, other, StringComparison.Ordinal)

    /// The broker to copy from: a master by its name, any by its address.
    let private sourceOf (name: string) (answers: AccessAnswers<'T>) : Result<BrokerAddress * 'T, AdminError> =
        let isMeant (broker: BrokerAddress) =
            same name broker.Address || (broker.IsMaster && same name broker.Name)

        match answers.Answers |> List.tryFind (fst >> isMeant) with
        | Some found -> Ok found
        | None when answers.NotSupported @ answers.NotEnabled |> List.exists isMeant ->
            AccessAnswers.nothing
                AccessKind.Users
                (List.filter isMeant answers.NotSupported)
                (List.filter isMeant answers.NotEnabled)
            |> Error
        | None ->
            let known =
                answers.Answers |> List.map (fun (broker, _) -> broker.Name) |> List.distinct

            Error(AdminError.NotFound("broker", name, known, []))

    /// What one broker lacks of another, and what both have that is not the same.
    type private Copy =
        {
            Broker: BrokerAddress
            NewUsers: UserInfo list
            OtherUsers: (UserInfo * UserInfo) list
            NewRules: AccessRule list
            OtherRules: (AccessRule * AccessRule) list
        }

    let private pairs (keyOf: 'T -> 'Key) (from: 'T list) (target: 'T list) : 'T list * ('T * 'T) list =
        let there = target |> List.map (fun one -> keyOf one, one) |> Map.ofList

        from |> List.filter (fun one -> not (there.ContainsKey(keyOf one))),
        from
        |> List.choose (fun one ->
            match Map.tryFind (keyOf one) there with
            | Some other when other <> one -> Some(other, one)
            | _ -> None)

    let private copyOf
        (users: UserInfo list, rules: AccessRule list)
        (broker: BrokerAddress, (otherUsers: UserInfo list, otherRules: AccessRule list))
        : Copy =
        let newUsers, differingUsers = pairs AccessUsers.nameOf users otherUsers

        let newRules, differingRules =
            pairs (fun (rule: AccessRule) -> rule.Key) rules otherRules

        {
            Broker = broker
            NewUsers = newUsers
            OtherUsers = differingUsers
            NewRules = newRules
            OtherRules = differingRules
        }

    let private ruleWrites (overwrites: bool) (copy: Copy) : Write list =
        let changed = if overwrites then copy.OtherRules else []
        let after = copy.NewRules @ List.map snd changed

        after
        |> List.groupBy _.Key.Subject
        |> List.map (fun (subject, rules) ->
            let before =
                changed |> List.map fst |> List.filter (fun rule -> rule.Key.Subject = subject)

            RuleChanges.writeOn copy.Broker subject before rules)

    let private userWrites (overwrites: bool) (copy: Copy) : Write list =
        [
            for user in copy.NewUsers do
                UserChanges.createOn copy.Broker user

            if overwrites then
                for before, user in copy.OtherUsers do
                    UserChanges.updateOn copy.Broker before user
        ]

    let private warnings (overwrites: bool) (copy: Copy) : string list =
        if overwrites then
            []
        else
            [
                for user, _ in copy.OtherUsers do
                    $"User {AccessUsers.nameOf user} differs on {copy.Broker}, and is not overwritten."
                for rule, _ in copy.OtherRules do
                    $"The rule {rule.Key} differs on {copy.Broker}, and is not overwritten."
            ]

    let private written (overwrites: bool) (copies: Copy list) =
        let users =
            copies
            |> List.collect (fun copy ->
                copy.NewUsers @ (if overwrites then List.map snd copy.OtherUsers else [])
                |> List.map (fun user -> copy.Broker, user))

        let rules =
            copies
            |> List.map (fun copy ->
                copy.Broker, copy.NewRules @ (if overwrites then List.map snd copy.OtherRules else []))

        users, rules

    /// Writes to all other brokers of a scope what they lack of the users and rules of one, and what is another one there only if it is to
    /// be overwritten. Nothing is deleted. Users come before rules, as a rule needs its user.
    let change (scope: BrokerScope) (source: string) (overwrites: bool) : Plan<Change> =
        plan {
            let! answers = AccessAnswers.query AccessKind.Users scope ofBroker
            let! answers = AccessAnswers.needAll AccessKind.Users answers
            let! broker, (users, rules) = Plan.ofResult (sourceOf source answers)

            let copies =
                answers.Answers
                |> List.filter (fun (other, _) -> other <> broker)
                |> List.map (copyOf (users, rules))

            let newUsers, newRules = written overwrites copies

            return
                {
                    Summary = $"copy users and rules of {broker} to the other brokers of {scope}"
                    Destroys = overwrites
                    Warnings =
                        List.collect (warnings overwrites) copies
                        @ AccessAnswers.leftOut AccessKind.Users answers
                    Stages =
                        [
                            copies |> List.collect (userWrites overwrites)
                            copies |> List.collect (ruleWrites overwrites)
                        ]
                    Verify =
                        Plan.both (UserChanges.verify newUsers) (RuleChanges.verify newRules)
                        |> Plan.map (fun (struct (users, rules)) -> users @ rules)
                }
        }
