namespace RocketMq

open System
open System.Net.Security
open System.Security.Cryptography.X509Certificates

/// How the peer's side of a connection began.
[<RequireQualifiedAccess>]
type internal Beginning =
    /// Nothing has come.
    | Silent
    /// With a record of TLS.
    | Tls
    | Other

/// One certificate of the chain from a server's to its root.
type internal ChainLink =
    {
        Subject: string
        NotBefore: DateTimeOffset
        NotAfter: DateTimeOffset
        Status: X509ChainStatusFlags
    }

type internal ServerCertificate =
    {
        Subject: string
        Issuer: string
        /// The hosts that it is for.
        Names: string list
    }

type internal HandshakeEnd =
    /// We did not accept the certificate.
    | Rejected
    /// The peer, or what lies between, ended it.
    | Broken of message: string
    | Stalled of limit: TimeSpan

/// What was seen of a handshake.
type internal HandshakeEvidence =
    {
        /// Who should have answered.
        ServerName: string
        Beginning: Beginning
        Certificate: ServerCertificate option
        PolicyErrors: SslPolicyErrors
        /// Of the whole chain.
        ChainStatus: X509ChainStatusFlags
        Chain: ChainLink list
        Now: DateTimeOffset
        /// How many trusted roots the options name.
        TrustedRoots: int
        /// The server asked for a client certificate; only seen where none is set.
        ClientCertificateRequested: bool
        HasClientCertificate: bool
    }

