namespace RocketMq.Protocol

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// A queue, or all of a broker's, that this member pops.
type private PopLane =
    {
        Lane: int
        Ending: CancellationTokenSource
    }

/// Hands messages to a handler, so many at a time, and acknowledges those that it is done with. The members of a group share
/// the messages, not the queues. Since RocketMQ 5.0.
[<Sealed>]
type PopConsumer private (options: PopConsumerOptions, handler: PopHandler) =
    /// Java asks for assignments at this interval too.
    static let assignmentInterval = TimeSpan.FromSeconds 20L

    /// A broker at which too many wait is left alone for this long, as in Java.
    static let crowdedWait = TimeSpan.FromSeconds 3L

    static let firstTries = 10
    static let firstTryInterval = TimeSpan.FromMilliseconds 200.0

    let group = options.Membership.Group
    let client = PopClient options.Membership
    let clock = client.Options.Ports.Clock
    let log = client.Options.Logger
    let keeper = PopKeeper(PopConsumerOptions.limits options, client, group)

    let tracing =
        options.TraceTopic
        |> Option.map (fun topic -> ConsumeTracing(topic, "", group, client.Options, client.Clients, client.Routes))

    let counts = ConsumerCounts()
    let settings = PopConsumer.SettingsOf(options, group)

    let call =
        HandlerCall(settings, HandlerInvoker(settings, PopConsumer.Checked handler), counts, tracing)

    let handling =
        PopHandling(settings, options.IsOrderly, call, counts, keeper, client)

    let overdue = OverdueHandlers(settings, handling, call, counts)

    let look () : Task =
        overdue.Look()
        handling.AllAreOverdue overdue.AreAll
        Task.CompletedTask

    /// Cancelled when nothing is to be popped any more.
    let stopping = new CancellationTokenSource()

    /// Cancelled when answers are not waited for any more, either.
    let ending = new CancellationTokenSource()

    /// Guards the three below.
    let gate = obj ()

    let lanes = Dictionary<MessageQueue, PopLane>()
    let loops = List<Task>()
    let mutable nextLane = 0

    // Popping

    let handOn lane (popped: Popped[]) : Task =
        backgroundTask {
            if popped.Length > 0 then
                let! taken = keeper.Take(lane, popped, ending.Token)
                handling.Dispatch taken
        }

    let popOnce (queue: MessageQueue) lane (until: CancellationToken) =
        backgroundTask {
            do! handling.WhenFree until
            let! room = keeper.Room(lane, until)

            let attempt =
                {
                    Topic = queue.Topic
                    BrokerName = queue.BrokerName
                    QueueId = queue.QueueId
                    MaxMessages = min options.PopBatch room
                    InvisibleTime = options.InvisibleTime
                    PollTime = options.Poll
                    IsOrderly = options.IsOrderly
                }

            // A pop that was asked for is waited for: its messages are hidden from others already.
            match! client.Pop(attempt, ending.Token) with
            | Error error -> return Error error
            | Ok outcome ->
                do! handOn lane outcome.Messages
                return Ok outcome.Status
        }

    /// One pop. Gives how many have failed in a row.
    let popNext (queue: MessageQueue) lane failures (until: CancellationToken) =
        backgroundTask {
            match! popOnce queue lane until with
            | Ok TooManyPolls ->
                do! Task.Delay(crowdedWait, clock, until)
                return failures
            | Ok _ -> return 0
            | Error(Cancelled _) -> return failures
            | Error error ->
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
                PopLog.laneFailed log queue error
                do! Task.Delay(PullRetry.lastWait, clock, until)
                return failures + 1
        }

    let popLoop (queue: MessageQueue) lane (until: CancellationToken) : Task =
        backgroundTask {
            let mutable failures = 0

            try
                while not until.IsCancellationRequested do
                    let! counted = popSafely queue lane failures until
                    failures <- counted
            with :? OperationCanceledException ->
                ()
        }

    // Assignments

    let begin' (queue: MessageQueue) =
        let ending = CancellationTokenSource.CreateLinkedTokenSource stopping.Token
        let lane = nextLane
        nextLane <- nextLane + 1
        lanes[queue] <- { Lane = lane; Ending = ending }
        loops.Add(Task.Run(fun () -> popLoop queue lane ending.Token))

    let end' (queue: MessageQueue) =
        lanes[queue].Ending.Cancel()
        lanes.Remove queue |> ignore<bool>
        loops.RemoveAll(fun loop -> loop.IsCompleted) |> ignore<int>

    /// Begins and ends to pop, so that these are the queues of the topic.
    let assign topic (queues: MessageQueue list) =
        lock gate (fun () ->
            if not stopping.IsCancellationRequested then
                for queue in List.ofSeq lanes.Keys do
                    if queue.Topic = topic && not (List.contains queue queues) then
                        end' queue

                for queue in queues do
                    if not (lanes.ContainsKey queue) then
                        begin' queue)

    let pulled topic =
        Error(
            Misconfigured(
                $"brokers hand {topic} out to group {group} by pull; have them do so by pop first, with SetsMode, or with "
                + "mqadmin setConsumeMode -m POP"
            )
        )

    /// Asks one broker after the other until one can say.
    let rec query topic brokers lastError cancellation =
        backgroundTask {
            match brokers with
            | [] -> return lastError
            | broker :: rest ->
                match! client.Assignments(topic, broker, cancellation) with
                | Ok(Some assignments) -> return Ok(Some assignments)
                | Ok None -> return! query topic rest (Ok None) cancellation
                | Error error -> return! query topic rest (Error error) cancellation
        }

    /// Takes over what a broker assigns; none changes nothing. False if there was none.
    let refresh topic cancellation =
        backgroundTask {
            match! client.Greet(topic, cancellation) with
            | Error error -> return Error error
            | Ok brokers ->
                match! query topic brokers (Ok None) cancellation with
                | Error error -> return Error error
                | Ok None -> return Ok false
                | Ok(Some assignments) when assignments |> List.exists (fun one -> one.Mode = PullMode) ->
                    assign topic []
                    return pulled topic
                | Ok(Some assignments) ->
                    assignments |> List.map _.Queue |> List.distinct |> assign topic
                    return Ok true
        }

    let refreshAndLog topic cancellation =
        backgroundTask {
            match! refresh topic cancellation with
            | Ok _ -> ()
            | Error(Misconfigured _) -> PopLog.pulled log group topic
            | Error error -> PopLog.assignmentFailed log group topic (RemotingError.describe error)
        }

    let keepAsking () : Task =
        backgroundTask {
            try
                while not stopping.IsCancellationRequested do
                    do! Task.Delay(assignmentInterval, clock, stopping.Token)

                    for topic in client.Topics do
                        do! refreshAndLog topic stopping.Token
            with :? OperationCanceledException ->
                ()
        }

    // Starting

    let rec setModes topic brokers =
        backgroundTask {
            match brokers with
            | [] -> return Ok()
            | broker :: rest ->
                match! client.SetMode(topic, broker, CancellationToken.None) with
                | Ok() -> return! setModes topic rest
                | Error error -> return Error error
        }

    let setMode topic =
        backgroundTask {
            match options.SetsMode with
            | false -> return Ok()
            | true ->
                match! client.Greet(topic, CancellationToken.None) with
                | Ok brokers -> return! setModes topic brokers
                | Error error -> return Error error
        }

    /// A broker may need a moment until it knows the topic's route or the member.
    let rec first topic tries =
        backgroundTask {
            match! refresh topic CancellationToken.None with
            | Error error -> return Error error
            | Ok true -> return Ok()
            | Ok false when tries = 1 -> return Ok()
            | Ok false ->
                do! Task.Delay(firstTryInterval, clock)
                return! first topic (tries - 1)
        }

    let joinTopic topic =
        backgroundTask {
            match! client.GreetAndCheck(topic, CancellationToken.None) with
            | Error error -> return Error error
            | Ok() ->
                match! setMode topic with
                | Error error -> return Error error
                | Ok() -> return! first topic firstTries
        }

    let join () =
        backgroundTask {
            client.Start()
            keeper.Start()
            PeriodicTask.run client.Options overdue.Interval ending.Token look

            match! OneByOne.untilError joinTopic client.Topics with
            | Error error -> return Error error
            | Ok() ->
                lock gate (fun () -> loops.Add(keepAsking ()))
                return Ok()
        }

    let close () =
        backgroundTask {
            lock gate stopping.Cancel

            let! isIdle = keeper.WaitUntilIdle options.DrainTimeout

            if not isIdle then
                handling.End()
                let! _ = keeper.WaitUntilIdle client.Options.RequestTimeout
                ()

            ending.Cancel()
            do! Task.WhenAll(lock gate (fun () -> loops.ToArray()))
            handling.End()
            keeper.Close()

            match tracing with
            | Some tracing -> do! tracing.Close()
            | None -> ()

            do! client.Close()
        }

    /// However often it is asked for, it happens once.
    let closing = lazy (close ())

    static member private SettingsOf(options: PopConsumerOptions, group) : HandlerSettings =
        {
            Group = group
            Concurrency = options.Concurrency
            BatchSize = 1
            ConsumeTimeout = options.ConsumeTimeout
            InflatedLimit = options.Membership.InflatedLimit
            Codecs = BodyCodecs.standard
            Remoting = options.Membership.Remoting
        }

    /// A handler that gives no task has failed.
    static member private Checked(handler: PopHandler) : ConsumeHandler =
        EachMessage(fun received cancellation ->
            let handling = handler received cancellation

            match box handling with
            | null -> invalidOp "The handler returned null instead of a task."
            | _ -> ValueTask<ConsumeResult> handling)

    /// Joins the group and begins to pop. Fails if a topic does not exist, no broker can be reached, brokers hand a topic out
    /// by pull, or a broker does not understand an SQL92 expression.
    static member Start(options: PopConsumerOptions, handler: PopHandler) : Task<Result<PopConsumer, RemotingError>> =
        backgroundTask {
            match PopConsumerOptions.check options with
            | Error error -> return Error error
            | Ok() ->
                let consumer = new PopConsumer(options, handler)

                match! consumer.Join() with
                | Ok() -> return Ok consumer
                | Error error ->
                    do! consumer.Close()
                    return Error error
        }

    member private _.Join() = join ()

    /// Brokers know the consumer by this.
    member _.ClientId = client.ClientId

    /// What is popped now: queues, or brokers with the queue id -1.
    member _.Assigned: MessageQueue list =
        lock gate (fun () -> List.ofSeq lanes.Keys) |> List.sort

    /// How many messages are in hand.
    member _.Held = keeper.Held

    /// How many messages were handled and acknowledged, so that brokers have taken it, since the start.
    member _.Acknowledged = keeper.Acked

    /// How many messages come again because brokers could not be told of them in time, since the start.
    member _.Lost = keeper.Lost

    /// How often a message was hidden for longer because its handler was not done, since the start.
    member _.Renewals = keeper.Renewals

    /// Traces that were lost because they came too fast, or could not be stored.
    member _.DroppedTraces: int64 =
        tracing |> Option.map _.Dropped |> Option.defaultValue 0L

    /// Pops nothing more, waits for handlers up to the options' `DrainTimeout`, gives back what is not handled then, leaves the
    /// group and closes the connections.
    member _.Close() : Task = closing.Value

    /// Ends as a process does that is killed: nothing is acknowledged or given back, nobody is told.
    member internal _.Kill() : Task =
        backgroundTask {
            lock gate stopping.Cancel
            ending.Cancel()
            keeper.Close()
            handling.End()
            do! client.Kill()
        }

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
