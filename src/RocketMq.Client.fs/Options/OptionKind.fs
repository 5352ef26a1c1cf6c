namespace RocketMq

/// How the options of one kind of client are read from texts, changed by builders, and checked: the same way for all kinds.
type internal OptionKind<'Options> =
    {
        /// All but those of connections, which each kind has.
        Settings: Setting<'Options> list
        /// What is wrong that no setting says alone, "name: what is wrong" each.
        Rules: 'Options -> string list
        RemotingOf: 'Options -> RemotingOptions
        WithRemoting: RemotingOptions -> 'Options -> 'Options
    }

module internal OptionKind =
    /// Of clients that have no settings but those of connections.
    let ofConnections: OptionKind<RemotingOptions> =
        {
            Settings = []
            Rules = fun _ -> []
            RemotingOf = id
            WithRemoting = fun remoting _ -> remoting
        }

    /// All that is wrong, "name: what is wrong" each.
    let problems (kind: OptionKind<'Options>) (options: 'Options) : string list =
        Setting.problems kind.Settings options
        @ kind.Rules options
        @ RemotingOptions.check (kind.RemotingOf options)

    /// Ok, or the one error that all problems are.
    let check (kind: OptionKind<'Options>) (options: 'Options) : Result<unit, RemotingError> =
        RemotingOptions.refusal (problems kind options)

    /// Changed by a text, see `OptionText`.
    let ofText (kind: OptionKind<'Options>) (text: string) (options: 'Options) : Result<'Options, string list> =
        OptionText.parseOwn kind.Settings (kind.RemotingOf, kind.WithRemoting) text options

    /// Changed by the variables of this process.
    let ofEnvironment (kind: OptionKind<'Options>) (options: 'Options) : Result<'Options, string list> =
        OptionText.ofVariablesOwn OptionText.ofProcess kind.Settings (kind.RemotingOf, kind.WithRemoting) options

    /// The setting of that name and type. That there is none is a mistake of ours: a test calls each builder's methods.
    let private find<'Options, 'T> (kind: OptionKind<'Options>) (names: string list) : Setting<'Options, 'T> =
        let all =
            kind.Settings
            @ Setting.within kind.RemotingOf kind.WithRemoting RemotingSettings.rows

        match names |> List.tryPick (fun name -> Setting.tryFind name all) with
        | Some(:? Setting<'Options, 'T> as setting) -> setting
        | _ ->
            let names = String.concat " or " names
            invalidOp (invariant $"{typeof<'Options>.Name} has no setting {names} of type {typeof<'T>.Name}")

    /// With one setting changed, or what is wrong with its new value.
    let assign (kind: OptionKind<'Options>) (name: string) (value: 'T) (options: 'Options) : Result<'Options, string> =
        (find<'Options, 'T> kind [ name ]).Assign(value, options)

    /// As `assign`, of a method that sets several: a setting has the name of method and parameter, or of the parameter alone.
    let assignPart (kind: OptionKind<'Options>) (method: string) (parameter: string) (value: 'T) (options: 'Options) =
        (find<'Options, 'T> kind [ method + parameter; parameter ]).Assign(value, options)
