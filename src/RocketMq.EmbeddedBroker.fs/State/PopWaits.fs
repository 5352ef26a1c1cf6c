namespace RocketMq.Embedded

open RocketMq.Protocol

/// Pops that wait for a message: found by the topics whose messages may be for them.
module internal PopWaits =
    let none: ParkedPops =
        {
            Waits = Waits.empty
            Kinds = Map.empty
        }

    let private isOrderly (pop: PopRequest) = pop.IsOrderly = Some true

    let kindOf (pop: PopRequest) : PopKind =
        {
            ConsumerGroup = pop.ConsumerGroup
            Topic = pop.Topic
            QueueId = pop.QueueId
            IsOrderly = isOrderly pop
            ExpressionType = pop.ExpressionType
            Expression = pop.Expression
        }

    /// Its own topic and, but in order, that of retries.
    let private topicsOf (kind: PopKind) =
        if kind.IsOrderly then
            [ kind.Topic ]
        else
            [ kind.Topic; PopSource.topicOf kind.ConsumerGroup kind.Topic OfRetry ]

    let private countedIn topic kind step (kinds: Map<string, Map<PopKind, int>>) =
        let known = Map.tryFind topic kinds |> Option.defaultValue Map.empty
        let count = step + (Map.tryFind kind known |> Option.defaultValue 0)

        let known =
            if count = 0 then
                Map.remove kind known
            else
                Map.add kind count known

        if known.IsEmpty then
            Map.remove topic kinds
        else
            Map.add topic known kinds

    let private counted step (wait: Wait<PopKind, ParkedPop>) kinds =
        (kinds, topicsOf wait.Key)
        ||> List.fold (fun kinds topic -> countedIn topic wait.Key step kinds)

    let private waitOf (parked: ParkedPop) : Wait<PopKind, ParkedPop> =
        {
            Ticket = parked.Arrival.Ticket
            Connection = parked.Arrival.Connection
            DeadlineMillis = parked.DeadlineMillis
            Key = kindOf parked.Pop
            Request = parked
        }

    let add (parked: ParkedPop) (pops: ParkedPops) : ParkedPops =
        let wait = waitOf parked

        {
            Waits = Waits.add wait pops.Waits
            Kinds = counted 1 wait pops.Kinds
        }

    let remove (wait: Wait<PopKind, ParkedPop>) (pops: ParkedPops) : ParkedPops =
        {
            Waits = Waits.remove wait pops.Waits
            Kinds = counted -1 wait pops.Kinds
        }

    let removeAll gone (pops: ParkedPops) =
        (pops, gone) ||> List.fold (fun pops wait -> remove wait pops)

    let private kindsIn topic (pops: ParkedPops) : Map<PopKind, int> =
        Map.tryFind topic pops.Kinds |> Option.defaultValue Map.empty

    /// How many wait for a group at the same topic and queue.
    let countAlike (pop: PopRequest) (pops: ParkedPops) =
        (0, kindsIn pop.Topic pops)
        ||> Map.fold (fun sum kind count ->
            if kind.ConsumerGroup = pop.ConsumerGroup && kind.QueueId = pop.QueueId then
                sum + count
            else
                sum)

    let private since (pops: ParkedPops) kind =
        match Waits.tryOldest kind pops.Waits with
        | ValueSome wait -> wait.Number
        | ValueNone -> 0L

    /// The kinds that a message in a queue may be for; those first one of which has waited longest. Every message that
    /// comes asks for it, and mostly there is none.
    let kindsFor topic queueId (pops: ParkedPops) : PopKind list =
        match Map.tryFind topic pops.Kinds with
        | None -> []
        | Some kinds ->
            kinds
            |> Map.keys
            |> Seq.filter (fun kind -> kind.Topic <> topic || kind.QueueId < 0 || kind.QueueId = queueId)
            |> Seq.sortBy (since pops)
            |> List.ofSeq
