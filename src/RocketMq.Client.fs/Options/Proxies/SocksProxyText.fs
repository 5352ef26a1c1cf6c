namespace RocketMq

open System
open System.Text
open RocketMq.Protocol

/// Proxies as a setting has them: "proxy:1080", or "10.0.0.0/8=proxy:1080,*.example.com=other:1080". User names and passwords are
/// settings of their own.
module internal SocksProxyText =
    let private parseEntry (entry: string) : Result<SocksProxy, string> =
        let refuse = Error $"'{entry}' is no proxy: write host:port, or PATTERN=host:port"

        match entry.LastIndexOf '=' with
        | -1 ->
            match Endpoint.tryParse entry with
            | ValueSome address -> Ok(SocksProxy.create address)
            | ValueNone -> refuse
        | equals ->
            match
                HostPattern.tryParse (entry.Substring(0, equals)), Endpoint.tryParse (entry.Substring(equals + 1))
            with
            | ValueSome pattern, ValueSome address ->
                Ok
                    { SocksProxy.create address with
                        Targets = [ pattern ]
                    }
            | ValueNone, _ ->
                Error
                    $"'{entry}' has no pattern in front: write * for every host, 10.0.0.0/8, *.example.com, or one host"
            | _ -> refuse

    let private parse (text: string) : Result<SocksProxy list, string> =
        let add entry proxies =
            match parseEntry entry, proxies with
            | Error problem, _ -> Error problem
            | Ok _, Error problem -> Error problem
            | Ok proxy, Ok proxies -> Ok(proxy :: proxies)

        match text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries) with
        | [||] -> Error "is empty: write host:port"
        | entries -> Array.foldBack add entries (Ok [])

    let private credentialProblem (credentials: SocksCredentials) : string option =
        let isGood (text: string) =
            text <> "" && Encoding.UTF8.GetByteCount text <= Socks5.longestText

        if isGood credentials.UserName && isGood credentials.Password then
            None
        else
            Some(invariant $"user name and password have 1 to {Socks5.longestText} bytes each")

    let kind: ValueKind<SocksProxy list> =
        {
            Parse = parse
            Show = List.map string >> String.concat ","
            Check = List.choose _.Credentials >> List.tryPick credentialProblem
        }
