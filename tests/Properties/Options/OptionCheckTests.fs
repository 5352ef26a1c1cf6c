module RocketMq.Protocol.Tests.OptionCheckTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests

let private presets =
    testList
        "presets"
        [
            testCase "presets pass all checks"
            <| fun () ->
                for preset in
                    [
                        RemotingOptions.Default
                        RemotingOptions.Development
                        RemotingOptions.Production
                        RemotingOptions.Testing
                    ] do
                    RemotingOptions.check preset |> shouldBeEmpty
        ]

let private allProblemsAreReported () =
    let nonsense =
        { RemotingOptions.Default with
            RequestTimeout = TimeSpan.FromSeconds -1L
            ConnectTimeout = TimeSpan.Zero
            MaxInFlight = 0
            MaxUnwrittenBytes = -1
            Limits =
                { FrameLimits.Default with
                    SendFrameBytes = 0
                }
            Backoff =
                {
                    First = TimeSpan.FromSeconds 2L
                    Cap = TimeSpan.FromSeconds 1L
                    Spread = TimeSpan.Zero
                }
            Tls =
                Some
                    { TlsOptions.Default with
                        ServerName = Some ""
                        ClientCertificate = Some(Certificates.bare (Certificates.selfSigned "a"))
                        TrustedRoots = [ Certificates.selfSigned "b" ]
                        AcceptAnyCertificate = true
                        CheckRevocation = true
                    }
        }

    let parts =
        [
            "requestTimeout: -00:00:01 is no time"
            "connectTimeout: 00:00:00 is no time"
            "maxInFlight: 0 is no number from 1 to 1048576"
            "maxUnwrittenBytes: -1 is no number"
            "sendFrameBytes: 0"
            "backoffCap: 00:00:01 is below backoffFirst"
            "tlsServerName: is empty"
            "tlsClientCertificate: has no private key"
            "needs no trusted roots"
            "checks no revocation"
        ]

    RemotingOptions.check nonsense |> List.length |> shouldEqual parts.Length

    let refusals =
        [
            RemotingClient.Create({ Host = "a"; Port = 1 }, nonsense) |> Result.map ignore
            NameServer.Create("a:1", nonsense) |> Result.map ignore
            Producer.Start
                { ProducerOptions.create "g-1" [ { Host = "a"; Port = 1 } ] with
                    Client.Remoting = nonsense
                }
            |> Result.map ignore
            PullConsumerOptions.check
                { PullConsumerOptions.create "g-1" [ { Host = "a"; Port = 1 } ] with
                    Consumer.Client.Remoting = nonsense
                    Consumer.Subscriptions = [ ("T", Filter.ByTag "*") ]
                }
        ]

    for refusal in refusals do
        match refusal with
        | Error(RemotingError.Misconfigured reason) ->
            for part in parts do
                reason |> shouldMention part
        | other -> failtest $"%A{other}"

let private remotingOptions =
    testList
        "remoting options"
        [
            testCase "all invalid options are reported at once by every client that takes them" allProblemsAreReported
        ]

let private producerAndConsumerOptions =
    testList
        "producer and consumer options"
        [
            testCase "a producer's and a consumer's own numbers are checked too"
            <| fun () ->
                match
                    Producer.Start
                        { ProducerOptions.create "g-1" [] with
                            Attempts = 0
                            SendTimeout = TimeSpan.Zero
                            CompressFromBytes = 0
                        }
                with
                | Error(RemotingError.Misconfigured reason) ->
                    for part in [ "no name server is named"; "attempts: 0"; "sendTimeout: "; "compressFrom: 0" ] do
                        reason |> shouldMention part
                | other -> failtest $"%A{other}"

                match
                    PullConsumerOptions.check
                        { PullConsumerOptions.create "g-1" [] with
                            PullBatch = 0
                            LongPollTimeout = TimeSpan.Zero
                            FlowControl = { Messages = 0; Bytes = -1L; Span = 0L }
                            CommitInterval = TimeSpan.Zero
                            Consumer.MaxDecompressedBodySize = 0
                        }
                with
                | Error(RemotingError.Misconfigured reason) ->
                    for part in
                        [
                            "no name server is named"
                            "needs a subscription"
                            "pullBatch: 0"
                            "longPollTimeout: "
                            "flowControlMessages: 0"
                            "flowControlBytes: -1"
                            "flowControlSpan: 0"
                            "commitInterval: "
                            "maxDecompressedBodySize: 0"
                        ] do
                        reason |> shouldMention part
                | other -> failtest $"%A{other}"
        ]

[<Tests>]
let tests =
    testList "Option checks" [ presets; remotingOptions; producerAndConsumerOptions ]
