namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// How a lock request of a broker's queues ended.
[<Struct>]
type internal LockOutcome =
    {
        /// When it was made. The broker's time began after that.
        RequestedAt: TimeSpan
        /// Nothing if that is not known.
        Granted: MessageQueue list voption
    }

/// Asks brokers for the locks of queues. Each call names queues of one broker.
[<Sealed>]
type internal QueueLockRequests
    (settings: GroupSettings, clientId: string, remoting: RemotingOptions, brokers: GroupBrokers, clock: MemberClock) =
    let log = remoting.Logger

    let request queues : LockRequest =
        {
            ConsumerGroup = settings.Group
            ClientId = clientId
            Queues = queues
            OnlyThisBroker = None
        }

    /// The name of the broker that is asked for a queue's lock.
    member _.HostOf(queue: MessageQueue) : string = brokers.HostOf queue

    /// Takes locks, or renews them.
    member _.Acquire(queues: MessageQueue list) : Task<LockOutcome> =
        backgroundTask {
            let requestedAt = clock.Now

            let! answer =
                brokers.RequestFromMaster(
                    queues.Head,
                    QueueLocks.acquire.Request(request queues),
                    CancellationToken.None
                )

            match answer with
            | Ok granted ->
                return
                    {
                        RequestedAt = requestedAt
                        Granted = ValueSome granted
                    }
            | Error error ->
                ConsumerLog.locksNotRenewed log (brokers.HostOf queues.Head) (RemotingError.describe error)

                return
                    {
                        RequestedAt = requestedAt
                        Granted = ValueNone
                    }
        }

    /// Gives locks back, if the broker can be reached.
    member _.Release(queues: MessageQueue list) : Task =
        backgroundTask {
            match!
                brokers.RequestFromMaster(
                    queues.Head,
                    QueueLocks.release.Request(request queues),
                    CancellationToken.None
                )
            with
            | Ok() -> ()
            | Error error ->
                Log.requestFailed
                    log
                    RequestCode.UnlockBatchMq
                    (brokers.HostOf queues.Head)
                    (RemotingError.describe error)
        }
