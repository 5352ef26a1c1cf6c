namespace RocketMq

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Pops messages when they are asked for: from the brokers of a consumer's topics in turn, until there is something or the time is
/// over.
[<Sealed>]
type internal LeaseReceiver
    (options: SimpleConsumerOptions, client: PopClient, inner: InnerBatchReceipts, leases: LeaseTable) =
    /// With several brokers or topics each is asked in turn, and none is waited for longer than this.
    static let turn = TimeSpan.FromSeconds 1L

    /// A broker at which too many wait is left alone for this long, as in Java.
    static let crowdedWait = TimeSpan.FromSeconds 3L

    static let most = 32

    let clock = options.Consumer.Client.Remoting.Ports.Clock
    let outcomes = client.Outcomes

    /// Where messages were looked for last: topics and brokers.
    let mutable queried: MessageQueue list = []

    let mutable turns = 0

    /// Topics and brokers that nothing is popped from any more, as a message there has no codec here.
    let stopped = ConcurrentDictionary<struct (string * string), RemotingError>()

    /// The messages in what was popped; none if nothing of it is wanted.
    let lease now took (popped: Popped) : LeasedMessage list =
        let hidden = TimeSpan.FromMilliseconds(popped.Receipt.InvisibleMillis, 0L)
        let expires = now + clock.TicksOf(hidden - LeaseTime.margin took hidden)

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
    let placesWithin (until: int64<tick>) cancellation =
        backgroundTask {
            let mutable left = options.AwaitDuration
            let mutable found = ValueNone

            while found.IsNone do
                match! places cancellation with
                | Error error when MissingTopics.MayCome error && left > TimeSpan.Zero ->
                    match! client.Wait(min turn left, cancellation) with
                    | Ok() -> left <- max TimeSpan.Zero (clock.Between(clock.Timestamp, until))
                    | Error error -> found <- ValueSome(Error error)
                | outcome -> found <- ValueSome outcome

            return found.Value |> Result.map (fun places -> struct (places, left))
        }

    let leaseAll (took: TimeSpan) (popped: Popped[]) =
        let now = clock.Timestamp
        let leased = [ for one in popped -> one, lease now took one ]

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
                let readable, unreadable = Array.partition client.CanRead outcome.Messages
                let leased = leaseAll outcome.Took readable

                match Array.tryHead unreadable with
                | None -> return leased
                | Some first ->
                    let error = client.StopAt(queueOf (topic, brokerName), first)
                    stopped[struct (topic, brokerName)] <- error
                    return! if leased.IsEmpty then Error error else Ok leased
        }

    /// Those that are popped from; the error of one that is not, if there is no other.
    let going (places: (string * string) list) : Result<(string * string) list, RemotingError> =
        let isGoing (topic, brokerName) =
            not (stopped.ContainsKey(struct (topic, brokerName)))

        match places |> List.tryFind (isGoing >> not), List.filter isGoing places with
        | Some(topic, brokerName), [] -> Error stopped[struct (topic, brokerName)]
        | _, places -> Ok places

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
    let rec waitFor places count invisible (until: int64<tick>) cancellation =
        backgroundTask {
            let left = clock.Between(clock.Timestamp, until)

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

    /// At most so many messages, hidden from others for a time; none if there are none within the options' time.
    member _.Receive
        (count: int, invisible: TimeSpan, cancellation: CancellationToken)
        : Task<Result<LeasedMessage list, RemotingError>> =
        backgroundTask {
            let until = clock.Timestamp + clock.TicksOf options.AwaitDuration

            match! placesWithin until cancellation with
            | Error error -> return Error error
            | Ok(struct (places, left)) ->
                match going places with
                | Error error -> return Error error
                | Ok places ->
                    let poll =
                        match places with
                        | [ _ ] -> left
                        | _ -> TimeSpan.Zero

                    match! tryEach places count invisible poll ValueNone cancellation with
                    | Ok [] -> return! waitFor places count invisible until cancellation
                    | outcome -> return outcome
        }

    /// Topics and brokers where messages were looked for last.
    member _.Queried: MessageQueue list = List.sort (Volatile.Read &queried)
