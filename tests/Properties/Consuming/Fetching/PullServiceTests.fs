/// How one queue is read: where each pull begins, whom it asks, and what becomes of positions that a broker moves.
module RocketMq.Protocol.Tests.PullServiceTests

open System
open System.Buffers
open Microsoft.Extensions.Logging
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

let private nameServer = FakeServers.at 1
let private master = FakeServers.at 10
let private slave = FakeServers.at 11

let private queue: MessageQueue =
    {
        Topic = "T"
        BrokerName = "b"
        QueueId = 0
    }

let private route: TopicRoute = FakeServers.routeOfOne [ 0L, master; 1L, slave ]

/// When the message of an offset was stored. Messages are stored ten milliseconds after one another.
let private storedAt (offset: int64) = 1_000L + 10L * offset

let private recordsOf (messages: (int64 * string) list) : ReadOnlyMemory<byte> =
    let output = ArrayBufferWriter<byte>()

    for offset, tag in messages do
        { Parts.emptyFields with
            QueueOffset = offset
            StoreTimestamp = storedAt offset
            Properties = Properties.ofList [ PropertyName.tags, tag ]
        }
        |> StoredMessage.create
        |> fun message -> MessageCodec.write message output
        |> Buffers.ok
        |> ignore

    output.WrittenMemory

let private found tagged next : PullAnswer =
    { Examples.pullAnswer with
        NextOffset = next
        Records = recordsOf tagged
    }

/// All messages from one offset to another, some of them with bodies in LZ4, which the core has no codec for.
let private foundSqueezed (squeezed: int64 list) first last : PullAnswer =
    let output = ArrayBufferWriter<byte>()

    let flagOf offset =
        if List.contains offset squeezed then
            SysFlag.withCompression Compression.Lz4 0
        else
            0

    for offset in first..last do
        Parts.emptyMessage
        |> StoredMessage.change (fun fields ->
            { fields with
                QueueOffset = offset
                StoreTimestamp = storedAt offset
                SysFlag = flagOf offset
                Properties = Properties.ofList [ PropertyName.tags, "A" ]
            })
        |> fun message -> MessageCodec.write message output
        |> Buffers.ok
        |> ignore

    { Examples.pullAnswer with
        NextOffset = last + 1L
        Records = output.WrittenMemory
    }

/// All messages from one offset to another, with the tag that is wanted.
let private foundAll first last =
    found [ for offset in first..last -> offset, "A" ] (last + 1L)

let private nothing status next : PullAnswer =
    { Examples.pullAnswer with
        Status = status
        NextOffset = next
    }

let private movedTo = nothing PullStatus.OffsetMoved

/// What a server does with a pull from a position; pulls that nothing is known about wait.
type private Script = (Endpoint * int64 * Result<PullAnswer, ResponseCode>) list

