namespace RocketMq

open RocketMq.Protocol

/// What a consumer that pops goes by.
type internal PopLimits =
    {
        /// For how long a message is hidden, when it is popped and each time that is renewed.
        InvisibleMillis: int64
        /// How many messages of one queue, or of one broker where any queue is popped, may be unacknowledged.
        MaxUnackedMessages: int
        /// How many acknowledgements go together at most.
        AckBatch: int
    }

    static member Default =
        {
            InvisibleMillis = 60_000L
            MaxUnackedMessages = 96
            AckBatch = 64
        }

/// What a handler made of its message.
type internal PopVerdict =
    | IsDone
    | Redeliver of afterMillis: int64

type internal PopPhase =
    /// It waits for its handler, or is being handled. After a renewal that failed its receipt may have been exchanged: it is in
    /// doubt, and good for nothing but another renewal.
    | Processing of renewMillis: int64 * isInDoubt: bool
    /// Its handler has ended, and its receipt is in doubt.
    | ToRenew of PopVerdict
    /// A request to hide it for longer is in flight. The verdict is there if the handler has ended meanwhile.
    | Renewing of requestedMillis: int64 * PopVerdict voption
    /// It waits to be acknowledged.
    | ToAck of failures: int
    | Acking of failures: int
    /// It waits to be nacked: its invisible time is to be changed.
    | ToNack of afterMillis: int64 * failures: int
    | Nacking of afterMillis: int64 * failures: int

/// A message that was popped and is not settled.
type internal PopEntry =
    {
        Target: AckTarget
        /// Whose messages it counts among, see `PopLimits.MaxUnackedMessages`.
        Lane: int
        /// When its receipt is dead.
        DeadMillis: int64
        Phase: PopPhase
        /// When to look at it next; none while a request for it is under way.
        DueMillis: int64 voption
    }

/// How a request for a message in flight ended.
type internal PopAnswerEvent<'Value> =
    | Taken of 'Value
    /// Trying again may help.
    | NotNow
    /// Trying again cannot help.
    | Never

type internal PopEvent =
    | Came of lane: int * firstId: int64 * AckTarget list
    | Handled of id: int64 * PopVerdict
    | Renewed of id: int64 * PopAnswerEvent<PopReceipt>
    | Acked of brokerName: string * ids: int64 list * PopAnswerEvent<unit>
    | Nacked of id: int64 * PopAnswerEvent<unit>
    /// Time has passed.
    | ClockTicked
    /// The consumer ends: what is still in flight goes back, to be redelivered after a time.
    | SentBack of afterMillis: int64

type internal PopEffect =
    | RenewInvisibleTime of id: int64 * AckTarget
    | SendAck of brokerName: string * (int64 * AckTarget) list
    | SendNack of id: int64 * AckTarget * afterMillis: int64
    /// The broker has taken the acknowledgement while the receipt lived.
    | HasAcked of id: int64
    /// The broker delivers the message again when its time is over.
    | HasNacked of id: int64
    /// Its receipt is dead or not taken: the broker delivers the message again.
    | HasLost of id: int64

type internal PopInFlight =
    {
        Limits: PopLimits
        InFlight: Map<int64, PopEntry>
        Due: Set<struct (int64 * int64)>
        /// How many are in flight by lane.
        Lanes: Map<int, int>
        /// Brokers to which a request with acknowledgements is in flight. Later ones gather meanwhile.
        AckingBrokers: Set<string>
        /// Those that gather, by broker, the latest first.
        Gathered: Map<string, int64 list>
    }

