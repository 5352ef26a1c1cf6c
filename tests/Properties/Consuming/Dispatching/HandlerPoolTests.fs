/// How handlers come by work, and what a queue knows of what they have.
module RocketMq.Protocol.Tests.HandlerPoolTests

open System
open System.Threading
open Expecto
open Microsoft.Extensions.Logging.Abstractions
open RocketMq

let private queue: MessageQueue =
    {
        Topic = "T"
        BrokerName = "b"
        QueueId = 0
    }

let private limits: FlowControlLimits =
    {
        Messages = 10
        Bytes = 1000L
        Span = 50L
    }

let private messagesAt (offsets: int64 list) =
    [|
        for offset in offsets ->
            { Parts.emptyFields with
                QueueOffset = offset
                StoredBody = ReadOnlyMemory(Array.zeroCreate<byte> 10)
            }
            |> StoredMessage.create
    |]

let private newQueue limits =
    ProcessQueue(queue, 0L, limits, MemberClock TimeProvider.System)

/// What a pull brought that nothing came in between of.
let private pulled (queue: ProcessQueue) messages next =
    match queue.Pulled(queue.BeginPull(), messages, next) with
    | null -> failtest "the pull does not count"
    | pulled -> pulled

let private roomTests =
    testList
        "room"
        [
            test "a queue is full by messages, by bytes or by span, and has room again after messages are consumed" {
                let byCount = newQueue limits
                let held = pulled byCount (messagesAt [ 0L .. 9L ]) 10L
                byCount.IsFull |> shouldBeTrue
                let room = byCount.WhenRoom()
                room.IsCompleted |> shouldBeFalse
                byCount.Finish(held, 3)
                room.Wait(TimeSpan.FromSeconds 30L) |> shouldBeTrue

                let byBytes = newQueue { limits with Bytes = 20L }
                let held = pulled byBytes (messagesAt [ 0L; 1L ]) 2L
                byBytes.IsFull |> shouldBeTrue
                byBytes.Finish(held, 1)
                byBytes.IsFull |> shouldBeFalse

                let bySpan = newQueue limits
                let held = pulled bySpan (messagesAt [ 0L; 60L ]) 61L
                bySpan.IsFull |> shouldBeTrue
                bySpan.Finish(held, 0)
                bySpan.IsFull |> shouldBeFalse
            }

            test "finishing a message twice frees its room once" {
                let owner = newQueue limits
                let held = pulled owner (messagesAt [ 0L .. 4L ]) 5L
                owner.Finish(held, 0)
                owner.Finish(held, 0)
                owner.CachedMessages |> shouldEqual 4
                owner.CachedBytes |> shouldEqual 40L
            }
        ]

let private dropping =
    testList
        "dropping"
        [
            test "a dropped queue gives nothing to handlers and waits for the running ones" {
                let owner = newQueue limits
                let held = pulled owner (messagesAt [ 0L; 1L ]) 2L
                owner.TryBegin(held, 1) |> shouldBeTrue
                owner.Leave()
                owner.TryBegin(held, 1) |> shouldBeFalse
                let idle = owner.WhenIdle()
                idle.IsCompleted |> shouldBeFalse
                owner.FinishAndEnd(held, 0, 1)
                idle.Wait(TimeSpan.FromSeconds 30L) |> shouldBeTrue

                owner.Progress
                |> shouldEqual
                    {
                        Consumed = 1L
                        IsConfirmed = true
                        IsSought = false
                        Running = 0
                    }

                owner.IsCurrent held |> shouldBeTrue
                owner.Close()
                owner.IsCurrent held |> shouldBeFalse
            }
        ]

