namespace RocketMq

open System
open System.Security.Cryptography.X509Certificates
open RocketMq.Protocol

/// One setting: how it is read into a draft and printed.
type internal OptionSetting =
    {
        Name: string
        /// Neither it nor what stands unquoted behind it is ever shown.
        IsSecret: bool
        Set: string -> SettingDraft -> Result<SettingDraft, string>
        /// `None` if it has no text: a secret, a certificate, what is not set.
        Get: RemotingOptions -> string option
    }

/// All settings of a connection that have a text.
module internal SettingTable =
    let private setting name set : OptionSetting =
        {
            Name = name
            IsSecret = false
            Set = set
            Get = fun _ -> None
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
        List.map ofRow RemotingSettings.withText
        @ socksSettings
        @ tlsSettings
        @ credentialSettings

    /// With the name servers, for those who find their servers.
    let allWithNameServers: OptionSetting list =
        setting RemotingSettings.nameServersName (fun text draft ->
            ValueKind.endpoints.Parse text
            |> Result.map (fun endpoints -> { draft with NameServers = endpoints }))
        :: all
