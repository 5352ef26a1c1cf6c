/// The life of a queue, in whatever order events come.
module RocketMq.Protocol.Tests.ConsumerQueueTests

open System
open RocketMq
open ConsumerQueueWorld

let private concurrent = { NeedsLock = false; AutoCommit = true }
let private orderly = { NeedsLock = true; AutoCommit = true }

let private manual =
    {
        NeedsLock = false
        AutoCommit = false
    }

let private kinds =
    [ "concurrent", concurrent; "orderly", orderly; "manual commits", manual ]

let private phaseOf world = ConsumerQueue.phase world.Queue

/// On 10,000 random sequences of events in the long form.
let private law name body =
    propertyOf (LongForm.count 400 10_000) name body

let private lawsOfEachKind =
    [
        for name, rules in kinds do
            law $"{name}: no law is broken, whatever happens"
            <| fun (steps: QueueStep list) ->
                run rules steps |> ignore<World>
                true

            law $"{name}: a queue that is assigned is read once faults end"
            <| fun (steps: QueueStep list) ->
                let world = settle (step (run rules steps) GetsAssigned)
                phaseOf world = Running && world.Reading.IsSome

            law $"{name}: a revoked queue is released once faults end, and its lock is free"
            <| fun (steps: QueueStep list) ->
                let world = settle (step (run rules steps) GetsRevoked)

                // A release may have been lost: then the lock expires, as it is not renewed.
                let later =
                    [ 1..4 ]
                    |> List.collect (fun _ -> [ Waits 10uy; RenewTime ])
                    |> List.fold step world

                phaseOf world = Released && world.Reading.IsNone && isFree later

            law $"{name}: every commit that is asked for is answered once"
            <| fun (steps: QueueStep list) ->
                let world = settle (step (run rules steps) GetsRevoked)
                world.Answered = Set.ofList [ 1 .. world.Asked ]

            law $"{name}: a queue that counts as settled has nothing to commit"
            <| fun (steps: QueueStep list) ->
                let before = run rules steps

                List.scan step before [ CommitTime; Ends(0uy, 0uy); Waits 100uy; Waits 250uy; Pulls 2uy ]
                |> List.forall (fun world ->
                    let progress = progressOf world

                    not (QueueCommits.isSettled world.Now progress world.Queue)
                    || ConsumerQueue.transition world.Now world.Queue (QueueEvent.CommitDue progress) =
                        (world.Queue, []))

            law $"{name}: the same events give the same effects"
            <| fun (steps: QueueStep list) -> (run rules steps).Effects = (run rules steps).Effects
    ]

let private lawsOfCommits =
    [
        law "consumed messages are committed at the end of a queue that no other member has touched"
        <| fun (steps: QueueStep list) ->
            let isAlone step =
                match step with
                | OtherCommits _
                | OtherWantsLock
                | AsksToCommit _
                | Seeks _
                | Resets _ -> false
                | _ -> true

            let world = settle (step (run concurrent (List.filter isAlone steps)) GetsAssigned)
            let world = step world (Pulls 3uy)
            let consumed = (progressOf world).Consumed
            let world = settle (step world GetsRevoked)
            world.Broker.Committed = Some consumed

        law
            "a reset that comes while a queue is read, begun or given up reaches the broker, or what was consumed after it does"
        <| fun (steps: QueueStep list) (offset: byte) ->
            let isQuiet step =
                match step with
                | OtherCommits _
                | AsksToCommit _
                | Seeks _ -> false
                | _ -> true

            let before = settle (step (run concurrent (List.filter isQuiet steps)) GetsAssigned)
            let reset = step before (Resets(int8 (offset / 2uy)))
            let world = settle (step reset GetsRevoked)
            world.Broker.Committed = Some(int64 (offset / 2uy))
    ]

/// A queue that is read, with a committed offset of 10.
let private running rules =
    let world =
        { start rules with
            World.Broker.Committed = Some 10L
        }

    settle (step world GetsAssigned)

