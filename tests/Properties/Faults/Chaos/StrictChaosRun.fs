/// A run of strict chaos: a cluster that keeps little, a group under all that may go wrong, and what must be so in the end.
module internal RocketMq.Protocol.Tests.StrictChaosRun

open System
open System.Runtime.ExceptionServices
open RocketMq.Embedded
open RocketMq
open ChaosRig
open StrictChaosRig

/// What has been stored, where, and what of it has not been consumed.
[<Sealed>]
type private Stock(ledger: Ledger<int>) =
    let places = ConcurrentDictionary<int, struct (int * int64)>()
    let mutable first = 0

    /// Stores a message, however often it takes. A send fails at once where no broker can be sent to, so others get a turn in between.
    let store (producer: Producer) number : Task =
        task {
            let mutable isStored = false

            while not isStored do
                match! producer.Send(Message.ofText "T" $"m{number}", CancellationToken.None) with
                | Ok receipt ->
                    places[number] <- struct (receipt.Queue.QueueId, receipt.QueueOffset)
                    isStored <- true
                | Error _ -> do! Task.Yield()
        }

    member _.Store producer number = store producer number

    /// All before it have been consumed.
    member _.First: int =
        while places.ContainsKey first && ledger.IsDone first do
            first <- first + 1

        first

    member _.Unfinished: int list =
        places.Keys
        |> Seq.filter (fun number -> not (ledger.IsDone number))
        |> Seq.sort
        |> List.ofSeq

    /// The broker has dropped nothing that was still to be consumed: the copies that come again of a message are younger than it.
    member _.IsKept (client: RemotingClient) (numbers: int list) : Task =
        task {
            for queueId in 0 .. queues - 1 do
                let! kept =
                    GroupRequests.min
                        {
                            Topic = "T"
                            BrokerName = ""
                            QueueId = queueId
                        }
                    |> ask client

                for number in numbers do
                    let struct (itsQueue, position) = places[number]

                    if itsQueue = queueId && position < kept then
                        failtest
                            $"the broker has dropped m{number}, which is still to be consumed: this test keeps too little"
        }

/// A strict cluster: a slave that lags, nothing in memory, and less kept than is sent, though far more than waits at any time.
let private startStrict clock : Task<EmbeddedCluster> =
    startCluster (fun options ->
        options.Masters <- 1
        options.Slaves <- 1
        options.Clock <- clock
        options.MemoryBytes <- 0L
        options.SlaveCopyInterval <- TimeSpan.FromSeconds 20L
        options.RetentionBytes <- int64 messages * 120L)

/// What the master has of the group's offsets.
let private committedAt client : Task<int64 option list> =
    task {
        let offsets: int64 option[] = Array.zeroCreate queues

        for queueId in 0 .. queues - 1 do
            let! offset = committedOf client "C" "T" queueId
            offsets[queueId] <- offset

        return List.ofArray offsets
    }

let private closeAll clock (members: Member list) : Task =
    task {
        for leaving in members do
            do! finish clock (leaving.Close())
    }

let private areWell (group: Group) : Task =
    group.Reaches "all are well" (fun () -> group.Members |> List.forall (fun one -> one.Problems().IsEmpty))

/// Each offset is where its queue ends, and stays there when everybody has left.
let private commitsAll (clock: EmbeddedClock) client (group: Group) : Task =
    task {
        let! ends = ends client
        let ends = ends |> Array.map Some |> List.ofArray

        let isCommitted () =
            becomesWithin clock (seconds 900) (fun () ->
                task {
                    let! offsets = committedAt client
                    return offsets = ends
                })

        let! wasCommitted = isCommitted ()
        do! areWell group
        // Who took a queue over just now may have looked before the owner before committed its end, and still be on its way there.
        do! passFor clock (seconds 60)
        let! staysCommitted = isCommitted ()
        do! closeAll clock group.Members
        let! final = committedAt client
        wasCommitted |> shouldBeTrue
        staysCommitted |> shouldBeTrue
        final |> shouldEqual ends
    }

/// More messages, when nothing befalls anybody any more.
let private calm = 200

/// So slow that no message comes again because this machine is.
let private calmPace = TimeSpan.FromMilliseconds 100L

/// Where nothing is in the way each message is delivered once and acknowledged once, and does not come again.
let private staysCalm
    (clock: EmbeddedClock)
    client
    (ledger: Ledger<int>)
    (group: Group)
    (store: int -> Task)
    isIdle
    : Task =
    task {
        let acknowledged () =
            group.Members |> List.sumBy (fun one -> one.Acknowledged())

        let acknowledgedBefore = acknowledged ()
        let deliveries = ledger.Deliveries + calm
        // One by one, so that acknowledgements are, too.
        do! inCrowd 1 messages calm store
        let until = clock.GetUtcNow() + seconds 50

        do!
            passAtPace calmPace clock (fun () ->
                acknowledged () >= acknowledgedBefore + int64 calm || clock.GetUtcNow() >= until)

        acknowledged () |> shouldEqual (acknowledgedBefore + int64 calm)
        do! quieten clock client isIdle
        ledger.Deliveries |> shouldEqual deliveries
    }

