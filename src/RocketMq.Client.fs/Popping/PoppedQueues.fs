namespace RocketMq

open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// A queue, or all of a broker's, that this member pops.
type private PopLoop =
    {
        Lane: int
        Ending: CancellationTokenSource
    }

/// What this member pops: each queue that it is assigned has a loop of its own.
[<Sealed>]
type internal PoppedQueues(puller: PopPuller, outcomes: PopOutcomes) =
    /// Cancelled when nothing is to be popped any more.
    let stopping = new CancellationTokenSource()

    /// Guards the three below.
    let gate = obj ()

    let lanes = Dictionary<MessageQueue, PopLoop>()
    let loops = List<Task>()
    let mutable nextLane = 0

    let start (queue: MessageQueue) =
        let ending = CancellationTokenSource.CreateLinkedTokenSource stopping.Token
        let lane = nextLane
        nextLane <- nextLane + 1
        lanes[queue] <- { Lane = lane; Ending = ending }
        loops.Add(Task.Run(fun () -> puller.Run(queue, lane, ending.Token)))

    let stop (queue: MessageQueue) =
        lanes[queue].Ending.Cancel()
        lanes.Remove queue |> ignore<bool>
        loops.RemoveAll(fun loop -> loop.IsCompleted) |> ignore<int>
        outcomes.Forget(PopDuty.pop queue)

    member _.Stopping = stopping.Token

    /// Begins and ends to pop, so that these are the queues of the topic.
    member _.Assign(topic: string, queues: MessageQueue list) =
        lock gate (fun () ->
            if not stopping.IsCancellationRequested then
                for queue in List.ofSeq lanes.Keys do
                    if queue.Topic = topic && not (List.contains queue queues) then
                        stop queue

                for queue in queues do
                    if not (lanes.ContainsKey queue) then
                        start queue)

    member _.All: MessageQueue list =
        lock gate (fun () -> List.ofSeq lanes.Keys) |> List.sort

    member _.HasAny(topic: string) : bool =
        lock gate (fun () -> lanes.Keys |> Seq.exists (fun queue -> queue.Topic = topic))

    /// Nothing is popped any more.
    member _.Stop() = lock gate stopping.Cancel

    /// Ends when all loops have.
    member _.Ended: Task = Task.WhenAll(lock gate (fun () -> loops.ToArray()))