/// What a consumer does with the messages it has popped until each is acknowledged, nacked or lost: it renews receipts
/// while handlers run, gathers acknowledgements, and repeats what failed while the receipt lives. Times are in
/// milliseconds of the client's own clock, from any beginning.
module internal PopInFlight =
    let create (limits: PopLimits) : PopInFlight =
        {
            Limits = limits
            InFlight = Map.empty
            Due = Set.empty
            Lanes = Map.empty
            AckingBrokers = Set.empty
            Gathered = Map.empty
        }

    let private firstWaitMillis = 100L
    let private lastWaitMillis = 3_000L

    let private waitAfter failures =
        min lastWaitMillis (firstWaitMillis <<< min 10 (failures - 1))

    let private countIn lane (pops: PopInFlight) =
        Map.tryFind lane pops.Lanes |> Option.defaultValue 0

    /// How many messages may be popped for a lane now.
    let room lane (pops: PopInFlight) : int =
        max 0 (pops.Limits.MaxUnackedMessages - countIn lane pops)

    /// When to send `ClockTicked` next, if at all.
    let nextDue (pops: PopInFlight) : int64 voption =
        if pops.Due.IsEmpty then
            ValueNone
        else
            let struct (due, _) = pops.Due.MinimumElement
            ValueSome due

    let private withDue id before after (due: Set<struct (int64 * int64)>) =
        let without =
            match before with
            | ValueSome time -> Set.remove (struct (time, id)) due
            | ValueNone -> due

        match after with
        | ValueSome time -> Set.add (struct (time, id)) without
        | ValueNone -> without

    let private update id (entry: PopEntry) phase due (pops: PopInFlight) =
        // Nothing is looked at after its receipt is dead: then it is lost.
        let due = due |> ValueOption.map (min entry.DeadMillis)

        { pops with
            InFlight =
                Map.add
                    id
                    { entry with
                        Phase = phase
                        DueMillis = due
                    }
                    pops.InFlight
            Due = withDue id entry.DueMillis due pops.Due
        }

    let private drop id (entry: PopEntry) (pops: PopInFlight) =
        { pops with
            InFlight = Map.remove id pops.InFlight
            Due = withDue id entry.DueMillis ValueNone pops.Due
            Lanes = Map.add entry.Lane (countIn entry.Lane pops - 1) pops.Lanes
        }

    let private lose id entry (pops: PopInFlight) = drop id entry pops, [ HasLost id ]

    // Coming

    /// Renewing begins when two thirds of the time are over: one failure or two then cost nothing.
    let private renewAt (limits: PopLimits) deadMillis =
        deadMillis - limits.InvisibleMillis / 3L

    /// The broker hid the message before the answer came; the client cannot know when.
    let private margin (receipt: PopReceipt) = receipt.InvisibleMillis / 20L

    let private come now lane firstId (targets: AckTarget list) (pops: PopInFlight) =
        (pops, List.indexed targets)
        ||> List.fold (fun pops (index, target) ->
            let dead = now + target.Receipt.InvisibleMillis - margin target.Receipt
            let renew = renewAt pops.Limits dead

            let entry =
                {
                    Target = target
                    Lane = lane
                    DeadMillis = dead
                    Phase = Processing(renew, false)
                    DueMillis = ValueNone
                }

            { pops with
                Lanes = Map.add lane (countIn lane pops + 1) pops.Lanes
            }
            |> update (firstId + int64 index) entry (Processing(renew, false)) (ValueSome renew))

    // Acknowledging

    let private isAlive now id (pops: PopInFlight) =
        match Map.tryFind id pops.InFlight with
        | Some entry -> entry.DeadMillis > now
        | None -> false

    let private startAck (pops: PopInFlight) id =
        let entry = pops.InFlight[id]

        match entry.Phase with
        | ToAck failures -> update id entry (Acking failures) ValueNone pops
        | _ -> pops

    /// Sends a broker what has gathered for it, unless a request to it is in flight.
    let private sendAcks now brokerName (pops: PopInFlight) : PopInFlight * PopEffect list =
        let gathered =
            Map.tryFind brokerName pops.Gathered
            |> Option.defaultValue []
            |> List.filter (fun id -> isAlive now id pops)
            |> List.rev

        if gathered.IsEmpty || pops.AckingBrokers.Contains brokerName then
            pops, []
        else
            let chosen, rest = List.splitAt (min pops.Limits.AckBatch gathered.Length) gathered

            let acking =
                { pops with
                    Gathered = Map.add brokerName (List.rev rest) pops.Gathered
                    AckingBrokers = Set.add brokerName pops.AckingBrokers
                }

            List.fold startAck acking chosen,
            [
                SendAck(brokerName, chosen |> List.map (fun id -> id, pops.InFlight[id].Target))
            ]

    let private gather now id (entry: PopEntry) failures (pops: PopInFlight) =
        let brokerName = entry.Target.Receipt.BrokerName

        let gathered =
            id :: (Map.tryFind brokerName pops.Gathered |> Option.defaultValue [])

        { pops with
            Gathered = Map.add brokerName gathered pops.Gathered
        }
        |> update id entry (ToAck failures) (ValueSome entry.DeadMillis)
        |> sendAcks now brokerName

    let private nack id (entry: PopEntry) afterMillis failures (pops: PopInFlight) =
        update id entry (Nacking(afterMillis, failures)) ValueNone pops, [ SendNack(id, entry.Target, afterMillis) ]

    let private requestRenewal now id (entry: PopEntry) verdict (pops: PopInFlight) =
        update id entry (Renewing(now, verdict)) ValueNone pops, [ RenewInvisibleTime(id, entry.Target) ]

    let private obey now id (entry: PopEntry) verdict (pops: PopInFlight) =
        match entry.Phase, verdict with
        | _ when entry.DeadMillis <= now -> lose id entry pops
        | Processing(_, true), _ -> requestRenewal now id entry (ValueSome verdict) pops
        | _, IsDone -> gather now id entry 0 pops
        | _, Redeliver afterMillis -> nack id entry afterMillis 0 pops

    // Answers

    let private notRenewed now id (entry: PopEntry) verdict (pops: PopInFlight) =
        let next = now + firstWaitMillis + (entry.DeadMillis - now) / 4L

        let phase =
            match verdict with
            | ValueSome verdict -> ToRenew verdict
            | ValueNone -> Processing(next, true)

        update id entry phase (ValueSome next) pops, []

    let private renewed now id (entry: PopEntry) requestedMillis verdict answer (pops: PopInFlight) =
        match answer with
        // What the broker did about a receipt that was dead when it came is not known.
        | _ when entry.DeadMillis <= now -> lose id entry pops
        | Never -> lose id entry pops
        | NotNow -> notRenewed now id entry verdict pops
        | Taken receipt ->
            let dead = requestedMillis + pops.Limits.InvisibleMillis

            let entry =
                { entry with
                    Target = { entry.Target with Receipt = receipt }
                    DeadMillis = dead
                }

            match verdict with
            | ValueSome verdict -> obey now id entry verdict pops
            | ValueNone ->
                let renew = renewAt pops.Limits dead
                update id entry (Processing(renew, false)) (ValueSome renew) pops, []

    let private acked now answer (pops: PopInFlight, effects: PopEffect list) id =
        match Map.tryFind id pops.InFlight with
        | Some({ Phase = Acking failures } as entry) ->
            match answer with
            | _ when entry.DeadMillis <= now ->
                let pops, lost = lose id entry pops
                pops, effects @ lost
            | Taken() -> drop id entry pops, effects @ [ HasAcked id ]
            | NotNow ->
                let failures = failures + 1
                update id entry (ToAck failures) (ValueSome(now + waitAfter failures)) pops, effects
            | Never ->
                let pops, lost = lose id entry pops
                pops, effects @ lost
        | _ -> pops, effects

    let private ended now brokerName ids answer (pops: PopInFlight) =
        let pops =
            { pops with
                AckingBrokers = Set.remove brokerName pops.AckingBrokers
            }

        let pops, effects = List.fold (acked now answer) (pops, []) ids
        let pops, more = sendAcks now brokerName pops
        pops, effects @ more

    let private nacked now id (entry: PopEntry) afterMillis failures answer (pops: PopInFlight) =
        match answer with
        | _ when entry.DeadMillis <= now -> lose id entry pops
        | Taken() -> drop id entry pops, [ HasNacked id ]
        | Never -> lose id entry pops
        | NotNow ->
            let failures = failures + 1
            update id entry (ToNack(afterMillis, failures)) (ValueSome(now + waitAfter failures)) pops, []

    // Time

    let private look now (pops: PopInFlight, effects: PopEffect list) id =
        let entry = pops.InFlight[id]

        let pops, more =
            match entry.Phase with
            | _ when entry.DeadMillis <= now -> lose id entry pops
            | Processing _ -> requestRenewal now id entry ValueNone pops
            | ToRenew verdict -> requestRenewal now id entry (ValueSome verdict) pops
            | ToAck failures -> gather now id entry failures pops
            | ToNack(afterMillis, failures) -> nack id entry afterMillis failures pops
            | Renewing _
            | Acking _
            | Nacking _ -> pops, []

        pops, effects @ more

    let private lookAll now (pops: PopInFlight) =
        let due =
            pops.Due
            |> Seq.takeWhile (fun (struct (due, _)) -> due <= now)
            |> Seq.map (fun (struct (_, id)) -> id)
            |> List.ofSeq

        List.fold (look now) (pops, []) due

    let private sendBack now afterMillis (pops: PopInFlight) =
        ((pops, []), Map.toList pops.InFlight)
        ||> Seq.fold (fun (pops, effects) (id, entry) ->
            match entry.Phase with
            | Processing _ ->
                let pops, more = obey now id entry (Redeliver afterMillis) pops
                pops, effects @ more
            | Renewing(requestedMillis, ValueNone) ->
                update id entry (Renewing(requestedMillis, ValueSome(Redeliver afterMillis))) ValueNone pops, effects
            | _ -> pops, effects)

    /// What an event makes of the messages in flight, and what is to be done. Total: news of one that is not in flight any more changes
    /// nothing. `now` in milliseconds.
    let transition (now: int64) (pops: PopInFlight) (event: PopEvent) : PopInFlight * PopEffect list =
        let withEntry id act =
            match Map.tryFind id pops.InFlight with
            | Some entry -> act entry
            | None -> pops, []

        match event with
        | Came(lane, firstId, targets) -> come now lane firstId targets pops, []
        | ClockTicked -> lookAll now pops
        | SentBack afterMillis -> sendBack now afterMillis pops
        | Acked(brokerName, ids, answer) -> ended now brokerName ids answer pops
        | Handled(id, verdict) ->
            withEntry id (fun entry ->
                match entry.Phase with
                | Processing _ -> obey now id entry verdict pops
                | Renewing(requestedMillis, ValueNone) ->
                    update id entry (Renewing(requestedMillis, ValueSome verdict)) ValueNone pops, []
                | _ -> pops, [])
        | Renewed(id, answer) ->
            withEntry id (fun entry ->
                match entry.Phase with
                | Renewing(requestedMillis, verdict) -> renewed now id entry requestedMillis verdict answer pops
                | _ -> pops, [])
        | Nacked(id, answer) ->
            withEntry id (fun entry ->
                match entry.Phase with
                | Nacking(afterMillis, failures) -> nacked now id entry afterMillis failures answer pops
                | _ -> pops, [])
