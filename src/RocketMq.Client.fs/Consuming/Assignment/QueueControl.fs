namespace RocketMq

open System.Collections.Concurrent

/// Seeks and pauses that the application asked for, of queues that are not assigned yet as well. Queues are named as they
/// travel.
[<Sealed>]
type internal QueueControl() =
    /// Where queues are to go on that have been told so before they were read.
    let sought = ConcurrentDictionary<MessageQueue, int64>()

    let paused = ConcurrentDictionary<MessageQueue, unit>()

    /// A seek may come before the queue is there, or just then: whoever of both comes later carries it out.
    let seekIfRequested (queue: ProcessQueue) =
        match sought.TryRemove queue.Queue with
        | true, offset -> queue.Seek offset
        | _ -> ()

    /// A queue is there, and not pulled yet.
    member _.Prepare(queue: ProcessQueue) =
        if paused.ContainsKey queue.Queue then
            queue.Gate.Close()

        seekIfRequested queue

    /// Has a queue go on at an offset: at once if it is there, or else when it is, if it will be. False: it is not and will not.
    member _.Seek(queue: MessageQueue, offset: int64, find: MessageQueue -> ProcessQueue | null, willBe: bool) : bool =
        sought[queue] <- offset

        match find queue with
        | NonNull owner when not owner.IsLeft ->
            seekIfRequested owner
            true
        // One that is being given up goes on there when it is read again: what it has consumed is told already.
        | _ when willBe -> true
        | _ ->
            sought.TryRemove queue |> ignore<bool * int64>
            false

    member _.SetPaused(queue: MessageQueue, isPaused: bool, find: MessageQueue -> ProcessQueue | null) =
        if isPaused then
            paused[queue] <- ()
        else
            paused.TryRemove queue |> ignore<bool * unit>

        match find queue with
        | null -> ()
        | owner when paused.ContainsKey queue -> owner.Gate.Close()
        | owner -> owner.Gate.Open()