let private commits =
    [
        testCase "an idle queue commits where it began, once a pull has been answered, and not before"
        <| fun () ->
            let world = settle (step (start concurrent) GetsAssigned)
            let early = settle (step world CommitTime)
            early.Broker.Committed |> shouldEqual None
            let world = settle (List.fold step world [ Pulls 0uy; CommitTime ])
            world.Broker.Committed |> shouldEqual (Some 100L)
            // Nothing new: nothing to commit.
            (step world CommitTime).Pending |> shouldBeEmpty

            let isSettled world =
                QueueCommits.isSettled world.Now (progressOf world) world.Queue

            isSettled early |> shouldBeFalse
            isSettled (step world CommitTime) |> shouldBeTrue
            isSettled (step (step world CommitTime) (Waits 250uy)) |> shouldBeFalse
            isSettled (step (step world CommitTime) (Pulls 2uy)) |> shouldBeTrue
            // Looked at again once the takeover is over, and then less often.
            let seen = settle (List.fold step world [ Waits 250uy; CommitTime ])
            isSettled (step seen (Waits 120uy)) |> shouldBeTrue
            isSettled (step seen (Waits 180uy)) |> shouldBeFalse

        testCase "with manual commits nothing is committed but on request, also at the end"
        <| fun () ->
            let world =
                settle (List.fold step (running manual) [ Pulls 3uy; CommitTime; Waits 250uy; CommitTime ])

            (settle (step world GetsRevoked)).Broker.Committed |> shouldEqual (Some 10L)

            let asked =
                settle (List.fold step world [ BeginsHandler; EndsHandler 0uy; AsksToCommit 0uy ])

            asked.Broker.Committed |> shouldEqual (Some 11L)

        testCase "a queue that is revoked while handlers work commits at once and again after them"
        <| fun () ->
            let world =
                List.fold
                    step
                    (running concurrent)
                    [ Pulls 3uy; BeginsHandler; BeginsHandler; EndsHandler 0uy; GetsRevoked ]

            world.Pending |> shouldEqual [ DrainingIt; LoadingIt false ]
            let world = List.fold step world [ Ends(1uy, 0uy); Ends(1uy, 0uy) ]
            world.Broker.Committed |> shouldEqual (Some 11L)
            let world = settle (step world (EndsHandler 0uy))
            world.Broker.Committed |> shouldEqual (Some 12L)
    ]

let private saves world =
    world.Effects
    |> List.filter (fun effect ->
        match effect with
        | QueueEffect.SaveOffset _ -> true
        | _ -> false)

let private firstCommits =
    [
        testCase
            "the first commit looks first: what the owner before has committed since is not lowered, and not consumed again"
        <| fun () ->
            let world =
                List.fold step (running concurrent) [ Pulls 3uy; BeginsHandler; EndsHandler 0uy ]

            let world = settle (List.fold step world [ OtherCommits 60uy; CommitTime ])
            world.Broker.Committed |> shouldEqual (Some 60L)
            (progressOf world).Consumed |> shouldEqual 60L
            saves world |> shouldBeEmpty

        testCase "the first commit saves what is consumed if nobody has committed since, or less"
        <| fun () ->
            let world =
                List.fold step (running concurrent) [ Pulls 3uy; BeginsHandler; EndsHandler 0uy ]

            (settle (step world CommitTime)).Broker.Committed |> shouldEqual (Some 11L)
            let late = step world (OtherCommits 9uy)
            (settle (step late CommitTime)).Broker.Committed |> shouldEqual (Some 11L)
            let failed = settle (List.fold step late [ CommitTime; Ends(0uy, 2uy) ])
            saves failed |> shouldBeEmpty
            (settle (step failed CommitTime)).Broker.Committed |> shouldEqual (Some 11L)

        testCase
            "where nothing was committed the offset of the owner before holds, though it is lower than where this one began"
        <| fun () ->
            let began = settle (step (start concurrent) GetsAssigned)
            (progressOf began).Consumed |> shouldEqual 100L
            let world = List.fold step began [ Pulls 1uy; OtherCommits 60uy ]
            let committed = settle (step world CommitTime)
            (progressOf committed).Consumed |> shouldEqual 60L
            committed.Broker.Committed |> shouldEqual (Some 60L)
            (settle (step world GetsRevoked)).Broker.Committed |> shouldEqual (Some 60L)

        testCase "a broker that says 0 where nothing is committed says nothing"
        <| fun () ->
            let world =
                List.fold step (start concurrent) [ GetsAssigned; Ends(0uy, 0uy); Pulls 1uy ]

            let world = settle (List.fold step world [ OtherCommits 0uy; CommitTime ])
            world.Broker.Committed |> shouldEqual (Some 100L)
            (progressOf world).Consumed |> shouldEqual 100L
    ]