/// `search` says which offset the master names for a time.
[<Sealed>]
type private Rig(script: Script, start: int64, limits: FlowControlLimits, search: int64 -> Result<int64, ResponseCode>)
    =
    let clock = ManualClock()
    let pulls = ConcurrentQueue<Endpoint * int64>()
    let handed = ConcurrentQueue<FetchedBatch>()
    let moved = ConcurrentQueue<int64>()

    /// Called when the master is asked for an offset by time.
    let mutable beforeSearch = ignore<unit>

    /// Steps that were taken of the script. Each is taken once, in its order.
    let mutable taken = 0

    let pull (endpoint: Endpoint) (command: RemotingCommand) =
        let request = Pull.messages.Decode command |> Buffers.ok
        pulls.Enqueue(endpoint, request.QueueOffset)

        match List.tryItem taken script with
        | Some(expected, offset, answer) when expected = endpoint && offset = request.QueueOffset ->
            taken <- taken + 1

            match answer with
            | Ok answer -> Answers(Pull.messages.Answer(answer, command))
            | Error code -> FakeServers.refusal code "on purpose" command
        | _ -> IsMute

    let react (endpoint: Endpoint) (command: RemotingCommand) : Task<Reaction> =
        match command.RequestCode with
        | RequestCode.PullMessage -> pull endpoint command
        | RequestCode.SearchOffsetByTimestamp when endpoint = master ->
            let query = Offsets.search.Decode command |> Buffers.ok
            beforeSearch ()

            match search query.TimestampMillis with
            | Ok offset -> Answers(Offsets.search.Answer(offset, command))
            | Error code -> FakeServers.refusal code "on purpose" command
        | _ -> FakeServers.routed route command
        |> Task.FromResult

    let servers = FakeServers(clock, (fun _ -> Accepts), react)
    let clients = RemotingClients servers.Options

    let routes = Routes(NameServer([| nameServer |], clients), clients)

    let subscriptions = Subscriptions clock
    do subscriptions.Set("T", ByTag "A")
    let problems = MemberProblems clock

    /// Called whenever something is logged.
    let mutable onLog = ignore<unit>

    let logger =
        { new ILogger with
            member _.BeginScope _ = null
            member _.IsEnabled _ = true
            member _.Log(_, _, _, _, _) = onLog ()
        }

    let puller =
        PullService(
            Examples.group,
            { servers.Options with Logger = logger },
            GroupBrokers(clients, routes),
            routes,
            subscriptions,
            "",
            (fun _ messages -> messages),
            BodyCodecs.standard,
            PauseGate(),
            problems,
            GroupRefusals(servers.Options, "C"),
            { new IMessageDispatcher with
                member _.Dispatch messages = handed.Enqueue messages
                member _.Drop queue = moved.Enqueue queue.Next
                member _.Resume _ = ()
                member _.CancelHandlers _ = ()
                member _.Refused _ = ()
            }
        )

    let owner = ProcessQueue(queue, start, limits, MemberClock clock)

    let mutable reading = Task.CompletedTask

    /// Begins to pull.
    member _.Start() =
        reading <- puller.Run(owner, owner.BeginLoop())

    member _.Reading = reading

    member _.BeforeSearch
        with set act = beforeSearch <- act

    member _.Clock = clock
    member _.Problems = problems

    member _.OnLog
        with set act = onLog <- act

    member _.Queue = owner
    member _.Pulls = List.ofSeq pulls
    member _.Moved = List.ofSeq moved
    member _.Handed = List.ofSeq handed

    member rig.Offsets =
        rig.Handed
        |> List.map (fun held -> [ for message in held.Messages -> message.QueueOffset ])

    member rig.FinishAll() =
        for held in rig.Handed do
            for index in 0 .. held.Messages.Length - 1 do
                owner.Finish(held, index)

    /// Ends when the queue has been asked for so often.
    member rig.WhenPulled count : Task =
        task { do! until (fun () -> pulls.Count >= count) }

    /// Moves the clock until the queue has been asked for so often, slowly enough that answers keep up with it.
    member _.PassUntilPulled count : Task =
        task {
            while pulls.Count < count do
                clock.Advance(millis 100)
                let mutable turns = 0

                while turns < 2_000 && pulls.Count < count do
                    turns <- turns + 1
                    do! Task.Yield()
        }

    /// What was to be sent to the master by now has come there: others ask it meanwhile, and are answered.
    member _.Breathe() : Task =
        task {
            for _ in 1..20 do
                let client = clients.Get master
                let! answer = client.Request(GetRoute.request "T", CancellationToken.None)
                answer |> Buffers.ok |> ignore
        }

    member rig.Close() : Task =
        task {
            owner.Leave()
            do! rig.Reading
            do! clients.CloseAll()
        }

/// A broker that has lost nothing names the offset itself.
let private searchAll (millis: int64) : Result<int64, ResponseCode> = Ok((millis - 1_000L) / 10L)

/// `prepare` is called before the first pull.
let private prepared (prepare: Rig -> unit) search name script start (test: Rig -> Task) =
    live name (fun () ->
        task {
            let rig = Rig(script, start, FlowControlLimits.Default, search)
            prepare rig
            rig.Start()
            do! test rig
            do! rig.Close()
        })

let private searching search name script start test =
    prepared ignore search name script start test

/// What was pulled is consumed before the broker that lost messages is asked where to go on.
let private finishing (rig: Rig) = rig.BeforeSearch <- rig.FinishAll

let private reads name script start test =
    searching searchAll name script start test

let private deletedMessages =
    [
        reads
            "forward: messages have been deleted in front of the reader, and what it holds is not lost"
            [
                master, 0L, Ok(foundAll 0L 4L)
                master, 5L, Ok(movedTo 40L)
                master, 40L, Ok(foundAll 40L 40L)
            ]
            0L
            (fun rig ->
                task {
                    do! rig.WhenPulled 4
                    rig.Pulls |> List.map snd |> shouldEqual [ 0L; 5L; 40L; 41L ]
                    rig.Offsets |> shouldEqual [ [ 0L .. 4L ]; [ 40L ] ]
                    rig.Moved |> shouldBeEmpty
                    rig.Queue.IsLeft |> shouldBeFalse
                    rig.Queue.CachedMessages |> shouldEqual 6
                    rig.Queue.Committable |> shouldEqual 0L
                    let held = rig.Handed.Head

                    for index in 0..4 do
                        rig.Queue.Finish(held, index)

                    rig.Queue.Committable |> shouldEqual 40L
                    rig.FinishAll()
                    rig.Queue.Committable |> shouldEqual 41L
                })
    ]

