/// Connections by way of SOCKS proxies, over real sockets.
module RocketMq.Protocol.Tests.SocksTests

open System
open System.Net.Sockets
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open OnTls

let private broker: Endpoint =
    {
        Host = "broker.example"
        Port = 10911
    }

let private through (proxy: Endpoint) : RemotingOptions =
    { options None with
        SocksProxies = [ SocksProxy.create proxy ]
    }

let private withCredentials userName password (options: RemotingOptions) =
    { options with
        SocksProxies =
            [
                for proxy in options.SocksProxies ->
                    { proxy with
                        Credentials =
                            Some
                                {
                                    UserName = userName
                                    Password = password
                                }
                    }
            ]
    }

let private answering () =
    new LoopbackServer(LoopbackServer.answer)

let private leadingTo (server: LoopbackServer) =
    fun (_: Endpoint) -> { at server with Host = "127.0.0.1" }

let private namesTravel () : Task =
    task {
        use server = answering ()
        use proxy = new SocksServer(None, 0uy, leadingTo server)
        // No resolver here knows the name.
        do! answers (through proxy.Endpoint) broker
        proxy.Targets |> shouldEqual [ broker ]
    }

let private authenticated () : Task =
    task {
        use server = answering ()
        use proxy = new SocksServer(Some("me", "s3cret"), 0uy, leadingTo server)
        do! answers (through proxy.Endpoint |> withCredentials "me" "s3cret") broker
    }

let private says (options: RemotingOptions) (parts: string list) : Task =
    task {
        let! reason = reasonOf options broker

        for part in string broker :: parts do
            reason |> shouldMention part
    }

let private refusedByCode () : Task =
    task {
        for code in 1uy .. 9uy do
            use proxy = new SocksServer(None, code, id)

            do!
                says
                    (through proxy.Endpoint)
                    [ $"SOCKS proxy {proxy.Endpoint}"; $"reply code {code}"; Socks5.describe code ]
    }

let private wrongPassword () : Task =
    task {
        use proxy = new SocksServer(Some("me", "right"), 0uy, id)
        let log = LogLines()

        let options =
            { (through proxy.Endpoint |> withCredentials "the-user" "s3cret") with
                Logger = log
            }

        let! reason = reasonOf options broker
        reason |> shouldMention "refused the user name and password (status 1)"
        reason |> shouldMention (string proxy.Endpoint)
        log.Count 1002 |> shouldEqual 1
        let lines = [ for struct (_, _, line) in log.All -> line ]
        shouldHide [ "the-user"; "s3cret" ] (reason :: string options.SocksProxies.Head :: lines)
    }

let private credentialsMissing () : Task =
    task {
        use proxy = new SocksServer(Some("me", "right"), 0uy, id)
        do! says (through proxy.Endpoint) [ "set a user name and a password"; "method 255" ]
    }

let private noProxy () : Task =
    task {
        use other =
            new LoopbackServer(fun stream ->
                task { do! stream.WriteAsync(ReadOnlyMemory "HTTP/1.1 400 Bad Request\r\n\r\n"B) })

        do! says (through { at other with Host = "127.0.0.1" }) [ "this is no SOCKS5 proxy"; "begins with 72" ]
    }

let private endsEarly () : Task =
    task {
        use other = new LoopbackServer(fun _ -> Task.CompletedTask)
        do! says (through { at other with Host = "127.0.0.1" }) [ "ended the connection before it had connected" ]
    }

let private cannotBeReached () : Task =
    task {
        let port =
            use gone = answering ()
            gone.Port

        do! says (through { Host = "127.0.0.1"; Port = port }) [ $"SOCKS proxy 127.0.0.1:{port}"; "cannot be reached" ]
    }

let private silent () : Task =
    task {
        let clock = ManualClock()
        let heard = TaskCompletionSource()

        use other =
            new LoopbackServer(fun stream ->
                task {
                    do! stream.ReadExactlyAsync(Memory(Array.zeroCreate<byte> 3))
                    heard.SetResult()
                    // Until the client hangs up.
                    let! (_: int) = stream.ReadAsync(Memory(Array.zeroCreate<byte> 1))
                    ()
                })

        let proxy = { at other with Host = "127.0.0.1" }

        let options =
            { through proxy with
                RequestTimeout = TimeSpan.FromHours 1.0
                RemotingOptions.Ports.Clock = clock
            }

        let reason = reasonOf options broker
        do! heard.Task
        clock.Advance options.ConnectTimeout
        let! reason = reason

        reason
        |> shouldMention $"the SOCKS proxy {proxy} did not connect to {broker} within 20000 ms"
    }

