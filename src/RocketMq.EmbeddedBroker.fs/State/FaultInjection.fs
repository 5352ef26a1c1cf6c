namespace RocketMq.Embedded

open System
open RocketMq.Protocol

/// What faults do to requests, and to answers of those that are carried out as ever.
module internal FaultInjection =
    let none: FaultState =
        {
            Rules = []
            FaultInjection = Map.empty
            Late = []
        }

    /// Settles what becomes of a request's answer, whenever it is made. A one-way request has none.
    let private decide (arrival: Arrival) kind (state: FaultState) =
        if arrival.Command.Kind = CommandKind.Request then
            let fate =
                {
                    Connection = arrival.Connection
                    Kind = kind
                }

            { state with
                FaultInjection = Map.add arrival.Ticket fate state.FaultInjection
            }
        else
            state

    /// Meets a request that arrives: with the faults as they are after it come the effects in place of carrying it out, if
    /// it is not to be carried out.
    let arrive (arrival: Arrival) (state: FaultState) : struct (FaultState * BrokerEffect list voption) =
        if state.Rules.IsEmpty then
            struct (state, ValueNone)
        else
            let struct (action, rules) = RequestRules.take arrival.Command.Code state.Rules
            let state = { state with Rules = rules }

            match action with
            | ValueNone -> struct (state, ValueNone)
            | ValueSome(RefuseWith(code, remark)) -> struct (state, ValueSome [ Answer.refuse arrival code remark ])
            | ValueSome LoseRequest -> struct (state, ValueSome [ Forget arrival.Ticket ])
            | ValueSome LoseAnswer -> struct (decide arrival IsLost state, ValueNone)
            | ValueSome(AnswerAfter delay) -> struct (decide arrival (ComesLate delay) state, ValueNone)

    let private postpone now ticket (fate: FaultOutcome) (delay: TimeSpan) answer (state: FaultState) =
        let late =
            {
                Ticket = ticket
                Connection = fate.Connection
                Answer = answer
                DueMillis = now + int64 (ceil delay.TotalMilliseconds)
            }

        { state with Late = late :: state.Late }

    let private meetAnswer now ticket effect (state: FaultState, effects) =
        let fate = Map.tryFind ticket state.FaultInjection

        let state =
            { state with
                FaultInjection = Map.remove ticket state.FaultInjection
            }

        match effect, fate with
        | Reply(_, answer), Some({ Kind = ComesLate delay } as fate) ->
            postpone now ticket fate delay answer state, effects
        | Reply _, Some { Kind = IsLost } -> state, Forget ticket :: effects
        | _ -> state, effect :: effects

    let private meet now (state: FaultState, effects) effect =
        match effect with
        | Reply(ticket, _)
        | Forget ticket -> meetAnswer now ticket effect (state, effects)
        | Push _
        | Call _
        | Note _ -> state, effect :: effects

    /// Does to answers what was decided for them.
    let apply now (state: FaultState, effects) : FaultState * BrokerEffect list =
        if Map.isEmpty state.FaultInjection then
            state, effects
        else
            let state, effects = List.fold (meet now) (state, []) effects
            state, List.rev effects

    let private release isDue (state: FaultState) =
        let due, waiting = List.partition isDue state.Late

        { state with Late = waiting },
        due
        |> List.rev
        |> List.sortBy (fun late -> late.DueMillis)
        |> List.map (fun late -> Reply(late.Ticket, late.Answer))

    /// Gives the late answers whose time has come.
    let expire now (state: FaultState) =
        release (fun late -> late.DueMillis <= now) state

    /// One more fault, after those that there are.
    let add rule (state: FaultState) =
        { state with
            Rules = state.Rules @ [ rule ]
        }

    /// Ends all faults: gives the late answers now, and loses no others.
    let heal (state: FaultState) =
        release (fun _ -> true) { none with Late = state.Late }

    /// Forgets the late answers to a connection that has ended.
    let leave connection (state: FaultState) =
        let gone, waiting =
            state.Late |> List.partition (fun late -> late.Connection = connection)

        { state with Late = waiting }, gone |> List.map (fun late -> Forget late.Ticket)

    /// When the first late answer is due.
    let nextDue (state: FaultState) : int64 voption =
        match state.Late with
        | [] -> ValueNone
        | late -> ValueSome(late |> List.map _.DueMillis |> List.min)
