namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What rules are told apart by: one subject has one rule for a resource in each policy.
type RuleKey =
    {
        /// "User:name".
        Subject: string
        /// "Custom", or "Default", which counts where no custom rule does.
        Policy: string
        /// "Topic:name", "Group:prefix*", "Cluster:*" or "*".
        Resource: string
    }

    override key.ToString() = $"{key.Subject} {key.Resource}"

/// What a subject may do with a resource, or may not.
type AccessRule =
    {
        Key: RuleKey
        /// Of All, Pub, Sub, Create, Update, Delete, Get, List; in this order.
        Actions: string list
        /// Networks; empty: from anywhere.
        SourceIps: string list
        /// "Allow" or "Deny".
        Decision: string
    }

/// Rules of access control, since 5.3. Each broker has its own, slaves too, and none passes them on.
module AccessRules =
    /// The actions that a rule may name. A broker leaves out what it does not know, without a word.
    let actions = [ "All"; "Pub"; "Sub"; "Create"; "Update"; "Delete"; "Get"; "List" ]

    let private resourceTypes = [ "Topic"; "Group"; "Cluster"; "Namespace" ]

    let internal customPolicy = "Custom"

    let private policies = [ customPolicy; "Default" ]
    let private decisions = [ "Allow"; "Deny" ]

    /// As brokers write it: they read capitals and small letters alike.
    let private spelt (known: string list) (text: string) : string option =
        known
        |> List.tryFind (fun one -> String.Equals(one, text, StringComparison.OrdinalIgnoreCase))

    let private oneOf what (known: string list) (text: string) : Result<string, AdminError> =
        match spelt known text with
        | Some found -> Ok found
        | None ->
            let all = String.concat ", " known
            Error(AdminError.Invalid $"The {what} '{text}' is none of {all}.")

    /// "User:name"; a name alone is a user's.
    let subject (text: string) : Result<string, AdminError> =
        match text.IndexOf ':' with
        | -1 when not (String.IsNullOrWhiteSpace text) -> Ok $"User:{text}"
        | 4 when text.StartsWith("User:", StringComparison.OrdinalIgnoreCase) && text.Length > 5 ->
            Ok $"User:{text.Substring 5}"
        | _ -> Error(AdminError.Invalid $"The subject '{text}' is not User:name.")

    /// The name of a subject's user.
    let internal userOf (subject: string) =
        subject.Substring(subject.IndexOf ':' + 1)

    /// A resource as brokers write it. One of a type that a broker does not know counts as none there: a request to delete the rule for
    /// it would delete all rules of the subject.
    let resource (text: string) : Result<string, AdminError> =
        match text, text.IndexOf ':' with
        | "*", _ -> Ok "*"
        | text, at when at > 0 && at < text.Length - 1 ->
            match spelt resourceTypes (text.Substring(0, at)) with
            | Some kind -> Ok $"{kind}:{text.Substring(at + 1)}"
            | None ->
                let all = String.concat ", " resourceTypes
                Error(AdminError.Invalid $"The resource '{text}' is of no type that brokers know: {all}.")
        | _ ->
            Error(
                AdminError.Invalid
                    $"The resource '{text}' is neither '*' nor type:name, such as Topic:orders or Group:billing*."
            )

    /// An action as brokers write it.
    let action (text: string) : Result<string, AdminError> = oneOf "action" actions text

    /// "Custom" or "Default".
    let policy (text: string) : Result<string, AdminError> = oneOf "policy" policies text

    /// "Allow" or "Deny".
    let decision (text: string) : Result<string, AdminError> = oneOf "decision" decisions text

    /// An address, or a network such as 10.0.0.0/8.
    let sourceIp (text: string) : Result<string, AdminError> =
        match Net.IPAddress.TryParse text, Net.IPNetwork.TryParse text with
        | (true, _), _
        | _, (true, _) -> Ok text
        | _ -> Error(AdminError.Invalid $"The source '{text}' is neither an address nor a network such as 10.0.0.0/8.")

    /// In one line.
    let describe (rule: AccessRule) : string =
        let sources =
            match rule.SourceIps with
            | [] -> ""
            | sources -> " from " + String.concat ", " sources

        let policy =
            if rule.Key.Policy = customPolicy then
                ""
            else
                $" ({rule.Key.Policy})"

        rule.Decision + " " + String.concat ", " rule.Actions + sources + policy

    let internal inOrder (found: string list) =
        let place (action: string) =
            match List.tryFindIndex ((=) action) actions with
            | Some index -> index
            | None -> actions.Length

        found |> List.distinct |> List.sortBy (fun action -> place action, action)

    let private ofEntry (subject: string) (policy: string) (entry: PolicyEntry) : AccessRule =
        {
            Key =
                {
                    Subject = subject
                    Policy = policy
                    Resource = entry.Resource
                }
            Actions = inOrder entry.Actions
            SourceIps = Option.defaultValue [] entry.SourceIps
            Decision = entry.Decision
        }

    let internal toEntry (rule: AccessRule) : PolicyEntry =
        {
            Resource = rule.Key.Resource
            Actions = rule.Actions
            SourceIps = if rule.SourceIps.IsEmpty then None else Some rule.SourceIps
            Decision = rule.Decision
        }

    let private ofInfo (info: AclInfo) : AccessRule list =
        let subject = Option.defaultValue "" info.Subject

        [
            for policy in info.Policies do
                let name = Option.defaultValue customPolicy policy.Type

                for entry in policy.Entries do
                    ofEntry subject name entry
        ]

    /// The rules of a broker: all, or those of subjects whose name contains a text.
    let internal ofBroker
        (subject: string option)
        (broker: BrokerAddress)
        : Plan<Result<AccessRule list, RemotingError>> =
        let what =
            match subject with
            | Some subject -> $"rules of {subject}"
            | None -> "all rules"

        // Brokers filter by resource too, but for subjects whose name contains the same text.
        Acls.list.Request
            {
                SubjectFilter = subject
                ResourceFilter = None
            }
        |> Plan.query (Target.Broker broker) what
        |> Plan.map (Result.map (Option.defaultValue [] >> List.collect ofInfo))

    /// Those of one subject and no other. The request for one is not used: brokers refuse it as they refuse who may not ask, if they do
    /// not have the user.
    let internal ofSubject (subject: string) (broker: BrokerAddress) : Plan<Result<AccessRule list, RemotingError>> =
        ofBroker (Some subject) broker
        |> Plan.map (Result.map (List.filter (fun rule -> rule.Key.Subject = subject)))

    let private aspects: (string * (AccessRule -> string)) list =
        [
            "actions", (fun rule -> String.concat "," rule.Actions)
            "source", (fun rule -> rule.SourceIps |> List.sort |> String.concat ",")
            "decision", _.Decision
        ]

    let internal compare (answers: AccessAnswers<AccessRule list>) : AccessTable<RuleKey, AccessRule> =
        AccessTable.ofAnswers _.Key aspects answers

    let private contains (part: string option) (text: string) =
        match part with
        | Some part -> text.Contains(part, StringComparison.Ordinal)
        | None -> true

    /// The rules of all brokers of a scope, those alone whose subject or resource contains a text if there is one.
    let list
        (scope: BrokerScope)
        (subject: string option)
        (resource: string option)
        : Plan<AccessTable<RuleKey, AccessRule>> =
        let isMeant (rule: AccessRule) =
            contains subject rule.Key.Subject && contains resource rule.Key.Resource

        plan {
            let! answers = AccessAnswers.query AccessKind.Users scope (ofBroker subject)
            let! answers = AccessAnswers.needOne AccessKind.Users answers
            return answers |> AccessAnswers.map (List.filter isMeant) |> compare
        }

    /// The error that names the subjects that there are.
    let internal notFound (scope: BrokerScope) (subject: string) : Plan<'T> =
        plan {
            let! answers = AccessAnswers.query AccessKind.Users scope (ofBroker None)

            let known =
                answers.Answers
                |> List.collect (snd >> List.map _.Key.Subject)
                |> List.distinct
                |> List.sort

            return! Plan.Failed(AdminError.NotFound("rule of", subject, known, List.map snd answers.Failures))
        }

    /// The rules of a user, as each broker has them: none is no error.
    let listOf (scope: BrokerScope) (user: string) : Plan<AccessTable<RuleKey, AccessRule>> =
        AccessAnswers.query AccessKind.Users scope (ofSubject $"User:{user}")
        |> Plan.map compare

    /// The rules of one subject, as each broker has them.
    let describeOne (scope: BrokerScope) (text: string) : Plan<AccessTable<RuleKey, AccessRule>> =
        plan {
            let! subject = Plan.ofResult (subject text)
            let! answers = AccessAnswers.query AccessKind.Users scope (ofSubject subject)
            let! answers = AccessAnswers.needOne AccessKind.Users answers

            if answers.Answers |> List.forall (snd >> List.isEmpty) then
                return! notFound scope subject
            else
                return compare answers
        }
