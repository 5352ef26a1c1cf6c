namespace RocketMq

open System

/// A broker that took at least so long is avoided for so long. Both in milliseconds.
[<Struct>]
type LatencyStep =
    {
        AtLeastMillis: int64
        AvoidMillis: int64
    }

/// For how long a broker is avoided after a slow or a failed send. Source: MQFaultStrategy.java of both versions.
type LatencyTable =
    {
        /// In rising order of latency. The last step that a latency reaches counts; one below all of them is fast.
        Steps: LatencyStep list
        /// A send that failed counts as one that took this many milliseconds.
        FailureMillis: int64
    }

module LatencyTable =
    let private ofPairs failureMillis pairs : LatencyTable =
        {
            Steps =
                [
                    for atLeast, avoid in pairs ->
                        {
                            AtLeastMillis = atLeast
                            AvoidMillis = avoid
                        }
                ]
            FailureMillis = failureMillis
        }

    /// As Java's client 4.9.8: a slow broker is avoided for half a minute to ten minutes.
    let java498: LatencyTable =
        ofPairs
            30_000L
            [
                50L, 0L
                100L, 0L
                550L, 30_000L
                1_000L, 60_000L
                2_000L, 120_000L
                3_000L, 180_000L
                15_000L, 600_000L
            ]

    /// As Java's client 5.3.3: a slow broker is avoided for two to thirty seconds. The default.
    let java533: LatencyTable =
        ofPairs
            10_000L
            [
                50L, 0L
                100L, 0L
                550L, 2_000L
                1_800L, 5_000L
                3_000L, 6_000L
                5_000L, 10_000L
                15_000L, 30_000L
            ]

    /// Ok for a table whose steps rise and whose numbers are not negative; else what is wrong with it.
    let check (table: LatencyTable) : Result<LatencyTable, InputError> =
        let refuse reason =
            Error(InvalidInput("the latency table", reason))

        let isNegative (step: LatencyStep) =
            step.AtLeastMillis < 0L || step.AvoidMillis < 0L

        let isFalling (earlier: LatencyStep, later: LatencyStep) =
            later.AtLeastMillis <= earlier.AtLeastMillis

        if table.FailureMillis < 0L || List.exists isNegative table.Steps then
            refuse "a number is negative"
        elif List.pairwise table.Steps |> List.exists isFalling then
            refuse "its latencies do not rise"
        else
            Ok table

    /// For how many milliseconds a broker is avoided that took `latencyMillis`; 0 for a fast one.
    let avoidMillis (table: LatencyTable) (latencyMillis: int64) : int64 =
        let rec last avoid (steps: LatencyStep list) =
            match steps with
            | step :: rest when latencyMillis >= step.AtLeastMillis -> last step.AvoidMillis rest
            | _ -> avoid

        last 0L table.Steps

/// A broker that is avoided, and why.
type AvoidedBroker =
    {
        Name: string
        /// The latency of the send that was the last reason, in milliseconds.
        LatencyMillis: int64
        /// When it is used again, in milliseconds of the clock that `now` is read from.
        AvailableAt: int64
        /// Its last send came back with an answer, if a slow one. One that failed is tried after all slow ones.
        IsReachable: bool
    }

/// The brokers that are avoided at this time: none, mostly. Immutable. `now` is in milliseconds of any clock that does not
/// go back. What is not avoided leaves no trace here, so that fast sends cost one look at an empty array.
[<Sealed>]
type internal LatencyFaultTolerance private (avoided: AvoidedBroker[]) =
    static member val Empty = LatencyFaultTolerance [||]

    static member internal Create(avoided: AvoidedBroker[]) =
        if avoided.Length = 0 then
            LatencyFaultTolerance.Empty
        else
            LatencyFaultTolerance avoided

    member internal _.Avoided = avoided

