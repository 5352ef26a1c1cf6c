/// TLS over real sockets, with certificates made for it.
module RocketMq.Protocol.Tests.TlsTests

open System
open System.IO
open System.Net.Security
open System.Security.Authentication
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests
open OnTls

let private trustedCertificates =
    testList
        "trusted certificates"
        [
            test "a server with a certificate of a trusted root is accepted" (fun () ->
                task {
                    use server = serving forLocalhost.Value
                    do! answers (options (Some(trusting [ ours.Value ]))) (at server)
                })

            test "a certificate for an address is accepted for that address" (fun () ->
                task {
                    use server = serving forLocalhost.Value

                    do!
                        answers
                            (options (Some(trusting [ theirs.Value; ours.Value ])))
                            { at server with Host = "127.0.0.1" }
                })

            test "a self-signed certificate is accepted if it is a trusted root" (fun () ->
                task {
                    let own = Certificates.selfSigned "localhost"
                    use server = serving own
                    do! answers (options (Some(trusting [ own ]))) (at server)
                })
        ]

/// A certificate that is valid between these years is refused now.
let private refusedWithin reason details (first, last) =
    refused
        reason
        details
        (fun () -> Certificates.issuedWithin (moment first) (moment last) ours.Value [ "localhost" ])
        (fun () -> trusting [ ours.Value ])

let private refusedCertificates =
    testList
        "refused certificates"
        [
            test "a certificate for another name is refused, with the names that it has" (fun () ->
                refused
                    "is for "
                    [ "broker-a.example, broker-b.example"; "'localhost'"; "ServerName" ]
                    (fun () -> Certificates.issued ours.Value [ "broker-a.example"; "broker-b.example" ])
                    (fun () -> trusting [ ours.Value ]))

            test "a certificate for another name is accepted with that server name and no other" (fun () ->
                task {
                    use server = serving (Certificates.issued ours.Value [ "broker-a.example" ])

                    let named name =
                        options (
                            Some
                                { trusting [ ours.Value ] with
                                    ServerName = Some name
                                }
                        )

                    do! answers (named "broker-a.example") (at server)
                    let! reason = reasonOf (named "broker-b.example") (at server)
                    reason |> saysOnly "is for "
                    reason |> shouldMention "'broker-b.example'"
                })

            test "an expired certificate is refused, with the day it expired" (fun () ->
                refusedWithin "expired on" [ "CN=localhost"; "2021-01-01 00:00 UTC"; "renew" ] (2020, 2021))

            test "a certificate that is not valid yet is refused, with the day it will be" (fun () ->
                refusedWithin "not valid before" [ "CN=localhost"; "2110-01-01 00:00 UTC"; "clocks" ] (2110, 2111))
        ]

let private unknownIssuers =
    testList
        "unknown issuers"
        [
            test "an issuer that is not a trusted root is refused and named" (fun () ->
                refused
                    "issuer of the server's certificate"
                    [ "'CN=Our CA'"; "is not the trusted root"; "TrustedRoots" ]
                    (fun () -> forLocalhost.Value)
                    (fun () -> trusting [ theirs.Value ]))

            test "an issuer that the system does not know is refused and named" (fun () ->
                refused
                    "issuer of the server's certificate"
                    [ "'CN=Our CA'"; "the system's trusted roots"; "TrustedRoots" ]
                    (fun () -> forLocalhost.Value)
                    (fun () -> TlsOptions.Default))

            test "a self-signed certificate is refused with that reason" (fun () ->
                refused
                    "signed by itself"
                    [ "CN=localhost"; "TrustedRoots" ]
                    (fun () -> Certificates.selfSigned "localhost")
                    (fun () -> TlsOptions.Default))
        ]

let private clientCertificates =
    testList
        "client certificates"
        [
            for protocol in [ SslProtocols.Tls12; SslProtocols.Tls13 ] do
                test $"a client certificate that the server requests is sent, {protocol}" (fun () ->
                    task {
                        use server = asking protocol isKnown

                        let tls =
                            { trusting [ ours.Value ] with
                                ClientCertificate = Some(Certificates.issued ours.Value [ "a-client" ])
                            }

                        do! answers (options (Some tls)) (at server)
                    })

                test $"a client certificate that is missing is named as the reason, {protocol}" (fun () ->
                    task {
                        use server = asking protocol isKnown
                        let! reason = lossOf (options (Some(trusting [ ours.Value ]))) (at server)
                        reason |> saysOnly "wants a client certificate"
                        reason |> shouldMention "ClientCertificate"
                    })

                test $"a client certificate that the server refuses is named as the reason, {protocol}" (fun () ->
                    task {
                        use server = asking protocol isKnown

                        let tls =
                            { trusting [ ours.Value ] with
                                ClientCertificate = Some(Certificates.issued theirs.Value [ "a-stranger" ])
                            }

                        let! reason = lossOf (options (Some tls)) (at server)
                        reason |> saysOnly "may not accept the client certificate"
                    })

                test
                    $"a server that requests a client certificate without requiring one is accepted, {protocol}"
                    (fun () ->
                        task {
                            use server = asking protocol (fun _ -> true)
                            do! answers (options (Some(trusting [ ours.Value ]))) (at server)
                        })
        ]

/// A server that does this to its client after it has read so many bytes or fewer.
let private afterReading (count: int) (act: Net.Sockets.NetworkStream -> Task) =
    new LoopbackServer(fun stream ->
        task {
            let! _ = stream.ReadAsync(Memory(Array.zeroCreate count))
            do! act stream
        })

