namespace RocketMq.Protocol

/// One queue that is being read.
[<Sealed>]
type internal QueueReader(queue: MessageQueue, start: int64) =
    let gate = obj ()
    let mutable progress = PullProgress.startAt start
    let mutable lastCommitted = start

    let update change =
        lock gate (fun () -> progress <- change progress)

    member _.Queue = queue
    member _.Next = lock gate (fun () -> progress.Next)

    member _.Pulled(next, handedOn) =
        update (PullProgress.pulled next handedOn)

    member _.Settled offset = update (PullProgress.settled offset)

    /// The position to commit, if it has moved.
    member _.TryCommittable() : int64 voption =
        lock gate (fun () ->
            match PullProgress.committable progress with
            | position when position = lastCommitted -> ValueNone
            | position -> ValueSome position)

    member _.Committed position =
        lock gate (fun () -> lastCommitted <- position)

/// A message on its way to the application, with the reader that it came from.
[<Struct>]
type internal Handed =
    {
        Received: ReceivedMessage
        Reader: QueueReader
    }
