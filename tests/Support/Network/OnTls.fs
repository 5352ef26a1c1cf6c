/// Servers and clients that speak TLS over real sockets, and what failures say.
module RocketMq.Protocol.Tests.OnTls

open System
open System.IO
open System.Net.Security
open System.Net.Sockets
open System.Security.Authentication
open System.Security.Cryptography.X509Certificates
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests

let ours = lazy Certificates.authority "Our CA"
let theirs = lazy Certificates.authority "Their CA"

let forLocalhost = lazy Certificates.issued ours.Value [ "localhost"; "127.0.0.1" ]

let trusting (roots: X509Certificate2 list) : TlsOptions =
    { TlsOptions.Default with
        TrustedRoots = List.map Certificates.bare roots
    }

let options (tls: TlsOptions option) : RemotingOptions =
    { RemotingOptions.Default with
        ConnectTimeout = TimeSpan.FromSeconds 20L
        RequestTimeout = TimeSpan.FromSeconds 20L
        WhenDisconnected = FailWithDial
        Tls = tls
    }

let at (server: LoopbackServer) : Endpoint =
    {
        Host = "localhost"
        Port = server.Port
    }

let serving (certificate: X509Certificate2) =
    LoopbackServer.secure (SslServerAuthenticationOptions(ServerCertificate = certificate))

/// A test that hangs is a failure, not a stopped run.
let test name (body: unit -> Task) =
    testCaseTask name (fun () -> task { do! body().WaitAsync(TimeSpan.FromSeconds 60L) })

let ask (client: RemotingClient) text =
    client.Invoke(Command.request RequestCode.HeartBeat |> Command.withRemark text, CancellationToken.None)

let answers (options: RemotingOptions) (endpoint: Endpoint) : Task =
    task {
        use client = RemotingClient(endpoint, options)

        for number in 1..20 do
            match! ask client $"call {number}" with
            | Ok answer -> answer.Remark |> shouldEqual (Some $"call {number}")
            | Error error -> failtest (RemotingError.describe error)
    }

/// What only one of the reasons says.
let marks =
    [
        "is for "
        "expired on"
        "not valid before"
        "issuer of the server's certificate"
        "signed by itself"
        "wants a client certificate"
        "may not accept the client certificate"
        "instead of beginning TLS"
        "is not TLS"
        "did not end within"
        "this client does not"
        "if it wants TLS"
    ]

/// The reason has its mark, and no other's.
let saysOnly (mark: string) (reason: string) =
    marks
    |> List.filter (fun other -> reason.Contains(other, StringComparison.Ordinal))
    |> shouldEqual [ mark ]

/// The reason that opening a connection fails with.
let reasonOf (options: RemotingOptions) (endpoint: Endpoint) : Task<string> =
    task {
        use client = RemotingClient(endpoint, options)

        match! client.Open CancellationToken.None with
        | Error(RemotingError.NotConnected(server, reason) as error) ->
            server |> shouldEqual endpoint
            RemotingError.outcome error |> shouldEqual NotExecuted
            RemotingError.describe error |> shouldMention (string endpoint)
            return reason.Text
        | other -> return failtest $"%A{other}"
    }

/// Why a call ends on a connection that was made.
let lossOf (options: RemotingOptions) (endpoint: Endpoint) : Task<string> =
    task {
        use client = RemotingClient(endpoint, options)

        match! ask client "x" with
        | Error(RemotingError.ConnectionLost(_, _, _, reason))
        | Error(RemotingError.NotConnected(_, reason)) -> return reason.Text
        | other -> return failtest $"%A{other}"
    }

let refused mark (parts: string list) (certificate: unit -> X509Certificate2) (tls: unit -> TlsOptions) : Task =
    task {
        use server = serving (certificate ())
        let! reason = reasonOf (options (Some(tls ()))) (at server)
        reason |> saysOnly mark

        for part in parts do
            reason |> shouldMention part
    }

let asking (protocol: SslProtocols) (isWelcome: X509Certificate | null -> bool) =
    LoopbackServer.secure (
        SslServerAuthenticationOptions(
            ServerCertificate = forLocalhost.Value,
            EnabledSslProtocols = protocol,
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback =
                RemoteCertificateValidationCallback(fun _ certificate _ _ -> isWelcome certificate)
        )
    )

let moment year =
    DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero)

let isKnown (certificate: X509Certificate | null) =
    match certificate with
    | Null -> false
    | NonNull certificate -> certificate.Subject = "CN=a-client"
