namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol

/// What one name server knows. Name servers know nothing of each other.
type internal NameServerState =
    {
        /// By name. A name has a master, slaves or both.
        Brokers: Map<string, BrokerData>
        /// By topic, by broker name.
        Topics: Map<string, Map<string, QueueData>>
        /// Brokers, by name and id, that are not heard of any more, and when they are given up, in milliseconds since 1970.
        Silent: Map<string * int64, int64>
        /// Values by key, by namespace.
        KeyValues: Map<string, Map<string, string>>
        /// Settings that administrators have changed, by name.
        Configured: Map<string, string>
        Faults: FaultState
    }

/// What brokers tell name servers. Source: RouteInfoManager.java.
module internal Registry =
    /// A broker that has not been heard of for so long is given up.
    let silenceMillis = 120_000L

    let empty: NameServerState =
        {
            Brokers = Map.empty
            Topics = Map.empty
            Silent = Map.empty
            KeyValues = Map.empty
            Configured = Map.empty
            Faults = FaultInjection.none
        }

    let withQueues topic (queues: QueueData) (state: NameServerState) =
        let others = Map.tryFind topic state.Topics |> Option.defaultValue Map.empty

        { state with
            Topics = Map.add topic (Map.add queues.BrokerName queues others) state.Topics
        }

    /// What a broker lets be done is not more than its own permission.
    let private queuesOf (broker: BrokerSettings) (config: TopicConfig) : QueueData =
        {
            BrokerName = broker.BrokerName
            ReadQueues = config.ReadQueues
            WriteQueues = config.WriteQueues
            Permission =
                if broker.Permission &&& Permission.readWrite = Permission.readWrite then
                    config.Permission
                else
                    config.Permission &&& broker.Permission
            TopicSysFlag = config.SysFlag
        }

    /// Takes a broker in, and of a master those topics. What is known of its other topics stays.
    let register (broker: BrokerSettings) (topics: TopicConfig list) (state: NameServerState) =
        let known: BrokerData =
            Map.tryFind broker.BrokerName state.Brokers
            |> Option.defaultValue
                {
                    Cluster = broker.ClusterName
                    BrokerName = broker.BrokerName
                    Addresses = Map.empty
                    HasActingMaster = None
                    Zone = None
                }

        let known =
            { known with
                Addresses = Map.add broker.BrokerId broker.BrokerAddress known.Addresses
            }

        let state =
            { state with
                Brokers = Map.add broker.BrokerName known state.Brokers
                Silent = Map.remove (broker.BrokerName, broker.BrokerId) state.Silent
            }

        if broker.BrokerId = 0L then
            (state, topics)
            ||> List.fold (fun state topic -> withQueues topic.Name (queuesOf broker topic) state)
        else
            state

    let private withoutBroker brokerName (topics: Map<string, Map<string, QueueData>>) =
        topics
        |> Map.map (fun _ queues -> Map.remove brokerName queues)
        |> Map.filter (fun _ queues -> not queues.IsEmpty)

    /// Drops a broker. Its topics stay while another of the same name is there.
    let unregister brokerName brokerId (state: NameServerState) =
        let state =
            { state with
                Silent = Map.remove (brokerName, brokerId) state.Silent
            }

        match Map.tryFind brokerName state.Brokers with
        | None -> state
        | Some broker ->
            let addresses = Map.remove brokerId broker.Addresses

            if addresses.IsEmpty then
                { state with
                    Brokers = Map.remove brokerName state.Brokers
                    Topics = withoutBroker brokerName state.Topics
                }
            else
                { state with
                    Brokers = Map.add brokerName { broker with Addresses = addresses } state.Brokers
                }

    /// Does not hear of a broker any more, and keeps it for a time.
    let fallSilent now brokerName brokerId (state: NameServerState) =
        { state with
            Silent = Map.add (brokerName, brokerId) (now + silenceMillis) state.Silent
        }

    /// Gives up the brokers that have been silent for too long.
    let expire now (state: NameServerState) =
        (state, state.Silent)
        ||> Map.fold (fun state (name, id) due -> if due <= now then unregister name id state else state)

    let withoutTopicIn clusterName topic (state: NameServerState) =
        let isOther brokerName =
            match Map.tryFind brokerName state.Brokers with
            | Some broker -> broker.Cluster <> clusterName
            | None -> true

        let ofOthers queues =
            match queues |> Map.filter (fun brokerName _ -> isOther brokerName) with
            | rest when rest.IsEmpty -> None
            | rest -> Some rest

        { state with
            Topics = Map.change topic (Option.bind ofOthers) state.Topics
        }

    /// Changes the permission of all topics of a broker, and tells how many there are.
    let changePermission brokerName change (state: NameServerState) : struct (int * NameServerState) =
        let touched =
            state.Topics
            |> Map.toList
            |> List.choose (fun (topic, queues) ->
                Map.tryFind brokerName queues |> Option.map (fun queues -> topic, queues))

        let state =
            (state, touched)
            ||> List.fold (fun state (topic, queues) ->
                withQueues
                    topic
                    { queues with
                        Permission = change queues.Permission
                    }
                    state)

        struct (touched.Length, state)
