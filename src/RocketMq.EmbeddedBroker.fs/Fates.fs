namespace RocketMq.Embedded

open System
open RocketMq.Protocol

/// What faults do to answers of requests that are carried out as ever.
module internal Fates =
    /// Settles what becomes of a request's answer, whenever it is made. A one-way request has none.
    let decide (arrival: Arrival) kind (state: BrokerState) =
        if arrival.Command.Kind = Request then
            let fate =
                {
                    Connection = arrival.Connection
                    Kind = kind
                }

            { state with
                Fates = Map.add arrival.Ticket fate state.Fates
            }
        else
            state

    let private hold now ticket (fate: Fate) (delay: TimeSpan) answer (state: BrokerState) =
        let late =
            {
                Ticket = ticket
                Connection = fate.Connection
                Answer = answer
                DueMillis = now + int64 (ceil delay.TotalMilliseconds)
            }

        { state with Late = late :: state.Late }

    let private meetAnswer now ticket effect (state: BrokerState, effects) =
        let fate = Map.tryFind ticket state.Fates

        let state =
            { state with
                Fates = Map.remove ticket state.Fates
            }

        match effect, fate with
        | Reply(_, answer), Some({ Kind = ComesLate delay } as fate) -> hold now ticket fate delay answer state, effects
        | Reply _, Some { Kind = IsLost } -> state, Forget ticket :: effects
        | _ -> state, effect :: effects

    let private meet now (state: BrokerState, effects) effect =
        match effect with
        | Reply(ticket, _)
        | Forget ticket -> meetAnswer now ticket effect (state, effects)
        | Push _
        | Call _ -> state, effect :: effects

    /// Does to answers what was decided for them.
    let apply now (state: BrokerState, effects) : BrokerState * BrokerEffect list =
        if Map.isEmpty state.Fates then
            state, effects
        else
            let state, effects = List.fold (meet now) (state, []) effects
            state, List.rev effects

    let private release isDue (state: BrokerState) =
        let due, waiting = List.partition isDue state.Late

        { state with Late = waiting },
        due
        |> List.rev
        |> List.sortBy (fun late -> late.DueMillis)
        |> List.map (fun late -> Reply(late.Ticket, late.Answer))

    /// Gives the late answers whose time has come.
    let expire now (state: BrokerState) =
        release (fun late -> late.DueMillis <= now) state

    /// Gives the late answers now, and loses no others.
    let heal (state: BrokerState) =
        release (fun _ -> true) { state with Fates = Map.empty }

    /// Forgets the late answers to a connection that has ended.
    let leave connection (state: BrokerState) =
        let gone, waiting =
            state.Late |> List.partition (fun late -> late.Connection = connection)

        { state with Late = waiting }, gone |> List.map (fun late -> Forget late.Ticket)
