namespace RocketMq.Embedded

open RocketMq.Protocol

/// A message that a group has popped and has not acknowledged. The first to expire comes first.
type internal PopCheckpoint =
    {
        /// When it is delivered again.
        DueMillis: int64
        Queue: GroupQueue
        QueueOffset: int64
        PopMillis: int64
    }

/// What a group has popped in order from one queue, and is to acknowledge before it gets more of it.
type internal OrderedCheckpoint =
    {
        AttemptId: string option
        PopMillis: int64
        DueMillis: int64
        /// First to last; never empty.
        Offsets: int64 list
        Acked: Set<int64>
        /// The messages whose time was changed.
        Changed: Map<int64, int64>
        /// How often messages were delivered before, of those that were.
        Counts: Map<int64, int>
        /// When the queue opens by time, as it was reckoned last.
        OpensMillis: int64 voption
    }

/// What is hidden from which group, and until when.
type internal PopCheckpoints =
    {
        Hidden: Set<PopCheckpoint>
        Ordered: Map<GroupQueue, OrderedCheckpoint>
        /// When queues that are popped in order open again.
        Openings: Set<int64 * GroupQueue>
    }

/// What becomes of a queue when a message that was popped in order is acknowledged.
type internal OrderedAck =
    /// The group continues from here.
    | NextOffset of nextOffset: int64
    /// The receipt has been replaced: nothing.
    | IsStale
    /// The message is not one of those that were delivered.
    | IsUnknown

