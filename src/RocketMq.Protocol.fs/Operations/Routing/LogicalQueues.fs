namespace RocketMq.Protocol

open System
open RocketMq

/// The queues of static topics, since 5.0. They are numbered over all brokers, and keep their numbers and offsets when they move from one
/// broker to another. Clients know them as queues of a broker that does not exist; the route says where they are.
/// Sources: ClientMetadata.java, topicRouteData2EndpointsForStaticTopic; TopicQueueMappingUtils.java, getMockBrokerName; MixAll.java.
module internal LogicalQueues =
    let private prefix = "__syslo__"
    let private globalScope = "__global__"
    let private globalName = "__syslo__global__"

    /// The broker name of a scope's queues. All topics have the global scope so far.
    let private brokerNameOf (mapping: QueueMapping) =
        match mapping.Scope with
        | Some scope when scope <> globalScope -> prefix + scope
        | _ -> globalName

    /// Whether a queue is one of a static topic's.
    let isLogical (queue: MessageQueue) : bool =
        queue.BrokerName.StartsWith(prefix, StringComparison.Ordinal)

    /// How many queues there are of each broker name. Brokers that have not heard yet of a change say different numbers: the highest
    /// counts.
    let private counts (mappings: Map<string, QueueMapping>) : Map<string, int> =
        (Map.empty, mappings)
        ||> Map.fold (fun counts _ mapping ->
            let name = brokerNameOf mapping
            let known = Map.tryFind name counts |> Option.defaultValue 0
            Map.add name (max known mapping.TotalQueues) counts)

    /// How many queues there are.
    let count (mappings: Map<string, QueueMapping>) : int64 =
        counts mappings |> Map.values |> Seq.sumBy int64

    /// All queues of a topic, also those whose broker is not known: keys stay with their queues, and members of a group share the same
    /// queues, whatever becomes of brokers.
    let all (topic: string) (mappings: Map<string, QueueMapping>) : MessageQueue list =
        [
            for KeyValue(brokerName, count) in counts mappings do
                for queueId in 0 .. count - 1 ->
                    {
                        Topic = topic
                        BrokerName = brokerName
                        QueueId = queueId
                    }
        ]

    /// The broker where a queue is. While queues move two brokers may say that they have one: the newer mapping counts, and of two that
    /// are equally new the one whose broker name comes last.
    let hostOf (queue: MessageQueue) (mappings: Map<string, QueueMapping>) : string voption =
        let hasIt (mapping: QueueMapping) =
            Map.containsKey queue.QueueId mapping.CurrentIds
            && brokerNameOf mapping = queue.BrokerName

        (ValueNone, mappings)
        ||> Map.fold (fun newest _ mapping ->
            match newest with
            | ValueSome(known: QueueMapping) when known.Epoch > mapping.Epoch -> newest
            | _ when hasIt mapping -> ValueSome mapping
            | _ -> newest)
        |> ValueOption.map _.BrokerName
