namespace RocketMq

/// Options while settings are read. What belongs together is put together at the end, so that the order of settings does
/// not count.
type internal SettingDraft =
    {
        Remoting: RemotingOptions
        NameServers: Endpoint list
        UsesTls: bool
        Tls: TlsOptions
        /// Settings that want TLS, as they were read.
        TlsSettings: string list
        AccessKey: string option
        SecretKey: string option
        SecurityToken: string option
        SocksUserName: string option
        SocksPassword: string option
    }

module internal SettingDraft =
    let start (nameServers: Endpoint list) (options: RemotingOptions) : SettingDraft =
        {
            Remoting = options
            NameServers = nameServers
            UsesTls = options.Tls.IsSome
            Tls = defaultArg options.Tls TlsOptions.Default
            TlsSettings = []
            AccessKey = None
            SecretKey = None
            SecurityToken = None
            SocksUserName = None
            SocksPassword = None
        }

    let private tlsProblems (known: string -> string) draft =
        match draft.TlsSettings with
        | [] -> []
        | _ when draft.UsesTls -> []
        | names ->
            let names =
                names |> List.rev |> List.distinct |> List.map known |> String.concat ", "

            [ $"{names}: means nothing without " + known "tls" + "=true" ]

    let private credentials (known: string -> string) draft : Result<Credentials option, string> =
        match draft.AccessKey, draft.SecretKey, draft.SecurityToken with
        | None, None, None -> Ok None
        | Some accessKey, Some secretKey, token ->
            Ok(
                Some
                    {
                        AccessKey = accessKey
                        SecretKey = secretKey
                        SecurityToken = token
                    }
            )
        | None, _, _ ->
            let others = known "secretKey" + " and " + known "securityToken"
            Error(known "accessKey" + $": is missing; {others} mean nothing without it")
        | Some _, None, _ ->
            Error(
                known "secretKey"
                + ": is missing; "
                + known "accessKey"
                + " means nothing without it"
            )

    /// User name and password count for all proxies: those that differ in them are set up in code.
    let private proxies (known: string -> string) draft : Result<SocksProxy list, string> =
        let proxies = draft.Remoting.SocksProxies

        match draft.SocksUserName, draft.SocksPassword with
        | None, None -> Ok proxies
        | Some _, Some _ when proxies.IsEmpty ->
            Error(
                known "socksProxy"
                + ": is missing; "
                + known "socksUserName"
                + " and "
                + known "socksPassword"
                + " mean nothing without it"
            )
        | Some userName, Some password ->
            let credentials =
                Some
                    {
                        UserName = userName
                        Password = password
                    }

            Ok(proxies |> List.map (fun proxy -> { proxy with Credentials = credentials }))
        | Some _, None ->
            Error(
                known "socksPassword"
                + ": is missing; "
                + known "socksUserName"
                + " means nothing without it"
            )
        | None, Some _ ->
            Error(
                known "socksUserName"
                + ": is missing; "
                + known "socksPassword"
                + " means nothing without it"
            )

    /// The options, or what does not go together, with each setting as it is known.
    let finish (known: string -> string) (draft: SettingDraft) : Result<RemotingOptions, string list> =
        let provider, credentialProblems =
            match credentials known draft with
            | Ok None -> draft.Remoting.Credentials, []
            | Ok(Some credentials) -> Some(fun () -> credentials), []
            | Error problem -> draft.Remoting.Credentials, [ problem ]

        let socksProxies, proxyProblems =
            match proxies known draft with
            | Ok proxies -> proxies, []
            | Error problem -> [], [ problem ]

        match tlsProblems known draft @ credentialProblems @ proxyProblems with
        | [] ->
            Ok
                { draft.Remoting with
                    SocksProxies = socksProxies
                    Tls = if draft.UsesTls then Some draft.Tls else None
                    Credentials = provider
                }
        | problems -> Error problems
