/// Routes and clusters in the forms that servers of different versions write.
module RocketMq.Protocol.Tests.RouteTextTests

open System
open System.Text
open RocketMq.Protocol

let private versions =
    testList
        "versions"
        [
            testCase "a cluster with integers as keys is read"
            <| fun () ->
                let body =
                    """{"brokerAddrTable":{"b":{"brokerAddrs":{0:"h:1"},"brokerName":"b","cluster":"c","enableActingMaster":false}},"clusterAddrTable":{"c":["b"]}}"""

                let answer =
                    Command.request RequestCode.GetBrokerClusterInfo
                    |> Command.response ResponseCode.Success
                    |> Command.withBody (ReadOnlyMemory(Encoding.UTF8.GetBytes body))

                match Cluster.info.DecodeAnswer answer with
                | Ok cluster -> cluster.Brokers["b"].Addresses |> shouldEqual (Map.ofList [ (0L, "h:1") ])
                | Error error -> failtest $"%A{error}"

            testCase "the flag of a topic is read under both of its names"
            <| fun () ->
                for name in [ "topicSysFlag"; "topicSynFlag" ] do
                    let body =
                        $"""{{"brokerDatas":[],"queueDatas":[{{"brokerName":"b","perm":6,"{name}":3}}]}}"""

                    match Json.decode "route" TopicRoute.shape (ReadOnlyMemory(Encoding.UTF8.GetBytes body)) with
                    | Ok route -> route.Queues.Head.TopicSysFlag |> shouldEqual 3
                    | Error error -> failtest error.Message
        ]

[<Tests>]
let tests = testList "Route texts" [ versions ]
