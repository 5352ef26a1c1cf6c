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
            Permission = settings.Permission |> Option.defaultValue Permission.readWrite
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

    /// Writes that take brokers out of the order of queues: while name servers have them there, brokers that register make the topic
    /// an ordered one again.
    let private orderRemovals nameServers topic (brokers: BrokerAddress list) : Plan<Write list> =
        OrderedTopics.read nameServers topic
        |> Plan.map (
            List.choose (fun (server, text) ->
                match text with
                | Ok None -> None
                | Ok(Some before) ->
                    match OrderedTopics.without before (brokers |> List.map _.Name) with
                    | "" -> Some(OrderedTopics.remove server topic before)
                    | after when after = before -> None
                    | after -> Some(OrderedTopics.write server topic (Some before) after)
                // What it has is not known, and would count again.
                | Error _ -> Some(OrderedTopics.remove server topic "?"))
        )

    /// Attributes are stored by brokers that say which a topic has, if only that it has none.
    let private needAttributes (settings: TopicSettings) (configs: (BrokerAddress * TopicConfig) list) =
        match
            configs
            |> List.filter (fun (_, config) -> config.Attributes.IsNone)
            |> List.map (fun (broker, _) -> broker.ToString())
        with
        | _ :: _ as old when not settings.Attributes.IsEmpty ->
            Plan.Failed(AdminError.NotSupported("An attribute of a topic, which needs brokers of 5.0 or later,", old))
        | _ -> Plan.Done()

    /// Makes a topic on all masters of a scope. It must not be on any of them.
    let create
        (nameServers: Endpoint list)
        (scope: BrokerScope)
        (topic: string)
        (settings: TopicSettings)
        : Plan<Change> =
        plan {
            do! Plan.ofResult (check topic settings)
            let! configs = MasterSettings.read TopicConfigs.onMasters scope topic

            do! MasterSettings.needNone TopicConfigs.onMasters topic configs

            let config = newTopic topic settings |> withAttributes settings.Attributes
            let after = configs |> List.map (fun (broker, _) -> broker, config)
            let! order = orderWrites nameServers topic after

            return
                {
                    Summary = invariant $"create topic {topic} in {scope}"
                    Destroys = false
                    Warnings = []
                    Stages =
                        [
                            after |> List.map (fun (broker, config) -> write settings broker None config)
                            order
                        ]
                    Verify = MasterSettings.verify TopicConfigs.onMasters after
                }
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
            let! configs = MasterSettings.read TopicConfigs.onMasters scope topic

            let changes =
                MasterSettings.existing configs
                |> List.map (fun (broker, config) -> broker, config, apply settings config)

            match changes with
            | [] -> return! Plan.Failed(AdminError.NotFound("topic", topic, [], []))
            | changes ->
                do! needAttributes settings (changes |> List.map (fun (broker, before, _) -> broker, before))
                let after = changes |> List.map (fun (broker, _, after) -> broker, after)

                let! removals =
                    match settings.IsOrderly with
                    | Some false -> orderRemovals nameServers topic (List.map fst after)
                    | Some true
                    | None -> Plan.Done []

                and! order =
                    match settings.IsOrderly with
                    | Some true -> orderWrites nameServers topic after
                    | Some false
                    | None -> Plan.Done []

                return
                    {
                        Summary = invariant $"update topic {topic} in {scope}"
                        Destroys = false
                        Warnings = warnings changes @ MasterSettings.absent TopicConfigs.onMasters configs
                        Stages =
                            [
                                removals
                                changes
                                |> List.filter (fun (_, before, after) -> before <> after)
                                |> List.map (fun (broker, before, after) -> write settings broker (Some before) after)
                                order
                            ]
                        Verify = MasterSettings.verify TopicConfigs.onMasters after
                    }
        }
