/// What producers and consumers that share a client may set up for themselves.
module RocketMq.Protocol.Tests.SharedOptionsTests

open System
open RocketMq

let private nameServers = [ FakeServers.at 1 ]

let private client: ClientOptions =
    { ClientOptions.shared nameServers with
        Namespace = "NS"
        InstanceName = Some "one"
        Remoting.RequestTimeout = TimeSpan.FromSeconds 7L
        Remoting.WhenDisconnected = FailWithDial
    }

let private check options =
    ProducerOptions.checkWith (Some client) options |> Result.map _.Client

let private own: ProducerOptions = ProducerOptions.create "G" []

let private problemsOf options =
    match check options with
    | Error(RemotingError.Misconfigured reason) ->
        reason.Split "; " |> List.ofArray |> List.map (fun one -> one.Split(':')[0])
    | other -> failtest $"{other}"

let private taken =
    testList
        "taken"
        [
            testCase "options that nobody has changed are the client's"
            <| fun () ->
                let taken = check own |> Buffers.ok
                taken.Remoting.RequestTimeout |> shouldEqual (TimeSpan.FromSeconds 7L)
                taken.NameServers |> shouldEqual nameServers
                taken.InstanceName |> shouldEqual (Some "one")
                taken.Namespace |> shouldEqual "NS"

                PushConsumerOptions.create "G" []
                |> PushConsumerOptions.subscribe "T" Filter.all
                |> PushConsumerOptions.checkWith (Some client)
                |> Result.isOk
                |> shouldBeTrue

            testCase "one that names the client's servers once more says nothing else by that"
            <| fun () ->
                let taken = check (ProducerOptions.create "G" nameServers) |> Buffers.ok
                taken.Remoting.RequestTimeout |> shouldEqual (TimeSpan.FromSeconds 7L)
                taken.NameServers |> shouldEqual nameServers

            testCase "the client's own options are taken, with another namespace"
            <| fun () ->
                let taken =
                    check
                        { own with
                            Client = { client with Namespace = "OTHER" }
                        }
                    |> Buffers.ok

                taken.Namespace |> shouldEqual "OTHER"
                taken.NameServers |> shouldEqual nameServers

                (check { own with Client.Namespace = "OTHER" } |> Buffers.ok).Namespace
                |> shouldEqual "OTHER"
        ]

let private refused =
    testList
        "refused"
        [
            testCase "what belongs to the client and differs from it is refused, all of it at once"
            <| fun () ->
                let credentials () : Credentials =
                    {
                        AccessKey = "a"
                        SecretKey = "b"
                        SecurityToken = None
                    }

                { own with
                    Attempts = 0
                    Client =
                        { client with
                            NameServers = [ FakeServers.at 2 ]
                            InstanceName = Some "two"
                            UnitName = Some "unit"
                            Remoting =
                                { client.Remoting with
                                    RequestTimeout = TimeSpan.FromSeconds 3L
                                    Tls = Some TlsOptions.Default
                                    Credentials = Some credentials
                                    MapAddress = fun endpoint -> endpoint
                                    Ports =
                                        { Ports.system with
                                            Jitter = fun () -> 0.0
                                        }
                                }
                        }
                }
                |> problemsOf
                |> List.sort
                |> shouldEqual (
                    List.sort
                        [
                            "attempts"
                            "nameServers"
                            "instanceName"
                            "unitName"
                            "requestTimeout"
                            "tls"
                            "credentials"
                            "mapAddress"
                            "ports"
                        ]
                )

            testCase "a consumer of a shared client says what it would have otherwise"
            <| fun () ->
                { own with
                    Client.Remoting.RequestTimeout = TimeSpan.FromSeconds 5L
                }
                |> problemsOf
                |> shouldEqual [ "instanceName"; "requestTimeout" ]
        ]

[<Tests>]
let tests = testList "Shared client options" [ taken; refused ]
