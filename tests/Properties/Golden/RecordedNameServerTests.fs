module RocketMq.Protocol.Tests.RecordedNameServerTests

open System
open System.Text.Json
open Expecto
open RocketMq.Protocol
open RocketMq.Protocol.Tests.Recorded

let private isFound (answer: RemotingCommand) (value: 'T option) =
    value.IsSome = (answer.ResponseCode = ResponseCode.Success)

/// What the strict reader finds: these bodies are strict.
let private tableIn (body: ReadOnlyMemory<byte>) =
    use document = JsonDocument.Parse body

    Map.ofList
        [
            for entry in document.RootElement.GetProperty("table").EnumerateObject() ->
                entry.Name, string (entry.Value.GetString())
        ]

let private emptyRoute = { Brokers = []; Queues = [] }

[<Tests>]
let tests =
    testList
        "Recorded name server requests"
        [
            testCase "key-value store"
            <| fun () ->
                agrees RequestCode.PutKvConfig (fun f -> KeyValueConfig.put f["namespace"] f["key"] f["value"]) always

                agrees RequestCode.GetKvConfig (fun f -> KeyValueConfig.get f["namespace"] f["key"]) (fun java value ->
                    isFound java value && value = (Map.tryFind "value" (fieldsOf java)))

                agrees RequestCode.DeleteKvConfig (fun f -> KeyValueConfig.delete f["namespace"] f["key"]) always

                agrees RequestCode.GetKvListByNamespace (fun f -> KeyValueConfig.list f["namespace"]) (fun java table ->
                    isFound java table && (table.IsNone || table.Value = tableIn java.Body))

            testCase "lists of topics"
            <| fun () ->
                let hasSome _ (topics: string list) = List.contains "BenchmarkTest" topics
                let hasNone _ (topics: string list) = topics.IsEmpty
                agrees RequestCode.GetAllTopicListFromNameServer (fun _ -> NameServerTopics.all) hasSome
                agrees RequestCode.GetTopicsByCluster (fun f -> NameServerTopics.ofCluster f["cluster"]) hasSome
                agrees RequestCode.GetUnitTopicList (fun _ -> NameServerTopics.ofUnits) hasNone
                agrees RequestCode.GetHasUnitSubTopicList (fun _ -> NameServerTopics.withUnitSubscribers) hasNone

                agrees
                    RequestCode.GetHasUnitSubUnunitTopicList
                    (fun _ -> NameServerTopics.outsideUnitsWithUnitSubscribers)
                    hasNone

                agrees RequestCode.GetSystemTopicListFromNameServer (fun _ -> NameServerTopics.system) (fun _ system ->
                    List.sort system.Topics = [ "DefaultCluster"; "broker-a" ]
                    && system.BrokerAddress.StartsWith("127.0.0.1:", StringComparison.Ordinal))

            testCase "changes to topics and brokers"
            <| fun () ->
                agrees
                    RequestCode.DeleteTopicInNameServer
                    (fun f -> NameServerTopics.delete f["topic"] (Map.tryFind "clusterName" f))
                    always

                agrees
                    RequestCode.WipeWritePermOfBroker
                    (fun f -> NameServerTopics.wipeWritePermission f["brokerName"])
                    (fun java count -> string count = (fieldsOf java)["wipeTopicCount"])

                agrees
                    RequestCode.AddWritePermOfBroker
                    (fun f -> NameServerTopics.addWritePermission f["brokerName"])
                    (fun java count -> string count = (fieldsOf java)["addTopicCount"])

                // Java writes filterServerTable too, which is not for clients: the body has the same value without it.
                let request, _ = recorded RequestCode.RegisterTopicInNameServer
                let java = command request[0]
                let topic = (fieldsOf java)["topic"]
                let ours = (NameServerTopics.register topic emptyRoute).Command
                fieldsOf ours |> shouldEqual (fieldsOf java)
                TopicRoute.decode ours.Body |> shouldEqual (TopicRoute.decode java.Body)

            testCase "the cluster"
            <| fun () ->
                agrees RequestCode.GetBrokerClusterInfo (fun _ -> GetCluster.request) (fun _ cluster ->
                    cluster.Clusters = Map.ofList [ "DefaultCluster", [ "broker-a" ] ]
                    && cluster.Brokers
                       |> List.forall (fun broker ->
                           broker.BrokerName = "broker-a"
                           && broker.Addresses[0L].StartsWith("127.0.0.1:", StringComparison.Ordinal))
                    && cluster.Brokers.Length = 1)

            testCase "a refusal is an error, with its code and remark"
            <| fun () ->
                let refusal =
                    Command.response ResponseCode.SystemError NameServerTopics.all.Command
                    |> Command.withRemark "disable"

                NameServerTopics.all.Decode refusal
                |> shouldEqual (Error(RefusedByServer(ResponseCode.SystemError, "disable")))

                match (KeyValueConfig.get "n" "k").Decode(Command.response ResponseCode.Success refusal) with
                | Error(Undecodable error) -> error.Message |> shouldMention "'value'"
                | other -> failtest $"%A{other}"
        ]