let private seeks =
    [
        testCase "what the application has sought is read and committed, whatever the owner before has committed since"
        <| fun () ->
            let world =
                List.fold step (running concurrent) [ Seeks 4uy; Pulls 1uy; OtherCommits 60uy; CommitTime ]
                |> settle

            (progressOf world).Consumed |> shouldEqual 4L
            world.Broker.Committed |> shouldEqual (Some 4L)

            let meanwhile =
                List.fold step (running concurrent) [ Pulls 1uy; BeginsHandler; EndsHandler 0uy; CommitTime; Seeks 4uy ]

            meanwhile.Pending |> shouldEqual [ LoadingIt true ]
            let world = settle (step meanwhile (OtherCommits 60uy))
            (progressOf world).Consumed |> shouldEqual 4L
    ]

let private handOver =
    [
        testCase "the last commit is left out when the new owner has committed meanwhile"
        <| fun () ->
            let world =
                List.fold step (running concurrent) [ Pulls 3uy; BeginsHandler; GetsRevoked ]

            let world =
                settle (List.fold step world [ Ends(1uy, 0uy); OtherCommits 90uy; EndsHandler 0uy ])

            world.Broker.Committed |> shouldEqual (Some 90L)

        testCase "an owner that asserts its offset replaces the commit of another member"
        <| fun () ->
            let world =
                List.fold step (running concurrent) [ Pulls 0uy; Waits 70uy; CommitTime ]
                |> settle

            let world =
                List.fold step world [ OtherCommits 4uy; Waits 160uy; CommitTime ] |> settle

            (progressOf world).Consumed |> shouldEqual 4L

            world.Effects
            |> List.contains (QueueEffect.Report(OffsetTakenOver(10L, 4L)))
            |> shouldBeTrue

        testCase "a late commit of the previous owner is corrected while the queue is read and when it is revoked"
        <| fun () ->
            let world =
                List.fold step (running concurrent) [ Pulls 1uy; BeginsHandler; EndsHandler 0uy; CommitTime ]
                |> settle

            world.Broker.Committed |> shouldEqual (Some 11L)
            let late = step world (OtherCommits 10uy)
            (settle (step late GetsRevoked)).Broker.Committed |> shouldEqual (Some 11L)

            let asserted = settle (List.fold step late [ Waits 70uy; CommitTime ])
            (settle (step asserted CommitTime)).Broker.Committed |> shouldEqual (Some 11L)
            (progressOf asserted).Consumed |> shouldEqual 11L
    ]

