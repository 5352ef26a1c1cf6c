namespace RocketMq.Cli

open RocketMq.Administration

/// What brokers have of users, rules and access files, as tables.
module AccessReports =
    let private notSupported (kind: AccessKind) = $"not supported: {kind.Needs}"
    let private off (kind: AccessKind) = $"off: {kind.Settings}"

    let private silentRows (kind: AccessKind) notSupportedBrokers notEnabledBrokers failures =
        [
            for broker in notSupportedBrokers do
                broker, notSupported kind
            for broker in notEnabledBrokers do
                broker, off kind
            for broker, _ in failures do
                broker, "no answer"
        ]

    let private servers (kind: AccessKind) notSupportedBrokers notEnabledBrokers failures : FailedServer list =
        [
            for broker: BrokerAddress in notSupportedBrokers do
                {
                    Server = broker.ToString()
                    Reason = notSupported kind
                }
            for broker: BrokerAddress in notEnabledBrokers do
                {
                    Server = broker.ToString()
                    Reason = off kind
                }
            yield! failures |> List.map snd |> Administering.failures
        ]

    let private brokerCells (broker: BrokerAddress) =
        [ Text broker.Name; Text broker.Address ]

    /// Between the cells of a key and those of a value stands the broker, and what differs at the end. A broker that says nothing is a row
    /// with what stands in its way.
    let table
        (name: string)
        (kind: AccessKind)
        (keyColumns: Column list, keyCells: 'Key -> Cell list)
        (valueColumns: Column list, valueCells: 'T -> Cell list)
        (found: AccessTable<'Key, 'T>)
        : Report =
        let rows =
            found.Rows
            |> List.map (fun row ->
                keyCells row.Key
                @ brokerCells row.Broker
                @ (match row.Value with
                   | Some value -> valueCells value
                   | None -> List.replicate valueColumns.Length Missing)
                @ [ Administering.join row.Differences ])

        let silent =
            silentRows kind found.NotSupported found.NotEnabled found.Failures
            |> List.map (fun (broker, reason) ->
                List.replicate keyColumns.Length Unknown
                @ brokerCells broker
                @ List.replicate valueColumns.Length Unknown
                @ [ Text reason ])

        { Report.table
              name
              (keyColumns
               @ [ Report.words "broker"; Report.words "address" ]
               @ valueColumns
               @ [ Report.words "differs" ])
              (rows @ silent) with
            Failures = servers kind found.NotSupported found.NotEnabled found.Failures
        }

    let private userType (user: AccessUser) =
        match user.Type with
        | UserType.Super -> Text "super"
        | UserType.Normal -> Text "normal"
        | _ -> Unknown

    let private userStatus (user: AccessUser) =
        match user.Status with
        | UserStatus.Enabled -> Text "enabled"
        | UserStatus.Disabled -> Text "disabled"
        | _ -> Unknown

    /// Users by broker.
    let users (found: AccessTable<string, AccessUser>) : Report =
        table
            "users"
            AccessKind.Users
            ([ Report.words "user" ], (fun name -> [ Text name ]))
            ([ Report.words "type"; Report.words "status" ], (fun user -> [ userType user; userStatus user ]))
            found

    let private sources (rule: AccessRule) =
        if rule.SourceIps.IsEmpty then
            Text "anywhere"
        else
            Administering.join rule.SourceIps

    /// Rules by broker.
    let rules (found: AccessTable<RuleKey, AccessRule>) : Report =
        table
            "rules"
            AccessKind.Users
            ([ Report.words "subject"; Report.words "resource"; Report.words "policy" ],
             (fun (key: RuleKey) -> [ Text key.Subject; Text key.Resource; Text(key.Policy.ToLowerInvariant()) ]))
            ([ Report.words "decision"; Report.words "actions"; Report.words "source" ],
             (fun rule ->
                 [
                     Text(rule.Decision.ToLowerInvariant())
                     Administering.join rule.Actions
                     sources rule
                 ]))
            found

    /// A row for each file of each broker.
    let files (found: AccessAnswers<AccessFile list>) : Report =
        let kind = AccessKind.Files

        let rows =
            [
                for broker, files in found.Answers do
                    for file in files do
                        brokerCells broker
                        @ [
                            Text file.Path
                            Administering.known file.Counter
                            Report.optional Unknown Administering.time file.ChangedAtMillis
                            Missing
                        ]
            ]

        let silent =
            silentRows kind found.NotSupported found.NotEnabled found.Failures
            |> List.map (fun (broker, reason) -> brokerCells broker @ [ Unknown; Unknown; Unknown; Text reason ])

        { Report.table
              "files"
              [
                  Report.words "broker"
                  Report.words "address"
                  Report.words "file"
                  Report.figures "changes"
                  Report.words "changedAt"
                  Report.words "note"
              ]
              (rows @ silent) with
            Failures = servers kind found.NotSupported found.NotEnabled found.Failures
        }
