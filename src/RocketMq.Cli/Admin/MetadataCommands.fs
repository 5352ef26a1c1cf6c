namespace RocketMq.Cli

open System
open System.IO
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open RocketMq.Administration

/// `rocketmq metadata …`: topics and groups of a cluster as a file, and a cluster as a file says.
module MetadataCommands =
    let private export (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Administering.show
                (fun (all, failures) ->
                    match Metadata.reports all with
                    | first :: rest -> Administering.withFailures failures first :: rest
                    | [] -> [])
                (Metadata.read scope)
                invocation)

    let private readFile (invocation: Invocation) : Result<MetadataFile, Failure> =
        let path = invocation.Argument "file"

        try
            let text =
                if path = "-" then
                    invocation.Host.OpenInput().ReadToEnd()
                else
                    File.ReadAllText path

            Metadata.parse text
            |> Result.mapError (fun reason -> Failed $"{path} cannot be read: {reason}.")
        with
        | :? IOException
        | :? UnauthorizedAccessException as error -> Error(Failed $"{path} cannot be read: {error.Message}")

    /// One thing that is not on a broker as the file says.
    type private Difference =
        {
            Broker: BrokerAddress
            Kind: string
            Name: string
            What: string
            /// What makes it so, there.
            Change: Plan<Change>
        }

    let private scopeOf (broker: BrokerAddress) = BrokerScope.Broker broker.Address

    let private ofKind
        (kind: string)
        (live: BrokerMetadata -> Map<string, 'Settings>)
        (create: BrokerAddress -> string -> 'Settings -> Plan<Change>)
        (update: BrokerAddress -> string -> 'Settings -> Plan<Change>)
        (describe: 'Settings -> 'Settings -> string list)
        (entries: MetadataEntry<'Settings> list)
        (all: BrokerMetadata list)
        : Result<Difference, string> list =
        [
            for _, entries in List.groupBy (fun (entry: MetadataEntry<'Settings>) -> entry.Name) entries do
                for one in all do
                    let name = entries.Head.Name

                    match Metadata.settingsFor one.Broker entries, Map.tryFind name (live one) with
                    | Error problem, _ -> Error problem
                    | Ok settings, None ->
                        Ok
                            {
                                Broker = one.Broker
                                Kind = kind
                                Name = name
                                What = "is not there"
                                Change = create one.Broker name settings
                            }
                    | Ok settings, Some now ->
                        match describe now settings with
                        | [] -> ()
                        | differences ->
                            Ok
                                {
                                    Broker = one.Broker
                                    Kind = kind
                                    Name = name
                                    What = String.concat ", " differences
                                    Change = update one.Broker name settings
                                }
        ]

    let private differs (name: string) (show: 'T -> string) (now: 'T option) (next: 'T option) : string list =
        match now, next with
        | Some now, Some next when now <> next -> [ invariant $"{name} {show now} → {show next}" ]
        | None, Some next -> [ $"{name} ? → {show next}" ]
        | _ -> []

    let private whole (value: int) = invariant $"{value}"
    let private yes (value: bool) = if value then "yes" else "no"

    let private topicDifferences (now: TopicSettings) (next: TopicSettings) : string list =
        differs "read queues" whole now.ReadQueues next.ReadQueues
        @ differs "write queues" whole now.WriteQueues next.WriteQueues
        @ differs "permission" TopicConfigs.permission now.Permission next.Permission
        @ differs "ordered" yes now.IsOrderly next.IsOrderly
        @ [
            for KeyValue(name, value) in next.Attributes do
                if Map.tryFind name now.Attributes <> Some value then
                    let text = Option.defaultValue "" value
                    $"attribute {name} → {text}"
        ]

    let private groupDifferences (now: GroupSettings) (next: GroupSettings) : string list =
        differs "consumes" yes now.IsConsumeEnabled next.IsConsumeEnabled
        @ differs "broadcast" yes now.IsBroadcastEnabled next.IsBroadcastEnabled
        @ differs "from min" yes now.IsConsumeFromMinEnabled next.IsConsumeFromMinEnabled
        @ differs "ordered" yes now.IsOrderly next.IsOrderly
        @ differs "retry queues" whole now.RetryQueues next.RetryQueues
        @ differs "retries" whole now.RetryMaxTimes next.RetryMaxTimes
        @ differs "notify" yes now.NotifiesMembers next.NotifiesMembers

    /// Where the brokers of a scope are not as a file says. What the file does not name is left alone.
    let private differences
        (file: MetadataFile)
        (nameServers: Endpoint list)
        (scope: BrokerScope)
        : Plan<Difference list> =
        plan {
            let! all, failures = Metadata.read scope

            match failures with
            | _ :: _ -> return! Plan.Failed(AdminError.Failed failures)
            | [] ->
                let found =
                    ofKind
                        "topic"
                        _.Topics
                        (fun broker name settings -> TopicChanges.create nameServers (scopeOf broker) name settings)
                        (fun broker name settings -> TopicChanges.update nameServers (scopeOf broker) name settings)
                        topicDifferences
                        file.Topics
                        all
                    @ ofKind
                        "group"
                        _.Groups
                        (fun broker name settings -> GroupChanges.create (scopeOf broker) name settings)
                        (fun broker name settings -> GroupChanges.update (scopeOf broker) name settings)
                        groupDifferences
                        file.Groups
                        all

                let problems =
                    found
                    |> List.choose (fun one ->
                        match one with
                        | Error problem -> Some problem
                        | Ok _ -> None)
                    |> List.distinct

                match problems with
                | [] -> return found |> List.choose Result.toOption
                | problems -> return! Plan.Failed(AdminError.Invalid(String.concat "; " problems))
        }

    let private differenceReport (found: Difference list) : Report list =
        [
            Report.table
                "differences"
                [
                    Report.words "broker"
                    Report.words "kind"
                    Report.words "name"
                    Report.prose "difference"
                ]
                (found
                 |> List.map (fun one -> [ Text one.Broker.Name; Text one.Kind; Text one.Name; Text one.What ]))
        ]

    let private withFile (invocation: Invocation) (act: MetadataFile -> BrokerScope -> Task<Result<int, Failure>>) =
        match
            readFile invocation
            |> Result.bind (fun file -> Administering.scope invocation |> Result.map (fun scope -> file, scope))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(file, scope) -> act file scope

    let private diff (invocation: Invocation) =
        withFile invocation (fun file scope ->
            let plan =
                Administering.needOneCluster scope
                |> Plan.bind (fun () -> differences file [] scope)

            Administering.check differenceReport (List.isEmpty >> not) plan invocation)

    /// All changes as one: stage by stage, side by side.
    let private joined (changes: Change list) : Change =
        {
            Summary = invariant $"make {changes.Length} topics and groups as the file says"
            Destroys = false
            Warnings = changes |> List.collect _.Warnings
            Stages = changes |> List.map _.Stages |> Change.together
            Verify = changes |> List.map _.Verify |> Plan.all |> Plan.map List.concat
        }

    let private apply (invocation: Invocation) =
        withFile invocation (fun file scope ->
            Changing.run invocation (fun administrator ->
                plan {
                    do! Administering.needOneCluster scope
                    let! found = differences file administrator.NameServers scope
                    let! changes = found |> List.map _.Change |> Plan.all
                    return joined changes
                }))

    let private file: ArgumentSpec =
        Spec.argument "file" "What `metadata export -o json` has written; '-' is standard input"

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "metadata"; "export" ]
                  "Prints topics and groups of each master; with -o json as a file for diff and apply"
                  []
                  Administering.scopeOptions
                  export with
                Examples = [ "rocketmq metadata export --cluster old -o json > old.json", "What there is" ]
            }
            { Spec.command
                  [ "metadata"; "diff" ]
                  "Shows where masters are not as a file says"
                  [ file ]
                  Administering.scopeOptions
                  diff with
                Details =
                    [
                        "The exit code is 4 if there is a difference. What the file does not name is left out."
                    ]
            }
            { Spec.command
                  [ "metadata"; "apply" ]
                  "Makes and changes topics and groups until masters are as a file says"
                  [ file ]
                  Administering.scopeOptions
                  apply with
                Details =
                    [
                        "A master that the file names gets what it had; others get what the masters of the file agree on. Nothing is deleted."
                    ]
                Examples =
                    [
                        "rocketmq metadata apply old.json --context new --dry-run",
                        "What would be made on another cluster"
                    ]
            }
        ]
