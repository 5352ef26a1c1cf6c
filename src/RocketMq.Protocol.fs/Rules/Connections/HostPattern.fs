namespace RocketMq

open System
open System.Net

/// Some of all hosts, by name or by IP address.
[<NoComparison; StructuredFormatDisplay("{Display}")>]
type HostPattern =
    | AnyHost
    /// IP addresses that begin alike. Names are not in it, whatever their addresses.
    | HostsOfNetwork of IPNetwork
    /// Names that end with a dot and this one: "a.example.com" for "example.com", and not "example.com" itself.
    | HostsOfDomain of domain: string
    /// A name, or an IP address.
    | OneHost of host: string

    member private pattern.Display =
        match pattern with
        | AnyHost -> "*"
        | HostsOfNetwork network -> invariant $"{network}"
        | HostsOfDomain domain -> $"*.{domain}"
        | OneHost host -> host

    override pattern.ToString() = pattern.Display

module HostPattern =
    /// An IP address, if a host is written as one. "1" and "010.0.0.1" are none, though systems take them for some.
    let internal addressOf (host: string) : IPAddress voption =
        match IPAddress.TryParse host with
        | true, NonNull address when host.Contains ':' ->
            ValueSome(
                if address.IsIPv4MappedToIPv6 then
                    address.MapToIPv4()
                else
                    address
            )
        | true, NonNull address when address.ToString() = host -> ValueSome address
        | _ -> ValueNone

    /// Bits of a host do not count: 10.1.2.3/8 is 10.0.0.0/8.
    let private networkOf (address: IPAddress) (prefix: int) : IPNetwork =
        let bytes =
            address.GetAddressBytes()
            |> Array.mapi (fun index byte ->
                let bits = Math.Clamp(prefix - index * 8, 0, 8)
                byte &&& uint8 ((0xFF <<< (8 - bits)) &&& 0xFF))

        IPNetwork(IPAddress bytes, prefix)

    let private tryHost (text: string) : string voption =
        if text.Contains '*' then
            ValueNone
        else
            match Endpoint.tryParse $"{text}:1" with
            | ValueSome endpoint -> ValueSome endpoint.Host
            | ValueNone -> ValueNone

    let private tryNetwork (text: string) (slash: int) : HostPattern voption =
        match addressOf (text.Substring(0, slash)), Int32.TryParse(text.AsSpan(slash + 1)) with
        | ValueSome address, (true, 0) when address.GetAddressBytes().Length = 4 ->
            // As Java reads 0.0.0.0/0: names as well.
            ValueSome AnyHost
        | ValueSome address, (true, prefix) when prefix >= 0 && prefix <= address.GetAddressBytes().Length * 8 ->
            ValueSome(HostsOfNetwork(networkOf address prefix))
        | _ -> ValueNone

    /// Reads "*" or "0.0.0.0/0" (every host), "10.0.0.0/8" or "fd00::/8" (a network), "*.example.com" (a domain), or one host.
    let tryParse (text: string) : HostPattern voption =
        let text = text.Trim()

        match text.IndexOf '/' with
        | -1 when text = "*" -> ValueSome AnyHost
        | -1 when text.StartsWith("*.", StringComparison.Ordinal) ->
            tryHost (text.Substring 2) |> ValueOption.map HostsOfDomain
        | -1 -> tryHost text |> ValueOption.map OneHost
        | slash -> tryNetwork text slash

    let private isSame (one: string) (other: string) =
        one.Equals(other, StringComparison.OrdinalIgnoreCase)

    /// Whether a host, as an address names it, is one of them.
    let matches (host: string) (pattern: HostPattern) : bool =
        match pattern with
        | AnyHost -> true
        | HostsOfNetwork network ->
            match addressOf host with
            | ValueSome address -> network.Contains address
            | ValueNone -> false
        | HostsOfDomain domain -> host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase)
        | OneHost one ->
            match addressOf one, addressOf host with
            | ValueSome one, ValueSome other -> one.Equals other
            | _ -> isSame one host
