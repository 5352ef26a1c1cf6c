namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Administration

/// `rocketmq topic …`
module TopicCommands =
    let private kindText (kind: TopicKind) =
        match kind with
        | TopicKind.Retry -> "retry"
        | TopicKind.DeadLetter -> "dead letter"
        | TopicKind.System -> "system"
        | _ -> "normal"

    let private listed (invocation: Invocation) (withQueues: bool) (list: TopicList) : Report list =
        let topics =
            list.Topics
            |> List.filter (fun topic -> invocation.Flag "--all" || topic.Kind = TopicKind.Normal)

        let count (value: int option) =
            value |> Option.map int64 |> Administering.known

        let columns, cells =
            if withQueues then
                [
                    Report.words "topic"
                    Report.words "kind"
                    Report.figures "brokers"
                    Report.figures "readQueues"
                    Report.figures "writeQueues"
                ],
                fun (topic: TopicSummary) ->
                    [
                        Text topic.Topic
                        Text(kindText topic.Kind)
                        count topic.Brokers
                        count topic.ReadQueues
                        count topic.WriteQueues
                    ]
            else
                [ Report.words "topic"; Report.words "kind" ],
                fun (topic: TopicSummary) -> [ Text topic.Topic; Text(kindText topic.Kind) ]

        [
            Report.table "topics" columns (topics |> List.map cells)
            |> Administering.withFailures list.Failures
        ]

    let private list (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            let withQueues = invocation.Flag "--queues" || scope <> BrokerScope.All
            Administering.show (listed invocation withQueues) (TopicQueries.list scope withQueues) invocation)

    let private described (description: TopicDescription) : Report list =
        let broker (one: TopicOnBroker) =
            match one.Config with
            | None ->
                [
                    Text one.Broker.Name
                    Text one.Broker.Address
                    Missing
                    Missing
                    Missing
                    Missing
                ]
            | Some config ->
                [
                    Text one.Broker.Name
                    Text one.Broker.Address
                    Number(int64 config.ReadQueues)
                    Number(int64 config.WriteQueues)
                    Text(TopicConfigs.permission config.Permission)
                    Flag config.IsOrderly
                ]

        let queue (one: QueueStatus) =
            [
                Text one.Queue.BrokerName
                Number(int64 one.Queue.QueueId)
                Number one.MinOffset
                Number one.MaxOffset
                Number(one.MaxOffset - one.MinOffset)
                Administering.time one.LastUpdateMillis
            ]

        let messages =
            description.Queues |> List.sumBy (fun one -> one.MaxOffset - one.MinOffset)

        let hasAll = description.Failures.IsEmpty

        [
            Report.record
                "topic"
                [
                    "topic", Text description.Topic
                    "kind", Text(kindText description.Kind)
                    "messages", (if hasAll then Number messages else Unknown)
                    "groups", Administering.join description.Groups
                    "differences",
                    (if description.Differences.IsEmpty then
                         Missing
                     else
                         Text(String.concat "; " description.Differences))
                ]
            Report.table
                "brokers"
                [
                    Report.words "broker"
                    Report.words "address"
                    Report.figures "readQueues"
                    Report.figures "writeQueues"
                    Report.words "permission"
                    Report.words "ordered"
                ]
                (description.Brokers |> List.map broker)
            Report.table
                "queues"
                [
                    Report.words "broker"
                    Report.figures "queue"
                    Report.figures "min"
                    Report.figures "max"
                    Report.figures "messages"
                    Report.words "lastStoredAt"
                ]
                (description.Queues |> List.map queue)
            |> Administering.withFailures description.Failures
        ]

    let private describe (invocation: Invocation) =
        Administering.show described (TopicQueries.describe (invocation.Argument "topic")) invocation

    let private permission (invocation: Invocation) : Result<int option, Failure> =
        match invocation.Value "--permission" with
        | None -> Ok None
        | Some text ->
            match text.ToUpperInvariant() with
            | "RW"
            | "6" -> Ok(Some 6)
            | "R"
            | "4" -> Ok(Some 4)
            | "W"
            | "2" -> Ok(Some 2)
            | _ -> Error(Usage $"--permission: '{text}' is none of RW, R, W")

    let private attribute (text: string) : string * string option =
        match text.IndexOf '=' with
        | -1 -> text, None
        | at -> text.Substring(0, at), Some(text.Substring(at + 1))

    let private settings (invocation: Invocation) : Result<TopicSettings, Failure> =
        parsed {
            let! both = Invocation.count "--queues" 1L 65_536L invocation
            let! read = Invocation.count "--read-queues" 1L 65_536L invocation
            let! write = Invocation.count "--write-queues" 1L 65_536L invocation
            let! isOrderly = Invocation.choice "--ordered" invocation
            let! permission = permission invocation

            return
                {
                    ReadQueues = read |> Option.orElse both |> Option.map int
                    WriteQueues = write |> Option.orElse both |> Option.map int
                    Permission = permission
                    IsOrderly = isOrderly
                    Attributes = invocation.All "--attribute" |> List.map attribute |> Map.ofList
                }
        }

    let private change
        (invocation: Invocation)
        (toPlan: Administrator -> BrokerScope -> string -> TopicSettings -> Plan<Change>)
        =
        match
            settings invocation
            |> Result.bind (fun settings -> Administering.scope invocation |> Result.map (fun scope -> settings, scope))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(settings, scope) ->
            Changing.run invocation (fun administrator ->
                toPlan administrator scope (invocation.Argument "topic") settings)

    let private create (invocation: Invocation) =
        change invocation (fun administrator scope topic settings ->
            Administering.needOneCluster scope
            |> Plan.bind (fun () -> TopicChanges.create administrator.NameServers scope topic settings))

    let private update (invocation: Invocation) =
        change invocation (fun administrator scope topic settings ->
            if settings = TopicSettings.Unchanged then
                Plan.Failed(AdminError.Invalid "Nothing is named that is to change.")
            else
                TopicChanges.update administrator.NameServers scope topic settings)

    let private delete (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Changing.run invocation (fun administrator ->
                TopicDeletion.delete administrator.NameServers scope (invocation.Argument "topic")))

    let private settingOptions: OptionSpec list =
        [
            Spec.value "--queues" "n" "So many queues to read and to write on each master. A new topic has 8"
            Spec.value "--read-queues" "n" "So many to read"
            Spec.value "--write-queues" "n" "So many to write"
            Spec.value "--permission" "RW|R|W" "What clients may do. A new topic has RW"
            |> Spec.from (Choices [ "RW"; "R"; "W" ])
            Spec.value "--ordered" "yes|no" "Whether name servers keep the order of its queues"
            |> Spec.from (Choices [ "yes"; "no" ])
            Spec.many "--attribute" "name=value" "An attribute, since 5.0; a name alone removes one"
            yield! Administering.scopeOptions
        ]

    let private newTopic: ArgumentSpec = Spec.argument "topic" "The topic's name"

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "topic"; "list" ]
                  "Lists topics"
                  []
                  [
                      Spec.flag "--all" "Retry topics, dead letters and the brokers' own as well"
                      Spec.flag "--queues" "With their queues: each master is asked"
                      yield! Administering.scopeOptions
                  ]
                  list with
                Details =
                    [
                        "One name server is asked. With --queues, --cluster or --broker masters are asked as well."
                    ]
            }
            Spec.command
                [ "topic"; "describe" ]
                "Shows a topic's settings on each master, its queues and its groups"
                [ Spec.topic ]
                []
                describe
            { Spec.command
                  [ "topic"; "create" ]
                  "Makes a topic on all masters of a cluster"
                  [ newTopic ]
                  settingOptions
                  create with
                Examples =
                    [
                        "rocketmq topic create Orders --queues 16 --cluster prod", "16 queues on each master"
                    ]
            }
            { Spec.command
                  [ "topic"; "update" ]
                  "Changes the settings that are named, and leaves the others"
                  [ Spec.topic ]
                  settingOptions
                  update with
                Details = [ "Each master is read first, changed, and read again." ]
            }
            { Spec.command
                  [ "topic"; "delete" ]
                  "Deletes a topic with its messages: on brokers, in name servers, and its order"
                  [ Spec.topic ]
                  Administering.scopeOptions
                  delete with
                Details = [ "It shows what would go and asks first." ]
            }
        ]