let private tlsToPlainServers =
    testList
        "TLS to plain servers"
        [
            test "TLS to a plain server that closes the connection has that reason" (fun () ->
                task {
                    // As servers do whose frames are never as long as the first bytes of TLS say.
                    use server = afterReading 16 (fun _ -> Task.CompletedTask)

                    let! reason = reasonOf (options (Some(trusting [ ours.Value ]))) (at server)
                    reason |> saysOnly "instead of beginning TLS"
                    reason |> shouldMention "turn TLS off"
                })

            test "TLS to a plain server that answers has that reason" (fun () ->
                task {
                    use server =
                        new LoopbackServer(fun stream ->
                            task {
                                let answer =
                                    Command.request RequestCode.HeartBeat |> Frame.encode Header.Json |> Buffers.ok

                                do! stream.WriteAsync(ReadOnlyMemory answer)
                                do! stream.CopyToAsync Stream.Null
                            })

                    let! reason = reasonOf (options (Some(trusting [ ours.Value ]))) (at server)
                    reason |> saysOnly "is not TLS"
                })
        ]

let private plainClients =
    testList
        "plain clients"
        [
            test "a plain client whose connection a TLS port closes gets the likely reason" (fun () ->
                task {
                    use server = serving forLocalhost.Value
                    let! reason = lossOf (options None) (at server)
                    reason |> saysOnly "if it wants TLS"
                    reason |> shouldMention "tls=true"
                })

            test "a plain client that a TLS port answers with an alert gets that reason" (fun () ->
                task {
                    use server =
                        afterReading 4096 (fun stream ->
                            task {
                                // As OpenSSL does: a fatal alert, handshake failure. In two parts, as TCP may deliver it.
                                do! stream.WriteAsync(ReadOnlyMemory [| 0x15uy |])
                                do! stream.WriteAsync(ReadOnlyMemory [| 3uy; 3uy; 0uy; 2uy; 2uy; 40uy |])
                                do! stream.CopyToAsync Stream.Null
                            })

                    let! reason = lossOf (options None) (at server)
                    reason |> saysOnly "this client does not"
                    reason |> shouldMention "tls=true"
                })

            test "a plain client whose first request ends the connection gets the likely reason" (fun () ->
                task {
                    use server = afterReading 4096 (fun _ -> Task.CompletedTask)

                    let! reason = lossOf (options None) (at server)
                    reason |> saysOnly "if it wants TLS"
                })
        ]

let private stalls =
    testList
        "stalls"
        [
            test "a handshake that stalls ends with the time to connect" (fun () ->
                task {
                    let heard = TaskCompletionSource()

                    use server =
                        afterReading 4096 (fun stream ->
                            task {
                                heard.TrySetResult() |> ignore
                                do! stream.CopyToAsync Stream.Null
                            })

                    let clock = ManualClock()

                    let options =
                        { options (Some(trusting [ ours.Value ])) with
                            ConnectTimeout = TimeSpan.FromSeconds 3L
                            Ports = { Ports.system with Clock = clock }
                        }

                    let opening = reasonOf options (at server)
                    do! heard.Task
                    clock.Advance(TimeSpan.FromMilliseconds 2999L)
                    opening.IsCompleted |> shouldBeFalse
                    clock.Advance(TimeSpan.FromMilliseconds 1L)
                    let! reason = opening
                    reason |> saysOnly "did not end within"
                    reason |> shouldMention "3000 ms"
                })
        ]

let private unverifiedCertificates =
    testList
        "unverified certificates"
        [
            test "a client that accepts any certificate connects with a warning each time" (fun () ->
                task {
                    use server = serving (Certificates.selfSigned "elsewhere.example")
                    let log = LogLines()

                    let anyone =
                        { options (
                              Some
                                  { TlsOptions.Default with
                                      AcceptAnyCertificate = true
                                  }
                          ) with
                            Logger = log
                        }

                    do! answers anyone (at server)
                    do! answers anyone (at server)
                    log.Count 1021 |> shouldEqual 2

                    for struct (level, id, text) in log.All do
                        if id = 1021 then
                            level |> shouldEqual LogLevel.Warning
                            text |> shouldMention "localhost"
                            text |> shouldMention "RemoteCertificateNameMismatch"
                })

            test "no warning is logged for a verified certificate" (fun () ->
                task {
                    use server = serving forLocalhost.Value
                    let log = LogLines()

                    let options =
                        { options (Some(trusting [ ours.Value ])) with
                            Logger = log
                        }

                    do! answers options (at server)
                    log.Count 1021 |> shouldEqual 0
                })
        ]

let private waitingCalls =
    testList
        "waiting calls"
        [
            test "a call that waits for a secure connection gets the reason why there was none" (fun () ->
                task {
                    use server = serving forLocalhost.Value

                    let options =
                        { options (Some(trusting [ theirs.Value ])) with
                            WhenDisconnected = WaitForConnection
                            RequestTimeout = TimeSpan.FromMilliseconds 300L
                        }

                    use client = RemotingClient(at server, options)

                    match! ask client "x" with
                    | Error(RemotingError.NotConnected(_, reason)) ->
                        reason.Text |> saysOnly "issuer of the server's certificate"
                    | other -> failtest $"%A{other}"
                })
        ]

[<Tests>]
let tests =
    testList
        "TLS"
        [
            trustedCertificates
            refusedCertificates
            unknownIssuers
            clientCertificates
            tlsToPlainServers
            plainClients
            stalls
            unverifiedCertificates
            waitingCalls
        ]
