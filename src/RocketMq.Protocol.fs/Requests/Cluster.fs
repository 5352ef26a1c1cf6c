namespace RocketMq.Protocol

/// All brokers that a name server knows. Source: ClusterInfo.java.
type ClusterInfo =
    {
        /// By broker name.
        Brokers: Map<string, BrokerData>
        /// Broker names by cluster.
        Clusters: Map<string, string list>
    }

type MemberGroupQuery =
    {
        ClusterName: string
        BrokerName: string
    }

/// A broker's own master and slaves, addresses by broker id. Since 5.0. Source: BrokerMemberGroup.java.
type BrokerMemberGroup =
    {
        Cluster: string
        BrokerName: string
        Addresses: Map<int64, string>
    }

module Cluster =
    /// GET_BROKER_CLUSTER_INFO (106), to a name server.
    let info =
        Operation(
            RequestCode.GetBrokerClusterInfo,
            Layout.nothing,
            Answers.json
                "cluster"
                (object<ClusterInfo> {
                    let! brokers = Member.map "brokerAddrTable" TopicRoute.brokerData _.Brokers
                    and! clusters = Member.map "clusterAddrTable" (Shape.list Shape.text) _.Clusters

                    return
                        {
                            Brokers = brokers
                            Clusters = clusters
                        }
                })
        )

    let private memberGroup =
        object<BrokerMemberGroup> {
            let! addresses =
                Member.always "brokerAddrs" (Shape.mapOf Shape.int64Key Shape.text) _.Addresses

            and! brokerName = Member.text "brokerName" _.BrokerName
            and! cluster = Member.text "cluster" _.Cluster

            return
                {
                    Cluster = cluster
                    BrokerName = brokerName
                    Addresses = addresses
                }
        }

    /// GET_BROKER_MEMBER_GROUP (901), from a broker to a name server.
    let memberGroupOf =
        Operation(
            RequestCode.GetBrokerMemberGroup,
            layout<MemberGroupQuery> {
                let! clusterName = Field.text "clusterName" _.ClusterName
                and! brokerName = Field.text "brokerName" _.BrokerName

                return
                    {
                        ClusterName = clusterName
                        BrokerName = brokerName
                    }
            },
            Answers.json
                "broker member group"
                (object<BrokerMemberGroup option> {
                    let! group = Member.sometimes "brokerMemberGroup" memberGroup id
                    return group
                })
        )
