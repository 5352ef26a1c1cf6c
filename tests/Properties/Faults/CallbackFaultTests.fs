/// What applications register with the tokens of their handlers, and loggers: whatever these do, nothing of ours ends.
module RocketMq.Protocol.Tests.CallbackFaultTests

open System
open System.Threading
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// What a callback does: throw, or block until the test is over.
type private Callback =
    | Throws
    | Blocks

let private register callback (release: Task) (cancellation: CancellationToken) =
    cancellation.Register(fun () ->
        match callback with
        | Throws -> raise (InvalidOperationException "a callback that throws, on purpose")
        | Blocks -> release.Wait())
    |> ignore<CancellationTokenRegistration>

/// A handler that never returns when it gets a message for the first time that begins with "hang".
let private hanging callback (seen: Seen) (release: Task) =
    ConsumeHandler.EachMessage(fun received cancellation ->
        let text = textOf received

        if
            text.StartsWith("hang", StringComparison.Ordinal)
            && received.Message.ReconsumeTimes = 0
            && not release.IsCompleted
        then
            register callback release cancellation

            ValueTask<ConsumeResult>(
                task {
                    do! release
                    return ConsumeResult.Success
                }
            )
        else
            seen.Add text
            ValueTask<ConsumeResult> ConsumeResult.Success)

/// Two handlers hang one after the other; others take their place.
let private overdue callback : Task =
    withStrictQueues 1 (fun clock cluster ->
        task {
            let release = TaskCompletionSource()
            let seen = Seen()

            let options =
                memberOf cluster clock "one"
                |> (fun options ->
                    { options with
                        Concurrency = 2
                        ConsumeTimeout = seconds 20
                    })

            let! consumer = startMember clock options (hanging callback seen release.Task)
            do! PullRig.sendTo cluster 0 [ "hang1" ]

            let! _ =
                happensWithin clock (seconds 60) (fun () -> consumer.Health.OverdueHandlers = 1L)

            do! PullRig.sendTo cluster 0 [ "hang2" ]

            let! _ =
                happensWithin clock (seconds 120) (fun () -> consumer.Health.AbandonedHandlers = 2L)

            do! PullRig.sendTo cluster 0 [ "next" ]
            let! _ = happensWithin clock (seconds 120) (fun () -> seen.Texts.Contains "next")
            let health = consumer.Health
            release.SetResult()
            do! close clock consumer

            (health.OverdueHandlers, health.AbandonedHandlers, seen.Of "next")
            |> shouldEqual (2L, 2L, 1)
        })

/// The member closes while a handler hangs.
let private closing callback isOrdered : Task =
    withStrictQueues 1 (fun clock cluster ->
        task {
            let release = TaskCompletionSource()
            let seen = Seen()

            let options name =
                let options =
                    memberOf cluster clock name
                    |> (fun options ->
                        { options with
                            DrainTimeout = seconds 5
                        })

                if isOrdered then
                    PushConsumerOptions.orderly options
                else
                    options

            let! consumer = startMember clock (options "a") (hanging callback seen release.Task)
            do! PullRig.sendTo cluster 0 [ "m0"; "m1"; "hang" ]

            do!
                ChaosRig.pass clock (fun () ->
                    consumer.Health.Queues
                    |> List.exists (fun queue -> queue.CachedMessages = 1 && seen.Count = 2))

            do! close clock consumer
            let! committed = PullRig.committedOf cluster 0
            let! next = startMember clock (options "b") (remember seen)
            // Far less than a broker keeps a lock that nobody sends back.
            let! isNext = happensWithin clock (seconds 30) (fun () -> seen.Of "hang" = 1)
            release.SetResult()
            do! close clock next
            (committed, isNext) |> shouldEqual (2L, true)
        })

let private popLost =
    "[pop] a callback that throws when a receipt is lost harms neither process nor consumer"

let private popConsumer () : Task =
    withStrictQueues 1 (fun clock cluster ->
        task {
            let release = TaskCompletionSource()
            let seen = Seen()

            let options =
                popConsumerAt cluster.NameServers clock "C"
                |> (fun options ->
                    { options with
                        InvisibleTime = seconds 10
                    })

            let handler (received: ReceivedMessage) (cancellation: CancellationToken) : Task<ConsumeResult> =
                task {
                    if textOf received = "hang" && seen.Of "hang" = 0 then
                        seen.Add "hang"
                        register Throws release.Task cancellation
                        do! release.Task
                    else
                        seen.Add(textOf received)

                    return ConsumeResult.Success
                }

            cluster.Brokers[0]
                .Faults.On(RequestCode.ChangeMessageInvisibleTime)
                .Refuse(ResponseCode.SystemError, "on purpose", Int32.MaxValue)

            let! consumer = waitFor clock (startPop options handler)
            do! PullRig.sendTo cluster 0 [ "hang" ]
            let! _ = happensWithin clock (seconds 60) (fun () -> consumer.Lost = 1L)
            do! PullRig.sendTo cluster 0 [ "next" ]
            let! isNext = happensWithin clock (seconds 60) (fun () -> seen.Of "next" = 1)
            release.SetResult()
            let lost = consumer.Lost
            do! ChaosRig.finish clock (consumer.Close())
            (lost, isNext) |> shouldEqual (1L, true)
        })

