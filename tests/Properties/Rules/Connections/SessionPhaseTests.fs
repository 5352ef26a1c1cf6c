module RocketMq.Protocol.Tests.SessionPhaseTests

open Expecto
open RocketMq

/// What happens to a session; the numbers are deadlines and times.
type Step =
    | Retires
    | LastCallEnds of deadline: byte
    | Drains of reason: byte * deadline: byte
    | WritingEnds
    | TimePasses of now: byte
    | Fails of reason: byte

let private reasonOf (number: byte) = FailureReason.ofText $"reason {number}"

/// What happens, and when: only one event depends on the time.
let private timed step =
    match step with
    | TimePasses now -> int64 now * 1L<tick>, SessionEvent.TimePassed
    | Retires -> 0L<tick>, SessionEvent.RetireRequested
    | LastCallEnds deadline -> 0L<tick>, SessionEvent.LastCallEnded(int64 deadline * 1L<tick>)
    | Drains(reason, deadline) -> 0L<tick>, SessionEvent.DrainRequested(reasonOf reason, int64 deadline * 1L<tick>)
    | WritingEnds -> 0L<tick>, SessionEvent.WritingEnded
    | Fails reason -> 0L<tick>, SessionEvent.Failed(reasonOf reason)

let private after step phase =
    let now, event = timed step
    SessionPhase.transition now phase event

/// The phases that a session goes through, the event that led to each, and the effects of that.
let private run (steps: Step list) =
    steps
    |> List.scan
        (fun (phase, _, _) step ->
            let next, effects = after step phase
            next, ValueSome step, effects)
        (SessionPhase.Open, ValueNone, [])

let private pairs steps =
    run steps
    |> List.pairwise
    |> List.map (fun ((before, _, _), (after, step, effects)) -> before, step.Value, after, effects)

let private effectsOf steps =
    run steps |> List.collect (fun (_, _, effects) -> effects)

let private rank phase =
    match phase with
    | SessionPhase.Open -> 0
    | SessionPhase.Retired -> 1
    | SessionPhase.Draining _ -> 2
    | SessionPhase.Ended _ -> 3

let private isEnd effect =
    match effect with
    | SessionEffect.End _ -> true
    | SessionEffect.CompleteBuffer
    | SessionEffect.WakeAt _ -> false

let private phaseAfter steps =
    let phase, _, _ = List.last (run steps)
    phase

let private ending =
    testList
        "ending"
        [
            property "a session only goes on, never back"
            <| fun (steps: Step list) ->
                pairs steps
                |> List.forall (fun (before, _, after, _) -> rank before <= rank after)

            property "it is ended once, in the step in which its phase says so, and for the same reason"
            <| fun (steps: Step list) ->
                pairs steps
                |> List.forall (fun (before, _, after, effects) ->
                    match before, after with
                    | SessionPhase.Ended _, _ -> effects = [] && after = before
                    | _, SessionPhase.Ended reason -> List.filter isEnd effects = [ SessionEffect.End reason ]
                    | _ -> not (List.exists isEnd effects))

            property "the buffer is completed once at most, by the step with which a session drains"
            <| fun (steps: Step list) ->
                pairs steps
                |> List.forall (fun (before, _, after, effects) ->
                    let begins = rank before < 2 && rank after = 2
                    List.contains SessionEffect.CompleteBuffer effects = begins)

            property "the first reason and deadline of a drain stay, and the deadline wakes the session"
            <| fun (steps: Step list) ->
                pairs steps
                |> List.forall (fun (before, _, after, effects) ->
                    match before, after with
                    | SessionPhase.Draining _, SessionPhase.Draining _ -> after = before && effects = []
                    | _, SessionPhase.Draining(_, deadline) -> List.contains (SessionEffect.WakeAt deadline) effects
                    | _ -> true)
        ]

let private draining =
    testList
        "draining"
        [
            property "a drain ends when all is written, at its deadline, or with a failure, and not before"
            <| fun (steps: Step list) (reason: byte) (deadline: byte) (last: Step) ->
                match phaseAfter (steps @ [ Drains(reason, deadline) ]) with
                | SessionPhase.Draining(why, until) as draining ->
                    let next, _ = after last draining

                    match last with
                    | WritingEnds -> next = SessionPhase.Ended why
                    | TimePasses now when int64 now * 1L<tick> >= until -> next = SessionPhase.Ended why
                    | Fails failure -> next = SessionPhase.Ended(reasonOf failure)
                    | TimePasses _
                    | Retires
                    | LastCallEnds _
                    | Drains _ -> next = draining
                | SessionPhase.Ended _ -> true
                | SessionPhase.Open
                | SessionPhase.Retired -> false

            property "it ends of itself only where somebody asked it to, or all was written"
            <| fun (steps: Step list) ->
                let isAsked =
                    steps
                    |> List.exists (fun step ->
                        match step with
                        | Retires
                        | Drains _
                        | WritingEnds
                        | Fails _ -> true
                        | LastCallEnds _
                        | TimePasses _ -> false)

                isAsked || phaseAfter steps = SessionPhase.Open

            property "one that is retired drains with its last answer, and no other does"
            <| fun (steps: Step list) (deadline: byte) ->
                let before = phaseAfter steps
                let after, _ = after (LastCallEnds deadline) before

                match before with
                | SessionPhase.Retired ->
                    after = SessionPhase.Draining(SessionPhase.retiredReason, int64 deadline * 1L<tick>)
                | SessionPhase.Open
                | SessionPhase.Draining _
                | SessionPhase.Ended _ -> after = before

            property "it answers its peer until it drains"
            <| fun (steps: Step list) ->
                let phase = phaseAfter steps
                SessionPhase.takesAnswers phase = (rank phase < 2)

            testCase "what fails, fails at once, whatever came before"
            <| fun () ->
                effectsOf [ Retires; Drains(1uy, 9uy); Fails 2uy; WritingEnds; Fails 3uy ]
                |> List.filter isEnd
                |> shouldEqual [ SessionEffect.End(reasonOf 2uy) ]
        ]

[<Tests>]
let tests = testList "Session phases" [ ending; draining ]
