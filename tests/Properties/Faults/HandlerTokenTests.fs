/// When the token of a handler is cancelled, and when it is not.
module RocketMq.Protocol.Tests.HandlerTokenTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// A handler that goes on, whatever its token says, until it is released; and the tokens that it was given.
[<Sealed>]
type private Stubborn() =
    let tokens = ConcurrentQueue<CancellationToken>()
    let release = TaskCompletionSource()
    member _.HasBegun = not tokens.IsEmpty
    member _.IsTold = tokens |> Seq.exists _.IsCancellationRequested
    member _.Release() = release.TrySetResult() |> ignore<bool>
    member _.Calls = tokens.Count

    member _.Work (_: ReceivedMessage) (cancellation: CancellationToken) : Task<ConsumeResult> =
        task {
            tokens.Enqueue cancellation
            do! release.Task
            return ConsumeResult.Success
        }

    member own.Handler =
        ConsumeHandler.EachMessage(fun received cancellation ->
            ValueTask<ConsumeResult>(own.Work received cancellation))

let private draining options : PushConsumerOptions =
    { options with
        DrainTimeout = seconds 30
    }

/// Slowly: renewals must keep up with the clock, however busy the machine is.
let private isNotToldWithin (clock: EmbeddedClock) (time: TimeSpan) (handler: Stubborn) : Task =
    task {
        let until = clock.GetUtcNow() + time
        do! ChaosRig.passAtPace (millis 50) clock (fun () -> clock.GetUtcNow() >= until)
        handler.IsTold |> shouldBeFalse
    }

let private isToldWithin clock (time: TimeSpan) (handler: Stubborn) : Task =
    task {
        let! isTold = happensWithin clock time (fun () -> handler.IsTold)
        isTold |> shouldBeTrue
    }

