namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol

/// A name server's settings, as administrators read and change them. Source: NamesrvConfig.java.
module internal NameServerConfiguration =
    let private defaults =
        Map.ofList
            [
                "clusterTest", "false"
                "configStorePath", ""
                "enableAllTopicList", "true"
                "enableTopicList", "true"
                "kvConfigPath", ""
                "notifyMinBrokerIdChanged", "false"
                "orderMessageEnable", "true"
                "productEnvName", "center"
                "returnOrderTopicConfigToBroker", "true"
                "rocketmqHome", ""
                "scanNotActiveBrokerInterval", "5000"
                "supportActingMaster", "false"
            ]

    let private guarded =
        [
            "configBlackList"
            "configStorePath"
            "kvConfigPath"
            "rocketmqHome"
        ]

    /// Whether a setting that is on or off is on.
    let isOn name (state: NameServerState) =
        Map.tryFind name state.Configured
        |> Option.orElse (Map.tryFind name defaults)
        |> Option.exists ServerSettings.flag

    /// GET_NAMESRV_CONFIG.
    let read (arrival: Arrival) (state: NameServerState) =
        let settings = ServerSettings.shown defaults state.Configured
        state, [ Answer.reply arrival (Settings.ofNameServer.Answer(settings, arrival.Command)) ]

    /// UPDATE_NAMESRV_CONFIG: names that name servers do not know are passed over, as in Java.
    let update (arrival: Arrival) (state: NameServerState) =
        Answer.decoding arrival state Settings.updateNameServer.Decode (fun settings ->
            if ServerSettings.isGuarded guarded settings then
                state,
                [
                    Answer.refuse arrival ResponseCode.NoPermission "Can not update config in black list."
                ]
            else
                let configured =
                    (state.Configured, settings)
                    ||> List.fold (fun configured setting ->
                        if defaults.ContainsKey setting.Name then
                            Map.add setting.Name setting.Value configured
                        else
                            configured)

                { state with Configured = configured }, [ Answer.succeed arrival ])
