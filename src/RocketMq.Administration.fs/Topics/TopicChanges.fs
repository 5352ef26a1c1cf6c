namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What is to be set of a topic: what is not named stays as it is, or becomes the default where the topic is new.
type TopicSettings =
    {
        /// Default 8 on each master.
        ReadQueues: int option
        /// Default as `ReadQueues`.
        WriteQueues: int option
        /// Bits: 2 write, 4 read. Default 6.
        Permission: int option
        /// Default false.
        IsOrderly: bool option
        /// Since 5.0; nothing as the value removes one.
        Attributes: Map<string, string option>
    }

    static member Unchanged =
        {
            ReadQueues = None
            WriteQueues = None
            Permission = None
            IsOrderly = None
            Attributes = Map.empty
        }

/// What is written about topics.
module TopicChanges =
    let private mostQueues = 65_536

    let private newTopic topic (settings: TopicSettings) : TopicConfig =
        {
            Name = topic
            ReadQueues =
                settings.ReadQueues
                |> Option.orElse settings.WriteQueues
                |> Option.defaultValue 8
            WriteQueues =
                settings.WriteQueues
                |> Option.orElse settings.ReadQueues
                |> Option.defaultValue 8
            Permission = settings.Permission |> Option.defaultValue 6
            FilterType = TopicFilterType.SingleTag
            SysFlag = 0
            IsOrderly = settings.IsOrderly |> Option.defaultValue false
            Attributes = None
        }

    let private withAttributes (changes: Map<string, string option>) (config: TopicConfig) =
        if changes.IsEmpty then
            config
        else
            let attributes =
                (Option.defaultValue Map.empty config.Attributes, changes)
                ||> Map.fold (fun attributes name value ->
                    match value with
                    | Some value -> Map.add name value attributes
                    | None -> Map.remove name attributes)

            { config with
                Attributes = Some attributes
            }

    /// The settings with those that are named.
    let apply (settings: TopicSettings) (config: TopicConfig) : TopicConfig =
        { config with
            ReadQueues = settings.ReadQueues |> Option.defaultValue config.ReadQueues
            WriteQueues = settings.WriteQueues |> Option.defaultValue config.WriteQueues
            Permission = settings.Permission |> Option.defaultValue config.Permission
            IsOrderly = settings.IsOrderly |> Option.defaultValue config.IsOrderly
        }
        |> withAttributes settings.Attributes

    let private check (topic: string) (settings: TopicSettings) : Result<unit, AdminError> =
        let queues what count =
            match count with
            | Some count when count < 1 || count > mostQueues ->
                Some(invariant $"{what} are {count}; 1 to {mostQueues} are allowed")
            | _ -> None

        let permission =
            match settings.Permission with
            | Some bits when bits < 1 || bits > 7 ->
                Some(invariant $"the permission is {bits}; 2 (W), 4 (R) and 6 (RW) are known")
            | _ -> None

        let problems =
            [
                match Names.checkTopic topic with
                | Ok _ -> ()
                | Error error -> error.Message
                yield! Option.toList (queues "queues to read" settings.ReadQueues)
                yield! Option.toList (queues "queues to write" settings.WriteQueues)
                yield! Option.toList permission
            ]

        match problems with
        | [] -> Ok()
        | problems ->
            let text = String.concat "; " problems
            Error(AdminError.Invalid $"The topic's settings are not valid: {text}.")

    let private attributesText (changes: Map<string, string option>) : string option =
        if changes.IsEmpty then
            None
        else
            [
                for KeyValue(name, value) in changes do
                    match value with
                    | Some value -> $"+{name}={value}"
                    | None -> $"-{name}"
            ]
            |> String.concat ","
            |> Some

    let private request (config: TopicConfig) (attributes: Map<string, string option>) =
        Topics.create.Request
            {
                Topic = config.Name
                DefaultTopic = "TBW102"
                ReadQueues = config.ReadQueues
                WriteQueues = config.WriteQueues
                Permission = config.Permission
                FilterType = config.FilterType
                SysFlag = Some config.SysFlag
                IsOrderly = config.IsOrderly
                Attributes = attributesText attributes
                IsForced = None
            }

    let private write
        (settings: TopicSettings)
        (broker: BrokerAddress)
        (before: TopicConfig option)
        (after: TopicConfig)
        =
        Change.write
            (Target.Broker broker)
            $"topic {after.Name}"
            (request after settings.Attributes)
            (before |> Option.map TopicConfigs.describe)
            (Some(TopicConfigs.describe after))

    /// Brokers of 4.9, which have no attributes, do not keep whether a topic is ordered: only name servers do.
    let private asStored (config: TopicConfig) (found: Result<TopicConfig option, RemotingError>) =
        match found with
        | Ok(Some stored) when stored.Attributes.IsNone ->
            { config with
                IsOrderly = stored.IsOrderly
                Attributes = None
            }
        | Ok _
        | Error _ -> config

    /// Reads from each broker what was written there.
    let private verify (expected: (BrokerAddress * TopicConfig) list) : Plan<Verification list> =
        expected
        |> List.map (fun (broker, config) ->
            TopicConfigs.tryGet config.Name broker
            |> Plan.map (fun found ->
                {
                    Server = broker.ToString()
                    What = $"topic {config.Name}"
                    Expected = TopicConfigs.describe (asStored config found)
                    Found =
                        match found with
                        | Ok(Some found) -> Some(TopicConfigs.describe found)
                        | Ok None -> Some "not there"
                        | Error _ -> None
                }))
        |> Plan.all

    /// The masters of a scope with what each has of the topic. One that does not answer stops the change: nobody knows what it would undo.
    let private read (scope: BrokerScope) (topic: string) : Plan<(BrokerAddress * TopicConfig option) list> =
        plan {
            let! masters = Directory.brokers scope BrokerRoles.Masters
            let! configs = Answers.queryEach masters (TopicConfigs.tryGet topic)

            match configs.Failures with
            | [] -> return configs.Answers
            | failures -> return! Plan.Failed(AdminError.Failed failures)
        }

    /// Writes of the order of queues, where the topic is an ordered one.
    let private orderWrites nameServers topic (configs: (BrokerAddress * TopicConfig) list) : Plan<Write list> =
        plan {
            match configs |> List.exists (fun (_, config) -> config.IsOrderly) with
            | false -> return []
            | true ->
                let queues =
                    configs |> List.map (fun (broker, config) -> broker.Name, config.WriteQueues)

                let! texts = OrderedTopics.read nameServers topic

                return
                    texts
                    |> List.choose (fun (server, text) ->
                        let before = text |> Result.toOption |> Option.flatten
                        let after = OrderedTopics.merge (Option.defaultValue "" before) queues

                        if before = Some after then
                            None
                        else
                            Some(OrderedTopics.write server topic before after))
        }

    /// Makes a topic on all masters of a scope. It must not be on any of them.
    let create
        (nameServers: Endpoint list)
        (scope: BrokerScope)
        (topic: string)
        (settings: TopicSettings)
        : Plan<Change> =
        plan {
            do! Plan.ofResult (check topic settings)
            let! configs = read scope topic

            match configs |> List.filter (fun (_, config) -> config.IsSome) with
            | [] ->
                let config = newTopic topic settings |> withAttributes settings.Attributes
                let after = configs |> List.map (fun (broker, _) -> broker, config)
                let! order = orderWrites nameServers topic after

                return
                    {
                        Summary = $"create topic {topic} in {scope}"
                        Destroys = false
                        Warnings = []
                        Stages =
                            [
                                after |> List.map (fun (broker, config) -> write settings broker None config)
                                order
                            ]
                        Verify = verify after
                    }
            | there ->
                let names = there |> List.map (fun (broker, _) -> broker.Name) |> String.concat ", "

                return!
                    Plan.Failed(
                        AdminError.NotAllowed(
                            invariant
                                $"The topic {topic} is there already, on {names}. Update it, or create it on the other brokers by name."
                        )
                    )
        }

    let private warnings (changes: (BrokerAddress * TopicConfig * TopicConfig) list) =
        let shrinks (get: TopicConfig -> int) =
            changes |> List.exists (fun (_, before, after) -> get after < get before)

        [
            if shrinks _.ReadQueues && shrinks _.WriteQueues then
                "Queues to read and to write shrink at once: messages in the queues that go are not consumed. Reduce those to write first, wait until the others are empty, then reduce those to read."
            elif shrinks _.ReadQueues then
                "Queues to read shrink: messages that are still in those that go are not consumed."
        ]

    /// Changes what is named on all masters of a scope that have the topic, and leaves the rest.
    let update
        (nameServers: Endpoint list)
        (scope: BrokerScope)
        (topic: string)
        (settings: TopicSettings)
        : Plan<Change> =
        plan {
            do! Plan.ofResult (check topic settings)
            let! configs = read scope topic

            let changes =
                configs
                |> List.choose (fun (broker, config) ->
                    config |> Option.map (fun config -> broker, config, apply settings config))

            let absent =
                configs
                |> List.filter (fun (_, config) -> config.IsNone)
                |> List.map (fun (broker, _) -> broker.Name)

            match changes with
            | [] -> return! Plan.Failed(AdminError.NotFound("topic", topic, [], []))
            | changes ->
                let after = changes |> List.map (fun (broker, _, after) -> broker, after)

                let! order =
                    match settings.IsOrderly with
                    | Some true -> orderWrites nameServers topic after
                    | Some false
                    | None -> Plan.Done []

                return
                    {
                        Summary = $"update topic {topic} in {scope}"
                        Destroys = false
                        Warnings =
                            warnings changes
                            @ (absent
                               |> List.map (fun name -> $"{name} does not have the topic; it is not created there."))
                        Stages =
                            [
                                changes
                                |> List.filter (fun (_, before, after) -> before <> after)
                                |> List.map (fun (broker, before, after) -> write settings broker (Some before) after)
                                order
                            ]
                        Verify = verify after
                    }
        }

    let private routeGone topic (server: Endpoint) =
        Plan.query (Target.NameServer server) $"route of {topic}" (GetRoute.request topic)
        |> Plan.map (fun answer ->
            {
                Server = invariant $"name server {server}"
                What = $"route of {topic}"
                Expected = "gone"
                Found =
                    match answer with
                    | Error(RemotingError.Refused(code = ResponseCode.TopicNotExist)) -> Some "gone"
                    | Ok route when route.Queues.IsEmpty -> Some "gone"
                    | Ok route ->
                        let brokers = route.Queues |> List.map _.BrokerName |> String.concat ", "
                        Some $"still on {brokers}"
                    | Error _ -> None
            })

    let private configGone topic (broker: BrokerAddress) =
        TopicConfigs.tryGet topic broker
        |> Plan.map (fun found ->
            {
                Server = broker.ToString()
                What = $"topic {topic}"
                Expected = "gone"
                Found =
                    match found with
                    | Ok None -> Some "gone"
                    | Ok(Some config) -> Some(TopicConfigs.describe config)
                    | Error _ -> None
            })

    let private clusterOf (scope: BrokerScope) =
        match scope with
        | BrokerScope.Cluster name -> Some name
        | BrokerScope.All
        | BrokerScope.Broker _ -> None

    /// Deletes a topic with all its messages: on brokers first, as each would bring its route back, then in name servers, then its order.
    let delete (nameServers: Endpoint list) (scope: BrokerScope) (topic: string) : Plan<Change> =
        plan {
            let! all = Directory.all
            let! inScope = Plan.ofResult (Directory.select scope BrokerRoles.Masters all)
            let! configs = Answers.queryEach inScope (TopicConfigs.tryGet topic)
            and! route = Directory.tryRoute topic
            and! order = OrderedTopics.read nameServers topic

            let there =
                configs.Answers
                |> List.choose (fun (broker, config) -> config |> Option.map (fun config -> broker, config))

            let isServerName name =
                all |> List.exists (fun broker -> broker.Name = name || broker.Cluster = name)

            match there, route, configs.Failures with
            | _ when TopicKind.ofName isServerName topic = TopicKind.System ->
                return!
                    Plan.Failed(AdminError.NotAllowed $"{topic} belongs to the brokers themselves. It is not deleted.")
            | [], None, failures -> return! Plan.Failed(AdminError.NotFound("topic", topic, [], failures))
            | there, route, failures ->
                let brokers = List.map fst there

                let! groups = TopicQueries.groups topic brokers
                and! queues = TopicQueries.queues topic brokers

                let messages =
                    queues.Values
                    |> List.concat
                    |> List.sumBy (fun queue -> queue.MaxOffset - queue.MinOffset)

                let names = groups.Values |> List.concat |> List.distinct |> List.sort
                let scopeNames = brokers |> List.map _.Name |> Set.ofList

                let elsewhere =
                    route
                    |> Option.map (fun route -> route.Queues |> List.map _.BrokerName)
                    |> Option.defaultValue []
                    |> List.filter (fun name -> not (scopeNames.Contains name))

                let isLast = elsewhere.IsEmpty

                return
                    {
                        Summary = $"delete topic {topic} in {scope}"
                        Destroys = true
                        Warnings =
                            [
                                if messages > 0L then
                                    invariant $"{messages} messages are deleted."
                                if not names.IsEmpty then
                                    let names = String.concat ", " names
                                    $"Groups consume it: {names}."
                                if not isLast then
                                    let names = String.concat ", " elsewhere
                                    $"It stays on {names}, whose next registration keeps it in routes."
                                for failure in failures do
                                    $"{failure.Server} did not answer and may bring the topic back: {failure.Reason}"
                            ]
                        Stages =
                            [
                                there
                                |> List.map (fun (broker, config) ->
                                    Change.write
                                        (Target.Broker broker)
                                        $"topic {topic}"
                                        (Topics.delete.Request topic)
                                        (Some(TopicConfigs.describe config))
                                        None)
                                nameServers
                                |> List.map (fun server ->
                                    Change.write
                                        (Target.NameServer server)
                                        $"route of {topic}"
                                        (NameServerTopics.delete.Request
                                            {
                                                Topic = topic
                                                ClusterName = if isLast then None else clusterOf scope
                                            })
                                        (Some "route")
                                        None)
                                [
                                    if isLast then
                                        for server, text in order do
                                            match text with
                                            | Ok(Some text) -> OrderedTopics.remove server topic text
                                            | Ok None
                                            | Error _ -> ()
                                ]
                            ]
                        Verify =
                            plan {
                                let! onBrokers = brokers |> List.map (configGone topic) |> Plan.all

                                and! inRoutes =
                                    if isLast then
                                        nameServers |> List.map (routeGone topic) |> Plan.all
                                    else
                                        Plan.Done []

                                return onBrokers @ inRoutes
                            }
                    }
        }
