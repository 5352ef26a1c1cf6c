namespace RocketMq.Protocol.Admin

open System
open RocketMq.Protocol

/// What a broker has. Source: RegisterBrokerBody.java.
[<RequireQualifiedAccess>]
type RegistrationBody =
    | Tables of filterServers: string list * topics: TopicTable
    /// In the compressed form, zlib over a layout of its own.
    | Compressed of ReadOnlyMemory<byte>

    override one.ToString() =
        match one with
        | Tables _ -> "Tables"
        | Compressed _ -> "Compressed"

/// Source: RegisterBrokerRequestHeader.java.
type BrokerRegistration =
    {
        BrokerName: string
        BrokerAddress: string
        ClusterName: string
        HaServerAddress: string
        BrokerId: int64
        /// Since 5.0.
        HeartbeatTimeoutMillis: int64 option
        /// Since 5.0.
        EnablesActingMaster: bool option
        IsCompressed: bool option
        BodyCrc32: int option
        Body: RegistrationBody
    }

/// Source: RegisterBrokerResponseHeader.java.
type RegistrationAnswer =
    {
        HaServerAddress: string option
        MasterAddress: string option
        /// Ordered topics, see `KeyValueConfig.orderTopics`.
        OrderedTopics: Map<string, string> option
    }

/// One broker, as it names itself to a name server.
type BrokerIdentity =
    {
        BrokerName: string
        BrokerAddress: string
        ClusterName: string
        BrokerId: int64
    }

/// Whether a broker's registration is still current at the name server.
type BrokerVersion =
    {
        Broker: BrokerIdentity
        Version: DataVersion
    }

/// Whether it has changed, and the version that the name server has.
type BrokerVersionAnswer =
    {
        IsChanged: bool
        Version: DataVersion option
    }

/// Source: BrokerHeartbeatRequestHeader.java.
type BrokerHeartbeat =
    {
        ClusterName: string
        BrokerAddress: string
        BrokerName: string
        BrokerId: int64 option
        Epoch: int option
        MaxOffset: int64 option
        ConfirmOffset: int64 option
        HeartbeatTimeoutMillis: int64 option
        ElectionPriority: int option
    }

/// Source: ExchangeHAInfoRequestHeader.java, ExchangeHAInfoResponseHeader.java.
type ReplicationAddresses =
    {
        MasterHaAddress: string option
        MasterFlushOffset: int64 option
        MasterAddress: string option
    }