let private lostMessages =
    [
        prepared
            finishing
            (fun millis -> Ok(if millis = storedAt 52L then 8L else -1L))
            "backward: the broker has lost messages, and pulling continues at the first one stored after the newest one that was read"
            [
                master, 50L, Ok(foundAll 50L 52L)
                master, 53L, Ok(movedTo 10L)
                master, 8L, Ok(foundAll 8L 11L)
            ]
            50L
            (fun rig ->
                task {
                    do! rig.WhenPulled 4
                    rig.Moved |> shouldEqual [ 8L ]
                    rig.Queue.IsLeft |> shouldBeFalse
                    rig.Pulls |> List.map snd |> shouldEqual [ 50L; 53L; 8L; 12L ]
                    rig.Queue.CachedMessages |> shouldEqual 4
                    rig.Queue.Committable |> shouldEqual 8L
                })

        searching
            (fun _ -> Ok 60L)
            "backward: the offset is never beyond the maximum offset of the broker, whatever its answers for times are"
            [
                master, 50L, Ok(foundAll 50L 52L)
                master, 53L, Ok(movedTo 10L)
                master, 10L, Ok(foundAll 10L 11L)
            ]
            50L
            (fun rig ->
                task {
                    do! rig.WhenPulled 4
                    rig.Moved |> shouldEqual [ 10L ]
                    rig.Pulls |> List.map snd |> shouldEqual [ 50L; 53L; 10L; 12L ]
                    rig.Queue.CachedMessages |> shouldEqual 2
                    rig.Queue.Committable |> shouldEqual 10L
                })

        searching
            (fun _ -> Ok 53L)
            "backward: cached messages that still exist are pulled again"
            [
                master, 50L, Ok(foundAll 50L 56L)
                master, 57L, Ok(movedTo 55L)
                master, 50L, Ok(foundAll 50L 54L)
            ]
            50L
            (fun rig ->
                task {
                    do! rig.WhenPulled 4
                    rig.Moved |> shouldEqual [ 50L ]
                    rig.Pulls |> List.map snd |> shouldEqual [ 50L; 57L; 50L; 55L ]
                    rig.Queue.Committable |> shouldEqual 50L
                })
    ]

let private askingTheMaster =
    [
        live "backward: the master is asked for the time again until it answers" (fun () ->
            task {
                let mutable asked = 0

                let search _ =
                    if Interlocked.Increment &asked < 3 then
                        Error ResponseCode.SystemBusy
                    else
                        Ok 8L

                let rig =
                    Rig(
                        [
                            master, 50L, Ok(foundAll 50L 52L)
                            master, 53L, Ok(movedTo 10L)
                            master, 53L, Ok(movedTo 10L)
                            master, 53L, Ok(movedTo 10L)
                            master, 8L, Ok(foundAll 8L 11L)
                        ],
                        50L,
                        FlowControlLimits.Default,
                        search
                    )

                finishing rig
                rig.Start()
                do! rig.PassUntilPulled 6

                rig.Moved |> shouldEqual [ 8L ]
                rig.Pulls |> List.map snd |> shouldEqual [ 50L; 53L; 53L; 53L; 8L; 12L ]
                do! rig.Close()
            })
    ]

let private seeks =
    [
        live "backward: a seek while the master is asked for the time wins" (fun () ->
            task {
                let mutable sought: ProcessQueue option = None

                let search _ =
                    sought |> Option.iter (fun queue -> queue.Seek 4L)
                    Ok 8L

                let rig =
                    Rig(
                        [
                            master, 50L, Ok(foundAll 50L 52L)
                            master, 53L, Ok(movedTo 10L)
                            master, 4L, Ok(foundAll 4L 9L)
                        ],
                        50L,
                        FlowControlLimits.Default,
                        search
                    )

                sought <- Some rig.Queue
                rig.Start()
                do! rig.WhenPulled 4
                rig.Moved |> shouldBeEmpty
                rig.Pulls |> List.map snd |> shouldEqual [ 50L; 53L; 4L; 10L ]
                do! rig.Close()
            })

        searching
            (fun _ -> Ok 2L)
            "backward after a seek of the application: the time of what was read before it does not count"
            [
                master, 50L, Ok(foundAll 50L 52L)
                master, 70L, Ok(movedTo 10L)
                master, 10L, Ok(foundAll 10L 11L)
            ]
            50L
            (fun rig ->
                task {
                    do! until (fun () -> rig.Handed.Length = 1)
                    do! rig.WhenPulled 2
                    rig.Queue.Seek 70L
                    do! rig.WhenPulled 5
                    rig.Moved |> shouldEqual [ 10L ]
                    rig.Pulls |> List.map snd |> shouldEqual [ 50L; 53L; 70L; 10L; 12L ]
                })
    ]