module internal LatencyFaultTolerance =
    let empty = LatencyFaultTolerance.Empty

    let private indexOf (broker: string) (state: LatencyFaultTolerance) =
        let avoided = state.Avoided
        let mutable index = avoided.Length - 1

        while index >= 0 && not (String.Equals(avoided[index].Name, broker)) do
            index <- index - 1

        index

    /// The brokers that are avoided at `now`, for logs and metrics.
    let avoided (now: int64) (state: LatencyFaultTolerance) : AvoidedBroker list =
        [
            for broker in state.Avoided do
                if now < broker.AvailableAt then
                    broker
        ]

    let isAvailable (broker: string) (now: int64) (state: LatencyFaultTolerance) : bool =
        match indexOf broker state with
        | -1 -> true
        | index -> now >= state.Avoided[index].AvailableAt

    let isReachable (broker: string) (state: LatencyFaultTolerance) : bool =
        match indexOf broker state with
        | -1 -> true
        | index -> state.Avoided[index].IsReachable

    /// The state with `changed` in place of what was known of that broker, and without those whose time is over: they are
    /// as good as those that never failed.
    let private replace (changed: AvoidedBroker) now (state: LatencyFaultTolerance) =
        state.Avoided
        |> Array.filter (fun broker -> broker.Name <> changed.Name && now < broker.AvailableAt)
        |> Array.append (if now < changed.AvailableAt then [| changed |] else [||])
        |> LatencyFaultTolerance.Create

    /// What a send to `broker` adds: it took `latencyMillis`, and failed or not. A broker that is avoided stays so for as
    /// long as it was going to be, however fast its next answer is, as in Java 5.3.3.
    let record
        (table: LatencyTable)
        (broker: string)
        (latencyMillis: int64)
        (isFailure: bool)
        (now: int64)
        (state: LatencyFaultTolerance)
        : LatencyFaultTolerance =
        let counted = if isFailure then table.FailureMillis else latencyMillis
        let avoid = LatencyTable.avoidMillis table counted
        let index = indexOf broker state

        if index < 0 && avoid = 0L then
            state
        elif index < 0 then
            let added =
                {
                    Name = broker
                    LatencyMillis = latencyMillis
                    AvailableAt = now + avoid
                    IsReachable = not isFailure
                }

            replace added now state
        else
            let known = state.Avoided[index]

            if avoid = 0L && known.IsReachable <> isFailure && now < known.AvailableAt then
                state
            else
                let changed =
                    { known with
                        LatencyMillis = if avoid > 0L then latencyMillis else known.LatencyMillis
                        AvailableAt =
                            if avoid > 0L then
                                max known.AvailableAt (now + avoid)
                            else
                                known.AvailableAt
                        IsReachable = not isFailure
                    }

                replace changed now state

    /// What a queue must be to be chosen, the strictest first.
    [<Struct>]
    type private Preference =
        | AvailableElsewhere
        | ReachableElsewhere
        | Elsewhere
        | AnyQueue

    let private grants preference last now state (queue: MessageQueue) =
        let isElsewhere =
            match last with
            | Some broker -> not (String.Equals(queue.BrokerName, broker))
            | None -> true

        match preference with
        | AvailableElsewhere -> isElsewhere && isAvailable queue.BrokerName now state
        | ReachableElsewhere -> isElsewhere && isReachable queue.BrokerName state
        | Elsewhere -> isElsewhere
        | AnyQueue -> true

    /// Number `turn` of the queues that `preference` allows, counted round. Two passes and no array of them.
    let private pick (queues: MessageQueue[]) (turn: int) preference last now state : MessageQueue voption =
        let mutable count = 0

        for queue in queues do
            if grants preference last now state queue then
                count <- count + 1

        if count = 0 then
            ValueNone
        else
            let mutable left = (turn &&& Int32.MaxValue) % count
            let mutable index = 0

            while left > 0 || not (grants preference last now state queues[index]) do
                if grants preference last now state queues[index] then
                    left <- left - 1

                index <- index + 1

            ValueSome queues[index]

    /// The queue for the message with running number `turn`: each in turn of those whose broker is available and not
    /// `last`, the broker that was just tried; else of those whose broker is reachable and not `last`; else of those not
    /// on `last`; else of all. Nothing only if there is no queue. Source: MQFaultStrategy.java of 5.3.3.
    let choose
        (queues: MessageQueue[])
        (turn: int)
        (last: string option)
        (now: int64)
        (state: LatencyFaultTolerance)
        : MessageQueue voption =
        if queues.Length = 0 then
            ValueNone
        elif last.IsNone && state.Avoided.Length = 0 then
            ValueSome queues[(turn &&& Int32.MaxValue) % queues.Length]
        else
            pick queues turn AvailableElsewhere last now state
            |> ValueOption.orElseWith (fun () -> pick queues turn ReachableElsewhere last now state)
            |> ValueOption.orElseWith (fun () -> pick queues turn Elsewhere last now state)
            |> ValueOption.orElseWith (fun () -> pick queues turn AnyQueue last now state)
