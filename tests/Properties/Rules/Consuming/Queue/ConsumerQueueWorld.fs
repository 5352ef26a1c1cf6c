/// One queue of a member, with a broker, other members and handlers around it that do what they like, and laws that hold all the same.
module internal RocketMq.Protocol.Tests.ConsumerQueueWorld

open System
open RocketMq

/// What happens, in any order. Numbers choose among what there is.
type QueueStep =
    | GetsAssigned
    | GetsRevoked
    /// Something that was begun ends: well, badly, or carried out with the answer lost.
    | Ends of place: byte * how: byte
    | Pulls of messages: byte
    | BeginsHandler
    | EndsHandler of place: byte
    | CommitTime
    | RenewTime
    | AsksToCommit of offset: byte
    | Resets of offset: int8
    | Seeks of offset: byte
    | Waits of seconds: byte
    | OtherCommits of offset: byte
    | OtherWantsLock
    | FetchGetsStuck

/// What an effect began.
type Pending =
    | Acquiring of attempt: int * askedAt: TimeSpan
    | Renewing of askedAt: TimeSpan
    | Releasing
    | Finding of attempt: int
    /// The queue may have been moved since.
    | SavingIt of int64 * isOld: bool
    | LoadingIt of isOld: bool
    | Retrying of attempt: int
    | DrainingIt

type MessageState =
    | Buffered
    | InHandler

/// What the process queue has.
type Reading =
    {
        Next: int64
        /// Not consumed.
        Messages: Map<int64, MessageState>
        /// Not counted any more: handlers of before a move.
        Stale: int
        IsConfirmed: bool
        IsSought: bool
        IsStopped: bool
    }

    member reading.Progress: ConsumeProgress =
        {
            Consumed =
                if reading.Messages.IsEmpty then
                    reading.Next
                else
                    Seq.min reading.Messages.Keys
            IsConfirmed = reading.IsConfirmed
            IsSought = reading.IsSought
            Running =
                reading.Stale
                + (reading.Messages.Values |> Seq.filter ((=) InHandler) |> Seq.length)
        }

type BrokerSide =
    {
        Committed: int64 option
        /// Whether this member has written that.
        IsOwn: bool
        /// 0 is this member.
        Holder: int option
        LockedAt: TimeSpan
    }

type World =
    {
        Queue: ConsumerQueue
        Rules: QueueRules
        Now: TimeSpan
        IsAssigned: bool
        Pending: Pending list
        Reading: Reading option
        Broker: BrokerSide
        /// The highest offset that this member knows to be committed since the queue was last moved.
        KnownHigh: int64
        /// What this member knows the broker to have.
        Known: int64 option
        /// Offsets that the application or an operator chose.
        Chosen: Set<int64>
        /// Where the application has moved the queue itself.
        Sought: Set<int64>
        Asked: int
        Answered: Set<int>
        Effects: QueueEffect list
    }

/// The queue's end, and where a group begins that has committed nothing.
let private last = 100L

let start rules =
    {
        Queue = ConsumerQueue.create rules
        Rules = rules
        Now = TimeSpan.FromMinutes 10L
        IsAssigned = false
        Pending = []
        Reading = None
        Broker =
            {
                Committed = None
                IsOwn = false
                Holder = None
                LockedAt = TimeSpan.Zero
            }
        KnownHigh = Int64.MinValue
        Known = None
        Chosen = Set.empty
        Sought = Set.empty
        Asked = 0
        Answered = Set.empty
        Effects = []
    }

let private noProgress: ConsumeProgress =
    {
        Consumed = 0L
        IsConfirmed = false
        IsSought = false
        Running = 0
    }

let progressOf world =
    match world.Reading with
    | Some reading -> reading.Progress
    | None -> noProgress

let private isPending kind world = List.exists kind world.Pending

let private isStoreRequest pending =
    match pending with
    | SavingIt _
    | LoadingIt _ -> true
    | _ -> false

let private isRenewing pending =
    match pending with
    | Renewing _ -> true
    | _ -> false

let private begin' pending world =
    { world with
        Pending = world.Pending @ [ pending ]
    }

let private law condition text =
    if not condition then
        failtest text

let private moveTo isByApplication offset (reading: Reading) =
    { reading with
        IsSought = isByApplication
        Next = offset
        Messages = Map.empty
        Stale = reading.Progress.Running
        IsConfirmed = false
    }

