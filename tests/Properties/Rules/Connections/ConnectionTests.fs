module RocketMq.Protocol.Tests.ConnectionTests

open System
open RocketMq

/// What happens to a connection. Outcomes of dials and ends of sessions only happen where one is due.
type Step =
    | Open
    | Close
    | DialSucceeds
    | DialFails of isWanted: bool
    /// The session in use ends, and a frame had come or not.
    | SessionEnds of wasServed: bool * isWanted: bool
    /// The session in use takes no more requests, because nobody needs it.
    | SessionLeaves
    /// The server asks its clients to go.
    | SendsAway
    /// A session that is not in use any more ends.
    | FormerSessionEnds
    /// Late news of a session that has ended.
    | OldSessionEnds

/// A connection and the world around it.
type internal World =
    {
        State: ConnectionState
        PendingDials: int
        /// Sessions that live, the latest first.
        Live: int list
        Admitted: int option
        /// Sessions that owe answers and take no more requests.
        Former: Set<int>
        NextSession: int
        Effects: ConnectionEffect list
    }

let private start =
    {
        State = ConnectionState.Disconnected
        PendingDials = 0
        Live = []
        Admitted = None
        Former = Set.empty
        NextSession = 1
        Effects = []
    }

let private redial isWanted = { Jitter = 0.5; IsNeeded = isWanted }

let rec private apply (world: World) event =
    let state, effects = Connection.transition Backoff.Default world.State event

    let moved =
        { world with
            State = state
            Effects = List.rev effects @ world.Effects
        }

    List.fold perform moved effects

and private perform world effect =
    match effect with
    | Dial _ ->
        { world with
            PendingDials = world.PendingDials + 1
        }
    | AbandonDial when world.PendingDials > 0 ->
        // An abandoned dial fails, sooner or later.
        world
    | AbandonDial -> failwith "abandoned a dial that there was not"
    | Admit session ->
        if world.Admitted.IsSome then
            failwith "two sessions at a time"

        if not (List.contains session world.Live) then
            failwith "admitted a session that is over"

        { world with Admitted = Some session }
    | Retire session ->
        if world.Admitted <> Some session then
            failwith "retired a session that was not in use"

        { world with
            Admitted = None
            Former = Set.add session world.Former
        }
    | HangUp session ->
        if not (List.contains session world.Live) then
            failwith "hung up a session that is over"

        endSession session true true world
    | TurnAway _
    | Announce _ -> world

and private endSession session wasServed isWanted world =
    let world =
        { world with
            Live = List.filter ((<>) session) world.Live
            Former = Set.remove session world.Former
            Admitted = world.Admitted |> Option.filter ((<>) session)
        }

    apply world (SessionEnded(session, "over", wasServed, redial isWanted))

let private step world step =
    match step with
    | Open -> apply world OpenRequested
    | Close -> apply world CloseRequested
    | DialSucceeds when world.PendingDials > 0 ->
        let session = world.NextSession

        apply
            { world with
                PendingDials = world.PendingDials - 1
                Live = session :: world.Live
                NextSession = session + 1
            }
            (DialSucceeded session)
    | DialFails isWanted when world.PendingDials > 0 ->
        apply
            { world with
                PendingDials = world.PendingDials - 1
            }
            (DialFailed("refused", redial isWanted))
    | SessionEnds(wasServed, isWanted) when world.Admitted.IsSome ->
        endSession world.Admitted.Value wasServed isWanted world
    | SessionLeaves when world.Admitted.IsSome ->
        let session = world.Admitted.Value

        apply
            { world with
                Admitted = None
                Former = Set.add session world.Former
            }
            (SessionLeft session)
    | SendsAway when world.Admitted.IsSome -> apply world (GoAwayReceived(world.Admitted.Value, redial true))
    | FormerSessionEnds when not world.Former.IsEmpty -> endSession world.Former.MinimumElement true true world
    | OldSessionEnds when world.NextSession > 1 && not (List.contains 1 world.Live) ->
        apply world (SessionEnded(1, "over", true, redial true))
    | DialSucceeds
    | DialFails _
    | SessionEnds _
    | SessionLeaves
    | SendsAway
    | FormerSessionEnds
    | OldSessionEnds -> world

let private run steps = List.fold step start steps

let private dialling =
    testList
        "dialling"
        [
            property "at most one session takes requests, and callers use it"
            <| fun (steps: Step list) ->
                let world = run steps
                let former = Set.ofList world.Live - Set.ofList (Option.toList world.Admitted)

                former = world.Former
                && match world.State with
                   | ConnectionState.Connected(session, _) -> world.Admitted = Some session
                   | _ -> world.Admitted.IsNone

            property "at most one dial is pending, and only a connecting or closed connection has one"
            <| fun (steps: Step list) ->
                let world = run steps

                match world.State with
                | ConnectionState.Connecting _ -> world.PendingDials = 1
                | ConnectionState.Closed -> world.PendingDials <= 1
                | ConnectionState.Disconnected
                | ConnectionState.Connected _
                | ConnectionState.Closing _ -> world.PendingDials = 0

            property "a connection is dialled again if and only if a caller needs it"
            <| fun (steps: Step list) (isWanted: bool) ->
                let world = { run steps with Effects = [] }

                let lost =
                    match world.State with
                    | ConnectionState.Connected _ -> step world (SessionEnds(true, isWanted))
                    | ConnectionState.Connecting _ -> step world (DialFails isWanted)
                    | _ -> world

                let dials =
                    lost.Effects
                    |> List.exists (fun effect ->
                        match effect with
                        | Dial _ -> true
                        | _ -> false)

                match world.State with
                | ConnectionState.Connected _
                | ConnectionState.Connecting _ ->
                    dials = isWanted && (isWanted || lost.State = ConnectionState.Disconnected)
                | _ -> true
        ]