let private seeking =
    testList
        "seeking"
        [
            test
                "after a seek, messages from before it reach no handler and do not count, and no pull has confirmed the offset" {
                let owner = newQueue limits
                owner.Progress.IsConfirmed |> shouldBeFalse
                let held = pulled owner (messagesAt [ 0L; 1L ]) 2L
                owner.Progress.IsConfirmed |> shouldBeTrue
                owner.TryBegin(held, 1) |> shouldBeTrue
                owner.Seek 7L
                owner.TryBegin(held, 1) |> shouldBeFalse
                owner.FinishAndEnd(held, 0, 1)
                owner.IsCurrent held |> shouldBeFalse

                owner.Progress
                |> shouldEqual
                    {
                        Consumed = 7L
                        IsConfirmed = false
                        IsSought = true
                        Running = 0
                    }

                pulled owner [||] 7L |> ignore<FetchedBatch>
                owner.Progress.IsConfirmed |> shouldBeTrue
            }

            test "a pull loop ends when another one replaces it, and its last pull does not count" {
                let owner = newQueue limits
                let first = owner.BeginLoop()
                let place = owner.BeginPull()
                owner.IsLoop first |> shouldBeTrue
                let second = owner.BeginLoop()
                owner.IsLoop first |> shouldBeFalse
                owner.IsLoop second |> shouldBeTrue
                place.Ending.IsCancellationRequested |> shouldBeTrue
                isNull (owner.Pulled(place, messagesAt [ 0L ], 1L)) |> shouldBeTrue
                owner.Next |> shouldEqual 0L
                owner.Leave()
                owner.IsLoop second |> shouldBeFalse
            }
        ]

let private processQueue = testList "Process queue" [ roomTests; dropping; seeking ]

/// Gives one piece of work after the other, and counts how many work at a time.
let private poolOf concurrency (work: int -> Task) =
    let given = ConcurrentQueue<int>()
    let mutable working = 0
    let mutable most = 0
    let gate = obj ()

    let loop (pool: HandlerPool) (run: HandlerWorker) : Task =
        backgroundTask {
            while pool.Take run do
                lock gate (fun () ->
                    working <- working + 1
                    most <- max most working)

                given.Enqueue run.First
                do! work run.First
                lock gate (fun () -> working <- working - 1)
        }

    let pool =
        { new HandlerPool("C", concurrency, NullLogger.Instance) with
            member pool.Handle run = loop pool run
        }

    pool, given, (fun () -> most)

let private noStarter: IHandlerStarter =
    { new IHandlerStarter with
        member _.Start _ = ()
    }

let private retriedMessages =
    testList
        "retried messages"
        [
            test "one message of a batch is work by itself, and its batch is taken as before" {
                let batch = pulled (newQueue limits) (messagesAt [ 0L .. 2L ]) 3L

                for index in 0..2 do
                    let only = batch.Only index

                    only.Take()
                    |> shouldEqual
                        {
                            First = index
                            Count = 1
                            IsLast = true
                        }

                    only.IsTaken |> shouldBeTrue
                    obj.ReferenceEquals(only.Messages, batch.Messages) |> shouldBeTrue

                batch.CallSize <- 2

                [ batch.Take(); batch.Take() ]
                |> List.map (fun part -> part.First, part.Count, part.IsLast)
                |> shouldEqual [ 0, 2, false; 2, 1, true ]
            }
        ]

let private scheduling =
    testList
        "scheduling"
        [
            live "delivers each message once, with no more handlers than it may have" (fun () ->
                task {
                    let pool, given, most = poolOf 4 (fun _ -> task { do! Task.Yield() })

                    let owner =
                        newQueue
                            { limits with
                                Messages = 100_000
                                Span = 100_000L
                                Bytes = 10_000_000L
                            }

                    let batches = 500
                    let size = 20

                    do!
                        inCrowd 8 0 batches (fun _ ->
                            let held =
                                pulled owner (messagesAt [ for index in 0 .. size - 1 -> int64 index ]) 1L

                            pool.Add held
                            Task.CompletedTask)

                    do! until (fun () -> given.Count = batches * size)
                    most () |> shouldStayBelow 5

                    given
                    |> Seq.countBy id
                    |> Seq.forall (fun (_, count) -> count = batches)
                    |> shouldBeTrue
                })

            live "starts no handler while it is paused, and goes on when it is resumed" (fun () ->
                task {
                    let pool, given, _ = poolOf 4 (fun _ -> Task.CompletedTask)
                    pool.Pause()
                    let owner = newQueue limits
                    pool.Add(pulled owner (messagesAt [ 0L .. 8L ]) 9L)
                    given.Count |> shouldEqual 0
                    pool.Resume()
                    do! until (fun () -> given.Count = 9)
                })
        ]

