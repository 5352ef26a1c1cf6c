namespace RocketMq.Administration

open RocketMq

/// Something that masters have under a name, each with settings of its own: a topic or a group.
type internal NamedSettings<'Settings> =
    {
        /// "topic" or "group".
        Kind: string
        /// Nothing: the broker does not have it.
        TryGet: string -> BrokerAddress -> Plan<Result<'Settings option, RemotingError>>
        NameOf: 'Settings -> string
        /// In one line.
        Describe: 'Settings -> string
        /// What a broker that answers with the second stores of the first: old ones do not store all.
        AsStored: 'Settings -> 'Settings -> 'Settings
    }

/// What changes of topics and of groups have in common.
module internal MasterSettings =
    /// What each of some masters has. All must answer.
    let readOn (settings: NamedSettings<'Settings>) (masters: BrokerAddress list) (name: string) =
        Answers.queryEach masters (settings.TryGet name) |> Plan.bind Answers.needAll

    /// The masters of a scope with what each has. All must answer.
    let read (settings: NamedSettings<'Settings>) (scope: BrokerScope) (name: string) =
        Directory.brokers scope BrokerRoles.Masters
        |> Plan.bind (fun masters -> readOn settings masters name)

    /// Those that have it.
    let existing (found: (BrokerAddress * 'Settings option) list) : (BrokerAddress * 'Settings) list =
        found
        |> List.choose (fun (broker, one) -> one |> Option.map (fun one -> broker, one))

    /// What is new must be on none of them.
    let needNone (settings: NamedSettings<'Settings>) (name: string) (found: (BrokerAddress * 'Settings option) list) =
        match existing found with
        | [] -> Plan.Done()
        | there ->
            let names = there |> List.map (fun (broker, _) -> broker.Name) |> String.concat ", "

            Plan.Failed(
                AdminError.NotAllowed(
                    invariant
                        $"The {settings.Kind} {name} is there already, on {names}. Update it, or create it on the other brokers by name."
                )
            )

    /// What an update leaves out, in words.
    let absent (settings: NamedSettings<'Settings>) (found: (BrokerAddress * 'Settings option) list) : string list =
        found
        |> List.filter (fun (_, one) -> one.IsNone)
        |> List.map (fun (broker, _) ->
            invariant $"{broker.Name} does not have the {settings.Kind}; it is not created there.")

    let private verification (settings: NamedSettings<'Settings>) name (broker: BrokerAddress) expected whenGone found =
        {
            Server = broker.ToString()
            What = invariant $"{settings.Kind} {name}"
            Expected = expected
            Found =
                match found with
                | Ok(Some found) -> Some(settings.Describe found)
                | Ok None -> Some whenGone
                | Error _ -> None
        }

    /// Reads from each broker what was written there.
    let verify
        (settings: NamedSettings<'Settings>)
        (written: (BrokerAddress * 'Settings) list)
        : Plan<Verification list> =
        written
        |> List.map (fun (broker, one) ->
            let name = settings.NameOf one

            settings.TryGet name broker
            |> Plan.map (fun found ->
                let expected =
                    match found with
                    | Ok(Some stored) -> settings.AsStored one stored
                    | Ok None
                    | Error _ -> one

                verification settings name broker (settings.Describe expected) "not there" found))
        |> Plan.all

    /// Reads from each broker that it is gone.
    let verifyGone (settings: NamedSettings<'Settings>) (name: string) (brokers: BrokerAddress list) =
        brokers
        |> List.map (fun broker ->
            settings.TryGet name broker
            |> Plan.map (verification settings name broker "gone" "gone"))
        |> Plan.all
