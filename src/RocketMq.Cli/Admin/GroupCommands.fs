namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration

/// `rocketmq group …`, but its lag.
module GroupCommands =
    let private columnsOfConfig: Column list =
        [
            Report.words "broker"
            Report.words "address"
            Report.words "consumes"
            Report.words "broadcast"
            Report.words "fromMin"
            Report.words "ordered"
            Report.figures "retryQueues"
            Report.figures "retries"
            Report.words "notify"
        ]

    let private configCells (one: GroupOnBroker) : Cell list =
        match one.Config with
        | None -> [ Text one.Broker.Name; Text one.Broker.Address ] @ List.replicate 7 Missing
        | Some config ->
            [
                Text one.Broker.Name
                Text one.Broker.Address
                Flag config.IsConsumeEnabled
                Flag config.IsBroadcastEnabled
                Flag config.IsConsumeFromMinEnabled
                Report.optional Missing Flag config.IsOrderly
                Number(int64 config.RetryQueues)
                Number(int64 config.RetryMaxTimes)
                Flag config.NotifiesMembers
            ]

    let private namesOf (scope: BrokerScope) : Plan<Answers<Set<string>>> =
        plan {
            let! masters = Directory.brokers scope BrokerRoles.Masters
            let! names = GroupConfigs.names masters
            return! Answers.needOne names
        }

    let private listed (names: Answers<Set<string>>) : Report list =
        let rows =
            names.Values
            |> List.collect Set.toList
            |> List.countBy id
            |> List.sortWith (fun (one, _) (other, _) -> String.CompareOrdinal(one, other))
            |> List.map (fun (group, brokers) -> [ Text group; Number(int64 brokers) ])

        [
            Report.table "groups" [ Report.words "group"; Report.figures "brokers" ] rows
            |> Administering.withFailures names.Failures
        ]

    let private list (invocation: Invocation) =
        Administering.withScope invocation (fun scope -> Administering.show listed (namesOf scope) invocation)

    /// A group with what each master has of it and who is in it.
    let private description (scope: BrokerScope) (group: string) =
        plan {
            let! all = Directory.brokers scope BrokerRoles.MastersAndSlaves
            let masters = all |> List.filter _.IsMaster
            let! configs = Answers.queryEach masters (GroupConfigs.tryGet group)
            and! members = GroupMembers.ofGroup all group false
            let! configs = Answers.needOne configs

            if configs.Values |> List.forall Option.isNone && not members.IsOnline then
                return! GroupConfigs.notFound masters group
            else
                return configs, members
        }

    let private text (value: 'T option) =
        Report.optional Missing (fun value -> Text(string value)) value

    let private described
        (group: string)
        (configs: Answers<SubscriptionGroup option>, members: GroupMembers)
        : Report list =
        let subscription (KeyValue(topic, subscription: Subscription)) =
            [ Text topic; Text subscription.ExpressionType; Text subscription.Expression ]

        [
            Report.record
                "group"
                [
                    "group", Text group
                    "members", Number(int64 members.Members.Length)
                    "type", text members.Type
                    "model", text members.Model
                    "start", text members.Start
                    "disagreements",
                    (if members.Disagreements.IsEmpty then
                         Missing
                     else
                         Text(String.concat " " members.Disagreements))
                ]
            Report.table
                "brokers"
                columnsOfConfig
                (configs.Answers
                 |> List.map (fun (broker, config) -> configCells { Broker = broker; Config = config }))
            Report.table
                "subscriptions"
                [ Report.words "topic"; Report.words "type"; Report.words "expression" ]
                (members.Subscriptions |> Seq.map subscription |> List.ofSeq)
            |> Administering.withFailures (List.distinct (configs.Failures @ members.Failures))
        ]

    let private describe (invocation: Invocation) =
        let group = invocation.Argument "group"

        Administering.withScope invocation (fun scope ->
            Administering.show (described group) (description scope group) invocation)

    let private release (version: int) : Cell =
        match ProtocolVersion.tryRelease version with
        | ValueSome(struct (major, minor, patch)) -> Text(invariant $"{major}.{minor}.{patch}")
        | ValueNone -> Number(int64 version)

    let private memberCells (one: GroupMember) : Cell list =
        [
            Text one.ClientId
            Text one.Address
            Text one.Language
            release one.Version
            Administering.join one.Brokers
            (match one.RunningInfo with
             | Some info -> Number(int64 info.Queues.Count)
             | None -> Unknown)
        ]

    let private membersReport (members: GroupMembers) : Report list =
        [
            { Report.table
                  "members"
                  [
                      Report.words "client"
                      Report.words "address"
                      Report.words "language"
                      Report.words "version"
                      Report.words "brokers"
                      Report.figures "queues"
                  ]
                  (members.Members |> List.map memberCells) with
                Totals =
                    [
                        "members", Number(int64 members.Members.Length)
                        if not members.Disagreements.IsEmpty then
                            "disagreements", Text(String.concat " " members.Disagreements)
                    ]
                Failures = Administering.failures members.Failures
            }
        ]

    let private members (invocation: Invocation) =
        let group = invocation.Argument "group"

        Administering.withScope invocation (fun scope ->
            // Members or brokers that contradict each other are what a monitor looks for.
            Administering.check
                membersReport
                (fun members -> not members.Disagreements.IsEmpty)
                (GroupMembers.find scope group)
                invocation)

    let private settings (invocation: Invocation) : Result<GroupSettings, Failure> =
        parsed {
            let! consumes = Invocation.choice "--consume" invocation
            let! broadcasts = Invocation.choice "--broadcast" invocation
            let! fromMin = Invocation.choice "--from-min" invocation
            let! isOrderly = Invocation.choice "--ordered" invocation
            let! notifies = Invocation.choice "--notify" invocation
            let! retryQueues = Invocation.count "--retry-queues" 0L 65_536L invocation
            let! retries = Invocation.count "--retries" 0L 1_000_000L invocation

            return
                {
                    IsConsumeEnabled = consumes
                    IsBroadcastEnabled = broadcasts
                    IsConsumeFromMinEnabled = fromMin
                    IsOrderly = isOrderly
                    RetryQueues = Option.map int retryQueues
                    RetryMaxTimes = Option.map int retries
                    NotifiesMembers = notifies
                }
        }

    let private change (invocation: Invocation) (toPlan: BrokerScope -> string -> GroupSettings -> Plan<Change>) =
        match
            settings invocation
            |> Result.bind (fun settings -> Administering.scope invocation |> Result.map (fun scope -> settings, scope))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(settings, scope) -> Changing.run invocation (fun _ -> toPlan scope (invocation.Argument "group") settings)

    let private create (invocation: Invocation) =
        change invocation (fun scope group settings ->
            Administering.needOneCluster scope
            |> Plan.bind (fun () -> GroupChanges.create scope group settings))

    let private update (invocation: Invocation) =
        change invocation (fun scope group settings ->
            if settings = GroupSettings.Unchanged then
                Plan.Failed(AdminError.Invalid "Nothing is named that is to change.")
            else
                GroupChanges.update scope group settings)

    let private delete (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Changing.run invocation (fun _ ->
                GroupChanges.delete scope (invocation.Argument "group") (invocation.Flag "--keep-offsets")))

    let private yesNo = Spec.from (Choices [ "yes"; "no" ])

    let private settingOptions: OptionSpec list =
        [
            Spec.value "--consume" "yes|no" "Whether it may consume. A new group may"
            |> yesNo
            Spec.value "--broadcast" "yes|no" "Whether its members may broadcast. A new group's may"
            |> yesNo
            Spec.value
                "--from-min"
                "yes|no"
                "Whether a queue without an offset is read from its first message. A new group does so"
            |> yesNo
            Spec.value "--ordered" "yes|no" "Whether it consumes in order, since 5.0"
            |> yesNo
            Spec.value
                "--retries"
                "n"
                "How often a message is handled again before it is a dead letter. A new group has 16"
            Spec.value "--retry-queues" "n" "Queues of its retry topic. A new group has 1"
            Spec.value "--notify" "yes|no" "Whether members are notified of each other. A new group's are"
            |> yesNo
            yield! Administering.scopeOptions
        ]

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            Spec.command [ "group"; "list" ] "Lists consumer groups" [] Administering.scopeOptions list
            Spec.command
                [ "group"; "describe" ]
                "Shows a group's settings on each master and what it subscribes to"
                [ Spec.group ]
                Administering.scopeOptions
                describe
            { Spec.command
                  [ "group"; "members" ]
                  "Shows the members of a group, merged of all brokers"
                  [ Spec.group ]
                  Administering.scopeOptions
                  members with
                Details =
                    [
                        "Members that subscribe to different things, names that two clients share, and queues that two members read are flagged: the exit code is then 4."
                    ]
            }
            Spec.command
                [ "group"; "create" ]
                "Makes a group on all masters of a cluster"
                [ Spec.argument "group" "The group's name" ]
                settingOptions
                create
            { Spec.command
                  [ "group"; "update" ]
                  "Changes the settings that are named, and leaves the others"
                  [ Spec.group ]
                  settingOptions
                  update with
                Details = [ "Each master is read first, changed, and read again." ]
            }
            { Spec.command
                  [ "group"; "delete" ]
                  "Deletes a group that has no members online"
                  [ Spec.group ]
                  [
                      Spec.flag "--keep-offsets" "Its offsets stay: a group of this name goes on there"
                      yield! Administering.scopeOptions
                  ]
                  delete with
                Details =
                    [
                        "It says what happens to its offsets, its retry topic and its dead letters, and asks first. The topics stay: `rocketmq topic delete` deletes them."
                    ]
            }
        ]
