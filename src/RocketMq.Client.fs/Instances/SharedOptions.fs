namespace RocketMq

open System

/// Options of a producer or consumer that shares a `RocketMqClient`. What belongs to the cluster is the client's; a namespace
/// and codecs it may have of its own.
module internal SharedOptions =
    let private isOwn (setting: Setting<ClientOptions>) =
        setting.Name = "namespace" || setting.Name = "codec"

    let private own, private common = List.partition isOwn ClientOptions.settings

    let private settings =
        common
        @ Setting.within _.Remoting (fun remoting options -> { options with Remoting = remoting }) RemotingSettings.rows

    let private namesNoServer (options: ClientOptions) =
        options.NameServers.IsEmpty && options.AddressServer.IsNone

    /// What is set in one and not, or not so, in the other.
    let private differences (one: ClientOptions) (other: ClientOptions) : string list =
        [
            for setting in settings do
                if not (setting.IsSame(one, other)) then
                    setting.Name

            if not (Object.ReferenceEquals(one.Remoting.Ports, other.Remoting.Ports)) then
                "ports"
        ]

    /// Options that the application has not changed say nothing. Others must say what the client's do.
    let private problems (defaults: ClientOptions) (client: ClientOptions) (options: ClientOptions) : string list =
        // To name the client's servers once more says nothing about the rest.
        let options =
            if options.NameServers = client.NameServers then
                { options with
                    NameServers = defaults.NameServers
                }
            else
                options

        let client =
            if namesNoServer options then
                { client with
                    NameServers = []
                    AddressServer = None
                }
            else
                client

        if (differences options defaults).IsEmpty then
            []
        else
            differences options client
            |> List.map (fun name ->
                $"{name}: it differs from what the shared RocketMqClient has, and is to be set there")

    let private adopt (defaults: ClientOptions) (client: ClientOptions) (options: ClientOptions) : ClientOptions =
        let choose (setting: Setting<ClientOptions>) =
            if setting.IsSame(options, defaults) then
                client
            else
                options

        let pick name (get: ClientOptions -> 'T) =
            own |> List.find (fun setting -> setting.Name = name) |> choose |> get

        { client with
            Namespace = pick "namespace" _.Namespace
            Codecs = pick "codec" _.Codecs
        }

    /// The options with what the client has, if there is one, checked: all problems are one error. `defaults` are those that
    /// the application has not changed.
    let check
        (kind: OptionKind<'Options>)
        (get: 'Options -> ClientOptions)
        (set: ClientOptions -> 'Options -> 'Options)
        (defaults: 'Options)
        (client: ClientOptions option)
        (options: 'Options)
        : Result<'Options, RemotingError> =
        let options, problems =
            match client with
            | None -> options, []
            | Some client ->
                set (adopt (get defaults) client (get options)) options, problems (get defaults) client (get options)

        OptionKind.problems kind options @ problems
        |> RemotingOptions.refusal
        |> Result.map (fun () ->
            let client = get options

            set
                { client with
                    Remoting = GuardedLogger.protect client.Remoting
                }
                options)
