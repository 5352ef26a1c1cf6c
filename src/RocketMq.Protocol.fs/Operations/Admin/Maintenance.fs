namespace RocketMq.Protocol.Admin

open RocketMq.Protocol

/// Messages of one topic that wait for their time. Source: TimerMetrics.java.
type TimerMetric = { Count: int64; Timestamp: int64 }

/// How many timed messages wait, by topic. Source: TimerMetricsSerializeWrapper.java.
type TimerMetrics =
    {
        /// By topic.
        Topics: Map<string, TimerMetric>
        Version: DataVersion option
    }

/// Source: HARuntimeInfo.java, HAConnectionRuntimeInfo.
type ReplicaConnection =
    {
        /// "host:port".
        Address: string option
        AckOffset: int64
        /// Bytes behind the master.
        Lag: int64
        IsInSync: bool
        BytesPerSecond: int64
        TransferOffset: int64
    }

/// Source: HARuntimeInfo.java, HAClientRuntimeInfo.
type ReplicaClient =
    {
        /// "host:port".
        MasterAddress: string option
        BytesPerSecond: int64
        MaxOffset: int64
        LastReadTimestamp: int64
        LastWriteTimestamp: int64
        MasterFlushOffset: int64
        IsActivated: bool option
    }

/// How a broker and its replicas stand. Since 5.0. Source: HARuntimeInfo.java.
type ReplicationStatus =
    {
        IsMaster: bool
        MaxOffset: int64
        InSyncSlaves: int
        Connections: ReplicaConnection list
        Client: ReplicaClient option
    }

/// Source: CheckRocksdbCqWriteProgressRequestHeader.java.
type RocksDbCheck =
    {
        Topic: string
        CheckStoreTime: int64 option
    }

/// What the check of a RocksDB consume queue found.
type RocksDbCheckResult = { Status: int; Result: string option }

/// What operators ask of brokers. Source: AdminBrokerProcessor.java.
module Maintenance =
    /// GET_BROKER_RUNTIME_INFO (28): figures by name; which ones depends on the version.
    let runtimeInfo =
        Operation(
            RequestCode.GetBrokerRuntimeInfo,
            Layout.nothing,
            Answers.json "broker runtime info" KeyValueConfig.table
        )

    /// CLEAN_EXPIRED_CONSUMEQUEUE (306).
    let cleanConsumeQueues =
        Operation(RequestCode.CleanExpiredConsumeQueue, Layout.nothing, Answers.nothing)

    /// CLEAN_UNUSED_TOPIC (316).
    let cleanTopics =
        Operation(RequestCode.CleanUnusedTopic, Layout.nothing, Answers.nothing)

    /// DELETE_EXPIRED_COMMITLOG (329).
    let deleteCommitLog =
        Operation(RequestCode.DeleteExpiredCommitLog, Layout.nothing, Answers.nothing)

    let private metric =
        object<TimerMetric> {
            let! count = Member.int64 "count" _.Count
            and! timestamp = Member.int64 "timeStamp" _.Timestamp

            return { Count = count; Timestamp = timestamp }
        }

    /// GET_TIMER_METRICS (61), since 5.0.
    let timerMetrics =
        Operation(
            RequestCode.GetTimerMetrics,
            Layout.nothing,
            Answers.json
                "timer metrics"
                (object<TimerMetrics> {
                    let! version = DataVersion.optional _.Version
                    and! topics = Member.map "timingCount" metric _.Topics
                    return { Topics = topics; Version = version }
                })
        )

    let private connection =
        object<ReplicaConnection> {
            let! address = Member.optionalText "addr" _.Address
            and! lag = Member.int64 "diff" _.Lag
            and! isInSync = Member.boolean "inSync" _.IsInSync
            and! ackOffset = Member.int64 "slaveAckOffset" _.AckOffset
            and! transferOffset = Member.int64 "transferFromWhere" _.TransferOffset
            and! bytesPerSecond = Member.int64 "transferredByteInSecond" _.BytesPerSecond

            return
                {
                    Address = address
                    AckOffset = ackOffset
                    Lag = lag
                    IsInSync = isInSync
                    BytesPerSecond = bytesPerSecond
                    TransferOffset = transferOffset
                }
        }

    let private client =
        object<ReplicaClient> {
            let! isActivated = Member.sometimes "activated" JsonCodec.boolean _.IsActivated
            and! lastRead = Member.int64 "lastReadTimestamp" _.LastReadTimestamp
            and! lastWrite = Member.int64 "lastWriteTimestamp" _.LastWriteTimestamp
            and! masterAddress = Member.optionalText "masterAddr" _.MasterAddress
            and! masterFlushOffset = Member.int64 "masterFlushOffset" _.MasterFlushOffset
            and! maxOffset = Member.int64 "maxOffset" _.MaxOffset
            and! bytesPerSecond = Member.int64 "transferredByteInSecond" _.BytesPerSecond

            return
                {
                    MasterAddress = masterAddress
                    BytesPerSecond = bytesPerSecond
                    MaxOffset = maxOffset
                    LastReadTimestamp = lastRead
                    LastWriteTimestamp = lastWrite
                    MasterFlushOffset = masterFlushOffset
                    IsActivated = isActivated
                }
        }

    /// GET_BROKER_HA_STATUS (907), since 5.0.
    let replication =
        Operation(
            RequestCode.GetBrokerHaStatus,
            Layout.nothing,
            Answers.json
                "replication status"
                (object<ReplicationStatus> {
                    let! client = Member.sometimes "haClientRuntimeInfo" client _.Client
                    and! connections = Member.list "haConnectionInfo" connection _.Connections
                    and! inSync = Member.int32 "inSyncSlaveNums" _.InSyncSlaves
                    and! isMaster = Member.boolean "master" _.IsMaster
                    and! maxOffset = Member.int64 "masterCommitLogMaxOffset" _.MaxOffset

                    return
                        {
                            IsMaster = isMaster
                            MaxOffset = maxOffset
                            InSyncSlaves = inSync
                            Connections = connections
                            Client = client
                        }
                })
        )

    /// CHECK_ROCKSDB_CQ_WRITE_PROGRESS (354), since 5.3.
    let checkRocksDb =
        Operation(
            RequestCode.CheckRocksDbConsumeQueueWriteProgress,
            layout<RocksDbCheck> {
                let! topic = Field.text "topic" _.Topic
                and! storeTime = OptionalField.int64 "checkStoreTime" _.CheckStoreTime

                return
                    {
                        Topic = topic
                        CheckStoreTime = storeTime
                    }
            },
            Answers.json
                "check"
                (object<RocksDbCheckResult> {
                    let! result = Member.optionalText "checkResult" _.Result
                    and! status = Member.int32 "checkStatus" _.Status
                    return { Status = status; Result = result }
                })
        )

    /// EXPORT_ROCKSDB_CONFIG_TO_JSON (355), since 5.3: which settings, joined with ";".
    let exportRocksDb =
        Operation(RequestCode.ExportRocksDbConfigToJson, Layout.text "configType", Answers.nothing)
