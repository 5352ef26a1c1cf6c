namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol

/// Where a group is to go on.
[<RequireQualifiedAccess>]
type ResetTarget =
    /// The first message that is still there.
    | Earliest
    /// The end: what comes from now on.
    | Latest
    /// The first message that was stored at or after a time, in milliseconds since 1970.
    | Time of millis: int64
    | Offset of offset: int64
    /// So many messages on, or back if it is negative.
    | By of messages: int64

    override target.ToString() =
        match target with
        | Earliest -> "the earliest message"
        | Latest -> "the end"
        | Time millis -> invariant $"messages stored since {System.DateTimeOffset.FromUnixTimeMilliseconds millis:O}"
        | Offset offset -> invariant $"offset {offset}"
        | By messages when messages < 0L -> invariant $"{-messages} messages back"
        | By messages -> invariant $"{messages} messages on"

/// Which queues of a topic.
type QueueScope =
    {
        Topic: string
        /// Nothing: all brokers.
        BrokerName: string option
        /// Nothing: all queues.
        QueueId: int option
    }

    member scope.Contains(queue: MessageQueue) =
        queue.Topic = scope.Topic
        && (scope.BrokerName.IsNone || scope.BrokerName = Some queue.BrokerName)
        && (scope.QueueId.IsNone || scope.QueueId = Some queue.QueueId)

/// A queue of a topic and how far a group is there.
type internal GroupPlace =
    {
        Broker: BrokerAddress
        Queue: MessageQueue
        MinOffset: int64
        MaxOffset: int64
        Committed: int64 option
    }

module internal GroupPlaces =
    /// Queues of a topic on some masters, with what a group has committed in each. All must answer.
    let read (masters: BrokerAddress list) (group: string) (scope: QueueScope) : Plan<GroupPlace list> =
        plan {
            let! queues = TopicQueries.queues scope.Topic masters
            let! queues = Answers.needAll queues

            let inScope =
                [
                    for broker, queues in queues do
                        for queue in queues do
                            if scope.Contains queue.Queue then
                                broker, queue
                ]
                |> List.sortBy (fun (_, queue) -> queue.Queue.BrokerName, queue.Queue.QueueId)

            let! offsets =
                inScope
                |> List.map (fun (broker, queue) ->
                    GroupLags.committed group broker queue.Queue |> Plan.need (Target.Broker broker))
                |> Plan.all

            return
                List.map2
                    (fun (broker, queue: QueueStatus) committed ->
                        {
                            Broker = broker
                            Queue = queue.Queue
                            MinOffset = queue.MinOffset
                            MaxOffset = queue.MaxOffset
                            Committed = committed
                        })
                    inScope
                    offsets
        }

    let private within (place: GroupPlace) offset =
        offset |> max place.MinOffset |> min place.MaxOffset

    /// Where the group is to go on in one queue: never outside of what is there.
    let target (target: ResetTarget) (group: string) (place: GroupPlace) : Plan<int64> =
        match target with
        | ResetTarget.Earliest -> Plan.Done place.MinOffset
        | ResetTarget.Latest -> Plan.Done place.MaxOffset
        | ResetTarget.Offset offset -> Plan.Done(within place offset)
        | ResetTarget.By messages ->
            match place.Committed with
            | Some committed -> Plan.Done(within place (committed + messages))
            | None ->
                Plan.Failed(
                    AdminError.NotAllowed(
                        invariant
                            $"The group {group} has committed no offset in {place.Queue.Topic} {place.Queue.BrokerName} {place.Queue.QueueId}, from which to count. Reset it to the earliest or the latest message first."
                    )
                )
        | ResetTarget.Time millis ->
            let broker = Target.Broker place.Broker

            Offsets.search.Request
                {
                    Queue =
                        {
                            Topic = place.Queue.Topic
                            QueueId = place.Queue.QueueId
                        }
                    TimestampMillis = millis
                    Boundary = None
                }
            |> Plan.require broker (invariant $"offset by time in {place.Queue.Topic} {place.Queue.QueueId}")
            |> Plan.map (within place)

    let private text (offset: int64 option) =
        match offset with
        | Some offset -> Some(invariant $"{offset}")
        | None -> None

    /// A write of what a group has committed, which is all that a group without members needs.
    let commit (group: string) (place: GroupPlace) (offset: int64) : Write =
        Change.write
            (Target.Broker place.Broker)
            (invariant $"offset of group {group} in {place.Queue.Topic} {place.Queue.QueueId}")
            (Offsets.commit.Request
                {
                    Queue =
                        {
                            ConsumerGroup = group
                            Topic = place.Queue.Topic
                            QueueId = place.Queue.QueueId
                        }
                    Offset = offset
                })
            (text place.Committed)
            (text (Some offset))

    /// Writes of committed offsets, in two stages. Of a group's first offsets of a topic, brokers lose some if they come side by side:
    /// two of their threads make the table that holds them. So one of each broker and topic goes first. Source:
    /// ConsumerOffsetManager.java.
    let commits (group: string) (places: (GroupPlace * int64) list) : Write list list =
        let tables =
            places
            |> List.groupBy (fun (place, _) -> place.Broker, place.Queue.Topic)
            |> List.map (fun (_, places) -> places |> List.map (fun (place, offset) -> commit group place offset))

        [ List.map List.head tables; List.collect List.tail tables ]

    /// A write of where the broker has the group go on, whoever reads the queue now.
    let reset (group: string) (place: GroupPlace) (offset: int64) : Write =
        Change.write
            (Target.Broker place.Broker)
            (invariant $"offset of group {group} in {place.Queue.Topic} {place.Queue.QueueId}")
            (ConsumerOffsets.resetAll.Request
                {
                    Group = group
                    Topic = place.Queue.Topic
                    QueueId = Some place.Queue.QueueId
                    Offset = Some offset
                    TimestampMillis = 0L
                    IsForced = true
                })
            (text place.Committed)
            (text (Some offset))

    let verify (group: string) (places: (GroupPlace * int64) list) : Plan<Verification list> =
        places
        |> List.map (fun (place, offset) ->
            GroupLags.committed group place.Broker place.Queue
            |> Plan.map (fun found ->
                {
                    Server = place.Broker.ToString()
                    What = invariant $"offset in {place.Queue.Topic} {place.Queue.QueueId}"
                    Expected = invariant $"{offset}"
                    Found =
                        match found with
                        | Ok(Some found) -> Some(invariant $"{found}")
                        | Ok None -> Some "none"
                        | Error _ -> None
                }))
        |> Plan.all