let private popDrained () : Task =
    withStrictQueues 1 (fun clock cluster ->
        task {
            let release = TaskCompletionSource()
            let began = TaskCompletionSource()

            let handler _ (cancellation: CancellationToken) : Task<ConsumeResult> =
                task {
                    register Throws release.Task cancellation
                    began.TrySetResult() |> ignore<bool>
                    do! release.Task
                    return ConsumeResult.Success
                }

            let options =
                popConsumerAt cluster.NameServers clock "C"
                |> (fun options ->
                    { options with
                        DrainTimeout = seconds 5
                    })

            let! consumer = waitFor clock (startPop options handler)
            do! PullRig.sendTo cluster 0 [ "hang" ]
            do! ChaosRig.pass clock (fun () -> began.Task.IsCompleted)
            let closing = consumer.Close()
            let! _ = happensWithin clock (seconds 60) (fun () -> closing.IsCompleted)
            release.SetResult()
            closing.IsCompleted |> shouldBeTrue
            // Fails with what it failed with.
            do! closing
        })

/// A logger that throws whatever it is told.
[<Sealed>]
type private ThrowingLogger() =
    let mutable calls = 0
    member _.Calls = Volatile.Read &calls

    interface ILogger with
        member _.BeginScope _ = null
        member _.IsEnabled _ = true

        member _.Log(_, _, _, _, _) =
            Interlocked.Increment &calls |> ignore<int>
            raise (InvalidOperationException "a logger that throws, on purpose")

let private throwingLogger =
    "[D14] a logger that throws ends neither the process nor a loop"

let private withThrowingLogger () : Task =
    withStrictQueues 2 (fun clock cluster ->
        task {
            let logger = ThrowingLogger()
            let seen = Seen()

            let options =
                memberOf cluster clock "one"
                |> (fun options ->
                    { options with
                        ConsumeTimeout = seconds 20
                    })

            let options =
                { options with
                    Consumer.Client.Remoting =
                        { options.Consumer.Client.Remoting with
                            Logger = logger
                        }
                }

            let handler =
                ConsumeHandler.EachMessage(fun received _ ->
                    if received.Message.ReconsumeTimes = 0 && textOf received = "fails" then
                        raise (InvalidOperationException "on purpose")

                    seen.Add(textOf received)
                    ValueTask<ConsumeResult> ConsumeResult.Success)

            let! consumer = startMember clock options handler
            let faults = cluster.Brokers[0].Faults
            faults.On(RequestCode.PullMessage).Refuse(ResponseCode.SystemError, "on purpose", 3)
            faults.On(RequestCode.UpdateConsumerOffset).Refuse(ResponseCode.SystemError, "on purpose", 2)
            faults.On(RequestCode.HeartBeat).Refuse(ResponseCode.SystemError, "on purpose", 2)
            faults.On(RequestCode.GetConsumerListByGroup).Refuse(ResponseCode.SystemError, "on purpose", 2)
            cluster.Brokers[0].DisconnectClients()
            do! sendAll cluster "T" ("fails" :: numbered 0 20)
            let! _ = happensWithin clock (seconds 120) (fun () -> seen.Count = 21)

            let! isCommitted =
                becomesWithin clock (seconds 60) (fun () -> isAllCommitted cluster "C" "T" 2)

            logger.Calls > 0 |> shouldBeTrue
            do! close clock consumer
            (seen.Texts, isCommitted) |> shouldEqual (set ("fails" :: numbered 0 20), true)
        })

let private throwingLoggerAlone =
    "[D14] a logger that throws keeps no client of one server, of several or of a pool from connecting"

/// They log connections that are made, and those that cannot be.
let private withThrowingLoggerAlone () : Task =
    withQueues 1 (fun clock cluster ->
        task {
            let logger = ThrowingLogger()

            let options =
                { patiently clock RemotingOptions.Default with
                    Logger = logger
                    ConnectTimeout = seconds 5
                }

            let broker = (endpointsOf cluster.Brokers[0].Address).Head
            let none = CancellationToken.None
            use client = RemotingClient.Create(broker, options) |> Buffers.ok
            let! opened = client.Open none
            opened |> Buffers.ok
            logger.Calls |> shouldExceed 0
            let before = logger.Calls

            use away =
                RemotingClient.Create({ Host = "127.0.0.1"; Port = 1 }, options) |> Buffers.ok

            let! refused = away.Open none

            match refused with
            | Error(RemotingError.NotConnected _) -> ()
            | other -> failtest $"%A{other}"

            logger.Calls |> shouldExceed before
            use clients = new RemotingClients(options)
            use pool = new ConnectionPool(broker, options, PoolOptions.Default)
            let! other = clients.Get(broker).Open none
            other |> Buffers.ok
            let! rented = pool.Rent none
            use rented = rented |> Buffers.ok
            let! connected = rented.Client.Open none
            connected |> Buffers.ok
        })

[<Tests>]
let tests =
    testList
        "Proven faults"
        [
            live popLost (fun () -> inOwnProcess popLost popConsumer)
            live "[pop] a callback that throws when a consumer ends does not keep it from ending" popDrained
            live
                "[callback] a callback that throws when a handler is overdue keeps no other handler from its work"
                (fun () -> overdue Throws)
            live
                "[callback] a callback that blocks when a handler is overdue keeps no other handler from its work"
                (fun () -> overdue Blocks)

            for isOrdered in [ false; true ] do
                live
                    $"[callback2] a member whose callback throws commits consumed messages and releases its lock (ordered: {isOrdered})"
                    (fun () -> closing Throws isOrdered)

                live
                    $"[callback2] a member whose callback blocks commits consumed messages and releases its lock (ordered: {isOrdered})"
                    (fun () -> closing Blocks isOrdered)

            live throwingLogger (fun () -> inOwnProcess throwingLogger withThrowingLogger)

            live throwingLoggerAlone (fun () -> inOwnProcess throwingLoggerAlone withThrowingLoggerAlone)
        ]
