namespace RocketMq

open System
open System.Collections.Generic

/// What the queues of a topic may hold together, shared by those that are read or about to be. Used by one agent.
[<Sealed>]
type internal FlowControlShares(limits: TopicFlowControlLimits, pullBatch: int, table: ProcessQueueTable) =
    let sharing = HashSet<MessageQueue>()

    let isLimited = limits <> TopicFlowControlLimits.None

    let share (topic: string) =
        let queues = sharing |> Seq.filter (fun queue -> queue.Topic = topic) |> Seq.length
        let share = FlowControlShare.ofTopic limits pullBatch queues

        for owner in table.All do
            if owner.Queue.Topic = topic then
                owner.TakeShare share

    /// A queue of a topic is read now: it gets its part.
    member _.Share(topic: string) =
        if isLimited then
            share topic

    /// A queue is read, or about to be.
    member _.Join(queue: MessageQueue) =
        if isLimited then
            sharing.Add queue |> ignore<bool>
            share queue.Topic

    member _.Leave(queue: MessageQueue) =
        if isLimited && sharing.Remove queue then
            share queue.Topic
