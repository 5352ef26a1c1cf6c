namespace RocketMq

open System
open System.IO
open System.Net.Security
open System.Security.Cryptography.X509Certificates
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// One handshake with a server: what it is asked for, and what is seen of it.
[<Sealed>]
type private Handshake(tls: TlsOptions, serverName: string, clock: TimeProvider, raw: TlsDetectingStream) =
    let mutable certificate = None
    let mutable policyErrors = SslPolicyErrors.None
    let mutable chainStatus = X509ChainStatusFlags.NoError
    let mutable links: ChainLink list = []
    let mutable isRejected = false
    let mutable isClientCertificateRequested = false

    let statusOf (statuses: X509ChainStatus[]) =
        (X509ChainStatusFlags.NoError, statuses)
        ||> Array.fold (fun flags status -> flags ||| status.Status)

    let namesOf (certificate: X509Certificate2) =
        let alternatives =
            certificate.Extensions
            |> Seq.tryPick (function
                | :? X509SubjectAlternativeNameExtension as names ->
                    Some(
                        List.ofSeq (names.EnumerateDnsNames())
                        @ List.map string (List.ofSeq (names.EnumerateIPAddresses()))
                    )
                | _ -> None)

        match alternatives, certificate.GetNameInfo(X509NameType.SimpleName, false) with
        | Some names, _ -> names
        | None, "" -> []
        | None, name -> [ name ]

    let linkOf (element: X509ChainElement) : ChainLink =
        {
            Subject = element.Certificate.Subject
            NotBefore = DateTimeOffset element.Certificate.NotBefore
            NotAfter = DateTimeOffset element.Certificate.NotAfter
            Status = statusOf element.ChainElementStatus
        }

    let verify (remote: X509Certificate | null) (chain: X509Chain | null) errors =
        policyErrors <- errors

        match remote with
        | :? X509Certificate2 as remote ->
            certificate <-
                Some
                    {
                        Subject = remote.Subject
                        Issuer = remote.Issuer
                        Names = namesOf remote
                    }
        | _ -> ()

        match chain with
        | NonNull chain ->
            links <- chain.ChainElements |> Seq.map linkOf |> List.ofSeq

            chainStatus <-
                (statusOf chain.ChainStatus, links)
                ||> List.fold (fun flags link -> flags ||| link.Status)
        | Null -> ()

        let isAccepted = tls.AcceptAnyCertificate || errors = SslPolicyErrors.None
        isRejected <- not isAccepted
        isAccepted

    /// Called before the server is heard, and again when it asks for a certificate.
    let selectCertificate (remote: X509Certificate | null) =
        if not (isNull remote) then
            isClientCertificateRequested <- true

        match tls.ClientCertificate with
        | Some certificate -> (certificate :> X509Certificate | null)
        | None -> null

    let chainPolicy () =
        let policy =
            X509ChainPolicy(
                RevocationMode =
                    (if tls.CheckRevocation then
                         X509RevocationMode.Online
                     else
                         X509RevocationMode.NoCheck),
                // Servers send their intermediates; whom a stranger's certificate names is not asked over the network.
                DisableCertificateDownloads = true,
                VerificationTime = clock.GetUtcNow().LocalDateTime
            )

        if not tls.TrustedRoots.IsEmpty then
            policy.TrustMode <- X509ChainTrustMode.CustomRootTrust
            policy.CustomTrustStore.AddRange(Array.ofList tls.TrustedRoots)

        policy

    member _.IsRejected = isRejected
    member _.PolicyErrors = policyErrors

    member _.Options =
        SslClientAuthenticationOptions(
            TargetHost = serverName,
            CertificateChainPolicy = chainPolicy (),
            RemoteCertificateValidationCallback =
                RemoteCertificateValidationCallback(fun _ remote chain errors -> verify remote chain errors),
            LocalCertificateSelectionCallback =
                LocalCertificateSelectionCallback(fun _ _ _ remote _ -> selectCertificate remote),
            // Connections last: a handshake saved is worth less than a certificate verified, and asked for, each time.
            AllowTlsResume = false,
            AllowRenegotiation = false
        )

    member _.Evidence: HandshakeEvidence =
        {
            ServerName = serverName
            Beginning = raw.Beginning
            Certificate = certificate
            PolicyErrors = policyErrors
            ChainStatus = chainStatus
            Chain = links
            Now = clock.GetUtcNow()
            TrustedRoots = tls.TrustedRoots.Length
            ClientCertificateRequested = isClientCertificateRequested
            HasClientCertificate = tls.ClientCertificate.IsSome
        }

/// From a connected stream to one that is as secure as the options want it.
module internal Tls =
    /// The message and that of its cause, which often says more.
    let private messageOf (error: exn) =
        match error.InnerException with
        | NonNull inner -> $"{error.Message} {inner.Message}"
        | Null -> error.Message

    let private runHandshake
        (handshake: Handshake)
        (secure: SslStream)
        (limit: TimeSpan)
        (cancellation: CancellationToken)
        =
        backgroundTask {
            try
                do! secure.AuthenticateAsClientAsync(handshake.Options, cancellation)
                return Ok()
            with
            | :? OperationCanceledException -> return Error(struct (Stalled limit, None))
            | error when handshake.IsRejected -> return Error(struct (Rejected, Some error))
            | error -> return Error(struct (Broken(messageOf error), Some error))
        }

    let private secured
        (options: RemotingOptions)
        (tls: TlsOptions)
        (endpoint: Endpoint)
        (stream: Stream)
        cancellation
        =
        backgroundTask {
            let raw = new TlsDetectingStream(stream, WatchReasons.None)
            let secure = new SslStream(raw, leaveInnerStreamOpen = false)
            let serverName = defaultArg tls.ServerName endpoint.Host
            let handshake = Handshake(tls, serverName, options.Ports.Clock, raw)

            match! runHandshake handshake secure options.ConnectTimeout cancellation with
            | Error(struct (ending, cause)) ->
                secure.Dispose()
                return Error(FailureReason(TlsReason.ofHandshake handshake.Evidence ending, cause))
            | Ok() ->
                if tls.AcceptAnyCertificate then
                    Log.anyCertificateAccepted options.Logger endpoint handshake.PolicyErrors

                let reasons =
                    { WatchReasons.None with
                        OnUnheardEnd = fun _ -> TlsReason.ofUnheardEnd handshake.Evidence
                    }

                return Ok(new TlsDetectingStream(secure, reasons) :> Stream)
        }

    let private plain (options: RemotingOptions) (stream: Stream) =
        // A frame as long as a record of TLS looks: where such frames are allowed, nothing can be told.
        let isTooLong = options.Limits.ReceiveFrameBytes < 0x14030000

        let reasons =
            {
                OnTls = if isTooLong then Some TlsReason.ofTlsBytes else None
                OnUnheardEnd =
                    fun hasWritten ->
                        if hasWritten then
                            Some TlsReason.ofPlainUnheardEnd
                        else
                            None
            }

        new TlsDetectingStream(stream, reasons) :> Stream

    /// Shakes hands if the options want TLS; gives the reason if that fails, and the stream is closed then. What odd ends
    /// of the connection mean is said by the stream later.
    let secure
        (options: RemotingOptions)
        (endpoint: Endpoint)
        (stream: Stream)
        (cancellation: CancellationToken)
        : Task<Result<Stream, FailureReason>> =
        match options.Tls with
        | Some tls -> secured options tls endpoint stream cancellation
        | None -> Task.FromResult(Ok(plain options stream))
