module RocketMq.Protocol.Tests.PoolTests

open RocketMq

/// What a random sequence does next; numbers choose among what there is.
type private Step =
    | Ask
    | SendBack of which: int * isUsable: bool
    /// Of a connection that is not lent: must change nothing.
    | GiveBackTwice of connection: int
    | GiveUp of which: int
    | CloseIt

let private pick index items =
    match items with
    | [] -> None
    | items -> Some(List.item (abs (index % List.length items)) items)

/// A pool, and what its borrowers know.
type private World =
    {
        Pool: PoolState
        NextBorrower: int
        /// Connection by renter.
        Holding: Map<int, int>
        Waiting: Set<int>
        Discarded: Set<int>
        Drained: int
    }

let private carryOut (world: World) effect =
    match effect with
    | Rent(renter, connection) ->
        // Only who waits gets one, and nobody else has it.
        world.Waiting.Contains renter |> shouldBeTrue
        Map.exists (fun _ held -> held = connection) world.Holding |> shouldBeFalse
        world.Discarded.Contains connection |> shouldBeFalse

        { world with
            Holding = Map.add renter connection world.Holding
            Waiting = Set.remove renter world.Waiting
        }
    | RejectRenter renter ->
        world.Waiting.Contains renter |> shouldBeTrue

        { world with
            Waiting = Set.remove renter world.Waiting
        }
    | Discard connection ->
        world.Discarded.Contains connection |> shouldBeFalse

        { world with
            Discarded = Set.add connection world.Discarded
        }
    | Drained ->
        world.Holding |> shouldBeEmpty

        { world with
            Drained = world.Drained + 1
        }

let private post (world: World) event =
    let pool, effects =
        Pool.transition (fun connection -> connection % 3) world.Pool event

    List.fold carryOut { world with Pool = pool } effects

let private check (world: World) =
    let pool = world.Pool

    pool.Rented
    |> shouldEqual (world.Holding |> Map.toSeq |> Seq.map snd |> Set.ofSeq)

    Set.ofList pool.Waiting |> shouldEqual world.Waiting
    (pool.Rented.Count + pool.Idle.Length <= pool.Size) |> shouldBeTrue
    Set.intersect pool.Rented (Set.ofList pool.Idle) |> shouldBeEmpty
    // Nobody waits while there is one to have.
    (world.Waiting.IsEmpty || (pool.Idle.IsEmpty && pool.Rented.Count = pool.Size))
    |> shouldBeTrue

    (pool.IsClosed && not pool.Idle.IsEmpty) |> shouldBeFalse

let private step (world: World) step =
    let world =
        match step with
        | Ask ->
            let renter = world.NextBorrower

            post
                { world with
                    NextBorrower = renter + 1
                    Waiting = Set.add renter world.Waiting
                }
                (Requested renter)
        | SendBack(which, isUsable) ->
            match pick which (Map.toList world.Holding) with
            | Some(renter, connection) ->
                post
                    { world with
                        Holding = Map.remove renter world.Holding
                    }
                    (Returned(connection, isUsable))
            | None -> world
        | GiveBackTwice connection when world.Pool.Rented.Contains connection -> world
        | GiveBackTwice connection ->
            let after = post world (Returned(connection, true))
            after.Pool |> shouldEqual world.Pool
            after
        | GiveUp which ->
            match pick which (Set.toList world.Waiting) with
            | Some renter ->
                post
                    { world with
                        Waiting = Set.remove renter world.Waiting
                    }
                    (RentCancelled renter)
            | None -> world
        | CloseIt -> post world DrainRequested

    check world
    world

let private start size =
    {
        Pool = Pool.empty size
        NextBorrower = 0
        Holding = Map.empty
        Waiting = Set.empty
        Discarded = Set.empty
        Drained = 0
    }

[<Tests>]
let tests =
    testList
        "Pool"
        [
            property "no connection is rented twice, none is lost, and no renter waits in vain"
            <| fun (size: byte) (steps: Step list) ->
                let world = List.fold step (start (1 + int size % 5)) steps
                let closed = step world CloseIt

                // All that is out comes back: then everything that was ever made is closed, and the end is told.
                let last =
                    (closed, [ 1 .. closed.Holding.Count ])
                    ||> List.fold (fun world _ -> step world (SendBack(0, true)))

                last.Waiting |> shouldBeEmpty

                last.Discarded
                |> shouldEqual (Set.ofSeq (seq { 0 .. last.Pool.NextConnection - 1 }))

                last.Drained |> shouldExceed 0

            testCase "the least busy connection is rented"
            <| fun () ->
                let pool =
                    { Pool.empty 3 with
                        Idle = [ 0; 1; 2 ]
                        NextConnection = 3
                    }

                let load = Map.ofList [ (0, 5); (1, 2); (2, 9) ]

                Pool.transition load.get_Item pool (Requested 7)
                |> snd
                |> shouldEqual [ Rent(7, 1) ]
        ]
