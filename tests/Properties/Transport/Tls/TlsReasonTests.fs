module RocketMq.Protocol.Tests.TlsReasonTests

open System
open System.Net.Security
open System.Security.Cryptography.X509Certificates
open RocketMq

let private day year =
    DateTimeOffset(year, 6, 1, 12, 0, 0, TimeSpan.Zero)

/// A handshake in which nothing was wrong yet.
let private good: HandshakeEvidence =
    {
        ServerName = "broker"
        Beginning = Beginning.Tls
        Certificate =
            Some
                {
                    Subject = "CN=broker"
                    Issuer = "CN=CA"
                    Names = [ "broker" ]
                }
        PolicyErrors = SslPolicyErrors.None
        ChainStatus = X509ChainStatusFlags.NoError
        Chain = []
        Now = day 2026
        TrustedRoots = 0
        ClientCertificateRequested = false
        HasClientCertificate = false
    }

let private chained (flags: X509ChainStatusFlags) =
    { good with
        PolicyErrors = SslPolicyErrors.RemoteCertificateChainErrors
        ChainStatus = flags
    }

let private link subject start ending : ChainLink =
    {
        Subject = subject
        NotBefore = day start
        NotAfter = day ending
        Status = X509ChainStatusFlags.NotTimeValid
    }

let private rejected evidence = TlsReason.ofHandshake evidence Rejected

let private broken evidence =
    TlsReason.ofHandshake evidence (Broken "the cause")

let private certificates =
    testList
        "certificates"
        [
            testCase "every fault of a certificate is reported"
            <| fun () ->
                let reason =
                    rejected
                        { chained (X509ChainStatusFlags.PartialChain ||| X509ChainStatusFlags.NotTimeValid) with
                            PolicyErrors =
                                SslPolicyErrors.RemoteCertificateChainErrors
                                ||| SslPolicyErrors.RemoteCertificateNameMismatch
                            ServerName = "elsewhere"
                            Chain = [ link "CN=broker" 2020 2021 ]
                        }

                for part in
                    [
                        "is for broker and not for 'elsewhere'"
                        "'CN=broker' expired on 2021-06-01 12:00 UTC"
                        "'CN=CA', is not among the system's trusted roots"
                    ] do
                    reason |> shouldMention part

            testCase "the certificate of the chain whose time is wrong is the one that is named"
            <| fun () ->
                let reason =
                    rejected
                        { chained X509ChainStatusFlags.NotTimeValid with
                            Chain =
                                [
                                    { link "CN=broker" 2020 2030 with
                                        Status = X509ChainStatusFlags.NoError
                                    }
                                    link "CN=between" 2030 2040
                                ]
                        }

                reason |> shouldMention "'CN=between' is not valid before 2030-06-01"
                reason |> shouldMention "it is 2026-06-01 12:00 UTC"
                reason.Contains "CN=broker" |> shouldBeFalse

            testCase "trusted roots are counted"
            <| fun () ->
                let among roots =
                    rejected
                        { chained X509ChainStatusFlags.UntrustedRoot with
                            TrustedRoots = roots
                        }

                among 0 |> shouldMention "the system's trusted roots"
                among 1 |> shouldMention "is not the trusted root"
                among 3 |> shouldMention "the 3 trusted roots"
        ]

let private flagsTests =
    testList
        "flags"
        [
            testCase "revocation has reasons of its own"
            <| fun () ->
                rejected (chained X509ChainStatusFlags.Revoked)
                |> shouldMention "has been revoked: replace"

                for flags in
                    [
                        X509ChainStatusFlags.OfflineRevocation
                        X509ChainStatusFlags.RevocationStatusUnknown
                    ] do
                    rejected (chained flags) |> shouldMention "turn CheckRevocation"

            testCase "other flags are reported by name"
            <| fun () ->
                rejected (chained X509ChainStatusFlags.NotSignatureValid)
                |> shouldMention "NotSignatureValid"

                rejected
                    { good with
                        PolicyErrors = SslPolicyErrors.RemoteCertificateChainErrors
                    }
                |> shouldMention "RemoteCertificateChainErrors"
        ]

let private missingCertificates =
    testList
        "missing certificates"
        [
            testCase "a missing certificate and one without names have reasons"
            <| fun () ->
                rejected { good with Certificate = None } |> shouldMention "sent no certificate"

                rejected
                    { good with
                        PolicyErrors = SslPolicyErrors.RemoteCertificateNameMismatch
                        Certificate =
                            Some
                                {
                                    Subject = "CN="
                                    Issuer = "CN=CA"
                                    Names = []
                                }
                    }
                |> shouldMention "is for no host at all"
        ]

let private handshakes =
    testList
        "handshakes"
        [
            testCase "a handshake that breaks is explained by how the server began and what it asked for"
            <| fun () ->
                broken
                    { good with
                        Beginning = Beginning.Silent
                    }
                |> shouldMention "instead of beginning TLS (the cause)"

                broken
                    { good with
                        Beginning = Beginning.Other
                    }
                |> shouldMention "plain port"

                broken good |> shouldMention "handshake failed (the cause)"

                broken
                    { good with
                        ClientCertificateRequested = true
                    }
                |> shouldMention "none is set"

                broken
                    { good with
                        HasClientCertificate = true
                    }
                |> shouldMention "trusts the issuer of ClientCertificate"

            testCase "a stalled handshake reports the phase and the time limit"
            <| fun () ->
                let stalled beginning =
                    TlsReason.ofHandshake { good with Beginning = beginning } (Stalled(TimeSpan.FromSeconds 3L))

                stalled Beginning.Silent |> shouldMention "3000 ms, the server took"
                stalled Beginning.Tls |> shouldMention "3000 ms, the server stopped"
        ]

let private ends =
    testList
        "ends"
        [
            testCase "an end before any byte has no reason unless a certificate was requested"
            <| fun () ->
                TlsReason.ofUnheardEnd good |> shouldEqual None

                TlsReason.ofUnheardEnd
                    { good with
                        ClientCertificateRequested = true
                    }
                |> Option.get
                |> shouldMention "none is set"

            property "every chain status has a reason, with something to do"
            <| fun (flags: X509ChainStatusFlags) ->
                let reason = rejected (chained flags)
                reason <> "" && reason.Contains ": "
        ]

[<Tests>]
let tests =
    testList "TLS reasons" [ certificates; flagsTests; missingCertificates; handshakes; ends ]