let private invalidAnswers =
    [
        reads
            "to an offset below 0: that is no answer, and the offset stays"
            [
                master, 5L, Ok(movedTo -1L)
                master, 5L, Ok(nothing PullStatus.NoMatch -3L)
                master, 5L, Ok(foundAll 5L 6L)
            ]
            5L
            (fun rig ->
                task {
                    do! rig.PassUntilPulled 4

                    rig.Pulls |> List.map snd |> shouldEqual [ 5L; 5L; 5L; 7L ]
                    rig.Offsets |> shouldEqual [ [ 5L; 6L ] ]
                })

        for position in [ 2L; 100L ] do
            reads
                $"a slave's word that the reader at 5 is to go to {position} does not count: the master is asked"
                [
                    master,
                    0L,
                    Ok
                        { foundAll 0L 4L with
                            SuggestedBrokerId = 1L
                        }
                    slave, 5L, Ok(movedTo position)
                    master, 5L, Ok(foundAll 5L 6L)
                ]
                0L
                (fun rig ->
                    task {
                        do! rig.WhenPulled 4

                        rig.Pulls |> shouldEqual [ master, 0L; slave, 5L; master, 5L; master, 7L ]

                        rig.Moved |> shouldBeEmpty
                        rig.Offsets |> shouldEqual [ [ 0L .. 4L ]; [ 5L; 6L ] ]
                    })
    ]

let private positionsMoved =
    deletedMessages @ lostMessages @ askingTheMaster @ seeks @ invalidAnswers

let private pullRequests =
    [
        reads
            "a failed pull is repeated from the same offset at the master"
            [
                master,
                0L,
                Ok
                    { foundAll 0L 4L with
                        SuggestedBrokerId = 1L
                    }
                slave, 5L, Error ResponseCode.SystemError
                master, 5L, Error ResponseCode.SystemBusy
                master, 5L, Ok(foundAll 5L 6L)
            ]
            0L
            (fun rig ->
                task {
                    do! rig.PassUntilPulled 5

                    rig.Pulls
                    |> shouldEqual [ master, 0L; slave, 5L; master, 5L; master, 5L; master, 7L ]

                    rig.Offsets |> shouldEqual [ [ 0L .. 4L ]; [ 5L; 6L ] ]
                })

        reads
            "messages that the filter rejects are not delivered, and the offset moves past them"
            [
                master, 0L, Ok(found [ 0L, "A"; 1L, "B"; 2L, "A"; 3L, "B" ] 4L)
                master, 4L, Ok(found [ 4L, "B"; 5L, "B" ] 6L)
                master, 6L, Ok(nothing PullStatus.NoMatch 30L)
            ]
            0L
            (fun rig ->
                task {
                    do! rig.WhenPulled 4
                    rig.Pulls |> List.map snd |> shouldEqual [ 0L; 4L; 6L; 30L ]
                    rig.Offsets |> shouldEqual [ [ 0L; 2L ] ]
                    rig.Queue.Committable |> shouldEqual 0L
                    rig.FinishAll()
                    rig.Queue.Committable |> shouldEqual 30L
                })
    ]

let private pullLimits =
    [
        live "the failed pull of a dropped queue is no problem afterwards" (fun () ->
            task {
                let rig =
                    Rig([ master, 0L, Error ResponseCode.SystemError ], 0L, FlowControlLimits.Default, searchAll)

                // Between the failure and what is told of it the queue is left, as by the member's loop.
                rig.OnLog <-
                    fun () ->
                        rig.Queue.Leave()
                        rig.Problems.Clear rig.Queue.Name

                rig.Start()
                do! rig.Reading
                do! rig.Close()
                rig.Pulls |> shouldEqual [ master, 0L ]
                rig.Problems.All |> shouldBeEmpty
            })

        live "nothing is pulled while the queue is at its limit" (fun () ->
            task {
                let script: Script =
                    [
                        for round in 0L .. 9L -> master, 3L * round, Ok(foundAll (3L * round) (3L * round + 2L))
                    ]

                let rig =
                    Rig(
                        script,
                        0L,
                        { FlowControlLimits.Default with
                            Messages = 3
                        },
                        searchAll
                    )

                rig.Start()

                for round in 1..10 do
                    do! until (fun () -> rig.Handed.Length >= round)
                    do! rig.Breathe()
                    rig.Pulls.Length |> shouldEqual round
                    rig.Queue.Finish(rig.Handed[round - 1], round % 3)
                    do! until (fun () -> rig.Pulls.Length > round)

                    for index in 0..2 do
                        rig.Queue.Finish(rig.Handed[round - 1], index)

                do! rig.WhenPulled 11
                do! rig.Close()
            })
    ]