/// A consumer whose handler is at work on the one message of a queue. The test releases the handler.
let private withWork
    (start: EmbeddedClock -> EmbeddedCluster -> Stubborn -> Task<'Consumer>)
    queueId
    (test: EmbeddedClock -> EmbeddedCluster -> Stubborn -> 'Consumer -> Task)
    (clock: EmbeddedClock)
    (cluster: EmbeddedCluster)
    : Task =
    task {
        let handler = Stubborn()
        do! PullRig.sendTo cluster queueId [ "m" ]
        let! consumer = start clock cluster handler
        do! ChaosRig.pass clock (fun () -> handler.HasBegun)
        do! test clock cluster handler consumer
    }

/// Starts a push consumer, whose options are changed before.
let private pushing change clock cluster (handler: Stubborn) =
    startMember clock (memberOf cluster clock "a" |> change) handler.Handler

/// A consumer that closes tells its handler to end when the drain of 30 s is over, and not before.
let private isToldAtTheEndOfTheDrain clock (handler: Stubborn) (closing: Task) : Task =
    task {
        do! isNotToldWithin clock (seconds 25) handler
        do! isToldWithin clock (seconds 10) handler
        handler.Release()
        do! ChaosRig.finish clock closing
    }

let private brokerOf (cluster: EmbeddedCluster) =
    RemotingClient.Create((endpointsOf cluster.Brokers[0].Address).Head, RemotingOptions.Default)
    |> Buffers.ok

/// Another member gets the lock of the first queue, as after a broker has lost its locks.
let private loseLock (cluster: EmbeddedCluster) (consumer: PushConsumer) : Task =
    task {
        use client = brokerOf cluster

        let request clientId : LockRequest =
            {
                ConsumerGroup = "C"
                ClientId = clientId
                Queues = [ PullRig.queueOf cluster 0 ]
                OnlyThisBroker = None
            }

        let! () =
            QueueLocks.release.Request(request consumer.ClientId) |> ChaosRig.ask client

        let! granted = QueueLocks.acquire.Request(request "another") |> ChaosRig.ask client
        granted.Length |> shouldEqual 1
    }

let private stopping =
    [
        for name, change in
            [
                "concurrent", id
                "in order", PushConsumerOptions.orderly
                "in order of keys", PushConsumerOptions.orderlyByKey
            ] do
            liveWith
                (withStrictQueues 1)
                $"[token] {name}: a consumer that stops tells handlers to end when the drain is over, and not before"
                (withWork (pushing (change >> draining)) 0 (fun clock _ handler consumer ->
                    isToldAtTheEndOfTheDrain clock handler (consumer.Close())))
    ]

let private handingOver =
    [
        liveWith
            (withStrictQueues 2)
            "[token] a queue that goes to another member: its handler is told to end when the drain is over, and not before"
            (withWork (pushing draining) 1 (fun clock cluster handler a ->
                task {
                    let! b = startMember clock (memberOf cluster clock "b") (remember (Seen()))
                    do! ChaosRig.pass clock (fun () -> readBy b "T" = [ 1 ])
                    do! isNotToldWithin clock (seconds 5) handler
                    do! isToldWithin clock (seconds 60) handler
                    handler.Release()
                    do! close clock a
                    do! close clock b
                }))
    ]

let private locks =
    [
        liveWith
            (withStrictQueues 1)
            "[token] in order, a handler is told to end when another member has the lock of its queue"
            (withWork (pushing (PushConsumerOptions.orderly >> draining)) 0 (fun clock cluster handler consumer ->
                task {
                    do! loseLock cluster consumer
                    do! isToldWithin clock (seconds 25) handler
                    handler.Release()
                    do! close clock consumer
                }))
    ]

/// A handler of messages in order is at work, and from here on no lock is renewed.
let private withoutRenewals test =
    withWork (pushing PushConsumerOptions.orderly) 0 (fun clock cluster handler consumer ->
        task {
            cluster.Brokers[0]
                .Faults.On(RequestCode.LockBatchMq)
                .Refuse(ResponseCode.SystemError, "away", Int32.MaxValue)

            // The lock was renewed 20 s ago or later: it is not trusted any more, and lasts.
            do! isNotToldWithin clock (seconds 35) handler
            do! test clock cluster handler consumer
            do! close clock consumer
        })

let private renewals =
    [
        liveWith
            (withStrictQueues 1)
            "[token] in order, renewals of locks that fail for less than a lock lasts tell no handler to end, and its message is consumed once"
            (withoutRenewals (fun clock cluster handler consumer ->
                task {
                    cluster.Brokers[0].Faults.Heal()
                    do! isNotToldWithin clock (seconds 40) handler
                    handler.Release()
                    do! ChaosRig.pass clock (fun () -> consumer.Health.Consumed = 1L)
                    handler.Calls |> shouldEqual 1
                }))

        liveWith
            (withStrictQueues 1)
            "[token] in order, a handler is told to end when the lock of its queue has not been renewed for as long as it lasts"
            (withoutRenewals (fun clock cluster handler _ ->
                task {
                    do! isToldWithin clock (seconds 60) handler
                    cluster.Brokers[0].Faults.Heal()
                    handler.Release()
                }))
    ]

let private popping clock (cluster: EmbeddedCluster) (handler: Stubborn) =
    let options =
        { popConsumerAt cluster.NameServers clock "G" with
            Consumer.ConsumeFrom = FirstOffset
            InvisibleTime = minutes 2
            DrainTimeout = seconds 30
        }

    waitFor clock (startPop options handler.Work)

let private receipts =
    [
        liveWith
            (withQueues 1)
            "[token] POP: a consumer that stops tells handlers to end when the drain is over, and not before"
            (withWork popping 0 (fun clock _ handler consumer ->
                isToldAtTheEndOfTheDrain clock handler (consumer.Close())))

        liveWith
            (withQueues 1)
            "[token] POP: a handler is told to end when its receipt is lost, and not by one renewal that fails"
            (withWork popping 0 (fun clock cluster handler consumer ->
                task {
                    let renewals = cluster.Brokers[0].Faults.On(RequestCode.ChangeMessageInvisibleTime)
                    renewals.Refuse(ResponseCode.SystemError, "away")
                    do! isNotToldWithin clock (seconds 130) handler
                    renewals.Refuse(ResponseCode.SystemError, "away", Int32.MaxValue)
                    do! isToldWithin clock (seconds 130) handler
                    consumer.Lost |> shouldEqual 1L
                    cluster.Brokers[0].Faults.Heal()
                    handler.Release()
                    do! ChaosRig.finish clock (consumer.Close())
                }))
    ]

[<Tests>]
let tests =
    testList "Handler tokens" (stopping @ handingOver @ locks @ renewals @ receipts)