let private timeouts =
    testList
        "timeouts"
        [
            live "an abandoned handler frees its slot, and its late result does not count" (fun () ->
                task {
                    let release = TaskCompletionSource()
                    let mutable outcome = None
                    let mutable begun: HandlerWorker option = None
                    let mutable others = 0
                    let owner = newQueue limits

                    let loop (pool: HandlerPool) (run: HandlerWorker) : Task =
                        backgroundTask {
                            while pool.Take run do
                                run.Begin(owner, 0L)

                                if run.First = 0 then
                                    begun <- Some run
                                    do! release.Task
                                    outcome <- Some(run.End())
                                else
                                    run.End() |> ignore
                                    Interlocked.Increment &others |> ignore
                        }

                    let pool =
                        { new HandlerPool("C", 1, NullLogger.Instance) with
                            member pool.Handle run = loop pool run
                        }

                    pool.Add(pulled owner (messagesAt [ 0L .. 2L ]) 3L)
                    do! until (fun () -> begun.IsSome)
                    pool.Abandon(begun.Value, begun.Value.Stamp) |> shouldBeTrue
                    do! until (fun () -> others = 2)
                    release.SetResult()
                    do! until (fun () -> outcome.IsSome)
                    outcome |> shouldEqual (Some false)
                })
        ]

let private cancellation =
    testList
        "cancellation"
        [
            test "cancelling one call does not cancel the next one" {
                let run = HandlerWorker noStarter
                run.Begin(newQueue limits, 0L)
                let first = run.Stamp
                run.End() |> shouldBeTrue
                run.Begin(newQueue limits, 0L)
                run.Cancel(first).Wait()
                run.Token.IsCancellationRequested |> shouldBeFalse
                run.Abandon first |> shouldBeFalse
                run.Cancel(run.Stamp).Wait()
                run.Token.IsCancellationRequested |> shouldBeTrue
                run.End() |> shouldBeTrue
                run.Begin(newQueue limits, 0L)
                run.Token.IsCancellationRequested |> shouldBeFalse
            }

            test
                "a cancellation callback that throws is reported to the caller of the cancellation, and one that blocks holds up neither the run nor its lock" {
                let run = HandlerWorker noStarter
                run.Begin(newQueue limits, 0L)
                use _ = run.Token.Register(fun () -> failwith "on purpose")
                let cancelling = run.Cancel run.Stamp

                Expect.throwsT<AggregateException>
                    (fun () -> cancelling.Wait(TimeSpan.FromSeconds 30L) |> ignore<bool>)
                    "the callback's exception"

                run.End() |> shouldBeTrue
                run.Begin(newQueue limits, 0L)
                use release = new ManualResetEventSlim()
                use _ = run.Token.Register(fun () -> release.Wait())
                let cancelling = run.Cancel run.Stamp
                run.IsCancelled |> shouldBeTrue
                run.End() |> shouldBeTrue
                run.Begin(newQueue limits, 0L)
                run.IsCancelled |> shouldBeFalse
                cancelling.IsCompleted |> shouldBeFalse
                release.Set()
                cancelling.Wait(TimeSpan.FromSeconds 30L) |> shouldBeTrue
            }
        ]

let private pool =
    testList "Handler pool" [ retriedMessages; scheduling; timeouts; cancellation ]

[<Tests>]
let tests = testList "Handlers" [ processQueue; pool ]
