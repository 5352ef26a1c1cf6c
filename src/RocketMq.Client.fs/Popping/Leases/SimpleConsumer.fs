namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Gets messages when it is asked to, and acknowledges each that is consumed. Others of the group do not get a message
/// meanwhile, for a time. Since RocketMQ 5.0. Safe to use from any thread.
[<Sealed>]
type SimpleConsumer private (options: SimpleConsumerOptions, instance: ClientInstance) =
    /// With several brokers or topics each is asked in turn, and none is waited for longer than this.
    static let turn = TimeSpan.FromSeconds 1L

    /// A broker at which too many wait is left alone for this long, as in Java.
    static let crowdedWait = TimeSpan.FromSeconds 3L

    static let most = 32

    let clock = options.Consumer.Client.Remoting.Ports.Clock
    let client = PopClient(options.Consumer, instance, 0)
    let inner = InnerBatchReceipts()
    let leases = LeaseTable()
    let outcomes = client.Outcomes
    let mutable acknowledged = 0L

    /// What was asked for messages last: topics and brokers.
    let mutable queried: MessageQueue list = []

    let mutable turns = 0
    let mutable isClosed = false

    let closed =
        RemotingError.AlreadyClosed $"The simple consumer of group {options.Consumer.Group}"

    let closedError = Error closed

    let ticksOf (span: TimeSpan) =
        int64 (span.TotalSeconds * float clock.TimestampFrequency)

    let targetOf (message: LeasedMessage) =
        client.Target(message.Received.Message, message.Receipt)

    let isAlive (message: LeasedMessage) = clock.GetTimestamp() < message.Expires

    /// The messages in what was popped; none if nothing of it is wanted.
    let lease now took (popped: Popped) : LeasedMessage list =
        let hidden = TimeSpan.FromMilliseconds(popped.Receipt.InvisibleMillis, 0L)
        let expires = now + ticksOf (hidden - LeaseTime.margin took hidden)

        let received = client.Received popped

        if received |> List.exists (fun one -> InnerBatch.isInner one.Message) then
            let offsets = received |> List.map _.Message.QueueOffset
            inner.Add(popped.Receipt, offsets, expires, now)

        for one in received do
            leases.Add(popped.Receipt, one.Message.QueueOffset, expires, now)

        [
            for one in received ->
                {
                    Received = one
                    Receipt = popped.Receipt
                    Expires = expires
                }
        ]

    /// Has brokers not give messages again of which nothing is wanted. If that fails, they come again and it is tried again.
    let ackUnwanted (unwanted: Popped list) : Task =
        let targets: AckTarget list =
            unwanted
            |> List.map (fun popped ->
                {
                    Topic = popped.Message.Topic
                    Receipt = popped.Receipt
                })

        AckBatch.ofAll client.Group targets
        |> List.map (fun (request, targets) -> client.Ack(request, targets, CancellationToken.None))
        |> Task.WhenAll
        :> Task

    let queueOf (topic, brokerName) : MessageQueue =
        {
            Topic = topic
            BrokerName = brokerName
            QueueId = -1
        }

    /// These are asked from now on. What failed at others does not matter any more.
    let noteQueried (all: MessageQueue list) =
        let before = Interlocked.Exchange(&queried, all)

        let isQueried name =
            all |> List.exists (fun queue -> queue.BrokerName = name)

        for queue in before do
            if not (List.contains queue all) then
                outcomes.Forget(PopDuty.pop queue)

            if not (isQueried queue.BrokerName) then
                outcomes.Forget(PopDuty.acknowledge queue.BrokerName)

    /// Topics and brokers, beginning with another one each time.
    let places cancellation =
        backgroundTask {
            let attempt = outcomes.Begin()

            let! masters =
                client.Topics
                |> List.map (fun topic ->
                    backgroundTask {
                        match! client.Masters(topic, cancellation) with
                        | Error error ->
                            outcomes.Failed(PopDuty.find topic, attempt, error)
                            return Error error
                        | Ok masters ->
                            outcomes.Forget(PopDuty.find topic)
                            return Ok(masters |> List.map (fun master -> topic, master))
                    })
                |> Task.WhenAll

            let first = Interlocked.Increment &turns &&& Int32.MaxValue
            let all = masters |> Array.choose Result.toOption |> List.concat
            noteQueried (List.map queueOf all)

            match
                masters
                |> Array.tryPick (function
                    | Error error -> Some error
                    | Ok _ -> None)
            with
            | Some error when all.IsEmpty -> return Error error
            | None when all.IsEmpty ->
                return Error(RemotingError.NoRoute(client.Topics.Head, client.Routes.NameServers))
            | _ ->
                let before, after = List.splitAt (first % all.Length) all
                return Ok(after @ before)
        }

    /// As `places`; topics that are not there, or whose route cannot be queried, are waited for, until the time is over. Gives what is
    /// left of it.
    let placesWithin (until: int64) cancellation =
        backgroundTask {
            let mutable left = options.AwaitDuration
            let mutable found = ValueNone

            while found.IsNone do
                match! places cancellation with
                | Error error when MissingTopics.MayCome error && left > TimeSpan.Zero ->
                    match! client.Wait(min turn left, cancellation) with
                    | Ok() -> left <- max TimeSpan.Zero (clock.GetElapsedTime(clock.GetTimestamp(), until))
                    | Error error -> found <- ValueSome(Error error)
                | outcome -> found <- ValueSome outcome

            return found.Value |> Result.map (fun places -> struct (places, left))
        }

    let leaseAll (outcome: PopOutcome) =
        let now = clock.GetTimestamp()
        let leased = [ for one in outcome.Messages -> one, lease now outcome.Took one ]

        let unwanted =
            [
                for one, messages in leased do
                    if messages.IsEmpty then
                        one
            ]

        if not unwanted.IsEmpty then
            Supervised.run client.Options.Logger CancellationToken.None (fun () -> ackUnwanted unwanted)

        List.collect snd leased

    let pop count invisible poll (topic, brokerName) cancellation =
        taskResult {
            let! answer =
                client.Pop(
                    {
                        Topic = topic
                        BrokerName = brokerName
                        QueueId = -1
                        MaxMessages = min most count
                        InvisibleTime = invisible
                        PollTime = poll
                        IsOrderly = false
                    },
                    cancellation
                )

            match answer with
            | { Status = PopStatus.TooManyPolls } ->
                do! client.Wait(min poll crowdedWait, cancellation)
                return []
            | outcome ->
                // The caller knows of what it could not acknowledge; the broker does what it is asked now.
                outcomes.Forget(PopDuty.acknowledge brokerName)
                return leaseAll outcome
        }

    /// Asks one after the other until one has something. Gives the last error if all fail.
    let rec tryEach places count invisible poll lastError cancellation =
        backgroundTask {
            match places with
            | [] -> return lastError |> ValueOption.map Error |> ValueOption.defaultValue (Ok [])
            | place :: rest ->
                match! pop count invisible poll place cancellation with
                | Ok [] -> return! tryEach rest count invisible poll ValueNone cancellation
                | Ok messages -> return Ok messages
                | Error(RemotingError.Cancelled _ as error) -> return Error error
                | Error error ->
                    let error =
                        if rest.IsEmpty && lastError.IsNone then
                            ValueSome error
                        else
                            lastError

                    return! tryEach rest count invisible poll error cancellation
        }

    /// Asks again and again until there is something or the time is over, and then gives nothing, not before.
    let rec waitFor places count invisible (until: int64) cancellation =
        backgroundTask {
            let left =
                TimeSpan.FromSeconds(float (until - clock.GetTimestamp()) / float clock.TimestampFrequency)

            if left <= TimeSpan.Zero then
                return Ok []
            elif left <= PopPolling.EarlyEnd then
                let! waited = client.Wait(left, cancellation)
                return waited |> Result.map (fun () -> [])
            else
                let poll =
                    match places with
                    | [ _ ] -> left
                    | _ -> min turn left

                match! tryEach places count invisible poll ValueNone cancellation with
                | Ok [] -> return! waitFor places count invisible until cancellation
                | outcome -> return outcome
        }

    let receive count invisible cancellation =
        backgroundTask {
            let until = clock.GetTimestamp() + ticksOf options.AwaitDuration

            match! placesWithin until cancellation with
            | Error error -> return Error error
            | Ok(struct (places, left)) ->
                let poll =
                    match places with
                    | [ _ ] -> left
                    | _ -> TimeSpan.Zero

                match! tryEach places count invisible poll ValueNone cancellation with
                | Ok [] -> return! waitFor places count invisible until cancellation
                | outcome -> return outcome
        }

    /// Nothing is asked for any more once this is closed, whether the connections end or not.
    let receiveUntilClosed count invisible (cancellation: CancellationToken) =
        backgroundTask {
            use either =
                CancellationTokenSource.CreateLinkedTokenSource(cancellation, client.Ending)

            match! receive count invisible either.Token with
            | Error(RemotingError.Cancelled _) when isClosed && not cancellation.IsCancellationRequested ->
                return closedError
            | outcome -> return outcome
        }

    /// An answer that comes when the receipt is dead tells nothing.
    let judge message (answer: Result<'Answer, RemotingError>) =
        match answer with
        | Ok _ when not (isAlive message) -> Error(RemotingError.ReceiptExpired(message.MessageId, true))
        | answer -> answer

    let acked (message: LeasedMessage) =
        leases.Remove(message.Receipt, message.Received.Message.QueueOffset)
        Interlocked.Increment &acknowledged |> ignore<int64>

    let ackTogether (request, targets: AckTarget list) (byTarget: Map<AckTarget, LeasedMessage>) cancellation =
        backgroundTask {
            let! answer = client.Ack(request, targets, cancellation)

            return
                targets
                |> List.choose (fun target ->
                    let message = byTarget[target]

                    match judge message answer with
                    | Ok() ->
                        acked message
                        None
                    | Error error -> Some { Message = message; Error = error })
        }

    let ackAll (messages: LeasedMessage list) cancellation =
        backgroundTask {
            let alive, dead = List.partition isAlive messages

            let byTarget =
                Map.ofList
                    [
                        for message in alive do
                            match inner.Finish(message.Receipt, message.Received.Message.QueueOffset) with
                            | ValueSome receipt ->
                                { targetOf message with
                                    Receipt = receipt
                                },
                                message
                            | ValueNone -> acked message
                    ]

            let requests = AckBatch.ofAll client.Group (List.ofSeq byTarget.Keys)

            let! failures =
                requests
                |> List.map (fun request -> ackTogether request byTarget cancellation)
                |> Task.WhenAll

            let expired =
                dead
                |> List.map (fun message ->
                    {
                        Message = message
                        Error = RemotingError.ReceiptExpired(message.MessageId, false)
                    })

            return expired @ List.concat failures
        }

    let ackOpen (messages: LeasedMessage list) cancellation =
        if isClosed then
            Task.FromResult [ for message in messages -> { Message = message; Error = closed } ]
        else
            ackAll messages cancellation

    let checkTime time =
        match InvisibleTime.check "the invisible time" time with
        | None -> Ok()
        | Some problem -> Error(RemotingError.InvalidCall problem)

    /// With a client that it shares, or one of its own.
    static member internal StartWith
        (client: RocketMqClient | null, options: SimpleConsumerOptions)
        : Task<Result<SimpleConsumer, RemotingError>> =
        let consumer =
            RocketMqClient.Made(
                client,
                (fun shared -> SimpleConsumerOptions.checkWith shared options),
                _.Consumer.Client,
                (fun options instance -> new SimpleConsumer(options, instance))
            )

        RocketMqClient.Joined(consumer, (fun consumer -> consumer.Join()), (fun consumer -> consumer.Close()))

    /// Joins the group. A topic that is not there, or whose route cannot be queried, is looked for until it can be read: `Health` says
    /// so until then. Fails if the options make no sense or a server refuses, such as an SQL92 expression.
    static member Start(options: SimpleConsumerOptions) : Task<Result<SimpleConsumer, RemotingError>> =
        SimpleConsumer.StartWith(null, options)

    /// As `Start`, over the connections of a client that others share too, none of them of the same group. What of the options
    /// belongs to the client is as it is there, or is not set.
    static member Start
        (client: RocketMqClient, options: SimpleConsumerOptions)
        : Task<Result<SimpleConsumer, RemotingError>> =
        SimpleConsumer.StartWith(client, options)

    member private consumer.Join() =
        match client.Start consumer.Close with
        | Error error -> Task.FromResult(Error error)
        | Ok() ->
            client.Topics
            |> OneByOne.untilError (fun topic ->
                client.Joining.JoinOrSeek(topic, (fun () -> client.RegisterAndCheck(topic, CancellationToken.None))))

    /// Brokers know the consumer by this.
    member _.ClientId = client.ClientId

    /// At most so many messages, 32 at most, that others of the group do not get for `invisible`; none if there are none
    /// within the options' time. If none of the topics can be read until that is over, because it is not there or no server can be
    /// asked for it, that is the error. Messages of a call that is cancelled may come again only after that time.
    member _.Receive
        (maxMessages: int, invisible: TimeSpan, cancellation: CancellationToken)
        : Task<Result<LeasedMessage list, RemotingError>> =
        match checkTime invisible with
        | _ when isClosed -> Task.FromResult closedError
        | _ when maxMessages < 1 ->
            Task.FromResult(Error(RemotingError.InvalidCall "at least one message must be asked for"))
        | Error error -> Task.FromResult(Error error)
        | Ok() -> receiveUntilClosed maxMessages invisible cancellation

    /// Acknowledges the message. Fails with `ReceiptExpired` if its time is over: it is delivered again.
    member _.Ack(message: LeasedMessage, cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! ackOpen [ message ] cancellation with
            | [] -> return Ok()
            | failure :: _ -> return Error failure.Error
        }

    /// As `Ack`, with one request to each broker. Gives those that failed.
    member _.AckAll(messages: LeasedMessage list, cancellation: CancellationToken) : Task<AckFailure list> =
        ackOpen messages cancellation

    /// Hides a message for a time from now on, longer or shorter. Gives it with its new receipt; the old one is dead.
    member _.ChangeInvisible
        (message: LeasedMessage, time: TimeSpan, cancellation: CancellationToken)
        : Task<Result<LeasedMessage, RemotingError>> =
        match checkTime time with
        | _ when isClosed -> Task.FromResult closedError
        | Error error -> Task.FromResult(Error error)
        | Ok() when not (isAlive message) ->
            Task.FromResult(Error(RemotingError.ReceiptExpired(message.MessageId, false)))
        | Ok() ->
            backgroundTask {
                let requestedAt = clock.GetTimestamp()

                let target =
                    { targetOf message with
                        Receipt = inner.Current message.Receipt
                    }

                let! answer = client.Change(target, time, cancellation)
                let expires = requestedAt + ticksOf time

                return
                    judge message answer
                    |> Result.map (fun receipt ->
                        inner.Changed(target.Receipt, receipt, expires)
                        leases.Remove(message.Receipt, message.Received.Message.QueueOffset)
                        leases.Add(receipt, message.Received.Message.QueueOffset, expires, requestedAt)

                        { message with
                            Receipt = receipt
                            Expires = expires
                        })
            }

    /// How the consumer is doing, for a health check.
    member _.Health: SimpleConsumerHealth =
        {
            ClientId = client.ClientId
            Queues = List.sort (Volatile.Read &queried)
            InFlight = leases.Count(clock.GetTimestamp())
            Acknowledged = Volatile.Read &acknowledged
            SinceSuccess = outcomes.SinceSuccess
            LastFailure = outcomes.LastFailure
            Problems = outcomes.Problems
        }

    /// Leaves the group and closes the connections that it does not share. Messages that were not acknowledged come again.
    member _.Close() : Task =
        isClosed <- true
        client.Close()

    /// Ends as a process does that is killed: brokers do not learn of it.
    member internal _.Kill() : Task =
        isClosed <- true
        client.Kill()

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
