namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Administration

/// `rocketmq cluster …` and `rocketmq broker …`
module ClusterCommands =
    let private rate (value: float option) = Report.optional Unknown Rate value

    let private millis (value: int64 option) : Cell =
        Report.optional Unknown (fun millis -> Duration(TimeSpan.FromMilliseconds(millis, 0L))) value

    let private role (broker: BrokerAddress) =
        Text(
            if broker.IsMaster then
                "master"
            else
                invariant $"slave {broker.Id}"
        )

    let private columns: Column list =
        [
            Report.words "cluster"
            Report.words "broker"
            Report.words "role"
            Report.words "address"
            Report.words "version"
            Report.figures "putsPerSecond"
            Report.figures "getsPerSecond"
            Report.figures "sendWait"
            Report.figures "pullWait"
            Report.figures "pageCacheLock"
            Report.figures "disk"
            Report.detail (Report.figures "dispatchBehind")
            Report.detail (Report.words "earliestMessage")
            Report.figures "putsToday"
            Report.figures "getsToday"
            Report.detail (Report.figures "putsYesterday")
            Report.detail (Report.figures "getsYesterday")
            Report.detail (Report.words "startedAt")
            Report.detail (Report.words "active")
        ]

    let private cells (row: BrokerRow) : Cell list =
        let broker = row.Broker

        let head =
            [
                Text broker.Cluster
                Text broker.Name
                role broker
                (if broker.IsRegistered then Text broker.Address else Missing)
            ]

        match row.Status with
        // A broker that does not answer is a row all the same.
        | Error _ -> head @ List.replicate (columns.Length - head.Length) Unknown
        | Ok status ->
            head
            @ [
                Report.optional Unknown Text status.Version
                rate status.PutsPerSecond
                rate status.GetsPerSecond
                millis status.SendWaitMillis
                millis status.PullWaitMillis
                millis status.PageCacheLockMillis
                Report.optional Unknown Share status.DiskRatio
                Report.optional Unknown Bytes status.DispatchBehindBytes
                Report.optional Missing Administering.time status.EarliestMessageMillis
                Administering.known status.PutsToday
                Administering.known status.GetsToday
                Administering.known status.PutsYesterday
                Administering.known status.GetsYesterday
                Report.optional Unknown Administering.time status.BootMillis
                Report.optional Unknown Flag status.IsActive
            ]

    let private failuresOf (rows: BrokerRow list) =
        rows
        |> List.choose (fun row ->
            match row.Status with
            | Error failure -> Some failure
            | Ok _ -> None)

    let private clusterReport (rows: BrokerRow list) : Report list =
        [
            Report.table "brokers" columns (rows |> List.map cells)
            |> Administering.withFailures (failuresOf rows)
        ]

    let private clusterScope (invocation: Invocation) : BrokerScope =
        match invocation.TryArgument "cluster" with
        | Some cluster -> BrokerScope.Cluster cluster
        | None -> BrokerScope.All

    let private list (invocation: Invocation) =
        Administering.show clusterReport (BrokerStatus.list (clusterScope invocation)) invocation

    let private level (level: FindingLevel) =
        match level with
        | FindingLevel.Good -> "ok"
        | FindingLevel.Warning -> "warning"
        | FindingLevel.Bad -> "bad"
        | _ -> "unknown"

    let private findings (all: bool) (found: Finding list) : Report list =
        let count which =
            found
            |> List.filter (fun one -> one.Level = which)
            |> List.length
            |> int64
            |> Number

        let shown =
            found
            |> List.filter (fun one -> all || one.Level <> FindingLevel.Good)
            |> List.map (fun one -> [ Text(level one.Level); Text one.Subject; Text one.Text ])

        [
            { Report.table "findings" [ Report.words "level"; Report.words "subject"; Report.prose "finding" ] shown with
                Totals =
                    [
                        "ok", count FindingLevel.Good
                        "warnings", count FindingLevel.Warning
                        "bad", count FindingLevel.Bad
                        "unknown", count FindingLevel.Unknown
                    ]
            }
        ]

    let private check (invocation: Invocation) =
        let disk =
            Invocation.count "--max-disk" 1L 100L invocation
            |> Result.map (Option.map (fun percent -> float percent / 100.0))

        match disk with
        | Error failure -> Task.FromResult(Error failure)
        | Ok disk ->
            let limits =
                { CheckLimits.Default with
                    DiskRatio = disk |> Option.defaultValue CheckLimits.Default.DiskRatio
                }

            let isBad (found: Finding list) =
                found
                |> List.exists (fun one ->
                    match one.Level with
                    | FindingLevel.Good -> false
                    | FindingLevel.Warning -> invocation.Flag "--strict"
                    | _ -> true)

            Administering.check
                (findings (invocation.Flag "--all"))
                isBad
                (ClusterCheck.run (clusterScope invocation) limits)
                invocation

    let private statusReports (rows: BrokerRow list) : Report list =
        match rows with
        | [ { Status = Ok status } ] ->
            let figures =
                status.Figures
                |> Map.toList
                |> List.map (fun (name, value) -> [ Text name; Text(BrokerSettings.shown name value) ])

            clusterReport rows
            @ [ Report.table "figures" [ Report.words "name"; Report.prose "value" ] figures ]
        | rows -> clusterReport rows

    let private status (invocation: Invocation) =
        let scope =
            invocation.TryArgument "broker"
            |> Option.map BrokerScope.Broker
            |> Option.defaultValue BrokerScope.All

        Administering.show statusReports (BrokerStatus.list scope) invocation

    let private settingsReport (names: string list) (found: BrokerSettings list) : Report list =
        let isChosen (name: string) =
            names.IsEmpty || List.contains name names

        let rows =
            [
                for one in found do
                    match one.Settings with
                    | Ok settings ->
                        for setting in settings |> List.sortBy _.Name do
                            if isChosen setting.Name then
                                [
                                    Text one.Broker.Name
                                    Text one.Broker.Address
                                    Text setting.Name
                                    Text(BrokerSettings.shown setting.Name setting.Value)
                                ]
                    | Error _ -> ()
            ]

        let failures =
            found
            |> List.choose (fun one ->
                match one.Settings with
                | Error failure -> Some failure
                | Ok _ -> None)

        [
            Report.table
                "settings"
                [
                    Report.words "broker"
                    Report.detail (Report.words "address")
                    Report.words "name"
                    Report.prose "value"
                ]
                rows
            |> Administering.withFailures failures
        ]

    let private configGet (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Administering.show (settingsReport (invocation.Words "name")) (BrokerSettings.read scope) invocation)

    /// "name=value", or why it is not.
    let setting (text: string) : Result<Protocol.Admin.Setting, Failure> =
        match text.IndexOf '=' with
        | at when at > 0 ->
            Ok
                {
                    Name = text.Substring(0, at)
                    Value = text.Substring(at + 1)
                }
        | _ -> Error(Usage $"'{text}' is not name=value")

    /// What is to be set; there must be something.
    let settings (words: string list) : Result<Protocol.Admin.Setting list, Failure> =
        let add text found =
            found
            |> Result.bind (fun found -> setting text |> Result.map (fun one -> one :: found))

        match List.foldBack add words (Ok []) with
        | Ok [] -> Error(Usage "say what to set: name=value")
        | result -> result

    let private configSet (invocation: Invocation) =
        match settings (invocation.Words "setting") with
        | Error failure -> Task.FromResult(Error failure)
        | Ok settings ->
            Administering.withScope invocation (fun scope ->
                let roles =
                    if invocation.Flag "--slaves" then
                        BrokerRoles.MastersAndSlaves
                    else
                        BrokerRoles.Masters

                Changing.run invocation (fun _ ->
                    Administering.needOneCluster scope
                    |> Plan.bind (fun () -> BrokerSettings.change scope roles settings)))

    let private drain (invocation: Invocation) =
        Changing.run invocation (fun administrator ->
            WritePermissions.drain administrator.NameServers (invocation.Argument "broker"))

    let private restore (invocation: Invocation) =
        Changing.run invocation (fun administrator ->
            WritePermissions.restore administrator.NameServers (invocation.Argument "broker"))

    let private cluster: ArgumentSpec =
        Spec.optional "cluster" "The cluster's name. Default all"

    let private broker: ArgumentSpec = Spec.argument "broker" "The broker's name"

    /// Any number of words.
    let many name help : ArgumentSpec =
        { Spec.argument name help with
            Need = Many
        }

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command [ "cluster"; "list" ] "Shows brokers with their figures" [ cluster ] [] list with
                Details =
                    [
                        "A broker that does not answer is a row with '?', and named on standard error: exit code 3."
                    ]
            }
            { Spec.command
                  [ "cluster"; "check" ]
                  "Looks for what is wrong: masters, slaves, disks, waits, topics that differ"
                  [ cluster ]
                  [
                      Spec.flag "--all" "What is good as well"
                      Spec.flag "--strict" "Warnings count as bad"
                      Spec.value "--max-disk" "percent" "Warn if a disk is fuller. Default 80"
                  ]
                  check with
                Details = [ "The exit code is 4 if something is bad, or could not be looked at." ]
            }
            Spec.command
                [ "broker"; "status" ]
                "Shows brokers with their figures; all figures of one"
                [ Spec.optional "broker" "A broker's name or address. Default all" ]
                []
                status
            Spec.command
                [ "broker"; "config"; "get" ]
                "Shows settings of brokers"
                [ many "name" "The settings' names. Default all" ]
                Administering.scopeOptions
                configGet
            { Spec.command
                  [ "broker"; "config"; "set" ]
                  "Changes settings of brokers, and reads them afterwards"
                  [ many "setting" "name=value" ]
                  [ Spec.flag "--slaves" "Of slaves as well"; yield! Administering.scopeOptions ]
                  configSet with
                Examples =
                    [
                        "rocketmq broker config set fileReservedTime=48 --cluster prod --dry-run",
                        "What would change on which broker"
                    ]
            }
            { Spec.command
                  [ "broker"; "drain" ]
                  "Takes a broker out of routes for producers, so that it can be stopped without lost sends"
                  [ broker ]
                  []
                  drain with
                Details =
                    [
                        "Every name server is told. `rocketmq broker status <broker> --watch 2s` shows when no more messages come."
                    ]
            }
            Spec.command [ "broker"; "restore" ] "Brings a broker back into routes for producers" [ broker ] [] restore
        ]
