namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What is to be set of rules: what is not named stays as it is, or becomes the default where the rule is new.
type RuleSettings =
    {
        /// One rule for each: "Topic:name", "Group:prefix*", "Cluster:*" or "*".
        Resources: string list
        /// Of All, Pub, Sub, Create, Update, Delete, Get, List. A new rule must have one.
        Actions: string list option
        /// Addresses and networks; empty: from anywhere, which is the default.
        SourceIps: string list option
        /// "Allow", which is the default, or "Deny".
        Decision: string option
        /// "Custom", which is the default, or "Default".
        Policy: string option
    }

    /// Nothing but what they are about.
    static member Of(resources: string list) =
        {
            Resources = resources
            Actions = None
            SourceIps = None
            Decision = None
            Policy = None
        }

/// What is written about rules.
module RuleChanges =
    /// All of a list, or the first that is wrong.
    let private every (read: string -> Result<string, AdminError>) (texts: string list) =
        let add text found =
            found
            |> Result.bind (fun found -> read text |> Result.map (fun one -> one :: found))

        List.foldBack add texts (Ok []) |> Result.map List.distinct

    let private ifNamed (read: 'T -> Result<'T, AdminError>) (value: 'T option) : Result<'T option, AdminError> =
        match value with
        | Some value -> read value |> Result.map Some
        | None -> Ok None

    /// The settings as brokers write them.
    let private normalized (settings: RuleSettings) : Plan<RuleSettings> =
        plan {
            let! resources = Plan.ofResult (every AccessRules.resource settings.Resources)
            let! actions = Plan.ofResult (ifNamed (every AccessRules.action) settings.Actions)

            let! sources =
                Plan.ofResult (ifNamed (every AccessRules.sourceIp) settings.SourceIps)

            let! decision = Plan.ofResult (ifNamed AccessRules.decision settings.Decision)
            let! policy = Plan.ofResult (ifNamed AccessRules.policy settings.Policy)

            match resources, actions with
            | [], _ -> return! Plan.Failed(AdminError.Invalid "No resource is named.")
            | _, Some [] -> return! Plan.Failed(AdminError.Invalid "No action is named.")
            | resources, actions ->
                return
                    {
                        Resources = resources
                        Actions = actions |> Option.map AccessRules.inOrder
                        SourceIps = sources
                        Decision = decision
                        Policy = policy
                    }
        }

    /// The rule for a resource as it is, and as it is to be; an error where it would be a rule for nothing.
    let private apply
        (subject: string)
        (settings: RuleSettings)
        (rules: AccessRule list)
        (resource: string)
        : Result<AccessRule option * AccessRule, AdminError> =
        let key =
            {
                Subject = subject
                Policy = Option.defaultValue AccessRules.customPolicy settings.Policy
                Resource = resource
            }

        match rules |> List.tryFind (fun rule -> rule.Key = key), settings.Actions with
        | Some before, actions ->
            Ok(
                Some before,
                {
                    Key = key
                    Actions = Option.defaultValue before.Actions actions
                    SourceIps = Option.defaultValue before.SourceIps settings.SourceIps
                    Decision = Option.defaultValue before.Decision settings.Decision
                }
            )
        | None, Some actions ->
            Ok(
                None,
                {
                    Key = key
                    Actions = actions
                    SourceIps = Option.defaultValue [] settings.SourceIps
                    Decision = Option.defaultValue "Allow" settings.Decision
                }
            )
        | None, None -> Error(AdminError.Invalid $"The rule for {resource} is new: it needs actions.")

    let private byPolicy (subject: string) (rules: AccessRule list) : AclInfo =
        {
            Subject = Some subject
            Policies =
                rules
                |> List.groupBy _.Key.Policy
                |> List.map (fun (policy, rules) ->
                    {
                        Type = Some policy
                        Entries = rules |> List.map AccessRules.toEntry
                    })
        }

    let private text (rules: AccessRule list) =
        rules
        |> List.map (fun rule -> $"{rule.Key.Resource}: {AccessRules.describe rule}")
        |> String.concat "; "

    /// Writes rules of one subject to one broker; those for other resources stay there as they are.
    let internal writeOn (broker: BrokerAddress) (subject: string) (before: AccessRule list) (after: AccessRule list) =
        let change: AclChange =
            {
                Subject = subject
                Acl = byPolicy subject after
            }

        Change.write
            (Target.Broker broker)
            $"rules of {subject}"
            (if before.IsEmpty then
                 Acls.create.Request change
             else
                 Acls.update.Request change)
            (if before.IsEmpty then None else Some(text before))
            (Some(text after))

    let private foundAmong (rules: Result<AccessRule list, RemotingError>) (key: RuleKey) whenGone describe =
        match rules with
        | Error _ -> None
        | Ok rules ->
            match rules |> List.tryFind (fun rule -> rule.Key = key) with
            | Some rule -> Some(describe rule)
            | None -> Some whenGone

    /// Reads from each broker what was written there.
    let internal verify (written: (BrokerAddress * AccessRule list) list) : Plan<Verification list> =
        [
            for broker, rules in written do
                for subject, rules in rules |> List.groupBy (fun (rule: AccessRule) -> rule.Key.Subject) do
                    AccessRules.ofSubject subject broker
                    |> Plan.map (fun found ->
                        rules
                        |> List.map (fun rule ->
                            {
                                Server = broker.ToString()
                                What = rule.Key.ToString()
                                Expected = AccessRules.describe rule
                                Found = foundAmong found rule.Key "not there" AccessRules.describe
                            }))
        ]
        |> Plan.all
        |> Plan.map List.concat

    /// The subject's user and its rules, on each broker.
    let private read (scope: BrokerScope) (subject: string) =
        AccessAnswers.query AccessKind.Users scope (fun broker ->
            Plan.both (AccessUsers.tryGet (AccessRules.userOf subject) broker) (AccessRules.ofSubject subject broker)
            |> Plan.map (fun (struct (user, rules)) ->
                match user, rules with
                | Error error, _
                | _, Error error -> Error error
                | Ok user, Ok rules -> Ok(user, rules)))
        |> Plan.bind (AccessAnswers.needAll AccessKind.Users)

    /// Sets rules of one subject, a rule for each resource, on all brokers of a scope that have its user. What is not named of a rule
    /// stays as it is on that broker, and so do rules for other resources.
    let set (scope: BrokerScope) (subject: string) (settings: RuleSettings) : Plan<Change> =
        plan {
            let! subject = Plan.ofResult (AccessRules.subject subject)
            let! settings = normalized settings
            let! found = read scope subject

            let there = found.Answers |> List.filter (fun (_, (user, _)) -> user.IsSome)

            let absent = found.Answers |> List.filter (fun (_, (user, _)) -> user.IsNone)

            match there with
            | [] -> return! AccessUsers.notFound scope (AccessRules.userOf subject)
            | there ->
                let! planned =
                    there
                    |> List.map (fun (broker, (_, rules)) ->
                        settings.Resources
                        |> List.map (apply subject settings rules >> Plan.ofResult)
                        |> Plan.all
                        |> Plan.map (fun pairs -> broker, pairs))
                    |> Plan.all

                let writes =
                    planned
                    |> List.choose (fun (broker, pairs) ->
                        match pairs |> List.filter (fun (before, after) -> before <> Some after) with
                        | [] -> None
                        | differing ->
                            Some(writeOn broker subject (List.choose fst differing) (List.map snd differing)))

                return
                    {
                        Summary = $"set rules of {subject} in {scope}"
                        Destroys = false
                        Warnings =
                            [
                                for broker, _ in absent do
                                    $"{broker} does not have the user; no rule is set there."
                                yield! AccessAnswers.leftOut AccessKind.Users found
                            ]
                        Stages = [ writes ]
                        Verify =
                            planned
                            |> List.map (fun (broker, pairs) -> broker, List.map snd pairs)
                            |> verify
                    }
        }

    /// One request for each rule. Without a resource a broker deletes all rules of the subject, those of other policies too.
    let private deleteOn (broker: BrokerAddress) (rule: AccessRule) : Write =
        Change.write
            (Target.Broker broker)
            $"rule {rule.Key}"
            (Acls.delete.Request
                {
                    Subject = rule.Key.Subject
                    PolicyType = Some rule.Key.Policy
                    Resource = Some rule.Key.Resource
                })
            (Some(AccessRules.describe rule))
            None

    let private verifyGone (deleted: (BrokerAddress * AccessRule list) list) : Plan<Verification list> =
        deleted
        |> List.map (fun (broker, rules) ->
            AccessRules.ofSubject rules.Head.Key.Subject broker
            |> Plan.map (fun found ->
                rules
                |> List.map (fun rule ->
                    {
                        Server = broker.ToString()
                        What = rule.Key.ToString()
                        Expected = "gone"
                        Found = foundAmong found rule.Key "gone" AccessRules.describe
                    })))
        |> Plan.all
        |> Plan.map List.concat

    /// Writes to one broker go out one after the other, as each of them is a change of the same entry there.
    let private inTurn (deleted: (BrokerAddress * AccessRule list) list) : Write list list =
        let most = deleted |> List.map (fun (_, rules) -> rules.Length) |> List.fold max 0

        [
            for index in 0 .. most - 1 do
                [
                    for broker, rules in deleted do
                        match List.tryItem index rules with
                        | Some rule -> deleteOn broker rule
                        | None -> ()
                ]
        ]

    /// Deletes the rules of a subject for some resources, or all of them where none is named; those of one policy, or of both. On all
    /// brokers of a scope that have any.
    let delete (scope: BrokerScope) (subject: string) (resources: string list) (policy: string option) : Plan<Change> =
        plan {
            let! subject = Plan.ofResult (AccessRules.subject subject)
            let! resources = Plan.ofResult (every AccessRules.resource resources)
            let! policy = Plan.ofResult (ifNamed AccessRules.policy policy)

            let! found =
                AccessAnswers.query AccessKind.Users scope (AccessRules.ofSubject subject)

            let! found = AccessAnswers.needAll AccessKind.Users found

            let isMeant (rule: AccessRule) =
                (resources.IsEmpty || List.contains rule.Key.Resource resources)
                && (policy.IsNone || policy = Some rule.Key.Policy)

            let there =
                found.Answers
                |> List.map (fun (broker, rules) -> broker, List.filter isMeant rules)
                |> List.filter (fun (_, rules) -> not rules.IsEmpty)

            match there, found.Answers |> List.forall (snd >> List.isEmpty) with
            | [], true -> return! AccessRules.notFound scope subject
            | [], false ->
                let known =
                    found.Answers
                    |> List.collect (snd >> List.map _.Key.Resource)
                    |> List.distinct
                    |> List.sort

                let missing =
                    if resources.IsEmpty then
                        "that policy"
                    else
                        String.concat ", " resources

                return! Plan.Failed(AdminError.NotFound($"rule of {subject} for", missing, known, []))
            | there, _ ->
                return
                    {
                        Summary = $"delete rules of {subject} in {scope}"
                        Destroys = true
                        Warnings = AccessAnswers.leftOut AccessKind.Users found
                        Stages = inTurn there
                        Verify = verifyGone there
                    }
        }
