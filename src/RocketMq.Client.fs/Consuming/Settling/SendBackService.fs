namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Gives messages that failed back to brokers: to the one that stores it or, if that one does not take it, a copy to the
/// group's retry topic on any broker. Of static topics always a copy, as Java.
[<Sealed>]
type internal SendBackService
    (
        settings: GroupSettings,
        maxRetries: int option,
        space: string,
        remoting: RemotingOptions,
        brokers: GroupBrokers,
        routes: Routes,
        telemetry: ConsumerTelemetry
    ) =
    /// The group in whose name Java's consumers send.
    static let innerProducer = "CLIENT_INNER_PRODUCER"

    let log = remoting.Logger
    let clock = remoting.Ports.Clock
    let retryTopic = Namespaced.retryTopic "" settings.Group
    let mutable turn = 0

    let originTopic (message: StoredMessage) = Namespaced.wrap space message.Topic

    let sendBack (message: StoredMessage) level =
        brokers.RequestFromBroker(
            message.BrokerName,
            SendBack.operation.Request
                {
                    CommitLogOffset = message.PhysicalOffset
                    Group = settings.Group
                    DelayLevel = level
                    OriginMessageId = Some(ReconsumePolicy.originId message)
                    OriginTopic = Some(originTopic message)
                    IsUnit = Some false
                    MaxReconsumeTimes = Some(ReconsumePolicy.maxRetries maxRetries)
                },
            CancellationToken.None
        )

    let copyOf (message: StoredMessage) level (queue: MessageQueue) : SendRequest =
        {
            ProducerGroup = innerProducer
            Topic = retryTopic
            DefaultTopic = Send.defaultTopic
            DefaultTopicQueues = Send.defaultTopicQueues
            QueueId = queue.QueueId
            SysFlag = SysFlag.withCompression (SysFlag.compression message.SysFlag) 0
            BornTimestamp = clock.GetUtcNow().ToUnixTimeMilliseconds()
            Flag = message.Flag
            Properties = ReconsumePolicy.copyProperties maxRetries level (originTopic message) message
            ReconsumeTimes = ReconsumePolicy.copyTimes maxRetries level message
            IsUnit = false
            MaxReconsumeTimes = Some(ReconsumePolicy.maxRetries maxRetries)
            BrokerName = queue.BrokerName
            IsBatch = false
            Body = message.StoredBody
        }

    let sendCopy (message: StoredMessage) level =
        taskResult {
            let! route = routes.Get(retryTopic, CancellationToken.None)

            match TopicRoute.publishQueues retryTopic route with
            | [] -> return! Error(RemotingError.NoQueue(retryTopic, RouteProblems.ofSending route))
            | queues ->
                let queue = queues[(Interlocked.Increment &turn &&& Int32.MaxValue) % queues.Length]

                let! (_: SendAnswer) =
                    brokers.RequestFromMaster(
                        queue,
                        Send.message.Request(copyOf message level queue),
                        CancellationToken.None
                    )

                return ()
        }

    let settle (message: StoredMessage) level : Task<Result<unit, RemotingError>> =
        backgroundTask {
            if InnerBatch.isInner message then
                // The broker would give the whole outer message again.
                return! sendCopy message level
            elif LogicalQueues.isLogical message.Queue then
                // It may be at another broker than its queue is now, and an offset in a log means something to that one alone.
                return! sendCopy message level
            else
                match! sendBack message level with
                | Ok() -> return Ok()
                | Error error ->
                    ConsumerLog.sendBackFailed
                        log
                        message.Topic
                        message.QueueId
                        message.QueueOffset
                        (RemotingError.describe error)

                    return! sendCopy message level
        }

    /// The level that makes a message a dead letter at once.
    static member val deadLetter = -1

    /// Ok when a broker has the message. A level of 0 leaves the delay to the broker.
    member _.SendBack(message: StoredMessage, level: int) : Task<Result<unit, RemotingError>> =
        if MessageTelemetry.areSettlementsObserved () then
            telemetry.Settle(
                TelemetryNames.nack,
                true,
                [| message |],
                (fun () -> brokers.TryMasterOf message.Queue),
                fun () -> settle message level
            )
        else
            settle message level