/// What is hidden, acknowledged and expired. A message that was popped in order stays in its queue, and keeps the queue
/// closed; any other is written to the topic of retries when it expires.
module internal PopCheckpoints =
    let none =
        {
            Hidden = Set.empty
            Ordered = Map.empty
            Openings = Set.empty
        }

    // One by one

    let private create queue popMillis dueMillis offset : PopCheckpoint =
        {
            DueMillis = dueMillis
            Queue = queue
            QueueOffset = offset
            PopMillis = popMillis
        }

    let hide (queue: GroupQueue) now invisibleMillis (offsets: int64 list) (checkpoints: PopCheckpoints) =
        { checkpoints with
            Hidden =
                (checkpoints.Hidden, offsets)
                ||> List.fold (fun hidden offset -> Set.add (create queue now (now + invisibleMillis) offset) hidden)
        }

    /// Acknowledging twice, or too late, changes nothing.
    let ack (queue: GroupQueue) popMillis invisibleMillis offset (checkpoints: PopCheckpoints) =
        { checkpoints with
            Hidden = Set.remove (create queue popMillis (popMillis + invisibleMillis) offset) checkpoints.Hidden
        }

    /// Hides a message for another time, from now on. As in Java, one whose receipt is dead is hidden as well, and then comes
    /// once more than it should.
    let change (queue: GroupQueue) popMillis oldMillis newMillis now offset (checkpoints: PopCheckpoints) =
        ack queue popMillis oldMillis offset checkpoints
        |> hide queue now newMillis [ offset ]

    /// The messages whose time is over, those first that were due first.
    let expire now (checkpoints: PopCheckpoints) : PopCheckpoint list * PopCheckpoints =
        let rec next expired (hidden: Set<PopCheckpoint>) =
            if not hidden.IsEmpty && hidden.MinimumElement.DueMillis <= now then
                next (hidden.MinimumElement :: expired) (hidden.Remove hidden.MinimumElement)
            else
                List.rev expired, { checkpoints with Hidden = hidden }

        next [] checkpoints.Hidden

    // In order

    let private dueOf (checkpoint: OrderedCheckpoint) offset =
        Map.tryFind offset checkpoint.Changed
        |> Option.defaultValue checkpoint.DueMillis

    let private unacked (checkpoint: OrderedCheckpoint) =
        checkpoint.Offsets
        |> List.filter (fun offset -> not (checkpoint.Acked.Contains offset))

    let private opening now (checkpoint: OrderedCheckpoint) : int64 voption =
        match
            unacked checkpoint
            |> List.map (dueOf checkpoint)
            |> List.filter (fun due -> due > now)
        with
        | [] -> ValueNone
        | dues -> ValueSome(List.max dues)

    let private withOrdered now queue (checkpoint: OrderedCheckpoint) (checkpoints: PopCheckpoints) =
        let others =
            match Map.tryFind queue checkpoints.Ordered with
            | Some { OpensMillis = ValueSome opens } -> Set.remove (opens, queue) checkpoints.Openings
            | _ -> checkpoints.Openings

        let opens = opening now checkpoint

        { checkpoints with
            Ordered = Map.add queue { checkpoint with OpensMillis = opens } checkpoints.Ordered
            Openings =
                match opens with
                | ValueSome opens -> Set.add (opens, queue) others
                | ValueNone -> others
        }

    /// Whether a queue gives nothing: one of its messages is hidden. Who repeats an attempt gets what it gave.
    let isClosed now (attemptId: string option) queue (checkpoints: PopCheckpoints) =
        match Map.tryFind queue checkpoints.Ordered with
        | None -> false
        | Some checkpoint when attemptId.IsSome && attemptId = checkpoint.AttemptId -> false
        | Some checkpoint -> (opening now checkpoint).IsSome

    let private countsAfter (attemptId: string option) (offsets: int64 list) (before: OrderedCheckpoint option) =
        match before with
        | None -> Map.empty
        | Some before when attemptId.IsSome && attemptId = before.AttemptId -> before.Counts
        | Some before ->
            offsets
            |> List.filter (fun offset -> List.contains offset before.Offsets)
            |> List.map (fun offset -> offset, 1 + (Map.tryFind offset before.Counts |> Option.defaultValue 0))
            |> Map.ofList

    /// Delivers messages of a queue in order. Gives how often they were delivered before, too.
    let hideInOrder now attemptId queue invisibleMillis (offsets: int64 list) (checkpoints: PopCheckpoints) =
        let counts = countsAfter attemptId offsets (Map.tryFind queue checkpoints.Ordered)

        let checkpoint =
            {
                AttemptId = attemptId
                PopMillis = now
                DueMillis = now + invisibleMillis
                Offsets = offsets
                Acked = Set.empty
                Changed = Map.empty
                Counts = counts
                OpensMillis = ValueNone
            }

        counts, withOrdered now queue checkpoint checkpoints

    let private nextOffset (checkpoint: OrderedCheckpoint) =
        match unacked checkpoint with
        | first :: _ -> first
        | [] -> List.last checkpoint.Offsets + 1L

    let ackInOrder now queue popMillis offset (checkpoints: PopCheckpoints) : OrderedAck * PopCheckpoints =
        match Map.tryFind queue checkpoints.Ordered with
        | None -> NextOffset(offset + 1L), checkpoints
        | Some checkpoint when checkpoint.PopMillis <> popMillis -> IsStale, checkpoints
        | Some checkpoint when not (List.contains offset checkpoint.Offsets) -> IsUnknown, checkpoints
        | Some checkpoint ->
            let checkpoint =
                { checkpoint with
                    Acked = checkpoint.Acked.Add offset
                }

            NextOffset(nextOffset checkpoint), withOrdered now queue checkpoint checkpoints

    /// Hides a message that was popped in order until another time.
    let changeInOrder now queue popMillis offset dueMillis (checkpoints: PopCheckpoints) =
        match Map.tryFind queue checkpoints.Ordered with
        | Some checkpoint when checkpoint.PopMillis = popMillis ->
            withOrdered
                now
                queue
                { checkpoint with
                    Changed = Map.add offset dueMillis checkpoint.Changed
                }
                checkpoints
        | _ -> checkpoints

    /// The queues that have opened by time.
    let openUp now (checkpoints: PopCheckpoints) : GroupQueue list * PopCheckpoints =
        let rec next opened (openings: Set<int64 * GroupQueue>) =
            if not openings.IsEmpty && fst openings.MinimumElement <= now then
                next (snd openings.MinimumElement :: opened) (openings.Remove openings.MinimumElement)
            else
                List.rev opened, { checkpoints with Openings = openings }

        next [] checkpoints.Openings

    /// When the next message expires or the next queue opens.
    let nextDue (checkpoints: PopCheckpoints) : int64 voption =
        match checkpoints.Hidden.IsEmpty, checkpoints.Openings.IsEmpty with
        | true, true -> ValueNone
        | false, true -> ValueSome checkpoints.Hidden.MinimumElement.DueMillis
        | true, false -> ValueSome(fst checkpoints.Openings.MinimumElement)
        | false, false ->
            ValueSome(min checkpoints.Hidden.MinimumElement.DueMillis (fst checkpoints.Openings.MinimumElement))