let private targetsOnly () : Task =
    task {
        use server = answering ()
        use proxy = new SocksServer(None, 0uy, leadingTo server)

        let options =
            { options None with
                SocksProxies =
                    [
                        { SocksProxy.create proxy.Endpoint with
                            Targets = [ OneHost "nobody"; (HostPattern.tryParse "*.example").Value ]
                        }
                    ]
            }

        do! answers options broker
        do! answers options (at server)
        proxy.Targets |> shouldEqual [ broker ]
    }

let private mappedFirst () : Task =
    task {
        use server = answering ()
        use proxy = new SocksServer(None, 0uy, leadingTo server)

        let options =
            { through proxy.Endpoint with
                MapAddress = fun _ -> { Host = "mapped"; Port = 7 }
            }

        do! answers options broker
        proxy.Targets |> shouldEqual [ { Host = "mapped"; Port = 7 } ]
    }

let private secured () : Task =
    task {
        use server = serving (Certificates.issued ours.Value [ broker.Host ])
        use proxy = new SocksServer(None, 0uy, leadingTo server)

        do!
            answers
                { through proxy.Endpoint with
                    Tls = Some(trusting [ ours.Value ])
                }
                broker
    }

/// Name servers and brokers, by names that only the proxy can resolve.
let private wholeClient () : Task =
    task {
        use! embedded = EmbeddedBroker.StartAsync()
        let nameServer = (endpointsOf embedded.NameServer).Head

        use proxy =
            new SocksServer(None, 0uy, (fun target -> { target with Host = "127.0.0.1" }))

        let options =
            ProducerOptions.create "G" [ { nameServer with Host = "ns.example" } ]
            |> patient TimeProvider.System

        use producer =
            start
                { options with
                    Client.Remoting.SocksProxies = [ SocksProxy.create proxy.Endpoint ]
                    Client.Remoting.MapAddress = fun place -> { place with Host = "mq.example" }
                }

        let! sent = send producer (Message.ofText "T" "by way of a proxy")
        sent.IsOk |> shouldBeTrue

        set proxy.Targets
        |> shouldEqual (
            set
                [
                    { nameServer with Host = "mq.example" }
                    { (endpointsOf embedded.BrokerAddress).Head with
                        Host = "mq.example"
                    }
                ]
        )
    }

let private warnsOfPlainCredentials () : Task =
    task {
        let warned proxy place =
            let log = LogLines()

            let plain =
                PlainCredentials
                    { RemotingOptions.Default with
                        Logger = log
                        Credentials =
                            Some(fun () ->
                                {
                                    AccessKey = "a"
                                    SecretKey = "s"
                                    SecurityToken = None
                                })
                    }

            plain.Connected({ Host = place; Port = 1 }, proxy |> Option.map (fun host -> { Host = host; Port = 1 }))
            log.Count 1022 = 1

        warned None "127.0.0.1" |> shouldBeFalse
        warned (Some "localhost") "127.0.0.1" |> shouldBeFalse
        // It is 127.0.0.1 of another machine.
        warned (Some "proxy.example") "127.0.0.1" |> shouldBeTrue
        warned (Some "localhost") "broker.example" |> shouldBeTrue
    }

let private connecting =
    testList
        "connecting"
        [
            test "the proxy is told the name of a server, and resolves it" namesTravel
            test "a proxy that wants to know who asks is told" authenticated
            test "a server that is no target is connected to directly" targetsOnly
            test "an address is mapped before a proxy is looked for" mappedFirst
            test "TLS is between client and server, for the server's name" secured
            test "a producer reaches name server and broker through the proxy" wholeClient
            test "signed requests that leave this machine by a proxy are warned of" warnsOfPlainCredentials
        ]

let private failing =
    testList
        "failing"
        [
            test "a refusal names proxy, server and code" refusedByCode
            test "wrong credentials are a reason of their own, and stand nowhere" wrongPassword
            test "credentials that are missing are asked for" credentialsMissing
            test "a server that is no SOCKS proxy is told from one" noProxy
            test "a proxy that hangs up is named" endsEarly
            test "a proxy that cannot be reached is named" cannotBeReached
            test "a proxy that says nothing costs the time to connect, and is named" silent
        ]

[<Tests>]
let tests = testList "SOCKS proxies" [ connecting; failing ]
