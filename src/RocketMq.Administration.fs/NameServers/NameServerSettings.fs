namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What name servers keep, each for itself: settings, and texts by namespace and key.
module NameServerSettings =
    let private serverText (server: Endpoint) = invariant $"name server {server}"

    /// Asks each name server; one that does not answer is a failure beside the others.
    let private ofEach (nameServers: Endpoint list) (query: Endpoint -> Plan<Result<'T, RemotingError>>) =
        nameServers
        |> List.map (fun server ->
            query server
            |> Plan.map (fun answer ->
                server,
                answer
                |> Result.mapError (fun error ->
                    {
                        Server = serverText server
                        Error = error
                    })))
        |> Plan.all

    /// The settings of each.
    let read (nameServers: Endpoint list) : Plan<(Endpoint * Result<Setting list, ServerFailure>) list> =
        ofEach nameServers (fun server ->
            Plan.query (Target.NameServer server) "settings" (Settings.ofNameServer.Request()))

    let private failuresOf (answers: (Endpoint * Result<'T, ServerFailure>) list) =
        answers
        |> List.choose (fun (_, answer) ->
            match answer with
            | Error failure -> Some failure
            | Ok _ -> None)

    let private unknown (changes: Setting list) (found: (Endpoint * Result<Setting list, ServerFailure>) list) =
        [
            for setting in changes do
                for server, answer in found do
                    match answer with
                    | Ok settings when (BrokerSettings.valueOf setting.Name settings).IsNone ->
                        $"{serverText server} does not have the setting {setting.Name}: it may ignore it."
                    | Ok _
                    | Error _ -> ()
        ]

    /// Changes settings of all name servers, each by itself: one that does not answer is written to all the same, as none learns of it from
    /// the others. What they write of it to their file is read again when they start.
    let change (nameServers: Endpoint list) (changes: Setting list) : Plan<Change> =
        plan {
            do! Plan.ofResult (BrokerSettings.check changes)
            let! found = read nameServers

            match failuresOf found with
            | failures when failures.Length = nameServers.Length -> return! Plan.Failed(AdminError.OfFailures failures)
            | failures ->
                return
                    {
                        Summary = "change settings of all name servers"
                        Destroys = false
                        Warnings = (failures |> List.map _.ToString()) @ unknown changes found
                        Stages =
                            [
                                found
                                |> List.choose (fun (server, answer) ->
                                    BrokerSettings.write
                                        (Target.NameServer server)
                                        Settings.updateNameServer.Request
                                        changes
                                        (Result.toOption answer))
                            ]
                        Verify =
                            read nameServers
                            |> Plan.map (
                                List.collect (fun (server, answer) ->
                                    BrokerSettings.verifications (serverText server) changes (Result.toOption answer))
                            )
                    }
        }

    /// All keys of a namespace, in each.
    let keys
        (nameServers: Endpoint list)
        (space: string)
        : Plan<(Endpoint * Result<Map<string, string>, ServerFailure>) list> =
        ofEach nameServers (fun server ->
            Plan.query (Target.NameServer server) $"keys of {space}" (KeyValueConfig.list.Request space)
            |> Plan.map (fun answer ->
                match answer with
                | Ok(Some keys) -> Ok keys
                | Ok None -> Ok Map.empty
                | Error error -> Error error))

    let private valueAt (place: KeyValuePlace) (server: Endpoint) =
        Plan.query (Target.NameServer server) $"{place.Namespace}/{place.Key}" (KeyValueConfig.get.Request place)

    let private verify nameServers (place: KeyValuePlace) (expected: string option) =
        ofEach nameServers (valueAt place)
        |> Plan.map (
            List.map (fun (server, answer) ->
                {
                    Server = serverText server
                    What = $"{place.Namespace}/{place.Key}"
                    Expected = expected |> Option.defaultValue "gone"
                    Found =
                        match answer with
                        | Ok found -> Some(found |> Option.defaultValue "gone")
                        | Error _ -> None
                })
        )

    /// Sets a text in all name servers, or removes it there if there is none.
    let set (nameServers: Endpoint list) (place: KeyValuePlace) (value: string option) : Plan<Change> =
        plan {
            let! before = ofEach nameServers (valueAt place)

            let failures = failuresOf before

            let writes =
                before
                |> List.choose (fun (server, answer) ->
                    let before = answer |> Result.toOption |> Option.flatten
                    let target = Target.NameServer server
                    let what = $"{place.Namespace}/{place.Key}"

                    match value with
                    | Some text when before <> Some text ->
                        Change.write
                            target
                            what
                            (KeyValueConfig.put.Request { Place = place; Value = text })
                            before
                            value
                        |> Some
                    | None when before.IsSome ->
                        Some(Change.write target what (KeyValueConfig.delete.Request place) before None)
                    | Some _
                    | None -> None)

            match failures with
            | failures when failures.Length = nameServers.Length -> return! Plan.Failed(AdminError.OfFailures failures)
            | failures ->
                return
                    {
                        Summary =
                            match value with
                            | Some _ -> $"set {place.Namespace}/{place.Key}"
                            | None -> $"remove {place.Namespace}/{place.Key}"
                        Destroys = value.IsNone
                        Warnings = failures |> List.map _.ToString()
                        Stages = [ writes ]
                        Verify = verify nameServers place value
                    }
        }