/// From here on the queue may be committed lower than it was.
let private moved world =
    let age pending =
        match pending with
        | SavingIt(offset, _) -> SavingIt(offset, true)
        | LoadingIt _ -> LoadingIt true
        | pending -> pending

    { world with
        KnownHigh = Int64.MinValue
        Pending = List.map age world.Pending
    }

let private checkSave offset world =
    law (not (isPending isStoreRequest world)) "two requests to the store are in flight"
    law (offset >= 0L) $"the negative offset {offset} is saved"
    let isChosen = world.Chosen.Contains offset

    match world.Reading with
    | None -> failtest "an offset is saved of a queue that is not read"
    | Some reading ->
        law (isChosen || offset <= reading.Progress.Consumed) $"{offset} passes what is not consumed: %A{reading}"
        law (isChosen || reading.IsConfirmed) "an offset is committed that no pull has confirmed"

    let isAllowed =
        match ConsumerQueue.unsavedReset world.Queue with
        // An operator's reset that the broker does not have yet holds against what others have committed.
        | Some reset -> offset >= min reset world.KnownHigh
        | None -> offset >= world.KnownHigh

    law (isChosen || isAllowed) $"{offset} is committed over {world.KnownHigh}, which is known to be committed"

    if world.Rules.NeedsLock then
        match ConsumerQueue.lockState world.Queue with
        | Locked lock -> law (ConsumeLock.mayConsume world.Now lock) "a commit without a lock that can be trusted"
        | _ -> failtest "a commit without the lock"

    if not world.Rules.AutoCommit then
        law (isChosen || world.Asked > 0) "a commit that nobody asked for"

let private perform world effect =
    match effect with
    | QueueEffect.AcquireLock attempt ->
        law world.IsAssigned "a lock is taken for a queue that is not assigned"
        law (not (isPending isRenewing world)) "a lock is taken while it is renewed"
        begin' (Acquiring(attempt, world.Now)) world
    | QueueEffect.RenewLock ->
        law (not (isPending isRenewing world)) "a lock is renewed twice at a time"
        law (not (List.contains Releasing world.Pending)) "a lock is renewed while it is released"
        begin' (Renewing world.Now) world
    | QueueEffect.ReleaseLock ->
        law (not (isPending isRenewing world)) "a lock is released while it is renewed"
        begin' Releasing world
    | QueueEffect.FindOffset attempt -> begin' (Finding attempt) world
    | QueueEffect.StartReading offset ->
        law world.IsAssigned "a queue is read that is not assigned"
        law world.Reading.IsNone "a queue is read twice"
        law (offset >= 0L) $"a queue is read from {offset} on"

        { world with
            // A reset came while the queue was begun, or it begins again where it was moved to.
            KnownHigh =
                if world.Chosen.Contains offset || world.Sought.Contains offset then
                    min offset world.KnownHigh
                else
                    world.KnownHigh
            Reading =
                Some
                    {
                        Next = offset
                        Messages = Map.empty
                        Stale = 0
                        IsConfirmed = false
                        IsSought = false
                        IsStopped = false
                    }
        }
    | QueueEffect.RestartFetching ->
        law world.Reading.IsSome "fetching begins again of a queue that is not read"
        world
    | QueueEffect.MoveReading offset ->
        law (offset >= 0L) $"a queue is moved to {offset}"

        moved
            { world with
                Reading = Option.map (moveTo false offset) world.Reading
            }
    | QueueEffect.StopReading ->
        { world with
            Reading = world.Reading |> Option.map (fun reading -> { reading with IsStopped = true })
        }
    | QueueEffect.WaitForHandlers -> begin' DrainingIt world
    | QueueEffect.CloseReading ->
        law (not (isPending isStoreRequest world)) "a queue is closed while its offset is saved"
        { world with Reading = None }
    | QueueEffect.SaveOffset offset ->
        checkSave offset world
        begin' (SavingIt(offset, false)) world
    | QueueEffect.LoadOffset ->
        law (not (isPending isStoreRequest world)) "two requests to the store are in flight"
        begin' (LoadingIt false) world
    | QueueEffect.RetryAfter(wait, attempt) ->
        law (wait <= TimeSpan.FromSeconds 20L) $"the next attempt waits for {wait}"
        begin' (Retrying attempt) world
    | QueueEffect.AnswerCommits(askers, _) ->
        law (List.forall (world.Answered.Contains >> not) askers) "a commit is answered twice"

        { world with
            Answered = Set.union world.Answered (Set.ofList askers)
        }
    | QueueEffect.Report _ -> world

