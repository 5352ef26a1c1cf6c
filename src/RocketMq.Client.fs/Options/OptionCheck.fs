namespace RocketMq

open System
open Microsoft.Extensions.Logging

/// Options as a whole.
[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module RemotingOptions =
    let private tlsProblems (tls: TlsOptions) =
        [
            match tls.ServerName with
            | Some name when String.IsNullOrWhiteSpace name -> "tlsServerName: is empty"
            | _ -> ()

            match tls.ClientCertificate with
            | Some certificate when not certificate.HasPrivateKey -> "tlsClientCertificate: has no private key"
            | _ -> ()

            if tls.AcceptAnyCertificate && not tls.TrustedRoots.IsEmpty then
                "tlsAcceptAnyCertificate: whoever accepts any certificate needs no trusted roots; leave one of them out"

            if tls.AcceptAnyCertificate && tls.CheckRevocation then
                "tlsAcceptAnyCertificate: whoever accepts any certificate checks no revocation; leave one of them out"
        ]

    /// All that makes no sense, "name: what is wrong" each; empty if all is well. Builders and `Start` functions refuse
    /// such options.
    let check (options: RemotingOptions) : string list =
        [
            yield! Setting.problems RemotingSettings.rows options

            if options.Backoff.Cap < options.Backoff.First then
                invariant $"backoffCap: {options.Backoff.Cap} is below backoffFirst, {options.Backoff.First}"

            yield! options.Tls |> Option.map tlsProblems |> Option.defaultValue []
        ]

    /// Problems as the one error that they are.
    let internal refusal (problems: string list) : Result<unit, RemotingError> =
        match problems with
        | [] -> Ok()
        | problems -> Error(RemotingError.Misconfigured(String.concat "; " problems))

    /// Logs by a logger of this factory, of the category "RocketMq.Client".
    let withLoggerFactory (factory: ILoggerFactory) (options: RemotingOptions) : RemotingOptions =
        { options with
            Logger = factory.CreateLogger LogCategory.client
        }

    /// The preset's values, and what a program has set that no preset knows: TLS, credentials, proxies, handlers, logger, ports, mapped
    /// addresses, what is done while there is no connection, and whether calls over the limit wait: producers' do, whatever the
    /// preset.
    let withPreset (preset: RemotingOptions) (options: RemotingOptions) : RemotingOptions =
        { preset with
            OnMaxInFlight = options.OnMaxInFlight
            MapAddress = options.MapAddress
            WhenDisconnected = options.WhenDisconnected
            Handlers = options.Handlers
            SocksProxies = options.SocksProxies
            Tls = options.Tls
            Credentials = options.Credentials
            Logger = options.Logger
            Ports = options.Ports
        }