/// Says why a connection that should be secure is not there: what was seen, and what to do about it. Pure.
module internal TlsReason =
    let private unknownIssuer =
        X509ChainStatusFlags.UntrustedRoot ||| X509ChainStatusFlags.PartialChain

    let private unknownRevocation =
        X509ChainStatusFlags.RevocationStatusUnknown
        ||| X509ChainStatusFlags.OfflineRevocation

    /// Those that have a sentence of their own.
    let private explained =
        unknownIssuer
        ||| unknownRevocation
        ||| X509ChainStatusFlags.Revoked
        ||| X509ChainStatusFlags.NotTimeValid

    let private has (flags: X509ChainStatusFlags) evidence =
        evidence.ChainStatus &&& flags <> X509ChainStatusFlags.NoError

    let private day (moment: DateTimeOffset) =
        moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", Globalization.CultureInfo.InvariantCulture)

    let private names (certificate: ServerCertificate) =
        match certificate.Names with
        | [] -> "no host at all"
        | names -> String.concat ", " names

    let private wrongName evidence (certificate: ServerCertificate) =
        invariant
            $"the server's certificate is for {names certificate} and not for '{evidence.ServerName}': use a name that it has in "
        + "the address, or set ServerName of the TLS options"

    let private wrongTime now (link: ChainLink) =
        if now < link.NotBefore then
            invariant
                $"the certificate '{link.Subject}' is not valid before {day link.NotBefore}, and it is {day now}: check the clocks"
        else
            invariant $"the certificate '{link.Subject}' expired on {day link.NotAfter}: renew it at the server"

    let private wrongTimes evidence =
        match
            evidence.Chain
            |> List.filter _.Status.HasFlag(X509ChainStatusFlags.NotTimeValid)
        with
        | [] ->
            [
                "a certificate of the server's chain is not valid now: renew it at the server"
            ]
        | links -> List.map (wrongTime evidence.Now) links

    let private unknown evidence (certificate: ServerCertificate) =
        let whose =
            if certificate.Issuer = certificate.Subject then
                $"the server's certificate '{certificate.Subject}' is signed by itself, and it"
            else
                $"the issuer of the server's certificate, '{certificate.Issuer}',"

        let among =
            match evidence.TrustedRoots with
            | 0 -> "is not among the system's trusted roots"
            | 1 -> "is not the trusted root that the TLS options name"
            | count -> invariant $"is not among the {count} trusted roots that the TLS options name"

        $"{whose} {among}: if it is to be trusted, add it to TrustedRoots of the TLS options"

    /// Everything that is wrong with a certificate.
    let private certificateProblems evidence : string list =
        [
            match evidence.Certificate with
            | None -> "the server sent no certificate: check its TLS settings"
            | Some certificate ->
                if evidence.PolicyErrors.HasFlag SslPolicyErrors.RemoteCertificateNameMismatch then
                    wrongName evidence certificate

                if has X509ChainStatusFlags.NotTimeValid evidence then
                    yield! wrongTimes evidence

                if has unknownIssuer evidence then
                    unknown evidence certificate

                if has X509ChainStatusFlags.Revoked evidence then
                    $"the server's certificate '{certificate.Subject}' has been revoked: replace it at the server"
                elif has unknownRevocation evidence then
                    $"whether the certificate '{certificate.Subject}' has been revoked cannot be found out: make its issuer's "
                    + "lists reachable, or turn CheckRevocation of the TLS options off"

                let others = evidence.ChainStatus &&& ~~~explained

                if others <> X509ChainStatusFlags.NoError then
                    invariant
                        $"the server's certificate '{certificate.Subject}' cannot be used ({others}): replace it at the server"
        ]

    let private needsCertificate =
        "the server wants a client certificate, and none is set: set ClientCertificate of the TLS options"

    /// Where a certificate is set, whether the server asked for it cannot be seen.
    let private mayRefuseCertificate =
        "it may not accept the client certificate: check that the server trusts the issuer of ClientCertificate, and its log"

    let private broken message evidence =
        match evidence.Beginning with
        | Beginning.Silent ->
            invariant
                $"the server ended the connection instead of beginning TLS ({message}): it seems to speak no TLS at this port; "
            + "turn it on there (tls.server.mode), or turn TLS off here"
        | Beginning.Other ->
            "the server answered with something that is not TLS: this is a plain port; use another, or turn TLS off here"
        | Beginning.Tls when evidence.HasClientCertificate ->
            invariant $"the server ended the TLS handshake ({message}); {mayRefuseCertificate}"
        | Beginning.Tls when evidence.ClientCertificateRequested -> needsCertificate
        | Beginning.Tls ->
            invariant
                $"the TLS handshake failed ({message}): check versions and ciphers of both sides, and the server's log"

    let private stalled (limit: TimeSpan) evidence =
        let where =
            match evidence.Beginning with
            | Beginning.Silent -> "the server took the connection and did not answer"
            | Beginning.Tls
            | Beginning.Other -> "the server stopped in the middle of it"

        invariant
            $"the TLS handshake did not end within {limit.TotalMilliseconds} ms, {where}: check that the port speaks TLS, or raise "
        + "ConnectTimeout"

    /// Why a handshake failed.
    let ofHandshake (evidence: HandshakeEvidence) (ending: HandshakeEnd) : string =
        match ending with
        | Stalled limit -> stalled limit evidence
        | Broken message -> broken message evidence
        | Rejected ->
            match certificateProblems evidence with
            | [] -> invariant $"the server's certificate was refused ({evidence.PolicyErrors}): check it at the server"
            | problems -> String.concat "; " problems

    /// Why a secure connection ended before the server said anything: with TLS 1.3 a server that misses a client
    /// certificate tells only after the handshake.
    let ofUnheardEnd (evidence: HandshakeEvidence) : string option =
        if evidence.HasClientCertificate then
            Some mayRefuseCertificate
        elif evidence.ClientCertificateRequested then
            Some needsCertificate
        else
            None

    let private howToTurnOn =
        "set Tls of the remoting options, in C# call Tls() on the builder, or write tls=true"

    /// What it means for a plain connection that the server began with a record of TLS.
    let ofTlsBytes = $"the server speaks TLS and this client does not: {howToTurnOn}"

    /// What it may mean for a plain connection that was ended before the server said anything.
    let ofPlainUnheardEnd = $"it said nothing before; if it wants TLS, {howToTurnOn}"
