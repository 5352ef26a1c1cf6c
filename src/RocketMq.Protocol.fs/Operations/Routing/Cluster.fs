namespace RocketMq.Protocol

/// All brokers that a name server knows. Source: ClusterInfo.java.
type ClusterInfo =
    {
        /// By broker name.
        Brokers: Map<string, BrokerData>
        /// Broker names by cluster.
        Clusters: Map<string, string list>
    }

/// Asks for all brokers of one name, a master and its slaves.
type MemberGroupQuery =
    {
        ClusterName: string
        BrokerName: string
    }

/// GET_BROKER_CLUSTER_INFO (106) and GET_BROKER_MEMBER_GROUP (901).
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

                    and! clusters =
                        Member.map "clusterAddrTable" (JsonCodec.list JsonCodec.text) _.Clusters

                    return
                        {
                            Brokers = brokers
                            Clusters = clusters
                        }
                })
        )

    /// GET_BROKER_MEMBER_GROUP (901), from a broker to a name server, since 5.0: its master and slaves.
    /// Source: BrokerMemberGroup.java.
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
                (Member.objectOf (Member.sometimes "brokerMemberGroup" TopicRoute.brokerData id))
        )