let private checkState world =
    match world.Reading with
    | Some reading when not reading.IsStopped ->
        law world.IsAssigned "a queue that is not assigned is read on"
        law (ConsumerQueue.phase world.Queue = Running) "a queue is read that does not run"
    | _ -> law (ConsumerQueue.phase world.Queue <> Running) "a queue runs that is not read"

let apply world event =
    let next, effects = ConsumerQueue.transition world.Now world.Queue event
    let world = List.fold perform { world with Queue = next } effects
    checkState world

    { world with
        Effects = world.Effects @ effects
    }

// The broker's side

let private lockMaxLiveTime = TimeSpan.FromSeconds 60L

let isFree world =
    match world.Broker.Holder with
    | None -> true
    | Some _ -> world.Now - world.Broker.LockedAt > lockMaxLiveTime

let private lockFor holder world =
    if isFree world || world.Broker.Holder = Some holder then
        true,
        { world with
            World.Broker.Holder = Some holder
            World.Broker.LockedAt = world.Now
        }
    else
        false, world

/// What this member learns of the broker; what it knew already is no news.
let private know offset isOld world =
    { world with
        Known = Some offset
        KnownHigh =
            if isOld || world.Known = Some offset then
                world.KnownHigh
            else
                max world.KnownHigh offset
    }

/// How something ends: 0 and 1 well, 2 not carried out, 3 carried out with the answer lost.
let private endOf pending how world =
    let world =
        { world with
            Pending = List.except [ pending ] world.Pending
        }

    let lockAnswer () =
        if how = 2 then
            LockUnknown, world
        else
            match lockFor 0 world with
            | _, after when how = 3 -> LockUnknown, after
            | true, after -> LockGranted, after
            | false, after -> LockDenied, after

    match pending with
    | Acquiring(attempt, askedAt) ->
        let answer, world = lockAnswer ()
        apply world (QueueEvent.LockAnswered(attempt, askedAt, answer))
    | Renewing askedAt ->
        let answer, world = lockAnswer ()
        apply world (QueueEvent.LockRenewed(askedAt, answer))
    | Releasing ->
        let world =
            if how <> 2 && world.Broker.Holder = Some 0 then
                { world with
                    World.Broker.Holder = None
                }
            else
                world

        apply world QueueEvent.Unlocked
    | Finding attempt when how >= 2 -> apply world (QueueEvent.OffsetNotFound attempt)
    | Finding attempt ->
        let committed = CommittedOffset.ofOption world.Broker.Committed
        let offset = Option.defaultValue last world.Broker.Committed

        // A new beginning: what was known before may have been changed by others.
        apply
            { world with
                Known = world.Broker.Committed
                KnownHigh = Option.defaultValue Int64.MinValue world.Broker.Committed
            }
            (QueueEvent.OffsetFound(attempt, offset, committed))
    | SavingIt(offset, isOld) ->
        let carriedOut =
            if how = 2 then
                world
            else
                { world with
                    World.Broker.Committed = Some offset
                    World.Broker.IsOwn = true
                }

        if how >= 2 then
            apply carriedOut (QueueEvent.OffsetNotSaved(RemotingError.AlreadyClosed "the store"))
        else
            apply
                (if world.Chosen.Contains offset then
                     // An offset that was chosen may be lowered again by what is consumed after it.
                     { carriedOut with
                         Known = Some offset
                         KnownHigh = min offset (progressOf world).Consumed
                     }
                 else
                     know offset isOld carriedOut)
                QueueEvent.OffsetSaved
    | LoadingIt _ when how >= 2 -> apply world QueueEvent.OffsetNotLoaded
    | LoadingIt isOld ->
        let committed = CommittedOffset.ofOption world.Broker.Committed

        let knowing =
            match world.Broker.Committed with
            | Some offset when Some offset <> world.Known && not world.Broker.IsOwn ->
                // Somebody else has changed it, down or up.
                { know offset isOld world with
                    KnownHigh = if isOld then world.KnownHigh else offset
                }
            | Some _ -> world
            | None ->
                { world with
                    Known = None
                    KnownHigh = Int64.MinValue
                }

        apply knowing (QueueEvent.OffsetLoaded(committed, progressOf world))
    | Retrying attempt -> apply world (QueueEvent.RetryDue attempt)
    | DrainingIt -> apply world (QueueEvent.Drained(progressOf world))

