/// Members of a group that come, go, are cut off and killed, and a broker that restarts: what all kinds of consumers go
/// through alike.
module internal RocketMq.Protocol.Tests.ChaosRig

open System
open System.Collections.Generic
open System.Diagnostics
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let messages = LongForm.count 3_000 200_000
let queues = 8
let private most = 4
let private rounds = 40

/// What was handled, by where or what it is: how often it began, and whether it has been consumed.
[<Sealed>]
type Ledger<'Place when 'Place: equality and 'Place: not null>(placeOf: StoredMessage -> 'Place) =
    let began = ConcurrentDictionary<'Place, int>()
    let ended = ConcurrentDictionary<'Place, bool>()
    let mutable endings = 0

    /// How often it has begun, with this time.
    member _.Began(message: StoredMessage) : int =
        began.AddOrUpdate(placeOf message, 1, (fun _ count -> count + 1))

    member _.Ended(message: StoredMessage) =
        Interlocked.Increment &endings |> ignore<int>
        ended[placeOf message] <- true

    /// How often something has been consumed.
    member _.Endings = Volatile.Read &endings

    member _.IsDone(place: 'Place) = ended.ContainsKey place
    member _.Done = ended.Count
    member _.Places: seq<'Place> = ended.Keys
    member _.Deliveries = began.Values |> Seq.sum

/// Whether messages are begun before those in front of them in their queue have been consumed.
[<Sealed>]
type OrderWatch() =
    let ended = ConcurrentDictionary<struct (int * int64), bool>()
    let nextEnd: int64[] = Array.zeroCreate queues
    let mutable inversions = 0
    let gate = obj ()

    /// Everything before a position has been consumed. Called under the lock.
    let isInOrder queueId position =
        while ended.ContainsKey(struct (queueId, nextEnd[queueId])) do
            nextEnd[queueId] <- nextEnd[queueId] + 1L

        position <= nextEnd[queueId]

    member _.Began(message: StoredMessage) =
        lock gate (fun () ->
            if not (isInOrder message.QueueId message.QueueOffset) then
                inversions <- inversions + 1)

    member _.Ended(message: StoredMessage) =
        ended[struct (message.QueueId, message.QueueOffset)] <- true

    member _.Inversions = inversions

/// Whether messages are begun before one in front of them of the same queue and key has been consumed, or begun.
[<Sealed>]
type KeyWatch(isDone: struct (int * int64) -> bool) =
    let begun = Dictionary<struct (int * string), SortedSet<int64>>()
    let mutable inversions = 0
    let gate = obj ()

    member _.Began(message: StoredMessage) =
        lock gate (fun () ->
            let lane = struct (message.QueueId, OrderBy.keyOf message)

            match begun.TryGetValue lane with
            | true, offsets ->
                let last = offsets.Max

                if
                    offsets.Add message.QueueOffset
                    && (message.QueueOffset < last || not (isDone (struct (message.QueueId, last))))
                then
                    inversions <- inversions + 1
            | _ -> begun[lane] <- SortedSet [ message.QueueOffset ])

    member _.Inversions = inversions

/// Notes what comes, and leaves the thread for some of it.
let note (ledger: Ledger<'Place>) (order: OrderWatch) result (received: ReceivedMessage) : ValueTask<'Result> =
    let message = received.Message
    ledger.Began message |> ignore<int>
    order.Began message

    let finish () =
        order.Ended message
        ledger.Ended message

    if message.QueueOffset % 7L = 0L then
        ValueTask<'Result>(
            task {
                do! Task.Yield()
                finish ()
                return result
            }
        )
    else
        finish ()
        ValueTask<'Result> result

/// What passes for a second here. Renewals of locks and receipts can keep up with it.
let private second = TimeSpan.FromMilliseconds 10.0

/// What is to happen in this time is looked for all the time.
let private atOnce = TimeSpan.FromMilliseconds 1.0

/// Moves the clock second by second until something has happened, each so long in real time that others keep up.
let passAtPace (pace: TimeSpan) (clock: EmbeddedClock) (condition: unit -> bool) : Task =
    task {
        while not (condition ()) do
            clock.Advance(TimeSpan.FromSeconds 1L)
            let moved = Stopwatch.GetTimestamp()

            // What follows at once is not waited for. Then others have the core.
            while Stopwatch.GetElapsedTime moved < pace && not (condition ()) do
                if Stopwatch.GetElapsedTime moved < atOnce then
                    do! Task.Yield()
                else
                    do! Task.Delay 1
    }

/// Moves the clock until something has happened.
let pass (clock: EmbeddedClock) (condition: unit -> bool) : Task = passAtPace second clock condition

/// Moves the clock by so much, second by second.
let passFor (clock: EmbeddedClock) (time: TimeSpan) : Task =
    let until = clock.GetUtcNow() + time
    pass clock (fun () -> clock.GetUtcNow() >= until)

/// Until the broker has said that it has the message; it may have it twice then.
let rec private store (producer: Producer) queue number : Task =
    task {
        let! sent =
            producer.SendTo(
                OneQueue queue,
                Message.ofText "T" $"m{number}"
                |> Message.withShardingKey $"k{number / queues % 5}",
                CancellationToken.None
            )

        match sent with
        | Ok _ -> ()
        | Error _ -> do! store producer queue number
    }

/// How members of a kind begin and end.
type MemberKind<'Member> =
    {
        Start: unit -> Task<'Member>
        Close: 'Member -> Task
        Kill: 'Member -> Task
    }

type private Happening =
    | Joins
    | Leaves
    | IsKilled
    | IsCutOff
    | Restarts

let private choose (random: Random) round members =
    match random.Next 5 with
    | _ when round = 13 || round = 27 -> Restarts
    | 0 when members > 1 -> Leaves
    | 1 when members > 1 -> IsKilled
    | 2 -> IsCutOff
    | _ when members < most -> Joins
    | _ -> IsCutOff

/// How often each thing has happened.
let describe (happened: 'Happening seq) =
    happened
    |> Seq.countBy id
    |> Seq.sort
    |> Seq.map (fun (kind, count) -> $"{count} %A{kind}")
    |> String.concat ", "

/// Ends what moves only with the clock.
let finish (clock: EmbeddedClock) (work: Task) : Task =
    task {
        do! pass clock (fun () -> work.IsCompleted)
        do! work
    }

/// Sends messages to the topic "T" while members come and go. Gives those that are left, and what happened. Waits after
/// each round until a part of what is stored has been consumed, which `ledger` tells.
let churn (broker: EmbeddedBroker) (clock: EmbeddedClock) (kind: MemberKind<'Member>) (ledger: Ledger<'Place>) =
    task {
        let random = Random 20261125
        let members = ResizeArray<'Member>()
        let happened = ResizeArray<Happening>()

        let join () : Task =
            task {
                let starting = kind.Start()
                do! finish clock starting
                members.Add starting.Result
            }

        let remove (ending: 'Member -> Task) : Task =
            task {
                let index = random.Next members.Count
                let leaving = members[index]
                members.RemoveAt index
                do! finish clock (ending leaving)
            }

        do! join ()

        use producer =
            start (
                ProducerOptions.create "G" (endpointsOf broker.NameServer)
                |> patient TimeProvider.System
            )

        let! all = producer.Queues("T", CancellationToken.None)
        let all = Array.ofList (Buffers.ok all)

        for round in 0 .. rounds - 1 do
            do!
                inCrowd 16 (round * messages / rounds) (messages / rounds) (fun number ->
                    store producer all[number % queues] number)

            let next = choose random round members.Count
            happened.Add next

            match next with
            | Restarts -> do! finish clock (broker.RestartAsync())
            | Leaves -> do! remove kind.Close
            | IsKilled -> do! remove kind.Kill
            | Joins -> do! join ()
            | IsCutOff -> do! broker.DisconnectClientsAsync()

            let goal = ledger.Done + messages / rounds / 4
            do! pass clock (fun () -> ledger.Done >= min goal ((round + 1) * messages / rounds))

        return struct (List.ofSeq members, describe happened)
    }

let ask (client: RemotingClient) (request: Request<'Answer>) : Task<'Answer> =
    task {
        let! answer = client.Request(request, CancellationToken.None)
        return Buffers.ok answer
    }

/// The position that the next message of a queue will have.
let endOf (client: RemotingClient) topic queueId : Task<int64> =
    GroupRequests.max
        {
            Topic = topic
            BrokerName = ""
            QueueId = queueId
        }
    |> ask client

/// A broker with the topic "T", which goes by a clock that the test moves.
let startBroker clock : Task<EmbeddedBroker> =
    task {
        let! broker =
            EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(Clock = clock), CancellationToken.None)

        do! broker.CreateTopicAsync("T", queues)
        return broker
    }

/// How far a group is with a queue.
let committedOf (client: RemotingClient) group topic queueId : Task<int64 option> =
    committedQuery group topic queueId |> ask client

/// The ends of all queues of the topic "T".
let ends (client: RemotingClient) : Task<int64[]> =
    task {
        let ends: int64[] = Array.zeroCreate queues

        for queueId in 0 .. queues - 1 do
            let! last = endOf client "T" queueId
            ends[queueId] <- last

        return ends
    }

/// Where messages of the topic "T" come again that were popped and not acknowledged.
let private popRetryTopic = "%RETRY%C_T"

/// How many messages have come again, and how many of them have been popped. The topic is not there before the first.
let popRetries client : Task<struct (int64 * int64)> =
    task {
        let! last = endOf client popRetryTopic 0
        let! committed = committedOf client "C" popRetryTopic 0
        return struct (last, Option.defaultValue 0L committed)
    }

/// Longer than any message is hidden.
let private longer = TimeSpan.FromSeconds 70L

/// Until nothing that was popped comes again any more: for as long as messages are hidden nothing has, and nothing is in hand.
let quieten (clock: EmbeddedClock) client (isIdle: unit -> bool) : Task =
    let rec go tries : Task =
        task {
            let! struct (before, _) = popRetries client
            do! passFor clock longer
            let until = clock.GetUtcNow() + longer
            do! pass clock (fun () -> isIdle () || clock.GetUtcNow() >= until)
            let! struct (after, committed) = popRetries client

            if after <> before || committed <> after || not (isIdle ()) then
                if tries = 0 then
                    failtest
                        $"messages come again and again: {after} so far, {committed} of them popped; nothing is in flight: {isIdle ()}"

                do! go (tries - 1)
        }

    go 20

/// Once everybody has left, nothing that was popped comes again, as all has been acknowledged.
let nothingComesAgain (clock: EmbeddedClock) client : Task =
    task {
        let! struct (retried, _) = popRetries client
        clock.Advance(TimeSpan.FromHours 3)
        // What is stored later is answered later: all that was due has come by now.
        let! struct (last, committed) = popRetries client
        last |> shouldEqual retried
        committed |> shouldEqual retried
    }