/// What brokers tell name servers and each other. Clients do not send these; they are here for those who test with a
/// name server of their own.
module BrokerRegistration =
    let private tables =
        object<RegistrationBody> {
            let! filterServers =
                Member.list "filterServerList" JsonCodec.text (function
                    | RegistrationBody.Tables(filterServers, _) -> filterServers
                    | RegistrationBody.Compressed _ -> [])

            and! topics =
                Member.sometimes "topicConfigSerializeWrapper" Topics.table (function
                    | RegistrationBody.Tables(_, topics) -> Some topics
                    | RegistrationBody.Compressed _ -> None)

            return
                RegistrationBody.Tables(
                    filterServers,
                    topics
                    |> Option.defaultValue
                        {
                            Topics = Map.empty
                            Version = None
                            MappingVersion = None
                            MappingInfos = None
                            MappingDetails = None
                        }
                )
        }

    let private body: FieldCodec<BrokerRegistration, RegistrationBody> =
        let plain = Body.json "broker registration" tables _.Body

        {
            Put =
                fun registration draft ->
                    match registration.Body with
                    | RegistrationBody.Tables _ -> plain.Put registration draft
                    | RegistrationBody.Compressed bytes -> draft.Body <- bytes
            Take =
                fun command ->
                    if Fields.tryBoolean "compressed" command.Fields = ValueSome true then
                        Ok(RegistrationBody.Compressed command.Body)
                    else
                        plain.Take command
        }

    /// REGISTER_BROKER (103).
    let register =
        Operation(
            RequestCode.RegisterBroker,
            layout<BrokerRegistration> {
                let! brokerName = Field.text "brokerName" _.BrokerName
                and! brokerAddress = Field.text "brokerAddr" _.BrokerAddress
                and! clusterName = Field.text "clusterName" _.ClusterName
                and! haServerAddress = Field.text "haServerAddr" _.HaServerAddress
                and! brokerId = Field.int64 "brokerId" _.BrokerId
                and! timeout = OptionalField.int64 "heartbeatTimeoutMillis" _.HeartbeatTimeoutMillis
                and! actingMaster = OptionalField.boolean "enableActingMaster" _.EnablesActingMaster
                and! isCompressed = OptionalField.boolean "compressed" _.IsCompressed
                and! bodyCrc32 = OptionalField.int32 "bodyCrc32" _.BodyCrc32
                and! body = body

                return
                    {
                        BrokerName = brokerName
                        BrokerAddress = brokerAddress
                        ClusterName = clusterName
                        HaServerAddress = haServerAddress
                        BrokerId = brokerId
                        HeartbeatTimeoutMillis = timeout
                        EnablesActingMaster = actingMaster
                        IsCompressed = isCompressed
                        BodyCrc32 = bodyCrc32
                        Body = body
                    }
            },
            Answers.ok (
                layout<RegistrationAnswer> {
                    let! haServerAddress = OptionalField.text "haServerAddr" _.HaServerAddress
                    and! masterAddress = OptionalField.text "masterAddr" _.MasterAddress

                    and! ordered =
                        Body.optionalJson "ordered topics" KeyValueConfig.table _.OrderedTopics

                    return
                        {
                            HaServerAddress = haServerAddress
                            MasterAddress = masterAddress
                            OrderedTopics = ordered
                        }
                }
            )
        )

    let private identity =
        layout<BrokerIdentity> {
            let! brokerName = Field.text "brokerName" _.BrokerName
            and! brokerAddress = Field.text "brokerAddr" _.BrokerAddress
            and! clusterName = Field.text "clusterName" _.ClusterName
            and! brokerId = Field.int64 "brokerId" _.BrokerId

            return
                {
                    BrokerName = brokerName
                    BrokerAddress = brokerAddress
                    ClusterName = clusterName
                    BrokerId = brokerId
                }
        }

    /// UNREGISTER_BROKER (104).
    let unregister = Operation(RequestCode.UnregisterBroker, identity, Answers.nothing)

    /// QUERY_DATA_VERSION (322): whether the name server has something else.
    let queryVersion =
        Operation(
            RequestCode.QueryDataVersion,
            layout<BrokerVersion> {
                let! broker = Layout.part identity _.Broker
                and! version = Body.json "data version" DataVersion.shape _.Version
                return { Broker = broker; Version = version }
            },
            Answers.ok (
                layout<BrokerVersionAnswer> {
                    let! isChanged = Field.boolean "changed" _.IsChanged
                    and! version = Body.optionalJson "data version" DataVersion.shape _.Version

                    return
                        {
                            IsChanged = isChanged
                            Version = version
                        }
                }
            )
        )

    /// BROKER_HEARTBEAT (904), since 5.0.
    let heartbeat =
        Operation(
            RequestCode.BrokerHeartbeat,
            layout<BrokerHeartbeat> {
                let! clusterName = Field.text "clusterName" _.ClusterName
                and! brokerAddress = Field.text "brokerAddr" _.BrokerAddress
                and! brokerName = Field.text "brokerName" _.BrokerName
                and! brokerId = OptionalField.int64 "brokerId" _.BrokerId
                and! epoch = OptionalField.int32 "epoch" _.Epoch
                and! maxOffset = OptionalField.int64 "maxOffset" _.MaxOffset
                and! confirmOffset = OptionalField.int64 "confirmOffset" _.ConfirmOffset
                and! timeout = OptionalField.int64 "heartbeatTimeoutMills" _.HeartbeatTimeoutMillis
                and! priority = OptionalField.int32 "electionPriority" _.ElectionPriority

                return
                    {
                        ClusterName = clusterName
                        BrokerAddress = brokerAddress
                        BrokerName = brokerName
                        BrokerId = brokerId
                        Epoch = epoch
                        MaxOffset = maxOffset
                        ConfirmOffset = confirmOffset
                        HeartbeatTimeoutMillis = timeout
                        ElectionPriority = priority
                    }
            },
            Answers.nothing
        )

    let private addresses =
        layout<ReplicationAddresses> {
            let! haAddress = OptionalField.text "masterHaAddress" _.MasterHaAddress
            and! flushOffset = OptionalField.int64 "masterFlushOffset" _.MasterFlushOffset
            and! address = OptionalField.text "masterAddress" _.MasterAddress

            return
                {
                    MasterHaAddress = haAddress
                    MasterFlushOffset = flushOffset
                    MasterAddress = address
                }
        }

    /// EXCHANGE_BROKER_HA_INFO (906), between brokers, since 5.0.
    let exchangeAddresses =
        Operation(RequestCode.ExchangeBrokerHaInfo, addresses, Answers.ok addresses)

    /// RESET_MASTER_FLUSH_OFFSET (908), since 5.0.
    let resetFlushOffset =
        Operation(RequestCode.ResetMasterFlushOffset, Layout.int64 "masterFlushOffset", Answers.nothing)

    /// GET_TIMER_CHECK_POINT (60), from a slave to its master, since 5.0: the file as it is.
    let timerCheckPoint =
        Operation(RequestCode.GetTimerCheckPoint, Layout.nothing, Answers.ok Layout.bodyBytes)
