namespace RocketMq

open System

/// Options as texts: "requestTimeout=5s;maxInFlight=1024", environment variables, or pairs of any other source.
///
/// Names are in any case. Times are numbers with ms, s or m behind. A value with ';' in it stands in double quotes, and a
/// double quote within those twice. Name servers are parted by ',' (or ';'). The settings, with units, defaults and
/// reasons, are listed in docs/production.md.
module OptionText =
    let private presetName = "preset"

    let private isNamed (expected: string) (name: string) =
        String.Equals(expected, name, StringComparison.OrdinalIgnoreCase)

    /// Options by the name of a preset: default, development, production or testing.
    let tryPreset (name: string) : Result<RemotingOptions, string> =
        match name.ToLowerInvariant() with
        | "default" -> Ok RemotingOptions.Default
        | "development" -> Ok RemotingOptions.Development
        | "production" -> Ok RemotingOptions.Production
        | "testing" -> Ok RemotingOptions.Testing
        | _ -> Error $"'{name}' is no preset: default, development, production or testing"

    let private applyPreset known (options: RemotingOptions, problems) (_, name: string) =
        match tryPreset name with
        | Ok preset -> RemotingOptions.withPreset preset options, problems
        | Error problem -> options, invariant $"{known presetName}: {problem}" :: problems

    /// A name that is no setting's. Behind a secret it is likely the rest of one that was not quoted: that is not shown.
    let private unknown (names: string list) (name: string) (previous: OptionSetting option) =
        let known = String.concat ", " names

        match previous with
        | Some secret when secret.IsSecret ->
            $"what follows {secret.Name} is no setting: a value with ';' stands in double quotes"
        | _ when isNamed RemotingSettings.nameServersName name ->
            $"{name}: belongs to producers, consumers and name server clients; this is one connection"
        | _ -> $"{name}: there is no such setting; there are preset, {known}"

    let private apply
        (known: string -> string)
        (settings: OptionSetting list)
        (ownNames: string list)
        (draft, previous, problems)
        (name: string, value: string)
        =
        match settings |> List.tryFind (fun setting -> isNamed setting.Name name) with
        | None ->
            let names = ownNames @ (settings |> List.map _.Name)
            draft, previous, unknown names name previous :: problems
        | Some setting ->
            match setting.Set value draft with
            | Ok draft -> draft, Some setting, problems
            | Error problem -> draft, Some setting, $"{known setting.Name}: {problem}" :: problems

    /// `known` says under which name the user knows a setting.
    let private changeAmong
        (ownNames: string list)
        (known: string -> string)
        (settings: OptionSetting list)
        pairs
        (nameServers: Endpoint list, options: RemotingOptions)
        =
        let presets, others = pairs |> List.partition (fst >> isNamed presetName)
        let options, presetProblems = List.fold (applyPreset known) (options, []) presets

        let draft, _, settingProblems =
            ((SettingDraft.start nameServers options, None, []), others)
            ||> List.fold (apply known settings ownNames)

        match List.rev presetProblems @ List.rev settingProblems, SettingDraft.finish known draft with
        | [], Ok options -> Ok(draft.NameServers, options)
        | problems, Ok _ -> Error problems
        | problems, Error others -> Error(problems @ others)

    let private change known settings pairs start =
        changeAmong [] known settings pairs start

    /// As `change`, of a kind of client that has settings of its own. `remoting` and `withRemoting` say where its options hold those
    /// of connections.
    let private changeOwn
        (known: string -> string)
        (own: Setting<'Options> list)
        (remoting: 'Options -> RemotingOptions, withRemoting: RemotingOptions -> 'Options -> 'Options)
        pairs
        (options: 'Options)
        : Result<'Options, string list> =
        let own = own |> List.filter _.HasText

        let ownPairs, others =
            pairs |> List.partition (fun (name, _) -> (Setting.tryFind name own).IsSome)

        let set (options, problems) (name, value) =
            let setting = Option.get (Setting.tryFind name own)

            match setting.Read(value, options) with
            | Ok options -> options, problems
            | Error problem -> options, $"{known setting.Name}: {problem}" :: problems

        let options, problems = List.fold set (options, []) ownPairs
        let ownNames = own |> List.map _.Name

        match List.rev problems, changeAmong ownNames known SettingTable.all others ([], remoting options) with
        | [], Ok(_, changed) -> Ok(withRemoting changed options)
        | problems, Ok _ -> Error problems
        | problems, Error others -> Error(problems @ others)

    /// Changes options by pairs of name and value, or tells all that is wrong with them. "preset" comes before the others,
    /// wherever it stands; it leaves TLS and credentials as they are.
    let ofPairs (pairs: (string * string) list) (options: RemotingOptions) : Result<RemotingOptions, string list> =
        change id SettingTable.all pairs ([], options) |> Result.map snd

    /// The settings that have a text, in pairs. Credentials and certificates have none.
    let toPairs (options: RemotingOptions) : (string * string) list =
        SettingTable.all
        |> List.choose (fun setting -> setting.Get options |> Option.map (fun value -> setting.Name, value))

    /// As `toPairs`, in one text that `parse` reads.
    let toText (options: RemotingOptions) : string = SettingText.join (toPairs options)

    let private parseWith settings (text: string) start =
        SettingText.split RemotingSettings.nameServersName text
        |> Result.bind (fun pairs -> change id settings pairs start)

    /// Changes options by a text such as "preset=production;requestTimeout=5s;tls=true;accessKey=AK;secretKey=SK".
    let parse (text: string) (options: RemotingOptions) : Result<RemotingOptions, string list> =
        parseWith SettingTable.all text ([], options) |> Result.map snd

    /// As `parse`, for those who find their servers through name servers: "nameServers=a:9876,b:9876;requestTimeout=5s".
    /// Name servers that the text does not name stay as they are.
    let parseWithNameServers
        (text: string)
        (nameServers: Endpoint list, options: RemotingOptions)
        : Result<Endpoint list * RemotingOptions, string list> =
        parseWith SettingTable.allWithNameServers text (nameServers, options)

    /// As `parse`, of a kind of client that has settings of its own.
    let internal parseOwn (own: Setting<'Options> list) part (text: string) (options: 'Options) =
        SettingText.split RemotingSettings.nameServersName text
        |> Result.bind (fun pairs -> changeOwn id own part pairs options)

    /// "requestTimeout" is ROCKETMQ_REQUEST_TIMEOUT.
    let private variableName (name: string) =
        let letters =
            name
            |> Seq.collect (fun character ->
                if Char.IsUpper character then
                    [ '_'; character ]
                else
                    [ Char.ToUpperInvariant character ])

        "ROCKETMQ_" + String(Seq.toArray letters)

    /// The variables of settings that `lookUp` finds. An empty one counts as none: some systems cannot remove them.
    let private variables (lookUp: string -> string option) (names: string list) =
        presetName :: names
        |> List.choose (fun name ->
            match lookUp (variableName name) with
            | None
            | Some "" -> None
            | Some value -> Some(name, value))

    /// Changes options by the variables that `lookUp` finds: ROCKETMQ_ and a setting's name, as in ROCKETMQ_PRESET,
    /// ROCKETMQ_REQUEST_TIMEOUT, ROCKETMQ_TLS_SERVER_NAME or ROCKETMQ_SECRET_KEY.
    let ofVariables (lookUp: string -> string option) (options: RemotingOptions) =
        change variableName SettingTable.all (variables lookUp (SettingTable.all |> List.map _.Name)) ([], options)
        |> Result.map snd

    /// As `ofVariables`, and the name servers of ROCKETMQ_NAME_SERVERS.
    let ofVariablesWithNameServers
        (lookUp: string -> string option)
        (nameServers: Endpoint list, options: RemotingOptions)
        : Result<Endpoint list * RemotingOptions, string list> =
        let settings = SettingTable.allWithNameServers
        change variableName settings (variables lookUp (settings |> List.map _.Name)) (nameServers, options)

    /// The variables of this process, to look up.
    let internal ofProcess (name: string) =
        Option.ofObj (Environment.GetEnvironmentVariable name)

    /// As `ofVariables`, with the variables of this process.
    let ofEnvironment (options: RemotingOptions) = ofVariables ofProcess options

    /// As `ofVariablesWithNameServers`, with the variables of this process.
    let ofEnvironmentWithNameServers (nameServers: Endpoint list, options: RemotingOptions) =
        ofVariablesWithNameServers ofProcess (nameServers, options)

    /// As `ofVariables`, of a kind of client that has settings of its own.
    let internal ofVariablesOwn
        (lookUp: string -> string option)
        (own: Setting<'Options> list)
        part
        (options: 'Options)
        =
        let own = own |> List.filter _.HasText
        let names = (own |> List.map _.Name) @ (SettingTable.all |> List.map _.Name)
        changeOwn variableName own part (variables lookUp names) options