let private pulling = pullRequests @ pullLimits

let private missingCodecs =
    [
        reads
            "a message without a codec stops the queue in front of it; a seek past it reads on"
            [
                master, 0L, Ok(foundSqueezed [ 2L; 3L ] 0L 4L)
                master, 4L, Ok(foundSqueezed [] 4L 5L)
            ]
            0L
            (fun rig ->
                task {
                    do! until (fun () -> not rig.Problems.All.IsEmpty)
                    rig.Offsets |> shouldEqual [ [ 0L; 1L ] ]
                    rig.FinishAll()
                    rig.Queue.Committable |> shouldEqual 2L
                    rig.Problems.All.Head.Reason |> shouldMention "RocketMq.Compression"

                    // Several times as long as a pull that failed waits, and not so long that connections are given up.
                    for _ in 1..5 do
                        rig.Clock.Advance(TimeSpan.FromSeconds 4L)

                    do! rig.Breathe()
                    rig.Pulls |> List.map snd |> shouldEqual [ 0L ]
                    rig.Queue.Seek 4L
                    do! rig.WhenPulled 3
                    rig.Offsets |> shouldEqual [ [ 0L; 1L ]; [ 4L; 5L ] ]
                    rig.Problems.All |> shouldBeEmpty
                })

        property "the first message without a codec is found, wherever it is"
        <| fun (squeezed: bool list) ->
            let messages =
                [|
                    for isSqueezed in squeezed ->
                        Parts.emptyMessage
                        |> StoredMessage.change (fun fields ->
                            { fields with
                                SysFlag =
                                    if isSqueezed then
                                        SysFlag.withCompression Compression.Zstandard 0
                                    else
                                        0
                            })
                |]

            UnreadableMessage.find BodyCodecs.standard messages |> ValueOption.toOption = List.tryFindIndex id squeezed
    ]

[<Tests>]
let tests = testList "Queue puller" (positionsMoved @ pulling @ missingCodecs)

let private delete (broker: string) topic : Task =
    task {
        use client =
            RemotingClient.Create((endpointsOf broker).Head, RemotingOptions.Default)
            |> Buffers.ok

        let! deleted = client.Request(Topics.delete.Request topic, CancellationToken.None)
        Buffers.ok deleted
    }

[<Tests>]
let lostByBroker =
    testList
        "Queue puller on a broker"
        [
            live
                "a consumer continues at the end of a broker that has lost its messages, and commits that offset"
                (fun () ->
                    task {
                        use! cluster = startCluster (fun options -> options.Masters <- 1)
                        do! cluster.CreateTopicAsync("T", 1)
                        do! sendAll cluster "T" (numbered 0 100)
                        let seen = Seen()

                        let options =
                            consumerOf cluster TimeProvider.System "C"
                            |> PushConsumerOptions.subscribe "T" Filter.all
                            |> (fun options ->
                                { options with
                                    LongPollTimeout = (TimeSpan.FromMilliseconds 100L)
                                })

                        let! consumer = startConsumer options (remember seen)
                        do! until (fun () -> seen.Count = 100)
                        let! committed = consumer.Commit CancellationToken.None
                        committed |> Buffers.ok
                        do! delete cluster.Brokers[0].Address "T"
                        do! cluster.CreateTopicAsync("T", 1)

                        let position () =
                            consumer.Health.Queues
                            |> List.tryFind (fun queue -> queue.Queue.Topic = "T")
                            |> Option.map _.Next

                        do! until (fun () -> position () = Some 0L)
                        do! sendAll cluster "T" (numbered 100 20)
                        do! until (fun () -> seen.Count = 120)
                        do! consumer.Close()
                        let! positions = positions cluster "C" "T" 1
                        positions.Values |> List.ofSeq |> shouldEqual [ 20L, 20L ]
                    })
        ]
