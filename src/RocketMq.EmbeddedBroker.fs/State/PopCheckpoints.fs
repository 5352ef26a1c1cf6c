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
    /// The group goes on from here.
    | GoesOn of nextOffset: int64
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

    let private hold queue popMillis dueMillis offset : PopCheckpoint =
        {
            DueMillis = dueMillis
            Queue = queue
            QueueOffset = offset
            PopMillis = popMillis
        }

    let hide (queue: GroupQueue) now invisibleMillis (offsets: int64 list) (holds: PopCheckpoints) =
        { holds with
            Hidden =
                (holds.Hidden, offsets)
                ||> List.fold (fun hidden offset -> Set.add (hold queue now (now + invisibleMillis) offset) hidden)
        }

    /// Acknowledging twice, or too late, changes nothing.
    let ack (queue: GroupQueue) popMillis invisibleMillis offset (holds: PopCheckpoints) =
        { holds with
            Hidden = Set.remove (hold queue popMillis (popMillis + invisibleMillis) offset) holds.Hidden
        }

    /// Hides a message for another time, from now on. As in Java, one whose receipt is dead is hidden as well, and then comes
    /// once more than it should.
    let change (queue: GroupQueue) popMillis oldMillis newMillis now offset (holds: PopCheckpoints) =
        ack queue popMillis oldMillis offset holds
        |> hide queue now newMillis [ offset ]

    /// The messages whose time is over, those first that were due first.
    let expire now (holds: PopCheckpoints) : PopCheckpoint list * PopCheckpoints =
        let rec next expired (hidden: Set<PopCheckpoint>) =
            if not hidden.IsEmpty && hidden.MinimumElement.DueMillis <= now then
                next (hidden.MinimumElement :: expired) (hidden.Remove hidden.MinimumElement)
            else
                List.rev expired, { holds with Hidden = hidden }

        next [] holds.Hidden

    // In order

    let private dueOf (hold: OrderedCheckpoint) offset =
        Map.tryFind offset hold.Changed |> Option.defaultValue hold.DueMillis

    let private unacked (hold: OrderedCheckpoint) =
        hold.Offsets |> List.filter (fun offset -> not (hold.Acked.Contains offset))

    let private opening now (hold: OrderedCheckpoint) : int64 voption =
        match unacked hold |> List.map (dueOf hold) |> List.filter (fun due -> due > now) with
        | [] -> ValueNone
        | dues -> ValueSome(List.max dues)

    let private withOrdered now queue (hold: OrderedCheckpoint) (holds: PopCheckpoints) =
        let others =
            match Map.tryFind queue holds.Ordered with
            | Some { OpensMillis = ValueSome opens } -> Set.remove (opens, queue) holds.Openings
            | _ -> holds.Openings

        let opens = opening now hold

        { holds with
            Ordered = Map.add queue { hold with OpensMillis = opens } holds.Ordered
            Openings =
                match opens with
                | ValueSome opens -> Set.add (opens, queue) others
                | ValueNone -> others
        }

    /// Whether a queue gives nothing: one of its messages is hidden. Who repeats an attempt gets what it gave.
    let isClosed now (attemptId: string option) queue (holds: PopCheckpoints) =
        match Map.tryFind queue holds.Ordered with
        | None -> false
        | Some hold when attemptId.IsSome && attemptId = hold.AttemptId -> false
        | Some hold -> (opening now hold).IsSome

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
    let hideInOrder now attemptId queue invisibleMillis (offsets: int64 list) (holds: PopCheckpoints) =
        let counts = countsAfter attemptId offsets (Map.tryFind queue holds.Ordered)

        let hold =
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

        counts, withOrdered now queue hold holds

    let private nextOffset (hold: OrderedCheckpoint) =
        match unacked hold with
        | first :: _ -> first
        | [] -> List.last hold.Offsets + 1L

    let ackInOrder now queue popMillis offset (holds: PopCheckpoints) : OrderedAck * PopCheckpoints =
        match Map.tryFind queue holds.Ordered with
        | None -> GoesOn(offset + 1L), holds
        | Some hold when hold.PopMillis <> popMillis -> IsStale, holds
        | Some hold when not (List.contains offset hold.Offsets) -> IsUnknown, holds
        | Some hold ->
            let hold =
                { hold with
                    Acked = hold.Acked.Add offset
                }

            GoesOn(nextOffset hold), withOrdered now queue hold holds

    /// Hides a message that was popped in order until another time.
    let changeInOrder now queue popMillis offset dueMillis (holds: PopCheckpoints) =
        match Map.tryFind queue holds.Ordered with
        | Some hold when hold.PopMillis = popMillis ->
            withOrdered
                now
                queue
                { hold with
                    Changed = Map.add offset dueMillis hold.Changed
                }
                holds
        | _ -> holds

    /// The queues that have opened by time.
    let openUp now (holds: PopCheckpoints) : GroupQueue list * PopCheckpoints =
        let rec next opened (openings: Set<int64 * GroupQueue>) =
            if not openings.IsEmpty && fst openings.MinimumElement <= now then
                next (snd openings.MinimumElement :: opened) (openings.Remove openings.MinimumElement)
            else
                List.rev opened, { holds with Openings = openings }

        next [] holds.Openings

    /// When the next message expires or the next queue opens.
    let nextDue (holds: PopCheckpoints) : int64 voption =
        match holds.Hidden.IsEmpty, holds.Openings.IsEmpty with
        | true, true -> ValueNone
        | false, true -> ValueSome holds.Hidden.MinimumElement.DueMillis
        | true, false -> ValueSome(fst holds.Openings.MinimumElement)
        | false, false -> ValueSome(min holds.Hidden.MinimumElement.DueMillis (fst holds.Openings.MinimumElement))