let private withReading change world =
    { world with
        Reading = Option.map change world.Reading
    }

let private handlersOf (reading: Reading) =
    [
        for KeyValue(offset, state) in reading.Messages do
            if state = InHandler then
                offset
    ]

let private at (place: byte) items =
    List.tryItem (int place % max 1 (List.length items)) items

let private chosen offset world =
    { world with
        Chosen = Set.add offset world.Chosen
    }

let step world step =
    match step with
    | GetsAssigned -> apply { world with IsAssigned = true } QueueEvent.Assigned
    | GetsRevoked -> apply { world with IsAssigned = false } (QueueEvent.Revoked(progressOf world))
    | Ends(place, how) ->
        match at place world.Pending with
        | Some pending -> endOf pending (int how % 4) world
        | None -> world
    | Pulls messages ->
        let pull (reading: Reading) =
            if reading.IsStopped then
                reading
            else
                let count = int64 messages % 4L

                { reading with
                    Next = reading.Next + count
                    Messages =
                        (reading.Messages, [ reading.Next .. reading.Next + count - 1L ])
                        ||> List.fold (fun messages offset -> Map.add offset Buffered messages)
                    IsConfirmed = true
                }

        withReading pull world
    | BeginsHandler ->
        let begin' (reading: Reading) =
            match Seq.tryFind (fun (KeyValue(_, state)) -> state = Buffered) reading.Messages with
            | Some(KeyValue(offset, _)) when not reading.IsStopped ->
                { reading with
                    Messages = Map.add offset InHandler reading.Messages
                }
            | _ -> reading

        withReading begin' world
    | EndsHandler place ->
        let end' (reading: Reading) =
            match at place (handlersOf reading) with
            | Some offset ->
                { reading with
                    Messages = Map.remove offset reading.Messages
                }
            | None ->
                { reading with
                    Stale = max 0 (reading.Stale - 1)
                }

        withReading end' world
    | CommitTime -> apply world (QueueEvent.CommitDue(progressOf world))
    | RenewTime -> apply world QueueEvent.RenewDue
    | AsksToCommit offset ->
        let asker = world.Asked + 1
        let offset = if offset % 2uy = 0uy then None else Some(int64 offset)
        let world = { world with Asked = asker }

        let world =
            match offset with
            | Some offset -> chosen offset world
            // What is consumed now may be sent later, behind another request, also after a seek.
            | None when (progressOf world).IsConfirmed -> chosen (progressOf world).Consumed world
            | None -> world

        apply world (QueueEvent.CommitRequested(asker, offset, progressOf world))
    | Resets offset ->
        let offset = int64 offset
        apply (chosen offset world) (QueueEvent.ResetRequested offset)
    // A queue that is being given up is not moved any more.
    | Seeks _ when world.Reading |> Option.exists _.IsStopped -> world
    | Seeks offset ->
        // As the application seeks, at the process queue itself.
        moved
            { withReading (moveTo true (int64 offset)) world with
                Sought = Set.add (int64 offset) world.Sought
            }
    | Waits seconds ->
        { world with
            Now = world.Now + TimeSpan.FromSeconds(float seconds * 2.0)
        }
    | OtherCommits offset ->
        { world with
            World.Broker.Committed = Some(int64 offset)
            // What this member has tried to write itself cannot be told from its own.
            World.Broker.IsOwn = List.contains (QueueEffect.SaveOffset(int64 offset)) world.Effects
        }
    | OtherWantsLock -> lockFor 1 world |> snd
    | FetchGetsStuck -> apply world QueueEvent.FetchStuck

let run rules steps = List.fold step (start rules) steps

/// All that is under way ends well, and goes on to; other members let their locks go.
let settle world =
    let mutable world =
        { world with
            World.Broker.Holder =
                if world.Broker.Holder = Some 1 then
                    None
                else
                    world.Broker.Holder
        }

    let mutable rounds = 0

    while not world.Pending.IsEmpty do
        rounds <- rounds + 1
        law (rounds < 60) $"does not settle: %A{world.Pending}"
        world <- endOf world.Pending.Head 0 world

    world
