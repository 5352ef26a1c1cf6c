namespace RocketMq

/// Who asks a SOCKS proxy. Each of 1 to 255 bytes in UTF-8. They travel unencrypted.
[<StructuredFormatDisplay("{Display}")>]
type SocksCredentials =
    {
        UserName: string
        Password: string
    }

    member private credentials.Display = "a user name and a password"

    /// Neither is shown.
    override credentials.ToString() = credentials.Display

/// A SOCKS5 proxy, and which servers are reached through it.
[<NoComparison; StructuredFormatDisplay("{Display}")>]
type SocksProxy =
    {
        /// Where it listens.
        Address: Endpoint
        /// Default none: it takes whoever comes.
        Credentials: SocksCredentials option
        /// The hosts of those servers, as they are dialled: what `MapAddress` makes of them. Default none, which means every host.
        Targets: HostPattern list
    }

    member private proxy.Display =
        match proxy.Targets with
        | [] -> string proxy.Address
        | targets ->
            targets
            |> List.map (fun target -> invariant $"{target}={proxy.Address}")
            |> String.concat ","

    /// As a setting has it; without user name and password.
    override proxy.ToString() = proxy.Display

module SocksProxy =
    /// A proxy for every server, without a user name.
    let create (address: Endpoint) : SocksProxy =
        {
            Address = address
            Credentials = None
            Targets = []
        }

    /// The proxy for a server: the first that it is a target of.
    let internal tryFind (target: Endpoint) (proxies: SocksProxy list) : SocksProxy option =
        proxies
        |> List.tryFind (fun proxy ->
            proxy.Targets.IsEmpty
            || proxy.Targets |> List.exists (HostPattern.matches target.Host))
