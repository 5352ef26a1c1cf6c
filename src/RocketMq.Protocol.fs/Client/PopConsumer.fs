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

    let handling = PopHandling(options, handler, keeper, client, tracing)

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

    let handOn lane (popped: Popped[]) =
        if popped.Length > 0 then
            keeper.Take(lane, popped, handling.Enqueue)

    let popOnce (queue: MessageQueue) lane (until: CancellationToken) =
        backgroundTask {
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
            | Ok(struct (status, popped)) ->
                handOn lane popped
                return Ok status
        }

    let popLoop (queue: MessageQueue) lane (until: CancellationToken) : Task =
        backgroundTask {
            let mutable failures = 0

            try
                while not until.IsCancellationRequested do
                    match! popOnce queue lane until with
                    | Ok TooManyPolls -> do! Task.Delay(crowdedWait, clock, until)
                    | Ok _ -> failures <- 0
                    | Error(Cancelled _) -> ()
                    | Error error ->
                        failures <- failures + 1
                        PopLog.popFailed log queue (RemotingError.describe error)
                        do! Task.Delay(PullRetry.waitAfter failures error, clock, until)
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
        lanes.Remove queue |> ignore
        loops.RemoveAll(fun loop -> loop.IsCompleted) |> ignore

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
                handling.GiveUp()
                keeper.GiveBack PopHandling.ReturnMillis
                let! _ = keeper.WaitUntilIdle client.Options.RequestTimeout
                ()

            ending.Cancel()
            do! Task.WhenAll(lock gate (fun () -> loops.ToArray()))
            do! handling.Close TimeSpan.Zero
            keeper.Close()

            match tracing with
            | Some tracing -> do! tracing.Close()
            | None -> ()

            do! client.Close()
        }

    /// However often it is asked for, it happens once.
    let closing = lazy (close ())

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
            handling.GiveUp()
            do! client.Kill()
            do! handling.Close TimeSpan.Zero
        }

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
