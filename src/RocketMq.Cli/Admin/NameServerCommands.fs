namespace RocketMq.Cli

open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration

/// `rocketmq ns …`: what each name server keeps for itself.
module NameServerCommands =
    let private serverText (server: Endpoint) = string server

    /// A plan that needs the addresses of name servers, which an address server may have to be asked for.
    let private show toReports (toPlan: Endpoint list -> Plan<'T>) (invocation: Invocation) =
        Administering.using invocation (fun administrator ->
            backgroundTask {
                match! Administering.run invocation administrator (Plan.attempt Directory.all) with
                | Error failure -> return Error failure
                | Ok _ ->
                    let! found =
                        Administering.run invocation administrator (toPlan administrator.NameServers)

                    return found |> Result.bind (toReports >> Invocation.finish invocation)
            })

    let private failuresOf (found: (Endpoint * Result<'T, Administration.ServerFailure>) list) =
        found
        |> List.choose (fun (_, answer) ->
            match answer with
            | Error failure -> Some failure
            | Ok _ -> None)

    let private rowsOf
        (found: (Endpoint * Result<'T, Administration.ServerFailure>) list)
        (rows: Endpoint -> 'T -> Cell list list)
        =
        found
        |> List.collect (fun (server, answer) ->
            match answer with
            | Ok value -> rows server value
            | Error _ -> [])

    let private settings
        (names: string list)
        (found: (Endpoint * Result<Setting list, Administration.ServerFailure>) list)
        : Report list =
        [
            Report.table
                "settings"
                [ Report.words "server"; Report.words "name"; Report.prose "value" ]
                (rowsOf found (fun server settings ->
                    settings
                    |> List.filter (fun one -> names.IsEmpty || List.contains one.Name names)
                    |> List.sortBy _.Name
                    |> List.map (fun one ->
                        [
                            Text(serverText server)
                            Text one.Name
                            Text(BrokerSettings.shown one.Name one.Value)
                        ])))
            |> Administering.withFailures (failuresOf found)
        ]

    let private keys
        (found: (Endpoint * Result<Map<string, string>, Administration.ServerFailure>) list)
        : Report list =
        [
            Report.table
                "keys"
                [ Report.words "server"; Report.words "key"; Report.prose "value" ]
                (rowsOf found (fun server keys ->
                    keys
                    |> Map.toList
                    |> List.map (fun (key, value) -> [ Text(serverText server); Text key; Text value ])))
            |> Administering.withFailures (failuresOf found)
        ]

    let private configGet (invocation: Invocation) =
        show (settings (invocation.Words "name")) NameServerSettings.read invocation

    let private configSet (invocation: Invocation) =
        match ClusterCommands.settings (invocation.Words "setting") with
        | Error failure -> Task.FromResult(Error failure)
        | Ok settings ->
            Changing.run invocation (fun administrator -> NameServerSettings.change administrator.NameServers settings)

    let private list (invocation: Invocation) =
        show keys (fun servers -> NameServerSettings.keys servers (invocation.Argument "namespace")) invocation

    let private change (value: string option) (invocation: Invocation) =
        Changing.run invocation (fun administrator ->
            NameServerSettings.set
                administrator.NameServers
                {
                    Namespace = invocation.Argument "namespace"
                    Key = invocation.Argument "key"
                }
                value)

    let private set (invocation: Invocation) =
        change (Some(invocation.Argument "value")) invocation

    let private remove (invocation: Invocation) = change None invocation

    let private space: ArgumentSpec =
        Spec.argument "namespace" "The namespace, such as ORDER_TOPIC_CONFIG"

    let private key: ArgumentSpec = Spec.argument "key" "The key"

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            Spec.command
                [ "ns"; "config"; "get" ]
                "Shows settings of each name server"
                [ ClusterCommands.many "name" "The settings' names. Default all" ]
                []
                configGet
            { Spec.command
                  [ "ns"; "config"; "set" ]
                  "Changes settings of all name servers, and reads them afterwards"
                  [ ClusterCommands.many "setting" "name=value" ]
                  []
                  configSet with
                Details =
                    [
                        "Name servers do not tell each other: each is written to, and one that is down does not learn of it."
                    ]
            }
            Spec.command [ "ns"; "kv"; "list" ] "Shows the keys of a namespace in each name server" [ space ] [] list
            Spec.command
                [ "ns"; "kv"; "set" ]
                "Sets a key in all name servers"
                [ space; key; Spec.argument "value" "The value" ]
                []
                set
            Spec.command [ "ns"; "kv"; "remove" ] "Removes a key from all name servers" [ space; key ] [] remove
        ]
