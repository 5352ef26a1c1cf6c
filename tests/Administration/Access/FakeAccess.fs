/// Brokers that have users and rules, as brokers of 5.3 do: each its own, and changed by what is written.
module RocketMq.Administration.Tests.FakeAccess

open System
open System.Collections.Generic
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let user name password userType status : UserInfo =
    {
        Name = Some name
        Password = Some password
        Type = Some userType
        Status = Some status
    }

let entry resource actions : PolicyEntry =
    {
        Resource = resource
        Actions = actions
        SourceIps = None
        Decision = "Allow"
    }

/// The rules of a subject, all in the custom policy.
let rulesOf subject entries : AclInfo =
    {
        Subject = Some subject
        Policies =
            [
                {
                    Type = Some "Custom"
                    Entries = entries
                }
            ]
    }

/// What brokers have, by broker.
type FakeAccess() =
    let users = Dictionary<BrokerAddress, Map<string, UserInfo>>()
    let rules = Dictionary<BrokerAddress, Map<string, AclInfo>>()

    let brokerOf (call: Call) =
        match call.Target with
        | Target.Broker broker -> broker
        | target -> failwith $"{target} was asked"

    let table (tables: Dictionary<BrokerAddress, Map<string, 'T>>) broker =
        match tables.TryGetValue broker with
        | true, table -> table
        | _ -> Map.empty

    /// What is written for a resource takes the place of the rule for it, and others stay: Policy.updateEntry.
    let merged (before: Policy list) (change: Policy list) =
        (before, change)
        ||> List.fold (fun policies policy ->
            match policies |> List.partition (fun (one: Policy) -> one.Type = policy.Type) with
            | [], _ -> policies @ [ policy ]
            | found, others ->
                let replaced = policy.Entries |> List.map _.Resource

                let left =
                    found
                    |> List.collect _.Entries
                    |> List.filter (fun one -> not (List.contains one.Resource replaced))

                others
                @ [
                    { policy with
                        Entries = left @ policy.Entries
                    }
                ])

    let write (call: Call) (change: AclChange) =
        let broker = brokerOf call
        let mine = table rules broker

        let before =
            mine
            |> Map.tryFind change.Subject
            |> Option.map _.Policies
            |> Option.defaultValue []

        rules[broker] <-
            Map.add
                change.Subject
                {
                    Subject = Some change.Subject
                    Policies = merged before change.Acl.Policies
                }
                mine

    /// A broker deletes all of a subject where it cannot read the resource: Resource.of.
    let remove (call: Call) (removal: AclRemoval) =
        let broker = brokerOf call
        let mine = table rules broker

        match removal.Resource, Map.tryFind removal.Subject mine with
        | _, None -> failwith "it has no rules"
        | None, _ -> rules[broker] <- Map.remove removal.Subject mine
        | Some resource, Some info ->
            let policies =
                info.Policies
                |> List.map (fun policy ->
                    if policy.Type = (removal.PolicyType |> Option.orElse (Some "Custom")) then
                        { policy with
                            Entries = policy.Entries |> List.filter (fun one -> one.Resource <> resource)
                        }
                    else
                        policy)
                |> List.filter (fun policy -> not policy.Entries.IsEmpty)

            rules[broker] <-
                if policies.IsEmpty then
                    Map.remove removal.Subject mine
                else
                    Map.add removal.Subject { info with Policies = policies } mine

    let containing (part: string option) (name: string) =
        match part with
        | Some part -> name.Contains(part, StringComparison.Ordinal)
        | None -> true

    /// What a broker has at first.
    member _.With(broker, ownUsers: UserInfo list, ownRules: AclInfo list) =
        users[broker] <- ownUsers |> List.map (fun one -> Option.get one.Name, one) |> Map.ofList
        rules[broker] <- ownRules |> List.map (fun one -> Option.get one.Subject, one) |> Map.ofList

    member _.UsersOf(broker) =
        (table users broker).Values |> List.ofSeq

    /// Each as resource and actions.
    member _.RulesOf(broker, subject: string) =
        match Map.tryFind subject (table rules broker) with
        | None -> []
        | Some info ->
            info.Policies
            |> List.collect _.Entries
            |> List.map (fun entry -> entry.Resource, entry.Actions)
            |> List.sort

    member _.Answers: Answering list =
        [
            answering Users.list (fun call filter ->
                table users (brokerOf call)
                |> Map.filter (fun name _ -> containing filter name)
                |> Map.values
                |> List.ofSeq
                |> Some)
            answering Users.get (fun call name -> Map.tryFind name (table users (brokerOf call)))
            answering Users.create (fun call change ->
                let broker = brokerOf call
                users[broker] <- Map.add change.Name change.Info (table users broker))
            answering Users.update (fun call change ->
                let broker = brokerOf call
                let before = Map.find change.Name (table users broker)

                let after =
                    { before with
                        Password = change.Info.Password |> Option.orElse before.Password
                        Type = change.Info.Type |> Option.orElse before.Type
                        Status = change.Info.Status |> Option.orElse before.Status
                    }

                users[broker] <- Map.add change.Name after (table users broker))
            answering Users.delete (fun call name ->
                let broker = brokerOf call
                users[broker] <- Map.remove name (table users broker)
                rules[broker] <- Map.remove $"User:{name}" (table rules broker))
            answering Acls.list (fun call filter ->
                table rules (brokerOf call)
                |> Map.filter (fun subject _ -> containing filter.SubjectFilter subject)
                |> Map.values
                |> List.ofSeq
                |> Some)
            answering Acls.create write
            answering Acls.update write
            answering Acls.delete remove
        ]

/// Every text of a change and of what became of it, as people may see it.
let textsOf (change: Change) (result: ChangeResult) : string =
    [
        change.Summary
        yield! change.Warnings
        for write in change.Writes do
            yield! Option.toList write.Before
            yield! Option.toList write.After
            write.ToString()
            write.Call.ToString()
            write.Call.Command.ToString()
        for one in result.Verifications do
            one.ToString()
            one.Expected
            yield! Option.toList one.Found
    ]
    |> String.concat "\n"

/// Brokers that have the same users, and no rules.
let ofUsers (brokers: BrokerAddress list) (users: UserInfo list) : FakeAccess =
    let access = FakeAccess()

    for broker in brokers do
        access.With(broker, users, [])

    access