let private locks =
    [
        testCase "a queue whose start failed releases its lock"
        <| fun () ->
            let world = step (step (start orderly) GetsAssigned) (Ends(0uy, 0uy))
            world.Broker.Holder |> shouldEqual (Some 0)
            let world = step world (Ends(0uy, 2uy))
            world.Pending |> shouldEqual [ Releasing ]
            let world = step world (Ends(0uy, 0uy))
            world.Broker.Holder |> shouldEqual None
            phaseOf world |> shouldEqual WaitingToRetry
            (step world RenewTime).Pending |> shouldEqual world.Pending
            phaseOf (settle world) |> shouldEqual Running

        testCase "a lock is released after the renewal in flight, not beside it"
        <| fun () ->
            let world = List.fold step (running orderly) [ Pulls 0uy; RenewTime; GetsRevoked ]

            let isRenewal =
                function
                | Renewing _ -> true
                | _ -> false

            let mutable world = world

            while List.exists (isRenewal >> not) world.Pending do
                let place = List.findIndex (isRenewal >> not) world.Pending
                world <- step world (Ends(byte place, 0uy))

            phaseOf world |> shouldEqual Unlocking
            let world = step world (Ends(0uy, 0uy))
            world.Pending |> shouldEqual [ Releasing ]
            (settle world).Broker.Holder |> shouldEqual None

        testCase "after a lost lock reading continues from memory unless another member has committed"
        <| fun () ->
            let lost =
                List.fold
                    step
                    (running orderly)
                    [
                        Pulls 3uy
                        BeginsHandler
                        EndsHandler 0uy
                        Waits 31uy
                        OtherWantsLock
                        RenewTime
                        Ends(0uy, 0uy)
                    ]

            lost.Effects |> List.contains (QueueEffect.Report LockWasLost) |> shouldBeTrue
            (progressOf (settle lost)).Consumed |> shouldEqual 11L
            let taken = settle (step lost (OtherCommits 12uy))
            (progressOf taken).Consumed |> shouldEqual 12L
    ]

let private resets =
    [
        testCase "a reset that the broker does not take is saved later, and holds in memory at once"
        <| fun () ->
            let world = List.fold step (running manual) [ Pulls 3uy; Resets 5y ]
            (progressOf world).Consumed |> shouldEqual 5L
            let world = step world (Ends(0uy, 2uy))
            world.Broker.Committed |> shouldEqual (Some 10L)
            (settle (step world CommitTime)).Broker.Committed |> shouldEqual (Some 5L)
            (settle (step world GetsRevoked)).Broker.Committed |> shouldEqual (Some 5L)

        testCase "a reset while a queue starts is its initial offset, and one below 0 changes nothing"
        <| fun () ->
            let beginning =
                step
                    { start concurrent with
                        World.Broker.Committed = Some 10L
                    }
                    GetsAssigned

            (progressOf (settle (step beginning (Resets 5y)))).Consumed |> shouldEqual 5L
            (progressOf (settle (step beginning (Resets -5y)))).Consumed |> shouldEqual 10L
            let refused = step (running concurrent) (Resets -5y)

            refused.Effects
            |> List.contains (QueueEffect.Report(ResetRefused -5L))
            |> shouldBeTrue

            refused.Pending |> shouldBeEmpty
    ]

let private retries =
    [
        testCase "an offset that the application commits stays until more is consumed"
        <| fun () ->
            let world =
                settle (List.fold step (running concurrent) [ Pulls 3uy; AsksToCommit 17uy ])

            let world = settle (step world CommitTime)
            world.Broker.Committed |> shouldEqual (Some 17L)

            let world =
                settle (List.fold step world [ BeginsHandler; EndsHandler 0uy; CommitTime ])

            world.Broker.Committed |> shouldEqual (Some 11L)

        testCase "attempts that fail wait longer each time, 20 s at most"
        <| fun () ->
            let mutable world = step (start concurrent) GetsAssigned
            let mutable waits = []

            for _ in 1..8 do
                world <- step world (Ends(0uy, 2uy))

                for effect in world.Effects do
                    match effect with
                    | QueueEffect.RetryAfter(wait, _) when not (List.contains wait waits) -> waits <- waits @ [ wait ]
                    | _ -> ()

                world <- step world (Ends(0uy, 0uy))

            waits
            |> List.map _.TotalSeconds
            |> shouldEqual [ 0.5; 1.0; 2.0; 4.0; 8.0; 16.0; 20.0 ]
    ]

let private cases =
    commits @ firstCommits @ seeks @ handOver @ locks @ resets @ retries

[<Tests>]
let tests = testList "Consumer queue" (lawsOfEachKind @ lawsOfCommits @ cases)
