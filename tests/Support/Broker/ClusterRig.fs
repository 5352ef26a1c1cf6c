/// The state machine of a cluster with what tests ask it and read from it.
module internal RocketMq.Protocol.Tests.ClusterRig

open System
open System.Net
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let settingsOf name id place : BrokerSettings =
    { BrokerRig.settings with
        BrokerName = name
        BrokerId = id
        BrokerAddress = $"127.0.0.1:{place + 1}"
    }

/// Masters by their names, then slaves by the places of their masters, which copy after so long.
let clusterWith change copyMillis nameServers (masters: string list) (slaves: int list) : ClusterState =
    let brokers =
        [
            for name in masters -> name, 0L, ValueNone
            for master in slaves -> masters[master], 1L, ValueSome master
        ]

    brokers
    |> List.mapi (fun place (name, id, master) ->
        change (settingsOf name id place), Host.create IPAddress.Loopback (place + 1), master)
    |> Servers.create 0L nameServers copyMillis

/// Slaves copy at once.
let cluster nameServers masters slaves : ClusterState =
    clusterWith id 0L nameServers masters slaves

let askAt now server command (cluster: ClusterState) =
    Servers.transition now cluster (At(server, BrokerRig.arrive 1 now command))

/// Asks for what the state machine answers at once, and leaves it as it was.
let read now server (operation: Operation<'Query, 'Answer>) (query: 'Query) cluster : 'Answer =
    let _, effects = askAt now server (Examples.ask query operation) cluster

    match operation.DecodeAnswer(BrokerRig.answerIn effects) with
    | Ok answer -> answer
    | Error error -> failtest $"%A{error}"

let tryRoute now nameServer topic cluster : TopicRoute option =
    let query =
        Examples.ask
            {
                Topic = topic
                AcceptStandardJsonOnly = None
            }
            GetRoute.operation

    let _, effects = askAt now (NameServerAt nameServer) query cluster
    let answer = BrokerRig.answerIn effects

    if answer.ResponseCode = ResponseCode.TopicNotExist then
        None
    else
        Some(GetRoute.operation.DecodeAnswer answer |> Result.toOption |> Option.get)

let addressesIn (route: TopicRoute option) : string list =
    match route with
    | None -> []
    | Some route ->
        route.Brokers
        |> List.collect (fun broker -> List.ofSeq broker.Addresses.Values)
        |> List.sort

let queuedOn (route: TopicRoute option) : string list =
    match route with
    | None -> []
    | Some route -> route.Queues |> List.map _.BrokerName |> List.sort

let sendTo topic queueId id properties =
    Examples.ask
        { BrokerRig.messageOf topic id properties with
            QueueId = queueId
        }
        Send.message

let storeOf place (cluster: ClusterState) = cluster.Brokers[place].State.Store

/// All records of a broker, by topic and queue.
let recordsOf place cluster : Map<string * int, string list> =
    Map.ofList
        [
            for KeyValue(topic, stored) in (storeOf place cluster).Topics do
                for queueId in 0 .. stored.Queues.Length - 1 do
                    (topic, queueId),
                    [
                        for record in stored.Queues[queueId].Records -> Convert.ToHexString record.Bytes.Span
                    ]
        ]
