namespace RocketMq.Protocol.Admin

open RocketMq.Protocol

/// What one access key may do. 4.9.8 only. Source: CreateAccessConfigRequestHeader.java.
type AccessConfig =
    {
        AccessKey: string
        SecretKey: string option
        WhiteRemoteAddress: string option
        IsAdmin: bool option
        /// DENY, PUB, SUB or PUB|SUB.
        DefaultTopicPermission: string option
        DefaultGroupPermission: string option
        /// "topic=PUB|SUB,…".
        TopicPermissions: string option
        /// "group=SUB,…".
        GroupPermissions: string option
    }

    /// Secrets are not shown.
    override config.ToString() = $"access key {config.AccessKey}"

/// Source: UpdateGlobalWhiteAddrsConfigRequestHeader.java.
type GlobalWhiteAddresses =
    {
        /// Joined with ",".
        Addresses: string
        AclFile: string option
    }

/// Source: GetBrokerAclConfigResponseHeader.java.
type AclVersions =
    {
        /// A `DataVersion` as JSON.
        Version: string
        /// By file, as JSON.
        FileVersions: string option
        BrokerName: string
        BrokerAddress: string
        ClusterName: string
    }

/// Access control of 4.9.8. Source: AdminBrokerProcessor.java.
module AclConfig =
    /// UPDATE_AND_CREATE_ACL_CONFIG (50). 4.9.8 refuses with 209.
    let update =
        Operation(
            RequestCode.UpdateAndCreateAclConfig,
            layout<AccessConfig> {
                let! accessKey = Field.text "accessKey" _.AccessKey
                and! secretKey = OptionalField.text "secretKey" _.SecretKey
                and! white = OptionalField.text "whiteRemoteAddress" _.WhiteRemoteAddress
                and! isAdmin = OptionalField.boolean "admin" _.IsAdmin
                and! defaultTopic = OptionalField.text "defaultTopicPerm" _.DefaultTopicPermission
                and! defaultGroup = OptionalField.text "defaultGroupPerm" _.DefaultGroupPermission
                and! topics = OptionalField.text "topicPerms" _.TopicPermissions
                and! groups = OptionalField.text "groupPerms" _.GroupPermissions

                return
                    {
                        AccessKey = accessKey
                        SecretKey = secretKey
                        WhiteRemoteAddress = white
                        IsAdmin = isAdmin
                        DefaultTopicPermission = defaultTopic
                        DefaultGroupPermission = defaultGroup
                        TopicPermissions = topics
                        GroupPermissions = groups
                    }
            },
            Answers.nothing
        )

    /// DELETE_ACL_CONFIG (51): the access key. 4.9.8 refuses with 210.
    let delete =
        Operation(RequestCode.DeleteAclConfig, Layout.text "accessKey", Answers.nothing)

    /// GET_BROKER_CLUSTER_ACL_INFO (52).
    let versions =
        Operation(
            RequestCode.GetBrokerClusterAclInfo,
            Layout.nothing,
            Answers.ok (
                layout<AclVersions> {
                    let! version = Field.text "version" _.Version
                    and! fileVersions = OptionalField.text "allAclFileVersion" _.FileVersions
                    and! brokerName = Field.text "brokerName" _.BrokerName
                    and! brokerAddress = Field.text "brokerAddr" _.BrokerAddress
                    and! clusterName = Field.text "clusterName" _.ClusterName

                    return
                        {
                            Version = version
                            FileVersions = fileVersions
                            BrokerName = brokerName
                            BrokerAddress = brokerAddress
                            ClusterName = clusterName
                        }
                }
            )
        )

    /// UPDATE_GLOBAL_WHITE_ADDRS_CONFIG (53). 4.9.8 refuses with 211.
    let updateGlobalWhiteAddresses =
        Operation(
            RequestCode.UpdateGlobalWhiteAddressesConfig,
            layout<GlobalWhiteAddresses> {
                let! addresses = Field.text "globalWhiteAddrs" _.Addresses
                and! file = OptionalField.text "aclFileFullPath" _.AclFile

                return
                    {
                        Addresses = addresses
                        AclFile = file
                    }
            },
            Answers.nothing
        )
