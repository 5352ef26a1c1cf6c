namespace RocketMq.Embedded

open RocketMq.Protocol

/// What groups have committed: by group, by topic, by queue. Administrators ask by group and by topic, and there may be
/// thousands of both.
type internal CommittedOffsets = Map<string, Map<string, Map<int, int64>>>

module internal CommittedOffsets =
    /// What a group has committed of a topic, by queue.
    let ofTopic group topic (offsets: CommittedOffsets) : Map<int, int64> =
        Map.tryFind group offsets
        |> Option.bind (Map.tryFind topic)
        |> Option.defaultValue Map.empty

    let tryFind (queue: GroupQueue) (offsets: CommittedOffsets) : int64 voption =
        match Map.tryFind queue.ConsumerGroup offsets with
        | None -> ValueNone
        | Some topics ->
            match Map.tryFind queue.Topic topics with
            | None -> ValueNone
            | Some queues -> Map.tryFind queue.QueueId queues |> Option.toValueOption

    let private withTopic group topic (queues: Map<int, int64>) (offsets: CommittedOffsets) : CommittedOffsets =
        let topics = Map.tryFind group offsets |> Option.defaultValue Map.empty
        Map.add group (Map.add topic queues topics) offsets

    let add (queue: GroupQueue) offset (offsets: CommittedOffsets) : CommittedOffsets =
        let queues =
            ofTopic queue.ConsumerGroup queue.Topic offsets
            |> Map.add queue.QueueId offset

        withTopic queue.ConsumerGroup queue.Topic queues offsets

    /// The topics that a group has committed something of.
    let topicsOf group (offsets: CommittedOffsets) : string list =
        match Map.tryFind group offsets with
        | Some topics -> List.ofSeq topics.Keys
        | None -> []

    /// The groups that have committed something of a topic.
    let groupsOf topic (offsets: CommittedOffsets) : string list =
        [
            for KeyValue(group, topics) in offsets do
                if topics.ContainsKey topic then
                    group
        ]

    let withoutGroup group (offsets: CommittedOffsets) : CommittedOffsets = Map.remove group offsets

    let withoutTopic topic (offsets: CommittedOffsets) : CommittedOffsets =
        (offsets, groupsOf topic offsets)
        ||> List.fold (fun offsets group ->
            let topics = Map.remove topic offsets[group]

            if topics.IsEmpty then
                Map.remove group offsets
            else
                Map.add group topics offsets)

    /// One group goes on with a topic where another one is, if that has committed something of it.
    let clone source target topic (offsets: CommittedOffsets) : CommittedOffsets =
        match ofTopic source topic offsets with
        | queues when queues.IsEmpty -> offsets
        | queues -> withTopic target topic queues offsets
