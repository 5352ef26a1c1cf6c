namespace RocketMq.Protocol

/// All brokers that a name server knows. Source: ClusterInfo.java.
type ClusterInfo =
    {
        Brokers: BrokerData list
        /// Broker names by cluster.
        Clusters: Map<string, string list>
    }

/// GET_BROKER_CLUSTER_INFO (106), to a name server.
module GetCluster =
    let private read element : ClusterInfo =
        {
            Brokers = Json.members "brokerAddrTable" (fun _ broker -> TopicRoute.readBrokerData broker) element
            Clusters =
                Json.members "clusterAddrTable" (fun cluster names -> cluster, Json.itemsOf Json.textOf names) element
                |> Map.ofList
        }

    let request: Request<ClusterInfo> =
        Request.ofCode
            RequestCode.GetBrokerClusterInfo
            (Request.decodeSuccess (fun answer -> Json.decode "cluster" read answer.Body))
