/// TLS over real sockets, with certificates made for it.
module RocketMq.Protocol.Tests.TlsTests

open System
open System.IO
open System.Net.Security
open System.Security.Authentication
open System.Threading.Tasks
open Expecto
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests
open RocketMq.Protocol.Tests.OnTls

[<Tests>]
let tests =
    testList
        "TLS"
        [
            test "a server with a certificate from a trusted root is asked and answers" (fun () ->
                task {
                    use server = serving forLocalhost.Value
                    do! answers (options (Some(trusting [ ours.Value ]))) (at server)
                })

            test "a certificate for an address counts for that address" (fun () ->
                task {
                    use server = serving forLocalhost.Value

                    do!
                        answers
                            (options (Some(trusting [ theirs.Value; ours.Value ])))
                            { at server with Host = "127.0.0.1" }
                })

            test "a certificate that is its own root counts if it is trusted" (fun () ->
                task {
                    let own = Certificates.selfSigned "localhost"
                    use server = serving own
                    do! answers (options (Some(trusting [ own ]))) (at server)
                })

            test "a certificate for another name is refused, with the names that it has" (fun () ->
                refused
                    "is for "
                    [ "broker-a.example, broker-b.example"; "'localhost'"; "ServerName" ]
                    (fun () -> Certificates.issued ours.Value [ "broker-a.example"; "broker-b.example" ])
                    (fun () -> trusting [ ours.Value ]))

            test "with a server name of its own it is taken, and only with that one" (fun () ->
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
                refused
                    "expired on"
                    [ "CN=localhost"; "2021-01-01 00:00 UTC"; "renew" ]
                    (fun () -> Certificates.issuedWithin (moment 2020) (moment 2021) ours.Value [ "localhost" ])
                    (fun () -> trusting [ ours.Value ]))

            test "a certificate that is not valid yet is refused, with the day it will be" (fun () ->
                refused
                    "not valid before"
                    [ "CN=localhost"; "2110-01-01 00:00 UTC"; "clocks" ]
                    (fun () -> Certificates.issuedWithin (moment 2110) (moment 2111) ours.Value [ "localhost" ])
                    (fun () -> trusting [ ours.Value ]))

            test "an issuer that is none of the trusted roots is refused, and named" (fun () ->
                refused
                    "issuer of the server's certificate"
                    [ "'CN=Our CA'"; "is not the trusted root"; "TrustedRoots" ]
                    (fun () -> forLocalhost.Value)
                    (fun () -> trusting [ theirs.Value ]))

            test "an issuer that the system does not know is refused, and named" (fun () ->
                refused
                    "issuer of the server's certificate"
                    [ "'CN=Our CA'"; "the system's trusted roots"; "TrustedRoots" ]
                    (fun () -> forLocalhost.Value)
                    (fun () -> TlsOptions.Default))

            test "a certificate signed by itself is refused, and called so" (fun () ->
                refused
                    "signed by itself"
                    [ "CN=localhost"; "TrustedRoots" ]
                    (fun () -> Certificates.selfSigned "localhost")
                    (fun () -> TlsOptions.Default))

            for protocol in [ SslProtocols.Tls12; SslProtocols.Tls13 ] do
                test $"a client certificate that the server wants is given, {protocol}" (fun () ->
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
                    $"a server that asks for a client certificate and does without is asked and answers, {protocol}"
                    (fun () ->
                        task {
                            use server = asking protocol (fun _ -> true)
                            do! answers (options (Some(trusting [ ours.Value ]))) (at server)
                        })

            test "TLS to a server that closes plain nonsense is told so" (fun () ->
                task {
                    // As servers do whose frames are never as long as the first bytes of TLS say.
                    use server =
                        new LoopbackServer(fun stream ->
                            task {
                                let! _ = stream.ReadAsync(Memory(Array.zeroCreate 16))
                                ()
                            })

                    let! reason = reasonOf (options (Some(trusting [ ours.Value ]))) (at server)
                    reason |> saysOnly "instead of beginning TLS"
                    reason |> shouldMention "turn TLS off"
                })

            test "TLS to a server that answers plainly is told so" (fun () ->
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

            test "a plain client at a TLS port is told what may be meant when that ends the connection" (fun () ->
                task {
                    use server = serving forLocalhost.Value
                    let! reason = lossOf (options None) (at server)
                    reason |> saysOnly "if it wants TLS"
                    reason |> shouldMention "tls=true"
                })

            test "a plain client that a TLS port answers with an alert is told so" (fun () ->
                task {
                    use server =
                        new LoopbackServer(fun stream ->
                            task {
                                let! _ = stream.ReadAsync(Memory(Array.zeroCreate 4096))
                                // As OpenSSL does: a fatal alert, handshake failure. In two parts, as TCP may deliver it.
                                do! stream.WriteAsync(ReadOnlyMemory [| 0x15uy |])
                                do! stream.WriteAsync(ReadOnlyMemory [| 3uy; 3uy; 0uy; 2uy; 2uy; 40uy |])
                                do! stream.CopyToAsync Stream.Null
                            })

                    let! reason = lossOf (options None) (at server)
                    reason |> saysOnly "this client does not"
                    reason |> shouldMention "tls=true"
                })

            test "a plain client whose first request is answered by an end is told what may be meant" (fun () ->
                task {
                    use server =
                        new LoopbackServer(fun stream ->
                            task {
                                let! _ = stream.ReadAsync(Memory(Array.zeroCreate 4096))
                                ()
                            })

                    let! reason = lossOf (options None) (at server)
                    reason |> saysOnly "if it wants TLS"
                })

            test "a handshake that stalls ends with the time to connect" (fun () ->
                task {
                    let heard = TaskCompletionSource()

                    use server =
                        new LoopbackServer(fun stream ->
                            task {
                                let! _ = stream.ReadAsync(Memory(Array.zeroCreate 4096))
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

            test "whoever accepts any certificate gets through, and a warning each time" (fun () ->
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

            test "nothing of the kind is logged for a certificate that is verified" (fun () ->
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

            test "a call that waits for a secure connection is told why there was none" (fun () ->
                task {
                    use server = serving forLocalhost.Value

                    let options =
                        { options (Some(trusting [ theirs.Value ])) with
                            WhenDisconnected = WaitForConnection
                            RequestTimeout = TimeSpan.FromMilliseconds 300L
                        }

                    use client = RemotingClient(at server, options)

                    match! ask client "x" with
                    | Error(NotConnected(_, reason)) -> reason.Text |> saysOnly "issuer of the server's certificate"
                    | other -> failtest $"%A{other}"
                })
        ]
