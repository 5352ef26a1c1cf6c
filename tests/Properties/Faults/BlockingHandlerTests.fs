/// Handlers that block the thread which calls them, for as long as they like: nothing but their own messages waits for that.
module RocketMq.Protocol.Tests.BlockingHandlerTests

open System
open System.Threading
open RocketMq
open RocketMq.Embedded
open PushRig

/// The event that tells of such handlers.
let private told = 1131

/// The most threads that the pool may have in these processes.
let private poolThreads = 32

let private blocked = 100

/// With few threads, a pool whose threads are all blocked stays so. Ends the process if it takes too long: nothing on the pool could.
let private limitPool () =
    let struct (_, io) =
        let mutable workers = 0
        let mutable io = 0
        ThreadPool.GetMaxThreads(&workers, &io)
        struct (workers, io)

    ThreadPool.SetMaxThreads(max poolThreads Environment.ProcessorCount, io)
    |> shouldBeTrue

    let kill () =
        Thread.Sleep(TimeSpan.FromSeconds 90L)
        eprintfn "ERR] the sends did not end while handlers blocked"
        Environment.Exit 3

    Thread(kill, IsBackground = true).Start()

/// Twenty sends of three seconds each, one after the other.
let private sendTwenty (cluster: EmbeddedCluster) : Task =
    task {
        use producer =
            start
                { producerOf cluster system with
                    SendTimeout = TimeSpan.FromSeconds 3L
                }

        for number in 1..20 do
            let! sent = send producer (Message.ofText "Other" $"{number}")

            sent
            |> Result.mapError RemotingError.describe
            |> Buffers.ok
            |> ignore<SendReceipt>
    }

/// A hundred handlers that block until they are let go, from the first message on or when the pool has been calling them.
let private blockAll (areTrusted: bool) () : Task =
    task {
        limitPool ()
        use! cluster = startCluster (fun options -> options.Masters <- 1)
        do! cluster.CreateTopicAsync("T", 8)
        do! cluster.CreateTopicAsync("Other", 1)
        use release = new ManualResetEventSlim()
        let mutable entered = 0
        let mutable onPool = 0

        let handler =
            ConsumeHandler.EachMessage(fun received _ ->
                if textOf received = "blocks" then
                    Interlocked.Increment &entered |> ignore<int>
                    release.Wait()
                elif Thread.CurrentThread.IsThreadPoolThread then
                    Interlocked.Increment &onPool |> ignore<int>

                ValueTask<ConsumeResult> ConsumeResult.Success)

        let! consumer =
            startConsumer
                { subscribed cluster system with
                    Concurrency = blocked
                }
                handler

        let mutable sent = 0

        while areTrusted && Volatile.Read &onPool = 0 do
            do! sendAll cluster "T" [ "quick" ]
            sent <- sent + 1
            do! until (fun () -> consumer.Health.Consumed = int64 sent)

        do! sendAll cluster "T" (List.replicate blocked "blocks")
        do! until (fun () -> Volatile.Read &entered = blocked)
        do! sendTwenty cluster
        release.Set()
        do! until (fun () -> consumer.Health.Consumed = int64 (sent + blocked))
        do! consumer.Close()
    }

let private fromTheStart =
    "[blocking] sends go on while a hundred handlers block from their first message on"

let private later =
    "[blocking] sends go on while a hundred handlers block that did not before"

/// A handler that blocks at its first message until that has been logged, and gives a task that ends elsewhere for the others.
type private BlockingOnce(log: LogLines) =
    let onPool = ConcurrentQueue<bool>()
    let mutable calls = 0
    member _.Log = log
    member _.Calls = Volatile.Read &calls

    /// For each call after the first, whether a thread of the pool made it.
    member _.OnPool = List.ofSeq onPool

    member _.Handle(_: ReceivedMessage) : Task<ConsumeResult> =
        if Interlocked.Increment &calls = 1 then
            SpinWait.SpinUntil(fun () -> log.Count told > 0)
        else
            onPool.Enqueue Thread.CurrentThread.IsThreadPoolThread

        task {
            do! Task.Yield()
            return ConsumeResult.Success
        }

let private pushed isOrdered (cluster: EmbeddedCluster) (handler: BlockingOnce) : Task<IAsyncDisposable> =
    task {
        let options = subscribed cluster system

        let! consumer =
            startConsumer
                { options with
                    Concurrency = 1
                    IsOrderly = isOrdered
                    Consumer.Client.Remoting =
                        { options.Consumer.Client.Remoting with
                            Logger = handler.Log
                        }
                }
                (ConsumeHandler.EachMessage(fun received _ -> ValueTask<ConsumeResult>(handler.Handle received)))

        return consumer :> IAsyncDisposable
    }

let private popped (cluster: EmbeddedCluster) (handler: BlockingOnce) : Task<IAsyncDisposable> =
    task {
        let options = popConsumerAt cluster.NameServers system "C"

        let options =
            { options with
                Consumer.Client.Remoting.Logger = handler.Log
                Concurrency = 1
            }

        let! consumer = startPop options (fun received _ -> handler.Handle received)
        return consumer :> IAsyncDisposable
    }

[<Tests>]
let processes =
    testList
        "Proven faults"
        [
            live fromTheStart (fun () -> inOwnProcess fromTheStart (blockAll false))
            live later (fun () -> inOwnProcess later (blockAll true))
        ]

[<Tests>]
let tests =
    testList
        "Blocking handlers"
        [
            for name, begun in [ "concurrent", pushed false; "orderly", pushed true; "pop", popped ] do
                liveWith
                    withTopic
                    $"a group whose {name} handler blocked is warned of once, and all its calls are made apart"
                    (fun cluster ->
                        task {
                            let handler = BlockingOnce(LogLines())
                            let! (consumer: IAsyncDisposable) = begun cluster handler
                            do! sendAll cluster "T" (numbered 0 40)
                            // A call is counted before it says where it was made.
                            do! until (fun () -> handler.Calls = 40 && handler.OnPool.Length = 39)
                            handler.OnPool |> shouldEqual (List.replicate 39 false)
                            handler.Log.Count told |> shouldEqual 1
                            do! consumer.DisposeAsync()
                        })
        ]
