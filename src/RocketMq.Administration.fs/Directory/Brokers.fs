namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol

/// Which brokers an action is for.
[<RequireQualifiedAccess>]
type BrokerScope =
    | All
    | Cluster of name: string
    /// By its name, which a master and its slaves share, or by its address.
    | Broker of nameOrAddress: string

    override scope.ToString() =
        match scope with
        | All -> "all clusters"
        | Cluster name -> $"cluster {name}"
        | Broker name -> $"broker {name}"

/// Which of them by role.
[<RequireQualifiedAccess>]
type BrokerRoles =
    | Masters
    | MastersAndSlaves

/// Who there is. All actions begin here: a scope that is empty is an error, never a success on nothing.
module Directory =
    /// With the masters of which only slaves are registered: what they have is missing from an answer, which has to say so.
    let private withAbsentMasters (brokers: BrokerAddress list) : BrokerAddress list =
        let absent =
            brokers
            |> List.groupBy (fun broker -> broker.Cluster, broker.Name)
            |> List.filter (fun (_, members) -> not (members |> List.exists _.IsMaster))
            |> List.map (fun (_, members) ->
                { members.Head with
                    Id = 0L
                    Address = ""
                })

        brokers @ absent
        |> List.sortBy (fun broker -> broker.Cluster, broker.Name, broker.Id)

    let ofCluster (info: ClusterInfo) : BrokerAddress list =
        let clusterOf =
            Map.ofSeq
                [
                    for KeyValue(cluster, brokers) in info.Clusters do
                        for broker in brokers do
                            broker, cluster
                ]

        [
            for KeyValue(name, broker) in info.Brokers do
                for KeyValue(id, address) in broker.Addresses do
                    {
                        Cluster = clusterOf |> Map.tryFind name |> Option.defaultValue broker.Cluster
                        Name = name
                        Id = id
                        Address = address
                    }
        ]
        |> withAbsentMasters

    let ofRoute (route: TopicRoute) : BrokerAddress list =
        [
            for broker in route.Brokers do
                for KeyValue(id, address) in broker.Addresses do
                    {
                        Cluster = broker.Cluster
                        Name = broker.BrokerName
                        Id = id
                        Address = address
                    }
        ]
        |> withAbsentMasters

    let private names (get: BrokerAddress -> string) brokers =
        brokers |> List.map get |> List.distinct |> List.sort

    /// Whether a name is that of a broker or of a cluster: there are topics of both.
    let isServerName (brokers: BrokerAddress list) : string -> bool =
        let names =
            brokers
            |> Seq.collect (fun broker -> [ broker.Name; broker.Cluster ])
            |> Set.ofSeq

        names.Contains

    let private same (name: string) (other: string) =
        String.Equals(name, other, StringComparison.Ordinal)

    /// Those of a scope, of all that there are.
    let select
        (scope: BrokerScope)
        (roles: BrokerRoles)
        (all: BrokerAddress list)
        : Result<BrokerAddress list, AdminError> =
        let inScope =
            match scope with
            | BrokerScope.All -> all
            | BrokerScope.Cluster name -> all |> List.filter (fun broker -> same name broker.Cluster)
            | BrokerScope.Broker name ->
                all
                |> List.filter (fun broker -> same name broker.Name || same name broker.Address)

        // Who names a slave's address wants that slave.
        let isNamed (broker: BrokerAddress) =
            match scope with
            | BrokerScope.Broker name -> same name broker.Address
            | BrokerScope.All
            | BrokerScope.Cluster _ -> false

        let chosen =
            match roles with
            | BrokerRoles.MastersAndSlaves -> inScope
            | BrokerRoles.Masters -> inScope |> List.filter (fun broker -> broker.IsMaster || isNamed broker)

        match scope, inScope, chosen |> List.filter _.IsRegistered with
        | BrokerScope.All, [], _ -> Error(AdminError.NotFound("broker", "registered with the name server", [], []))
        | BrokerScope.Cluster name, [], _ -> Error(AdminError.NotFound("cluster", name, names _.Cluster all, []))
        | BrokerScope.Broker name, [], _ -> Error(AdminError.NotFound("broker", name, names _.Name all, []))
        | _, _, [] ->
            Error(
                AdminError.NotAllowed(
                    invariant $"No master of {scope} is registered: there are only slaves, which take no writes."
                )
            )
        | _ -> Ok chosen

    /// All brokers that a name server knows.
    let all: Plan<BrokerAddress list> =
        Cluster.info.Request()
        |> Plan.require Target.AnyNameServer "all brokers"
        |> Plan.map ofCluster

    /// Those of a scope.
    let brokers (scope: BrokerScope) (roles: BrokerRoles) : Plan<BrokerAddress list> =
        all |> Plan.bind (select scope roles >> Plan.ofResult)

    /// Where a topic is; nothing if no name server knows it.
    let tryRoute (topic: string) : Plan<TopicRoute option> =
        Plan.query Target.AnyNameServer $"route of {topic}" (GetRoute.request topic)
        |> Plan.map (fun answer ->
            match answer with
            | Ok route -> Ok(Some route)
            | Error(RemotingError.Refused(code = ResponseCode.TopicNotExist)) -> Ok None
            | Error error -> Error error)
        |> Plan.need Target.AnyNameServer

    /// Topics that may have been meant.
    let private similar (topic: string) (topics: string list) =
        let part = topic.AsSpan().Slice(0, min 4 topic.Length).ToString()

        topics
        |> List.filter (fun known -> known.Contains(part, StringComparison.OrdinalIgnoreCase))

    /// Where a topic is; it must be there.
    let route (topic: string) : Plan<TopicRoute> =
        tryRoute topic
        |> Plan.bind (fun found ->
            match found with
            | Some route -> Plan.Done route
            | None ->
                Plan.attempt (Plan.require Target.AnyNameServer "all topics" (NameServerTopics.all.Request()))
                |> Plan.bind (fun topics ->
                    let known =
                        match topics with
                        | Ok topics -> similar topic topics.Topics
                        | Error _ -> []

                    Plan.Failed(AdminError.NotFound("topic", topic, known, []))))
