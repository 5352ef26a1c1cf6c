namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// The settings of one broker, or why there are none.
type BrokerSettings =
    {
        Broker: BrokerAddress
        Settings: Result<Setting list, ServerFailure>
    }

/// Settings of brokers: reading, and changing with what is read afterwards.
module BrokerSettings =
    /// Settings whose values are not shown.
    let isSecret (name: string) =
        [ "password"; "secret"; "accesskey"; "credential"; "token" ]
        |> List.exists (fun part -> name.Contains(part, StringComparison.OrdinalIgnoreCase))

    /// What people see of a value.
    let shown (name: string) (value: string) =
        if isSecret name && value <> "" then "***" else value

    let private query (broker: BrokerAddress) =
        Plan.query (Target.Broker broker) "settings" (Settings.ofBroker.Request())

    /// The settings of each broker of a scope.
    let read (scope: BrokerScope) : Plan<BrokerSettings list> =
        plan {
            let! brokers = Directory.brokers scope BrokerRoles.MastersAndSlaves

            return!
                brokers
                |> List.map (fun broker ->
                    query broker
                    |> Plan.map (fun answer ->
                        {
                            Broker = broker
                            Settings =
                                answer
                                |> Result.map _.Settings
                                |> Result.mapError (fun error -> ServerFailure.Of(Target.Broker broker, error))
                        }))
                |> Plan.all
        }

    let internal valueOf (name: string) (settings: Setting list) =
        settings
        |> List.tryFind (fun setting -> setting.Name = name)
        |> Option.map _.Value

    let internal check (changes: Setting list) : Result<unit, AdminError> =
        match changes with
        | [] -> Error(AdminError.Invalid "No setting is named.")
        | changes ->
            match changes |> List.tryFind (fun setting -> String.IsNullOrWhiteSpace setting.Name) with
            | Some _ -> Error(AdminError.Invalid "A setting has no name.")
            | None -> Ok()

    let private text (get: Setting -> string) (changes: Setting list) =
        changes
        |> List.map (fun setting -> $"{setting.Name}={get setting}")
        |> String.concat ", "

    /// What of some changes a server has to be sent, if anything. Nothing is known of what it has if it did not answer.
    let internal write
        (target: Target)
        (request: Setting list -> Request<unit>)
        (changes: Setting list)
        (before: Setting list option)
        : Write option =
        let valueBefore (setting: Setting) =
            before |> Option.bind (valueOf setting.Name)

        match
            changes
            |> List.filter (fun setting -> valueBefore setting <> Some setting.Value)
        with
        | [] -> None
        | differing ->
            Change.write
                target
                "settings"
                (request differing)
                (Some(
                    differing
                    |> text (fun setting ->
                        valueBefore setting
                        |> Option.map (shown setting.Name)
                        |> Option.defaultValue "?")
                ))
                (Some(differing |> text (fun setting -> shown setting.Name setting.Value)))
            |> Some

    /// What a server has of some changes after they were written.
    let internal verifications
        (server: string)
        (changes: Setting list)
        (found: Setting list option)
        : Verification list =
        changes
        |> List.map (fun setting ->
            {
                Server = server
                What = setting.Name
                Expected = shown setting.Name setting.Value
                Found =
                    found
                    |> Option.map (fun found ->
                        match valueOf setting.Name found with
                        | Some value when value = setting.Value -> shown setting.Name setting.Value
                        | Some value when isSecret setting.Name -> if value = "" then "" else "another value"
                        | Some value -> value
                        | None -> "not there")
            })

    let private unknown (changes: Setting list) (found: (BrokerAddress * BrokerSettingsAnswer) list) =
        [
            for setting in changes do
                for broker, answer in found do
                    if (valueOf setting.Name answer.Settings).IsNone then
                        (invariant $"{broker.Name} does not have the setting {setting.Name}: it may ignore it.")
        ]

    /// Changes settings of all brokers of a scope, or of its masters. Those that brokers read only when they start show as they were
    /// written, and hold after the next start.
    let change (scope: BrokerScope) (roles: BrokerRoles) (changes: Setting list) : Plan<Change> =
        plan {
            do! Plan.ofResult (check changes)
            let! brokers = Directory.brokers scope roles
            let! found = Answers.queryEach brokers query
            let! found = Answers.needAll found

            return
                {
                    Summary = invariant $"change settings of {scope}"
                    Destroys = false
                    Warnings = unknown changes found
                    Stages =
                        [
                            found
                            |> List.choose (fun (broker, answer) ->
                                write
                                    (Target.Broker broker)
                                    Settings.updateBroker.Request
                                    changes
                                    (Some answer.Settings))
                        ]
                    Verify =
                        brokers
                        |> List.map (fun broker ->
                            query broker
                            |> Plan.map (fun answer ->
                                answer
                                |> Result.toOption
                                |> Option.map _.Settings
                                |> verifications (broker.ToString()) changes))
                        |> Plan.all
                        |> Plan.map List.concat
                }
        }
