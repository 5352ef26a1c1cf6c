/// Credentials: no text shows them, and one warning tells that they travel in the open.
module RocketMq.Protocol.Tests.SecretTests

open System
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private keys token : Credentials =
    {
        AccessKey = "key"
        SecretKey = "hidden"
        SecurityToken = token
    }

/// The lines of the event that warns.
let private warnings (log: LogLines) =
    log.All
    |> List.filter (fun (struct (level, id, _)) -> id = 1022 && level = LogLevel.Warning)

let private signing (log: LogLines) (remoting: RemotingOptions) : RemotingOptions =
    { remoting with
        Credentials = Some(fun () -> keys None)
        Logger = log
        // Whatever the address is, it leads here.
        Ports =
            { Ports.system with
                Connect = fun place cancellation -> Ports.system.Connect { place with Host = "127.0.0.1" } cancellation
            }
    }

/// One call to each of these hosts.
let private callEach (change: RemotingOptions -> RemotingOptions) (hosts: string list) : Task<LogLines> =
    task {
        use! broker =
            EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(), CancellationToken.None)

        let port = (endpointsOf broker.BrokerAddress).Head.Port
        let log = LogLines()
        let clients = RemotingClients(change (signing log RemotingOptions.Default))

        for host in hosts do
            let client = clients.Get { Host = host; Port = port }

            for _ in 1..3 do
                let! answer =
                    client.Invoke(Command.request RequestCode.GetBrokerRuntimeInfo, CancellationToken.None)

                answer
                |> Result.mapError RemotingError.describe
                |> Buffers.ok
                |> ignore<RemotingCommand>

        do! clients.CloseAll()
        return log
    }

let private openly =
    [
        live
            "requests that are signed without TLS to another machine are warned of once for each client, with the address"
            (fun () ->
                task {
                    let! log = callEach id [ "localhost"; "192.0.2.1"; "192.0.2.2" ]

                    match warnings log with
                    | [ struct (_, _, line) ] -> line |> shouldMention "192.0.2.1:"
                    | other -> failtest $"%A{other}"
                })

        live "no warning: to this machine, or without credentials" (fun () ->
            task {
                let! toThisMachine = callEach id [ "localhost"; "127.0.0.1"; "127.1.2.3"; "::1" ]
                warnings toThisMachine |> shouldEqual []

                let! unsigned =
                    callEach (fun remoting -> { remoting with Credentials = None }) [ "192.0.2.1" ]

                warnings unsigned |> shouldEqual []
            })
    ]

let private secured =
    [
        live "no warning: with TLS" (fun () ->
            task {
                use server = OnTls.serving OnTls.forLocalhost.Value
                let log = LogLines()

                let tls =
                    { OnTls.trusting [ OnTls.ours.Value ] with
                        ServerName = Some "localhost"
                    }

                use client =
                    RemotingClient(
                        {
                            Host = "192.0.2.1"
                            Port = server.Port
                        },
                        signing log (OnTls.options (Some tls))
                    )

                let! answer = OnTls.ask client "x"

                answer
                |> Result.mapError RemotingError.describe
                |> Buffers.ok
                |> ignore<RemotingCommand>

                warnings log |> shouldEqual []
            })

        live "addresses count as they are mapped" (fun () ->
            task {
                let mapped host (remoting: RemotingOptions) =
                    { remoting with
                        MapAddress = fun place -> { place with Host = host }
                    }

                let! outward = callEach (mapped "192.0.2.7") [ "localhost" ]
                (warnings outward).Length |> shouldEqual 1
                let! inward = callEach (mapped "127.0.0.1") [ "192.0.2.7" ]
                warnings inward |> shouldEqual []
            })
    ]

let private texts =
    let remoting =
        { RemotingOptions.Default with
            Credentials = Some(fun () -> keys (Some "hidden"))
        }

    let client =
        { ClientOptions.create [] with
            Remoting = remoting
        }

    let consumer =
        { ConsumerOptions.create "g" [] with
            Client = client
        }

    let all: obj list =
        [
            remoting
            client
            consumer
            { ProducerOptions.create "g" [] with
                Client = client
            }
            { PushConsumerOptions.create "g" [] with
                Consumer = consumer
            }
            { PullConsumerOptions.create "g" [] with
                Consumer = consumer
            }
            { PullClientOptions.create "g" [] with
                Client = client
            }
            { SimpleConsumerOptions.create "g" [] with
                Consumer = consumer
            }
            { PopConsumerOptions.create "g" [] with
                Consumer = consumer
            }
            keys (Some "hidden")
        ]

    [
        test "no text of options or credentials shows a secret" {
            for options in all do
                for text in [ options.ToString(); $"%A{options}" ] do
                    (string text).Contains("hidden", StringComparison.Ordinal) |> shouldBeFalse

            (OptionText.toText remoting).Contains("hidden", StringComparison.Ordinal)
            |> shouldBeFalse
        }

        test
            "an address server takes no password, which would stand in errors and logs, and what refuses it does not repeat it" {
            let problems =
                { ProducerOptions.create "g" [] with
                    Client.AddressServer =
                        Some
                            { AddressServer.Default with
                                Domain = "me:hidden@host"
                            }
                }
                |> OptionKind.problems ProducerOptions.kind

            match problems with
            | [ problem ] ->
                problem |> shouldMention "addressServer: the domain"
                problem.Contains("hidden", StringComparison.Ordinal) |> shouldBeFalse
            | other -> failtest $"%A{other}"
        }
    ]

[<Tests>]
let tests = testList "Secrets" (openly @ secured @ texts)
