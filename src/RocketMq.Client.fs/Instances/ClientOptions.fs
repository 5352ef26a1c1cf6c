namespace RocketMq

open System
open RocketMq.Protocol

/// What producers and consumers of every kind have in common.
type ClientOptions =
    {
        NameServers: Endpoint list
        /// Finds name servers over HTTP instead, as Java's clients do, and looks again every two minutes. Default none.
        AddressServer: AddressServer option
        /// What topics and groups belong to, see `Namespaced`. Default none, or the one that the address of the first name server
        /// implies, as in Java: `MQ_INST_x_y` for `MQ_INST_x_y.host`.
        Namespace: string
        /// Tells this client from others of the host. Default: of its own. A broadcasting consumer finds its offsets
        /// again only if it has the same name again.
        InstanceName: string option
        /// The unit of a deployment in several that it belongs to. Default none.
        UnitName: string option
        /// Leaves the subscriptions out of heartbeats to brokers that know them already (heartbeats of version 2, brokers of 5.x; others
        /// get them each time). For clients that subscribe to hundreds of topics. Default false, as in Java.
        UseHeartbeatV2: bool
        /// What compresses and inflates bodies. Default: zlib. The package RocketMq.Compression has LZ4 and Zstandard.
        Codecs: BodyCodecs
        /// Default: those of `RemotingOptions.Default`, but calls fail with the attempt to connect (`FailWithDial`).
        Remoting: RemotingOptions
    }

module ClientOptions =
    let private impliedNamespace (nameServers: Endpoint list) : string =
        match nameServers with
        | first :: _ -> Namespaced.ofAddress first.Host |> ValueOption.defaultValue ""
        | [] -> ""

    /// Options of a client, with the defaults that the fields name.
    let create (nameServers: Endpoint list) : ClientOptions =
        {
            NameServers = nameServers
            AddressServer = None
            Namespace = impliedNamespace nameServers
            InstanceName = None
            UnitName = None
            UseHeartbeatV2 = false
            Codecs = BodyCodecs.standard
            Remoting =
                { RemotingOptions.Default with
                    WhenDisconnected = FailWithDial
                }
        }

    /// Options of a `RocketMqClient`: as `create`, but calls beyond `MaxInFlight` wait for room, as those of producers do.
    let shared (nameServers: Endpoint list) : ClientOptions =
        { create nameServers with
            Remoting.OnMaxInFlight = WaitForRoom
        }

    let private checkAddressServer (server: AddressServer) =
        if String.IsNullOrWhiteSpace server.Domain then
            Some "the domain of the address server is blank"
        elif server.Domain.Contains '@' then
            // It would stand in errors and logs. The text is not repeated here either.
            Some "the domain of the address server is a host, or host:port: it takes no name and password"
        elif String.IsNullOrWhiteSpace server.Subgroup then
            Some "the subgroup of the address server is blank"
        else
            None

    let internal settings: Setting<ClientOptions> list =
        [
            Setting.value RemotingSettings.nameServersName ValueKind.endpoints _.NameServers (fun value options ->
                { options with
                    NameServers = value
                    Namespace =
                        if options.Namespace = "" then
                            impliedNamespace value
                        else
                            options.Namespace
                })
            Setting.ofProgram "addressServer" checkAddressServer _.AddressServer (fun value options ->
                { options with
                    AddressServer = Some value
                })
            Setting.optional
                "namespace"
                (ValueKind.text Names.checkNamespace)
                (fun options ->
                    if options.Namespace = "" then
                        None
                    else
                        Some options.Namespace)
                (fun value options -> { options with Namespace = value })
            Setting.optional "instanceName" InstanceNames.instance _.InstanceName (fun value options ->
                { options with
                    InstanceName = Some value
                })
            Setting.optional "unitName" InstanceNames.unit _.UnitName (fun value options ->
                { options with UnitName = Some value })
            Setting.flag "useHeartbeatV2" _.UseHeartbeatV2 (fun value options ->
                { options with UseHeartbeatV2 = value })
            Setting.ofProgram "codec" (fun _ -> None) (_.Codecs >> Some) (fun value options ->
                { options with Codecs = value })
        ]

    let internal rules (options: ClientOptions) : string list =
        [
            if options.NameServers.IsEmpty && options.AddressServer.IsNone then
                "nameServers: no name server is named: set NameServers or AddressServer (builders in C# also read the variable NAMESRV_ADDR)"
        ]

    let internal ofGroup (group: string) : string list =
        match Names.checkOwnGroup group with
        | Ok _ -> []
        | Error error -> [ $"group: {error.Message}" ]

    /// Clients that query name servers and no other server.
    let internal kindOfNameServers: OptionKind<ClientOptions> =
        {
            Settings =
                settings
                |> List.filter (fun setting -> setting.Name = RemotingSettings.nameServersName)
            Rules = rules
            RemotingOf = _.Remoting
            WithRemoting = fun remoting options -> { options with Remoting = remoting }
        }

    /// The kind of client whose options hold these, with settings and rules of its own.
    let internal kindOf
        (get: 'Options -> ClientOptions)
        (set: ClientOptions -> 'Options -> 'Options)
        (own: Setting<'Options> list)
        (ownRules: 'Options -> string list)
        : OptionKind<'Options> =
        {
            Settings = own @ Setting.within get set settings
            Rules = fun options -> ownRules options @ rules (get options)
            RemotingOf = fun options -> (get options).Remoting
            WithRemoting = fun remoting options -> set { get options with Remoting = remoting } options
        }

    /// Clients that producers and consumers share.
    let internal kindOfShared: OptionKind<ClientOptions> =
        kindOf id (fun client _ -> client) [] (fun _ -> [])
