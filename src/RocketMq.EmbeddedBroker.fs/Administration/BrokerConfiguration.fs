namespace RocketMq.Embedded

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// A broker's settings, as administrators read and change them. Those that this broker has are changed while it runs; others
/// that brokers have are remembered, and have no effect; names that no broker knows are passed over, as in Java.
/// Sources: BrokerConfig.java, MessageStoreConfig.java, Configuration.java.
module internal BrokerConfiguration =
    /// A setting with an effect.
    type private Live =
        {
            Read: BrokerState -> string
            /// A text that is no value leaves the setting as it is, as in Java.
            Write: int64 -> string -> BrokerState -> BrokerState
        }

    let private flag read write : Live =
        {
            Read = fun state -> ServerSettings.ofFlag (read state.Settings)
            Write =
                fun _ text state ->
                    { state with
                        Settings = write (ServerSettings.flag text) state.Settings
                    }
        }

    let private number (least: int64) (most: int64) read (write: int64 -> BrokerSettings -> BrokerSettings) : Live =
        {
            Read = fun state -> string<int64>(read state.Settings)
            Write =
                fun _ text state ->
                    match ServerSettings.number text with
                    | ValueSome number when number >= least && number <= most ->
                        { state with
                            Settings = write number state.Settings
                        }
                    | _ -> state
        }

    let private constant read : Live =
        {
            Read = fun state -> read state.Settings
            Write = fun _ _ state -> state
        }

    let private millisInHour = 3_600_000L

    let private withRetention now hours (state: BrokerState) =
        let millis = ValueSome(hours * millisInHour)

        { state with
            BrokerState.Settings.Limits.RetentionMillis = millis
            Store = Store.withRetention now millis state.Store
        }

    let private reservedTime: Live =
        {
            Read =
                fun state ->
                    match state.Settings.Limits.RetentionMillis with
                    | ValueSome millis -> string (millis / millisInHour)
                    | ValueNone -> string Int32.MaxValue
            Write =
                fun now text state ->
                    match ServerSettings.number text with
                    | ValueSome hours when hours > 0L && hours < int64 Int32.MaxValue -> withRetention now hours state
                    | _ -> state
        }

    let private hostOf (address: string) =
        match address.LastIndexOf ':' with
        | -1 -> address
        | place -> address.Substring(0, place)

    let private portOf (address: string) =
        address.Substring(address.LastIndexOf ':' + 1)

    let private most = int64 Int32.MaxValue

    let private live: Map<string, Live> =
        Map.ofList
            [
                "brokerName", constant _.BrokerName
                "brokerClusterName", constant _.ClusterName
                "brokerId", constant (fun settings -> string settings.BrokerId)
                "brokerIP1", constant (fun settings -> hostOf settings.BrokerAddress)
                "brokerIP2", constant (fun settings -> hostOf settings.BrokerAddress)
                "listenPort", constant (fun settings -> portOf settings.BrokerAddress)
                "brokerRole", constant (fun settings -> if settings.BrokerId = 0L then "ASYNC_MASTER" else "SLAVE")
                "autoCreateTopicEnable",
                flag _.AutoCreateTopics (fun value settings ->
                    { settings with
                        AutoCreateTopics = value
                    })
                "autoCreateSubscriptionGroup",
                flag _.AutoCreateGroups (fun value settings ->
                    { settings with
                        AutoCreateGroups = value
                    })
                "slaveReadEnable", flag _.SlaveReads (fun value settings -> { settings with SlaveReads = value })
                "defaultTopicQueueNums",
                number 1L 65_536L (fun settings -> int64 settings.MaxNewTopicQueues) (fun value settings ->
                    { settings with
                        MaxNewTopicQueues = int value
                    })
                "brokerPermission",
                number 0L 7L (fun settings -> int64 settings.Permission) (fun value settings ->
                    { settings with Permission = int value })
                "transactionTimeOut",
                number 0L most _.Checks.TimeoutMillis (fun value settings ->
                    { settings with
                        BrokerSettings.Checks.TimeoutMillis = value
                    })
                "transactionCheckMax",
                number 0L most (fun settings -> int64 settings.Checks.MaxChecks) (fun value settings ->
                    { settings with
                        BrokerSettings.Checks.MaxChecks = int value
                    })
                "transactionCheckInterval",
                number 1L most _.Checks.IntervalMillis (fun value settings ->
                    { settings with
                        BrokerSettings.Checks.IntervalMillis = value
                    })
                "fileReservedTime", reservedTime
            ]

    /// Settings that have no effect here, with what this broker does.
    let private idle: Map<string, string> =
        Map.ofList
            [
                "accessMessageInMemoryMaxRatio", "40"
                "aclEnable", "false"
                "brokerFastFailureEnable", "true"
                "brokerTopicEnable", "false"
                "clusterTopicEnable", "false"
                "cleanFileForciblyEnable", "true"
                "deleteWhen", "04"
                "diskMaxUsedSpaceRatio", "100"
                "enablePropertyFilter", "true"
                "filterServerNums", "0"
                "flushDiskType", "ASYNC_FLUSH"
                "haListenPort", "0"
                "longPollingEnable", "true"
                "maxMessageSize", string Message.maxBodyBytes
                "messageDelayLevel", "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"
                "msgTraceTopicName", SystemTopics.trace
                "namesrvAddr", ""
                "notifyConsumerIdsChangedEnable", "true"
                "offsetCheckInSlave", "false"
                "pullThreadPoolQueueCapacity", "100000"
                "queryThreadPoolQueueCapacity", "20000"
                "regionId", "DefaultRegion"
                "rejectTransactionMessage", "false"
                "sendMessageThreadPoolNums", "1"
                "sendThreadPoolQueueCapacity", "10000"
                "serverSelectorThreads", "1"
                "storePathCommitLog", ""
                "storePathRootDir", ""
                "traceOn", "true"
                "traceTopicEnable", "true"
                "transferMsgByHeap", "true"
                "useTLS", "false"
                "waitTimeMillsInSendQueue", "200"
            ]

    /// The same, since 5.0.
    let private idleSince5: Map<string, string> =
        Map.ofList
            [
                "enableControllerMode", "false"
                "enableMixedMessageType", "false"
                "enableSlaveActingMaster", "false"
                "lockInStrictMode", "false"
                "popConsumerKVServiceEnable", "false"
                "recallMessageEnable", "true"
                "timerWheelEnable", "true"
                "useServerSideResetOffset", "false"
            ]

    let private idleOf (settings: BrokerSettings) =
        if settings.IsBefore5 then
            idle
        else
            (idle, idleSince5) ||> Map.fold (fun all name value -> Map.add name value all)

    let private guarded = [ "brokerConfigPath"; "rocketmqHome"; "configBlackList" ]

    let private versionText (version: DataVersion) isBefore5 =
        if isBefore5 then
            invariant $"{{\"counter\":{version.Counter},\"timestamp\":{version.Timestamp}}}"
        else
            invariant $"{{\"counter\":{version.Counter},\"stateVersion\":0,\"timestamp\":{version.Timestamp}}}"

    /// GET_BROKER_CONFIG.
    let read (arrival: Arrival) (state: BrokerState) =
        let values = live |> Map.map (fun _ setting -> setting.Read state)

        let answer: BrokerSettingsAnswer =
            {
                Version = versionText state.ConfigVersion state.Settings.IsBefore5
                Settings =
                    ServerSettings.shown
                        ((idleOf state.Settings, values)
                         ||> Map.fold (fun all name value -> Map.add name value all))
                        state.Configured
            }

        state, [ Answer.reply arrival (Settings.ofBroker.Answer(answer, arrival.Command)) ]

    let private change now (state: BrokerState) (setting: Setting) =
        match Map.tryFind setting.Name live with
        | Some known -> known.Write now setting.Value state
        | None when (idleOf state.Settings).ContainsKey setting.Name ->
            { state with
                Configured = Map.add setting.Name setting.Value state.Configured
            }
        | None -> state

    /// UPDATE_BROKER_CONFIG.
    let update now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Settings.updateBroker.Decode (fun settings ->
            if ServerSettings.isGuarded guarded settings then
                state,
                [
                    Answer.refuse arrival ResponseCode.NoPermission "Can not update config in black list."
                ]
            else
                let state = List.fold (change now) state settings

                { state with
                    ConfigVersion =
                        { state.ConfigVersion with
                            Timestamp = now
                            Counter = state.ConfigVersion.Counter + 1L
                        }
                },
                [ Answer.succeed arrival ])
