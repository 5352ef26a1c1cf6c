namespace RocketMq.Cli

open System
open System.Text.Json
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration

/// What topics and groups there are on one master, without what brokers keep for themselves.
type BrokerMetadata =
    {
        Broker: BrokerAddress
        Topics: Map<string, TopicSettings>
        Groups: Map<string, GroupSettings>
    }

/// A topic or a group of a file, on the broker that it was read from.
type MetadataEntry<'Settings> =
    {
        BrokerName: string
        Name: string
        Settings: 'Settings
    }

/// Topics and groups of a file.
type MetadataFile =
    {
        Topics: MetadataEntry<TopicSettings> list
        Groups: MetadataEntry<GroupSettings> list
    }

/// Topics and groups as text, and out of it.
module Metadata =
    let private settingsOfTopic (config: TopicConfig) : TopicSettings =
        {
            ReadQueues = Some config.ReadQueues
            WriteQueues = Some config.WriteQueues
            Permission = Some config.Permission
            IsOrderly = Some config.IsOrderly
            Attributes =
                config.Attributes
                |> Option.defaultValue Map.empty
                |> Map.map (fun _ value -> Some value)
        }

    let private settingsOfGroup (config: SubscriptionGroup) : GroupSettings =
        {
            IsConsumeEnabled = Some config.IsConsumeEnabled
            IsBroadcastEnabled = Some config.IsBroadcastEnabled
            IsConsumeFromMinEnabled = Some config.IsConsumeFromMinEnabled
            IsOrderly = config.IsOrderly
            RetryQueues = Some config.RetryQueues
            RetryMaxTimes = Some config.RetryMaxTimes
            NotifiesMembers = Some config.NotifiesMembers
        }

    /// Groups that brokers make for themselves and their tools.
    let private isOfBrokers (group: string) =
        Namespaced.isSystemName group
        || group.StartsWith("CID_", StringComparison.Ordinal)

    /// All topics and groups of the masters of a scope, two requests each.
    let read (scope: BrokerScope) : Plan<BrokerMetadata list * Administration.ServerFailure list> =
        plan {
            let! all = Directory.all
            let! masters = Plan.ofResult (Directory.select scope BrokerRoles.Masters all)
            let! topics = Answers.query masters "settings of all topics" (Topics.all.Request())

            and! groups =
                Answers.query masters "settings of all groups" (SubscriptionGroups.all.Request())

            let! topics = Answers.needOne topics

            let kindOf = TopicKind.ofName (Directory.isServerName all)
            let isOurs topic = kindOf topic = TopicKind.Normal

            let groupsOf broker =
                groups.Answers
                |> List.tryFind (fun (other, _) -> other = broker)
                |> Option.map (fun (_, table) -> table.Groups)
                |> Option.defaultValue Map.empty

            return
                topics.Answers
                |> List.map (fun (broker, table) ->
                    {
                        Broker = broker
                        Topics =
                            table.Topics
                            |> Map.filter (fun name _ -> isOurs name)
                            |> Map.map (fun _ config -> settingsOfTopic config)
                        Groups =
                            groupsOf broker
                            |> Map.filter (fun name _ -> not (isOfBrokers name))
                            |> Map.map (fun _ config -> settingsOfGroup config)
                    }),
                List.distinct (topics.Failures @ groups.Failures)
        }

    let private number (value: int option) =
        Report.optional Missing (int64 >> Number) value

    let private flag (value: bool option) = Report.optional Missing Flag value

    let private attributes (settings: TopicSettings) : Cell =
        settings.Attributes
        |> Map.toList
        |> List.choose (fun (name, value) -> value |> Option.map (fun value -> $"{name}={value}"))
        |> Administering.join

    /// Two tables, whose JSON is the file that diff and apply read.
    let reports (all: BrokerMetadata list) : Report list =
        let topics =
            [
                for one in all do
                    for KeyValue(name, settings) in one.Topics do
                        [
                            Text one.Broker.Name
                            Text name
                            number settings.ReadQueues
                            number settings.WriteQueues
                            number settings.Permission
                            flag settings.IsOrderly
                            attributes settings
                        ]
            ]

        let groups =
            [
                for one in all do
                    for KeyValue(name, settings) in one.Groups do
                        [
                            Text one.Broker.Name
                            Text name
                            flag settings.IsConsumeEnabled
                            flag settings.IsBroadcastEnabled
                            flag settings.IsConsumeFromMinEnabled
                            flag settings.IsOrderly
                            number settings.RetryQueues
                            number settings.RetryMaxTimes
                            flag settings.NotifiesMembers
                        ]
            ]

        [
            Report.table
                "topics"
                [
                    Report.words "broker"
                    Report.words "name"
                    Report.figures "readQueues"
                    Report.figures "writeQueues"
                    Report.figures "permission"
                    Report.words "ordered"
                    Report.words "attributes"
                ]
                topics
            Report.table
                "groups"
                [
                    Report.words "broker"
                    Report.words "name"
                    Report.words "consumes"
                    Report.words "broadcast"
                    Report.words "fromMin"
                    Report.words "ordered"
                    Report.figures "retryQueues"
                    Report.figures "retries"
                    Report.words "notify"
                ]
                groups
        ]

    /// What no such file can look like.
    exception private Wrong of string

    let private textOf (row: JsonElement) (name: string) : string =
        match row.TryGetProperty name with
        | true, value when value.ValueKind = JsonValueKind.String -> nonNull (value.GetString())
        | _ -> raise (Wrong $"'{name}' of a row is no text")

    let private numberOf (row: JsonElement) (name: string) : int option =
        match row.TryGetProperty name with
        | true, value when value.ValueKind = JsonValueKind.Number ->
            match value.TryGetInt32() with
            | true, number -> Some number
            | _ -> raise (Wrong $"'{name}' of a row is no whole number")
        | true, value when value.ValueKind <> JsonValueKind.Null -> raise (Wrong $"'{name}' of a row is no number")
        | _ -> None

    let private flagOf (row: JsonElement) (name: string) : bool option =
        match row.TryGetProperty name with
        | true, value when value.ValueKind = JsonValueKind.True -> Some true
        | true, value when value.ValueKind = JsonValueKind.False -> Some false
        | true, value when value.ValueKind <> JsonValueKind.Null ->
            raise (Wrong $"'{name}' of a row is neither true nor false")
        | _ -> None

    let private attributesOf (row: JsonElement) : Map<string, string option> =
        match row.TryGetProperty "attributes" with
        | true, value when value.ValueKind = JsonValueKind.String ->
            (nonNull (value.GetString())).Split(' ', StringSplitOptions.RemoveEmptyEntries)
            |> Array.map (fun pair ->
                match pair.IndexOf '=' with
                | -1 -> raise (Wrong "an attribute is not name=value")
                | at -> pair.Substring(0, at), Some(pair.Substring(at + 1)))
            |> Map.ofArray
        | _ -> Map.empty

    let private rows (root: JsonElement) (part: string) (read: JsonElement -> 'Settings) =
        match root.TryGetProperty part with
        | true, found ->
            match found.TryGetProperty "rows" with
            | true, rows when rows.ValueKind = JsonValueKind.Array ->
                [
                    for row in rows.EnumerateArray() ->
                        {
                            BrokerName = textOf row "broker"
                            Name = textOf row "name"
                            Settings = read row
                        }
                ]
            | _ -> raise (Wrong $"'{part}' has no rows")
        | _ -> []

    /// Reads what `metadata export -o json` has written.
    let parse (text: string) : Result<MetadataFile, string> =
        try
            use document = JsonDocument.Parse text
            let root = document.RootElement

            if root.ValueKind <> JsonValueKind.Object then
                Error "it is no object"
            else
                Ok
                    {
                        Topics =
                            rows root "topics" (fun row ->
                                {
                                    ReadQueues = numberOf row "readQueues"
                                    WriteQueues = numberOf row "writeQueues"
                                    Permission = numberOf row "permission"
                                    IsOrderly = flagOf row "ordered"
                                    Attributes = attributesOf row
                                })
                        Groups =
                            rows root "groups" (fun row ->
                                {
                                    IsConsumeEnabled = flagOf row "consumes"
                                    IsBroadcastEnabled = flagOf row "broadcast"
                                    IsConsumeFromMinEnabled = flagOf row "fromMin"
                                    IsOrderly = flagOf row "ordered"
                                    RetryQueues = numberOf row "retryQueues"
                                    RetryMaxTimes = numberOf row "retries"
                                    NotifiesMembers = flagOf row "notify"
                                })
                    }
        with
        | Wrong reason -> Error reason
        | :? InvalidOperationException -> Error "it is not what `metadata export -o json` writes"
        | :? JsonException as error ->
            let line = error.LineNumber |> ValueOption.ofNullable |> ValueOption.defaultValue 0L
            Error(invariant $"it is no JSON at line {line + 1L}")

    /// What a broker is to have under a name: its own entry or, where the file is of other brokers, the one on which these agree.
    let settingsFor (broker: BrokerAddress) (entries: MetadataEntry<'Settings> list) : Result<'Settings, string> =
        match entries |> List.tryFind (fun entry -> entry.BrokerName = broker.Name) with
        | Some own -> Ok own.Settings
        | None ->
            match entries |> List.map _.Settings |> List.distinct with
            | [ single ] -> Ok single
            | _ ->
                let names = entries |> List.map _.BrokerName |> String.concat ", "

                Error(
                    invariant
                        $"{entries.Head.Name}: the brokers of the file ({names}) do not agree, and {broker.Name} is none of them"
                )