let private leaving =
    testList
        "leaving"
        [
            property "a server that asks its clients to leave is dialled again, and its pending answers are awaited"
            <| fun (steps: Step list) ->
                let world = run steps

                match world.State with
                | ConnectionState.Connected(session, _) ->
                    let away = step { world with Effects = [] } SendsAway

                    away.State = ConnectionState.Connecting 0
                    && List.contains (Retire session) away.Effects
                    && List.contains session away.Live
                | _ -> true
        ]

let private closing =
    testList
        "closing"
        [
            property "opening an unused connection connects it"
            <| fun (steps: Step list) ->
                let world = step (run steps) SessionLeaves
                let world = step { world with Effects = [] } Open

                match world.State with
                | ConnectionState.Connecting _ -> world.PendingDials = 1
                | ConnectionState.Connected _ -> world.Admitted.IsSome
                | ConnectionState.Closing _
                | ConnectionState.Closed -> true
                | ConnectionState.Disconnected -> false

            property "after a close nothing is dialled or admitted any more"
            <| fun (before: Step list) (after: Step list) ->
                let closed = run (before @ [ Close ])
                let later = List.fold step { closed with Effects = [] } after

                later.Effects
                |> List.forall (fun effect ->
                    match effect with
                    | Dial _
                    | Admit _ -> false
                    | _ -> true)

            property "a connection that was closed ends up closed, and says so once"
            <| fun (before: Step list) (after: Step list) ->
                let world = run (before @ [ Close ] @ after)

                let announcements =
                    world.Effects
                    |> List.filter (fun effect -> effect = Announce ConnectionState.Closed)

                world.State = ConnectionState.Closed && announcements.Length = 1
        ]

let private announcementsTests =
    testList
        "announcements"
        [
            property "waiting callers are notified when a dial fails"
            <| fun (steps: Step list) ->
                let world = run steps

                match world.State with
                | ConnectionState.Connecting _ ->
                    let failed = step { world with Effects = [] } (DialFails true)
                    failed.Effects |> List.contains (TurnAway "refused")
                | _ -> true

            property "every change of state raises one event"
            <| fun (steps: Step list) ->
                let announced =
                    (run steps).Effects
                    |> List.rev
                    |> List.choose (fun effect ->
                        match effect with
                        | Announce state -> Some state
                        | _ -> None)

                let last =
                    List.tryLast announced |> Option.defaultValue ConnectionState.Disconnected

                last = (run steps).State
        ]

let private backoff =
    testList
        "backoff"
        [
            property "delays between failed dials grow up to the cap"
            <| fun (failures: byte) ->
                let rec fail world left =
                    if left = 0 then
                        world
                    else
                        fail (step world (DialFails true)) (left - 1)

                let world = fail (step start Open) (int failures)

                let waits =
                    world.Effects
                    |> List.rev
                    |> List.choose (fun effect ->
                        match effect with
                        | Dial after -> Some after
                        | _ -> None)

                waits.Head = TimeSpan.Zero
                && List.pairwise waits |> List.forall (fun (earlier, later) -> later >= earlier)
                && waits |> List.forall (fun wait -> wait <= Backoff.Default.Cap)
        ]

let private states =
    testList
        "states"
        [
            testCase "a connection is disconnected, connecting, connected, closing and closed in turn"
            <| fun () ->
                let step state event =
                    fst (Connection.transition Backoff.Default state event)

                [
                    ConnectionState.Disconnected
                    step ConnectionState.Disconnected OpenRequested
                    step (ConnectionState.Connecting 0) (DialSucceeded 1)
                    step (ConnectionState.Connected(1, 0)) CloseRequested
                    step
                        (ConnectionState.Closing 1)
                        (SessionEnded(1, "closed", true, { Jitter = 0.0; IsNeeded = true }))
                ]
                |> shouldEqual
                    [
                        ConnectionState.Disconnected
                        ConnectionState.Connecting 0
                        ConnectionState.Connected(1, 0)
                        ConnectionState.Closing 1
                        ConnectionState.Closed
                    ]
        ]

let private oldFailures =
    testList
        "old failures"
        [
            testCase "a server that accepts and drops connections is dialled at growing delays"
            <| fun () ->
                let round world =
                    step (step world DialSucceeds) (SessionEnds(false, true))

                let rec rounds world left =
                    if left = 0 then world else rounds (round world) (left - 1)

                match (rounds (step start Open) 20).State with
                | ConnectionState.Connecting failures -> failures |> shouldEqual 20
                | other -> failtest $"%A{other}"

            testCase "a session that received data resets the backoff"
            <| fun () ->
                let world =
                    run
                        [
                            Open
                            DialFails true
                            DialFails true
                            DialFails true
                            DialSucceeds
                            SessionEnds(true, true)
                        ]

                world.State |> shouldEqual (ConnectionState.Connecting 0)
        ]

let private jitterTests =
    testList
        "jitter"
        [
            property "a wait lies between half and all of its share, whatever the numbers"
            <| fun (failures: int) (jitter: float) ->
                let wait =
                    Backoff.delay Backoff.Default failures (if Double.IsNaN jitter then 0.0 else jitter)

                let full =
                    min 10_000.0 (100.0 * Math.Pow(2.0, float (min (max 0 (failures - 1)) 62)))

                wait.TotalMilliseconds >= full * 0.5 - 0.001
                && wait.TotalMilliseconds <= full + 0.001
        ]

[<Tests>]
let tests =
    testList
        "Connection"
        [
            dialling
            leaving
            closing
            announcementsTests
            backoff
            states
            oldFailures
            jitterTests
        ]
