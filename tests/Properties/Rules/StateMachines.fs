/// The state machines whose diagrams are in docs/architecture.md, each with the events that may come in its states.
module RocketMq.Protocol.Tests.StateMachines

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Tests.StateDiagram

let private hint isNeeded = { Jitter = 0.5; IsNeeded = isNeeded }

let private connection: Machine<ConnectionState, ConnectionEvent, ConnectionEffect> =
    {
        Start = [ ConnectionState.Disconnected ]
        Transition = Connection.transition Backoff.Default
        Events =
            fun state ->
                let session =
                    match state with
                    | ConnectionState.Connected(session, _)
                    | ConnectionState.Closing session -> session
                    | ConnectionState.Disconnected
                    | ConnectionState.Connecting _
                    | ConnectionState.Closed -> 1

                [
                    "OpenRequested", OpenRequested
                    "DialSucceeded", DialSucceeded(session + 1)
                    "DialFailed needed", DialFailed("", hint true)
                    "DialFailed", DialFailed("", hint false)
                    "SessionEnded needed", SessionEnded(session, "", true, hint true)
                    "SessionEnded", SessionEnded(session, "", true, hint false)
                    "SessionLeft", SessionLeft session
                    "GoAwayReceived needed", GoAwayReceived(session, hint true)
                    "GoAwayReceived", GoAwayReceived(session, hint false)
                    "CloseRequested", CloseRequested
                ]
        Kind = caseOf
        Name = caseOf
        Effect =
            fun effect ->
                match effect with
                | Announce _ -> None
                | effect -> Some(caseOf effect)
    }

let private session: Machine<SessionPhase, SessionEvent, SessionEffect> =
    let reason = FailureReason.ofText "a reason"

    {
        Start = [ SessionPhase.Open ]
        Transition = SessionPhase.transition 10L<tick>
        Events =
            fun _ ->
                [
                    "RetireRequested", SessionEvent.RetireRequested
                    "LastCallEnded", SessionEvent.LastCallEnded 10L<tick>
                    "DrainRequested", SessionEvent.DrainRequested(reason, 10L<tick>)
                    "WritingEnded", SessionEvent.WritingEnded
                    "TimePassed to the deadline", SessionEvent.TimePassed
                    "Failed", SessionEvent.Failed reason
                ]
        Kind = caseOf
        Name = caseOf
        Effect = fun effect -> Some(caseOf effect)
    }

/// Of an orderly member, which needs locks, and commits by itself.
let private queue: Machine<ConsumerQueue, QueueEvent, QueueEffect> =
    let now = TimeSpan.FromSeconds 5L

    let progress (state: ConsumerQueue) running =
        {
            Consumed = state.Progress.Consumed + 1L
            IsConfirmed = true
            IsSought = false
            Running = running
        }

    {
        Start = [ ConsumerQueue.create { NeedsLock = true; AutoCommit = true } ]
        Transition = ConsumerQueue.transition now
        Events =
            fun state ->
                [
                    "Assigned", QueueEvent.Assigned
                    "Revoked", QueueEvent.Revoked(progress state 0)
                    "Revoked", QueueEvent.Revoked(progress state 1)
                    "LockGranted", QueueEvent.LockAnswered(state.Attempt, now, LockGranted)
                    "LockDenied", QueueEvent.LockAnswered(state.Attempt, now, LockDenied)
                    "LockUnknown", QueueEvent.LockAnswered(state.Attempt, now, LockUnknown)
                    "OffsetFound", QueueEvent.OffsetFound(state.Attempt, 7L, CommittedAt 7L)
                    "OffsetNotFound", QueueEvent.OffsetNotFound state.Attempt
                    "RetryDue", QueueEvent.RetryDue state.Attempt
                    if state.IsRenewing then
                        "renewal denied", QueueEvent.LockRenewed(now, LockDenied)
                        "renewal granted", QueueEvent.LockRenewed(now, LockGranted)
                    "RenewDue", QueueEvent.RenewDue
                    "CommitDue", QueueEvent.CommitDue(progress state 0)
                    match state.Request with
                    | Saving _ ->
                        "OffsetSaved", QueueEvent.OffsetSaved
                        "OffsetNotSaved", QueueEvent.OffsetNotSaved(RemotingError.AlreadyClosed "")
                    | Loading ->
                        "OffsetLoaded", QueueEvent.OffsetLoaded(state.Committed, state.Progress)
                        "OffsetNotLoaded", QueueEvent.OffsetNotLoaded
                    | NoRequest -> ()
                    "FetchStuck", QueueEvent.FetchStuck
                    "Drained", QueueEvent.Drained(progress state 0)
                    if state.Phase = Unlocking then
                        "Unlocked", QueueEvent.Unlocked
                ]
        Kind =
            fun state ->
                let failures = min 1 state.Failures
                $"{caseOf state.Phase} {state.IsAssigned} {caseOf state.Lock} {caseOf state.Request} {state.IsRenewing} {failures} {state.IsLastLoaded}"
        Name = fun state -> caseOf state.Phase
        Effect =
            fun effect ->
                match effect with
                | QueueEffect.AnswerCommits _
                | QueueEffect.Report _ -> None
                | effect -> Some(caseOf effect)
    }

