namespace RocketMq

open RocketMq.Protocol

/// One message of an ordered queue, and how often it has failed here.
[<Struct>]
type internal OrderedMessage =
    {
        Batch: FetchedBatch
        Index: int
        Failures: int
    }

    member message.Stored =
        let stored = message.Batch.Messages[message.Index]

        if message.Failures = 0 then
            stored
        else
            let failures = message.Failures

            stored
            |> StoredMessage.change (fun fields ->
                { fields with
                    ReconsumeTimes = fields.ReconsumeTimes + failures
                })

/// The messages of one queue that handlers work on in order: those of one key, or all of them. It is the work that handlers take, and one handler
/// at a time has it.
[<Sealed>]
type internal OrderedLine(owner: OrderedQueue, key: string) =
    inherit KeyLine(key)
    member _.Owner = owner

    interface IHandlerWork with
        member _.Take() = WorkPart.Only

/// The messages of one queue, in the order in which they are handled. Dispatcher and handlers meet here, under a lock that is held for no
/// longer than it takes to count.
and [<Sealed>] internal OrderedQueue(queue: ProcessQueue, order: OrderBy) =
    let gate = obj ()
    let waiting = KeyedMessages<OrderedMessage, OrderedLine>()

    /// Whatever waits was pulled since the same move of the queue as this.
    let mutable newest: FetchedBatch | null = null

    member _.Queue = queue

    /// The lines that are ready now, and were not before.
    member owner.Add(batch: FetchedBatch) : OrderedLine list =
        // Keys are read from text: not under the lock.
        let keys =
            match order with
            | OrderBy.Queue -> [||]
            | OrderBy.Key -> batch.Messages |> Array.map OrderBy.keyOf

        let create key = OrderedLine(owner, key)

        lock gate (fun () ->
            match newest with
            | null -> ()
            | before when queue.IsCurrent before -> ()
            | _ -> waiting.Clear()

            // The queue may have been moved just now.
            if queue.IsCurrent batch then
                newest <- batch

                [
                    for index in 0 .. batch.Messages.Length - 1 do
                        let key = if keys.Length = 0 then OrderBy.none else keys[index]

                        let message =
                            {
                                Batch = batch
                                Index = index
                                Failures = 0
                            }

                        match waiting.Add(key, message, create) with
                        | ValueSome line -> line
                        | ValueNone -> ()
                ]
            else
                [])

    /// Forgets what does not count any more. What was pulled after the move stays.
    member _.Drop() =
        lock gate (fun () ->
            match newest with
            | null -> ()
            | newest when queue.IsCurrent newest -> ()
            | _ -> waiting.Clear())

    /// The first messages of a line, which stay until `End`. None: the line is nobody's any more.
    member _.Begin(line: OrderedLine, most: int) : OrderedMessage[] =
        lock gate (fun () -> waiting.Begin(line, most))

    /// The messages that a handler was given are consumed, but for these; the line may rest before they are handled again. True: the caller has
    /// the line still.
    member _.End(line: OrderedLine, again: OrderedMessage[], rests: bool) : bool =
        lock gate (fun () -> waiting.End(line, again, rests))

    /// The rest of a line is over. True: the caller has to schedule it.
    member _.Wake(line: OrderedLine) : bool = lock gate (fun () -> waiting.Wake line)

    /// The queue may not be consumed now: the line waits for `Release`.
    member _.Park(line: OrderedLine) = lock gate (fun () -> waiting.Park line)

    /// The queue may be consumed again: the caller has to schedule these lines.
    member _.Release() : OrderedLine[] = lock gate (fun () -> waiting.Release())
