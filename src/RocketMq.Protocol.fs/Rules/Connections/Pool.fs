namespace RocketMq

/// A pool of connections that are rented to one caller at a time, at most `Size` of them. Connections and borrowers are
/// numbers here.
type internal PoolState =
    {
        Size: int
        /// Those that no renter has, the last returned first.
        Idle: int list
        Rented: Set<int>
        /// Who waits for one, the first first.
        Waiting: int list
        NextConnection: int
        IsClosed: bool
    }

type internal PoolEvent =
    | Requested of renter: int
    /// Returned; `isUsable` if the connection is worth renting again.
    | Returned of connection: int * isUsable: bool
    /// A renter waits no longer.
    | RentCancelled of renter: int
    | DrainRequested

type internal PoolEffect =
    | Rent of renter: int * connection: int
    | RejectRenter of renter: int
    /// Close it: no renter will have it again.
    | Discard of connection: int
    /// The pool is closed and everything has come back.
    | Drained

module internal Pool =
    let empty size : PoolState =
        {
            Size = size
            Idle = []
            Rented = Set.empty
            Waiting = []
            NextConnection = 0
            IsClosed = false
        }

    /// The connection for the next renter: the least busy idle one, or a new one, or none.
    let private choose (load: int -> int) (state: PoolState) =
        match state.Idle with
        | [] when state.Rented.Count < state.Size ->
            Some(
                state.NextConnection,
                { state with
                    NextConnection = state.NextConnection + 1
                }
            )
        | [] -> None
        | idle ->
            let best = List.minBy load idle

            Some(
                best,
                { state with
                    Idle = List.filter ((<>) best) idle
                }
            )

    let rec private serveWaiting load (state: PoolState) effects =
        match state.Waiting, choose load state with
        | renter :: others, Some(connection, state) ->
            let state =
                { state with
                    Waiting = others
                    Rented = Set.add connection state.Rented
                }

            serveWaiting load state (Rent(renter, connection) :: effects)
        | _ -> state, List.rev effects

    let private drainedIfEmpty (state: PoolState) =
        if state.IsClosed && state.Rented.IsEmpty then
            [ Drained ]
        else
            []

    /// What an event makes of a pool, and what is to be done. `load` tells how busy an idle connection is. Total.
    let transition (load: int -> int) (state: PoolState) (event: PoolEvent) : PoolState * PoolEffect list =
        match event with
        | Requested renter when state.IsClosed -> state, [ RejectRenter renter ]
        | Requested renter ->
            serveWaiting
                load
                { state with
                    Waiting = state.Waiting @ [ renter ]
                }
                []
        | Returned(connection, _) when not (state.Rented.Contains connection) -> state, []
        | Returned(connection, isUsable) ->
            let state =
                { state with
                    Rented = Set.remove connection state.Rented
                }

            if isUsable && not state.IsClosed then
                serveWaiting
                    load
                    { state with
                        Idle = connection :: state.Idle
                    }
                    []
            else
                let state, effects = serveWaiting load state []
                state, Discard connection :: effects @ drainedIfEmpty state
        | RentCancelled renter ->
            { state with
                Waiting = List.filter ((<>) renter) state.Waiting
            },
            []
        | DrainRequested when state.IsClosed -> state, drainedIfEmpty state
        | DrainRequested ->
            let closed =
                { state with
                    Idle = []
                    Waiting = []
                    IsClosed = true
                }

            closed,
            List.map RejectRenter state.Waiting
            @ List.map Discard state.Idle
            @ drainedIfEmpty closed
