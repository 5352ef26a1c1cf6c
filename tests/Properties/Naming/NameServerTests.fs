/// What a client of name servers asks them.
module RocketMq.Protocol.Tests.NameServerTests

open RocketMq.Protocol
open RocketMq
open OnNetwork

/// A client of the name servers at these addresses.
let private nameServer (network: Network) (addresses: string) =
    match NameServer.Create(addresses, network.Options) with
    | Ok server -> server
    | Error error -> failtest (RemotingError.describe error)

let private failover =
    testList
        "failover"
        [
            testOn "the next name server is asked when one cannot be reached" (fun network ->
                task {
                    let server = nameServer network "first:9876;second:9876"
                    let asking = server.Topics CancellationToken.None
                    do! network.Refuse()
                    // The first one is dialled again behind; the second one is the dial after the refused one.
                    let! peer = network.Accept()
                    let! request = peer.Next()

                    do!
                        peer.Send(
                            NameServerTopics.all.Answer(
                                {
                                    Topics = [ "T" ]
                                    BrokerAddress = None
                                },
                                request
                            )
                        )

                    let! topics = asking
                    topics |> shouldEqual (Ok [ "T" ])
                    do! server.Close()
                })
        ]

let private answers =
    testList
        "answers"
        [
            testOn "a route is read as the name server sent it" (fun network ->
                task {
                    let server = nameServer network "ns:9876"
                    let asking = server.Route("T", CancellationToken.None)
                    let! peer = network.Accept()
                    let! request = peer.Next()
                    (GetRoute.operation.Decode request |> Buffers.ok).Topic |> shouldEqual "T"
                    let route = TopicRoute.create [] [ Examples.broker "c" "b" [ (0L, "h:1") ] ]
                    do! peer.Send(GetRoute.operation.Answer(route, request))
                    let! answer = asking
                    answer |> shouldEqual (Ok route)
                    do! server.Close()
                })

            testOn "a cluster is read as the name server sent it" (fun network ->
                task {
                    let server = nameServer network "ns:9876"
                    let asking = server.Cluster CancellationToken.None
                    let! peer = network.Accept()
                    let! request = peer.Next()
                    request.Code |> shouldEqual 106

                    let cluster: ClusterInfo =
                        {
                            Brokers = Map.ofList [ ("b", Examples.broker "c" "b" [ (0L, "h:1") ]) ]
                            Clusters = Map.ofList [ ("c", [ "b" ]) ]
                        }

                    do! peer.Send(Cluster.info.Answer(cluster, request))
                    let! answer = asking
                    answer |> shouldEqual (Ok cluster)
                    do! server.Close()
                })
        ]

[<Tests>]
let tests = testList "Name server client" [ failover; answers ]