let private target: AckTarget =
    {
        Topic = "T"
        Receipt =
            {
                InitialOffset = 0L
                PopTimestamp = 0L
                InvisibleMillis = PopLimits.Default.InvisibleMillis
                ReviveQueueId = 0
                Source = OfTopic
                BrokerName = "a"
                QueueId = 0
                QueueOffset = 0L
            }
    }

/// A consumer that holds one message at most; events come at times.
let private poppedMessage: Machine<PopInFlight, int64 * PopEvent, PopEffect> =
    let id = 7L

    let phaseOf (pops: PopInFlight) =
        match Map.tryFind id pops.InFlight with
        | None -> "Settled"
        | Some { Phase = Processing(_, true) } -> "InDoubt"
        | Some { Phase = Renewing(_, ValueSome _) } -> "RenewingHandled"
        | Some held -> caseOf held.Phase

    let came =
        PopInFlight.transition 0L (PopInFlight.create PopLimits.Default) (Came(0, id, [ target ]))
        |> fst

    let answers name (event: PopAnswerEvent<'Value> -> PopEvent) value =
        [
            $"{name} Taken", event (Taken value)
            $"{name} NotNow", event NotNow
            $"{name} Never", event Never
        ]

    {
        Start = [ came ]
        Transition = fun pops (now, event) -> PopInFlight.transition now pops event
        Events =
            fun pops ->
                match Map.tryFind id pops.InFlight with
                | None -> []
                | Some held ->
                    let alive = held.DeadMillis - 20_000L

                    [
                        "IsDone", Handled(id, IsDone)
                        "Redeliver", Handled(id, Redeliver 1_000L)
                        "SentBack", SentBack 1_000L
                        yield! answers "Renewed" (fun answer -> Renewed(id, answer)) target.Receipt
                        yield! answers "Acked" (fun answer -> Acked("a", [ id ], answer)) ()
                        yield! answers "Nacked" (fun answer -> Nacked(id, answer)) ()
                    ]
                    |> List.map (fun (words, event) -> words, (alive, event))
                    |> List.append
                        [
                            match held.DueMillis with
                            | ValueSome due when due < held.DeadMillis -> "due", (due, ClockTicked)
                            | _ -> ()
                            "receipt dead", (held.DeadMillis, ClockTicked)
                        ]
        Kind = phaseOf
        Name = phaseOf
        Effect = fun effect -> Some(caseOf effect)
    }

/// By their names in the document.
let all: (string * (unit -> string list)) list =
    [
        "connection", (fun () -> mermaid connection)
        "session", (fun () -> mermaid session)
        "consumer queue", (fun () -> mermaid queue)
        "popped message", (fun () -> mermaid poppedMessage)
    ]
