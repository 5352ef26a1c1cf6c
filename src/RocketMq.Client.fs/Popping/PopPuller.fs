namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Pops one queue, or all of a broker's, until it is given up, as far as there is room for what it finds.
[<Sealed>]
type internal PopPuller
    (
        options: PopConsumerOptions,
        client: PopClient,
        acks: PopAckAgent,
        handling: PopDispatcher,
        ending: CancellationToken
    ) =
    /// A broker at which too many wait is left alone for this long, as in Java.
    static let crowdedWait = TimeSpan.FromSeconds 3L

    let clock = client.Options.Ports.Clock
    let log = client.Options.Logger
    let outcomes = client.Outcomes

    let deliver lane (popped: Popped[]) : Task =
        backgroundTask {
            if popped.Length > 0 then
                let! taken = acks.Take(lane, popped, ending)
                handling.Dispatch taken
        }

    /// Those that can be handled: in order none that comes after one that cannot, in its queue.
    let readable (popped: Popped[]) : Popped[] =
        if Array.forall client.CanRead popped then
            popped
        elif options.IsOrderly then
            popped
            |> Array.groupBy (fun one -> one.Receipt.BrokerName, one.Receipt.QueueId)
            |> Array.collect (snd >> Array.takeWhile client.CanRead)
        else
            Array.filter client.CanRead popped

    /// Codecs do not change while a client runs: popping on would only hand the message out again and again.
    let stopAt (queue: MessageQueue) (popped: Popped) (until: CancellationToken) : Task =
        client.StopAt(queue, popped) |> ignore<RemotingError>
        Task.Delay(Timeout.InfiniteTimeSpan, clock, until)

    let popOnce (queue: MessageQueue) lane (until: CancellationToken) =
        taskResult {
            do! handling.WhenFree until
            let! room = acks.Room(lane, until)

            let attempt =
                {
                    Topic = queue.Topic
                    BrokerName = queue.BrokerName
                    QueueId = queue.QueueId
                    MaxMessages = min options.PopBatch room
                    InvisibleTime = options.InvisibleTime
                    PollTime = options.LongPollTimeout
                    IsOrderly = options.IsOrderly
                }

            // A pop that was asked for is waited for: its messages are hidden from others already.
            let! outcome = client.Pop(attempt, ending)
            do! deliver lane (readable outcome.Messages)

            match Array.tryFind (client.CanRead >> not) outcome.Messages with
            | Some unreadable -> do! stopAt queue unreadable until
            | None -> ()

            return outcome.Status
        }

    /// Messages whose acknowledgement failed come again by themselves: once none is held a broker is well if it can be popped. So is
    /// one that is not popped any more.
    let succeeded () =
        if acks.InFlight = 0 then
            outcomes.ForgetAcknowledgements()

    /// One pop. Gives how many have failed in a row.
    let popNext (queue: MessageQueue) lane failures (until: CancellationToken) =
        backgroundTask {
            match! popOnce queue lane until with
            | Ok PopStatus.TooManyPolls ->
                do! Task.Delay(crowdedWait, clock, until)
                return failures
            | Ok _ ->
                succeeded ()
                return 0
            | Error(RemotingError.Cancelled _) -> return failures
            | Error error ->
                // Of a group that is missing the client has told already.
                if not (MissingGroup.isReason error || RemotingError.isRefusalOfAccess error) then
                    PopLog.popFailed log queue (RemotingError.describe error)

                do! Task.Delay(PullRetry.waitAfter (failures + 1) error, clock, until)
                return failures + 1
        }

    /// An exception is a defect: it is logged, and the queue is popped on.
    let popSafely (queue: MessageQueue) lane failures (until: CancellationToken) =
        backgroundTask {
            try
                return! popNext queue lane failures until
            with
            | :? OperationCanceledException when until.IsCancellationRequested -> return failures
            | error ->
                PopLog.poppingFailed log queue error
                do! Task.Delay(PullRetry.lastWait, clock, until)
                return failures + 1
        }

    /// Pops until it is cancelled.
    member _.Run(queue: MessageQueue, lane: int, until: CancellationToken) : Task =
        backgroundTask {
            let mutable failures = 0

            try
                while not until.IsCancellationRequested do
                    let! counted = popSafely queue lane failures until
                    failures <- counted
            with :? OperationCanceledException ->
                ()

            // What failed last may have been told after the queue was given up.
            outcomes.Forget(PopDuty.pop queue)
            outcomes.Forget(PopDuty.read queue)
        }
