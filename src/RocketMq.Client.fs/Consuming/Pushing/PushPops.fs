namespace RocketMq

open System.Threading
open System.Threading.Tasks

/// Pops the topics of a push consumer that brokers deliver by pop, for its handler. It belongs to the consumer's membership. It has
/// handlers of its own, as many as the consumer has for what it pulls, as in Java.
[<Sealed>]
type internal PushPops
    (
        options: PushConsumerOptions,
        subscriptions: Subscriptions,
        instance: ClientInstance,
        paused: PauseGate,
        call: HandlerCall,
        counts: ConsumerCounts,
        drain: Drain
    ) =
    let popOptions =
        { PopConsumerOptions.create options.Consumer.Group [] with
            Consumer = options.Consumer
            Concurrency = options.Concurrency
            ConsumeTimeout = options.ConsumeTimeout
            LongPollTimeout = options.LongPollTimeout
        }

    let settings = HandlerSettings.ofPush options

    let client =
        PopClient(options.Consumer, subscriptions, instance, options.Concurrency)

    let acks = PopAckAgent(PopConsumerOptions.limits popOptions, client, client.Group)
    let handling = PopDispatcher(settings, false, paused, call, counts, acks, client)
    let overdue = OverdueHandlers(settings, handling, call, counts)

    /// Cancelled when answers are not waited for any more, either.
    let ending = new CancellationTokenSource()

    let queues =
        PoppedQueues(PopPuller(popOptions, client, acks, handling, ending.Token), client.Outcomes)

    let end' () =
        ending.Cancel()
        handling.End()
        acks.Close()
        client.End()

    /// None for a member that does not pop, whatever brokers say: messages in order are pulled, as in Java.
    static member TryCreate
        (options: PushConsumerOptions, subscriptions, instance, paused, call, counts, drain)
        : PushPops option =
        match BrokerSharing.ofPush options with
        | Some { CanPop = true } -> Some(PushPops(options, subscriptions, instance, paused, call, counts, drain))
        | _ -> None

    static member OrNone(pops: PushPops option) : IQueuePops =
        match pops with
        | Some pops -> pops
        | None -> QueuePops.none

    member _.Start() = acks.Start()

    /// What is popped: queues, or brokers with the queue id -1.
    member _.Queues: MessageQueue list = queues.All

    member _.Stuck = overdue.Stuck
    member _.RunningCalls = handling.RunningCalls
    member _.InFlightByTopic = acks.InFlightByTopic
    member _.Problems: ClientProblem list = client.Outcomes.Problems

    member _.Look() =
        overdue.Look()

        if not queues.Stopping.IsCancellationRequested then
            handling.AllAreOverdue overdue.AreAll

    member _.Pause() = handling.Pause()
    member _.Resume() = handling.Resume()

    /// No handler begins any more, what waits for one goes back, and those at work may end within the drain.
    member _.Close() : Task =
        backgroundTask {
            queues.Stop()
            handling.AllAreOverdue true
            do! handling.WhenDrained drain
            ending.Cancel()
            do! queues.Ended
            end' ()
        }

    /// Nothing is acknowledged or sent back.
    member _.Kill() =
        queues.Stop()
        acks.Close()
        end' ()

    interface IQueuePops with
        member _.Assign(topic, popped) = queues.Assign(topic, popped)