/// Nothing is in flight, nothing comes again, and nobody thinks of more acknowledgements than there were.
let private acknowledgesAll
    (clock: EmbeddedClock)
    client
    (ledger: Ledger<int>)
    (group: Group)
    (store: int -> Task)
    : Task =
    task {
        let isIdle () =
            group.Members |> List.forall (fun one -> one.InFlight() = 0)

        do! quieten clock client isIdle
        do! areWell group
        do! staysCalm clock client ledger group store isIdle
        do! areWell group
        do! closeAll clock group.Members
        do! nothingComesAgain clock client
        let! ends = ends client
        let! committed = committedAt client
        committed |> shouldEqual (ends |> Array.map Some |> List.ofArray)
        // Who was killed or cut off may not know of all. A message may have to be acknowledged twice: where the answer to a change of
        // its time was lost brokers hide it twice, and of a pop whose answer came late its receipts may be dead before the client thinks so.
        let most = int64 ledger.Endings
        let acknowledged = group.Everyone |> List.sumBy (fun one -> one.Acknowledged())

        if acknowledged > most then
            failtest $"{acknowledged} acknowledgements of {most} messages that were handled"
    }

let private run (kind: Kind) (surroundings: Surroundings) (stock: Stock) : Task =
    task {
        let clock = surroundings.Clock
        let cluster = surroundings.Cluster
        do! cluster.CreateTopicAsync("T", queues)
        let random = Random seed
        let drawn = draw random kind
        let group = Group(surroundings, kind, random)

        use client =
            RemotingClient.Create(
                (endpointsOf cluster.Brokers[0].Address).Head,
                { RemotingOptions.Default with
                    RequestTimeout = TimeSpan.FromMinutes 1L
                }
            )
            |> Buffers.ok

        // From the end on: what is sent from now on counts, once the group's beginning is known to the broker.
        do! group.Join()

        let mutable hasBegun = false

        while not hasBegun do
            do! ChaosRig.passFor clock (seconds 1)
            let! offsets = committedAt client
            hasBegun <- offsets |> List.forall Option.isSome

        use producer =
            start (
                ProducerOptions.create "G" (endpointsOf cluster.NameServers)
                |> patient TimeProvider.System
            )

        for round, happening in List.indexed drawn do
            let first = round * messages / rounds
            let next = (round + 1) * messages / rounds
            let unfinished = stock.Unfinished
            do! inCrowd 16 first (next - first) (stock.Store producer)
            do! stock.IsKept client unfinished
            do! group.Happen happening
            // All but the last is consumed before more is sent, however long a message takes to come again: what is still to be
            // consumed, with all its copies, is a small part of what is kept.
            let goal = next - messages / 20
            do! group.Reaches $"all before m{goal} after %A{happening}" (fun () -> stock.First >= goal)

        cluster.Brokers[0].Faults.Heal()
        do! group.Reaches "all consumed" (fun () -> stock.First = messages)
        let again = surroundings.Ledger.Deliveries - messages

        if kind.Pops then
            do! acknowledgesAll clock client surroundings.Ledger group (stock.Store producer)
        else
            do! commitsAll clock client group

        printfn
            $"Strict chaos, {kind.Name}, seed {seed}: {messages} messages, {describe group.Happened}; {again} delivered again"

        set group.Happened |> shouldEqual (weightsFor kind |> List.map fst |> set)

        if kind.IsOrderly then
            surroundings.Order.Inversions |> shouldEqual 0
    }

/// Less than a test may take, so that there is time to say what has not been done.
let private limit = TimeSpan.FromMinutes(if LongForm.isWanted then 14.5 else 1.9)

let chaos (kind: Kind) : Task =
    task {
        let clock = EmbeddedClock()
        use! cluster = startStrict clock
        let ledger = Ledger numberOf
        let stock = Stock ledger

        let surroundings =
            {
                Clock = clock
                Cluster = cluster
                Ledger = ledger
                Order = OrderWatch()
            }

        try
            do! (run kind surroundings stock).WaitAsync limit
        with error ->
            let numbers = String.Join(", ", stock.Unfinished)
            printfn $"Strict chaos, {kind.Name}, failed with seed {seed}; not finished: {numbers}"
            ExceptionDispatchInfo.Throw error
    }
