namespace RocketMq

/// Has messages wait until the application asks for them.
[<Sealed>]
type internal OnDemandDispatcher(waiting: FetchBuffer, handingOut: PollCoordinator) =
    interface IMessageDispatcher with
        member _.Dispatch pulled = waiting.Add pulled

        // What is old is left out when it would be taken.
        member _.Drop _ = ()
        member _.Resume _ = ()
        member _.CancelHandlers _ = ()
        member _.Refused error = handingOut.Refused error

/// Which queues of the topics a member reads are to be allocated: all, or those that the application has assigned.
[<Sealed>]
type internal QueueSelection(isAssigned: bool) =
    /// As they travel. Replaced as a whole.
    let mutable assigned: Set<MessageQueue> = Set.empty

    member _.Set(queues: MessageQueue list) = assigned <- Set.ofList queues
    member _.Contains(queue: MessageQueue) = assigned.Contains queue
    member _.Topics: Set<string> = assigned |> Set.map _.Topic

    /// Of the queues of a topic.
    member _.Select (topic: string) (queues: MessageQueue list) : MessageQueue list =
        if isAssigned then
            assigned |> Set.filter (fun queue -> queue.Topic = topic) |> Set.toList
        else
            queues
