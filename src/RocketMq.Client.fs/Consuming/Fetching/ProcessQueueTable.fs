namespace RocketMq

open System.Collections.Concurrent

/// The queues that a member reads now. One agent adds and removes, anybody looks.
[<Sealed>]
type internal ProcessQueueTable() =
    let queues = ConcurrentDictionary<MessageQueue, ProcessQueue>()

    member _.All: ProcessQueue list = [ for queue in queues.Values -> queue ]

    member _.TryFind(queue: MessageQueue) : ProcessQueue | null =
        match queues.TryGetValue queue with
        | true, found -> found
        | _ -> null

    member _.Add(owner: ProcessQueue) = queues[owner.Queue] <- owner

    member _.Remove(queue: MessageQueue) =
        queues.TryRemove queue |> ignore<bool * ProcessQueue>

    /// The pulls of a topic's queues that are under way do not count: its subscription is another one now.
    member _.SubscriptionChanged(topic: string) =
        for owner in queues.Values do
            if owner.Queue.Topic = topic then
                owner.PullAgain()
