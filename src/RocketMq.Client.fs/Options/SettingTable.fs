namespace RocketMq

open System
open System.Security.Cryptography.X509Certificates
open RocketMq.Protocol

/// One setting: how it is read into a draft, printed and checked.
type internal OptionSetting =
    {
        Name: string
        /// Neither it nor what stands unquoted behind it is ever shown.
        IsSecret: bool
        Set: string -> SettingDraft -> Result<SettingDraft, string>
        /// `None` if it has no text: a secret, a certificate, what is not set.
        Get: RemotingOptions -> string option
        Check: RemotingOptions -> string option
    }

/// All settings that have a text. Units, defaults and reasons stand at the options, and in docs/production.md.
module internal SettingTable =
    let nameServersName = "nameServers"

    let private setting name set : OptionSetting =
        {
            Name = name
            IsSecret = false
            Set = set
            Get = fun _ -> None
            Check = fun _ -> None
        }

    let private ofRow (row: Setting<RemotingOptions>) : OptionSetting =
        {
            Name = row.Name
            IsSecret = false
            Set =
                fun text draft ->
                    row.Read(text, draft.Remoting)
                    |> Result.map (fun options -> { draft with Remoting = options })
            Get = row.Show
            Check = row.Problem
        }

    /// A setting that wants TLS.
    let private tls name (parse: string -> Result<'T, string>) set (show: TlsOptions -> string option) : OptionSetting =
        { setting name (fun text draft ->
              parse text
              |> Result.map (fun value ->
                  { draft with
                      Tls = set value draft.Tls
                      TlsSettings = name :: draft.TlsSettings
                  })) with
            Get = fun options -> Option.bind show options.Tls
        }

    let private secret name set : OptionSetting =
        let notEmpty text =
            if String.IsNullOrWhiteSpace text then
                Error "is empty"
            else
                Ok text

        { setting name (fun text draft -> notEmpty text |> Result.map (fun value -> set value draft)) with
            IsSecret = true
        }

    let private notEmpty what text =
        if String.IsNullOrWhiteSpace text then
            Error(invariant $"is empty: write {what}")
        else
            Ok text

    /// Whatever is wrong with a file is told as a value.
    let private fromPem (load: string -> Result<'T, string>) (path: string) =
        try
            load path
        with error ->
            Error $"'{path}' cannot be read: {error.Message}"

    let private rootsOf path =
        let roots = X509Certificate2Collection()
        roots.ImportFromPemFile path

        if roots.Count = 0 then
            Error $"'{path}' holds no certificate in PEM"
        else
            Ok(List.ofSeq roots)

    let private clientCertificateOf (path: string) =
        let certificate = X509Certificate2.CreateFromPemFile path

        if OperatingSystem.IsWindows() then
            // Windows secures connections only with keys that have passed its store.
            Ok(X509CertificateLoader.LoadPkcs12(certificate.Export X509ContentType.Pfx, null))
        else
            Ok certificate

    let private limits change (options: RemotingOptions) =
        { options with
            Limits = change options.Limits
        }

    let private backoff change (options: RemotingOptions) =
        { options with
            Backoff = change options.Backoff
        }

    let private liveness change (options: RemotingOptions) =
        { options with
            KeepAlive = change options.KeepAlive
        }

    let private atLimit = ValueKind.word [ "fail", FailAtOnce; "wait", WaitForRoom ]

    /// A policy of one's own has no word, and so no text.
    let private retry =
        { ValueKind.word
              [
                  "never", RetryPolicy.Never
                  "safe", RetryPolicy.Safe
                  "repeatable", RetryPolicy.Repeatable
              ] with
            Check =
                fun policy ->
                    if policy.Attempts >= 1 then
                        None
                    else
                        Some(invariant $"{policy.Attempts} attempts are none")
        }

    let private rowsWithText: Setting<RemotingOptions> list =
        [
            Setting.value "requestTimeout" ValueKind.duration _.RequestTimeout (fun value options ->
                { options with RequestTimeout = value })
            Setting.value "connectTimeout" ValueKind.duration _.ConnectTimeout (fun value options ->
                { options with ConnectTimeout = value })
            Setting.value "maxInFlight" (ValueKind.count 1 (1 <<< 20)) _.MaxInFlight (fun value options ->
                { options with MaxInFlight = value })
            Setting.value
                "maxUnwrittenBytes"
                (ValueKind.count 4096 (1 <<< 30))
                _.MaxUnwrittenBytes
                (fun value options ->
                    { options with
                        MaxUnwrittenBytes = value
                    })
            Setting.value "maxServerRequests" (ValueKind.count 1 (1 <<< 20)) _.MaxServerRequests (fun value options ->
                { options with
                    MaxServerRequests = value
                })
            Setting.value "header" ValueKind.header _.Header (fun value options ->
                { options with
                    RemotingOptions.Header = value
                })
            Setting.value "receiveFrameBytes" (ValueKind.count 1024 (1 <<< 30)) _.Limits.ReceiveFrameBytes (fun value ->
                limits (fun limits ->
                    { limits with
                        ReceiveFrameBytes = value
                    }))
            Setting.value
                "receiveHeaderBytes"
                (ValueKind.count 256 ((1 <<< 24) - 1))
                _.Limits.ReceiveHeaderBytes
                (fun value ->
                    limits (fun limits ->
                        { limits with
                            ReceiveHeaderBytes = value
                        }))
            Setting.value "sendFrameBytes" (ValueKind.count 1024 (1 <<< 30)) _.Limits.SendFrameBytes (fun value ->
                limits (fun limits -> { limits with SendFrameBytes = value }))
            Setting.value "backoffFirst" ValueKind.duration _.Backoff.First (fun value ->
                backoff (fun backoff -> { backoff with First = value }))
            Setting.value "backoffCap" ValueKind.duration _.Backoff.Cap (fun value ->
                backoff (fun backoff -> { backoff with Cap = value }))
            Setting.value "backoffSpread" ValueKind.spread _.Backoff.Spread (fun value ->
                backoff (fun backoff -> { backoff with Spread = value }))
            Setting.value "onMaxInFlight" atLimit _.OnMaxInFlight (fun value options ->
                { options with OnMaxInFlight = value })
            Setting.value "onMaxUnwrittenBytes" atLimit _.OnMaxUnwrittenBytes (fun value options ->
                { options with
                    OnMaxUnwrittenBytes = value
                })
            Setting.value "maxWaitingCalls" (ValueKind.count 1 (1 <<< 20)) _.MaxWaitingCalls (fun value options ->
                { options with MaxWaitingCalls = value })
            Setting.value "maxWaitingBytes" (ValueKind.count 4096 (1 <<< 30)) _.MaxWaitingBytes (fun value options ->
                { options with MaxWaitingBytes = value })
            Setting.value "probeAfter" ValueKind.duration _.KeepAlive.ProbeAfter (fun value ->
                liveness (fun liveness -> { liveness with ProbeAfter = value }))
            Setting.value "deadAfter" ValueKind.duration _.KeepAlive.DeadAfter (fun value ->
                liveness (fun liveness -> { liveness with DeadAfter = value }))
            Setting.value "idleAfter" ValueKind.duration _.KeepAlive.IdleAfter (fun value ->
                liveness (fun liveness -> { liveness with IdleAfter = value }))
            Setting.value "retry" retry _.Retry (fun value options -> { options with Retry = value })
            Setting.value "socksProxy" SocksProxyText.kind _.SocksProxies (fun value options ->
                { options with SocksProxies = value })
        ]

    let private anything _ = None

    let private rowsWithoutText: Setting<RemotingOptions> list =
        [
            Setting.ofProgram "tls" anything _.Tls (fun value options -> { options with Tls = Some value })
            Setting.ofProgram "credentials" anything _.Credentials (fun value options ->
                { options with
                    Credentials = Some value
                })
            Setting.ofProgram "mapAddress" anything (_.MapAddress >> Some) (fun value options ->
                { options with MapAddress = value })
            Setting.ofProgram "onRequest" anything (_.Handlers >> Some) (fun value options ->
                { options with Handlers = value })
            Setting.ofProgram "whenDisconnected" anything (_.WhenDisconnected >> Some) (fun value options ->
                { options with
                    WhenDisconnected = value
                })
            Setting.ofProgram "logger" anything (_.Logger >> Some) (fun value options ->
                { options with Logger = value })
        ]

    /// All of a connection that builders set up.
    let rows: Setting<RemotingOptions> list = rowsWithText @ rowsWithoutText

    let private tlsSettings: OptionSetting list =
        [
            { setting "tls" (fun text draft ->
                  ValueKind.flag.Parse text
                  |> Result.map (fun value -> { draft with UsesTls = value })) with
                Get = fun options -> Some(ValueKind.flag.Show options.Tls.IsSome)
            }
            tls
                "tlsServerName"
                (notEmpty "the name that certificates have")
                (fun value tls -> { tls with ServerName = Some value })
                _.ServerName
            tls "tlsTrustedRootsFile" (fromPem rootsOf) (fun value tls -> { tls with TrustedRoots = value }) (fun _ ->
                None)
            tls
                "tlsClientCertificateFile"
                (fromPem clientCertificateOf)
                (fun value tls ->
                    { tls with
                        ClientCertificate = Some value
                    })
                (fun _ -> None)
            tls
                "tlsCheckRevocation"
                ValueKind.flag.Parse
                (fun value tls -> { tls with CheckRevocation = value })
                (_.CheckRevocation >> ValueKind.flag.Show >> Some)
            tls
                "tlsAcceptAnyCertificate"
                ValueKind.flag.Parse
                (fun value tls ->
                    { tls with
                        AcceptAnyCertificate = value
                    })
                (_.AcceptAnyCertificate >> ValueKind.flag.Show >> Some)
        ]

    let private credentialSettings: OptionSetting list =
        [
            secret "accessKey" (fun value draft -> { draft with AccessKey = Some value })
            secret "secretKey" (fun value draft -> { draft with SecretKey = Some value })
            secret "securityToken" (fun value draft ->
                { draft with
                    SecurityToken = Some value
                })
        ]

    let private socksSettings: OptionSetting list =
        [
            secret "socksUserName" (fun value draft ->
                { draft with
                    SocksUserName = Some value
                })
            secret "socksPassword" (fun value draft ->
                { draft with
                    SocksPassword = Some value
                })
        ]

    /// Those of a connection, in the order that they are printed in.
    let all: OptionSetting list =
        List.map ofRow rowsWithText @ socksSettings @ tlsSettings @ credentialSettings

    /// With the name servers, for those who find their servers.
    let allWithNameServers: OptionSetting list =
        setting nameServersName (fun text draft ->
            ValueKind.endpoints.Parse text
            |> Result.map (fun endpoints -> { draft with NameServers = endpoints }))
        :: all
