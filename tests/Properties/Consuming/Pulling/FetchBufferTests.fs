/// Messages that wait until they are asked for, and the position that may be committed meanwhile.
module RocketMq.Protocol.Tests.FetchBufferTests

open System
open RocketMq

let private queueOf queueId : MessageQueue =
    {
        Topic = "T"
        BrokerName = "b"
        QueueId = queueId
    }

let private unlimited: FlowControlLimits =
    {
        Messages = Int32.MaxValue
        Bytes = Int64.MaxValue
        Span = Int64.MaxValue
    }

let private newQueue queueId =
    ProcessQueue(queueOf queueId, 0L, unlimited, MemberClock TimeProvider.System)

let private messagesAt (offsets: int64 list) =
    [|
        for offset in offsets ->
            { Parts.emptyFields with
                QueueOffset = offset
                StoredBody = ReadOnlyMemory(Array.zeroCreate<byte> 10)
            }
            |> StoredMessage.create
    |]

/// What happens to one queue.
type Step =
    /// A pull that brings messages, of which the filter lets some through.
    | Pull of keeps: bool list
    /// A pull that has been under way since before the last seek.
    | LatePull of messages: byte
    | Take
    | Settle
    | SeekTo of byte

/// The queue as it should be.
type private Model =
    {
        Next: int64
        Waiting: int64 list
        Processing: int64 list
    }

    member model.Lowest =
        match model.Processing @ model.Waiting with
        | [] -> model.Next
        | offsets -> List.min offsets

let private add (waiting: FetchBuffer) (pulled: FetchedBatch | null) =
    match pulled with
    | null -> ()
    | pulled when pulled.Messages.Length > 0 -> waiting.Add pulled
    | _ -> ()

let private apply (owner: ProcessQueue) (waiting: FetchBuffer) (stale: PullCursor voption) model step =
    match step with
    | Pull keeps ->
        let place = owner.BeginPull()

        let offsets =
            [
                for index, keep in List.indexed keeps do
                    if keep then
                        place.Offset + int64 index
            ]

        let next = place.Offset + int64 keeps.Length
        owner.Pulled(place, messagesAt offsets, next) |> add waiting

        { model with
            Next = next
            Waiting = model.Waiting @ offsets
        }
    | LatePull count ->
        match stale with
        | ValueSome place ->
            owner.Pulled(place, messagesAt [ 0L .. int64 count ], int64 count + 1L)
            |> add waiting
        | ValueNone -> ()

        model
    | Take ->
        match waiting.TryTake(), model.Waiting with
        | ValueNone, [] -> model
        | ValueSome taken, offset :: rest when taken.Message.QueueOffset = offset ->
            { model with
                Waiting = rest
                Processing = offset :: model.Processing
            }
        | taken, expected -> failtest $"%A{taken |> ValueOption.map _.Message.QueueOffset} where %A{expected} wait"
    | Settle ->
        owner.Settle()
        { model with Processing = [] }
    | SeekTo position ->
        owner.Seek(int64 position)

        {
            Next = int64 position
            Waiting = []
            Processing = []
        }

let private orderTests =
    testList
        "order"
        [
            property
                "messages come in order, once, and the offset never passes one that waits or is in flight"
                (fun (steps: Step list) ->
                    let owner = newQueue 0
                    let waiting = FetchBuffer()

                    let start =
                        {
                            Next = 0L
                            Waiting = []
                            Processing = []
                        }

                    let mutable stale = ValueNone
                    let mutable model = start

                    for step in steps do
                        let before = owner.BeginPull()
                        model <- apply owner waiting stale model step

                        match step with
                        | SeekTo _ -> stale <- ValueSome before
                        | _ -> ()

                        owner.Committable |> shouldEqual model.Lowest
                        owner.CachedMessages |> shouldEqual model.Waiting.Length
                        owner.CachedBytes |> shouldEqual (10L * int64 model.Waiting.Length))

            test "queues take turns, and paused ones are skipped" {
                let waiting = FetchBuffer()
                let queues = [| for queueId in 0..2 -> newQueue queueId |]

                for queue in queues do
                    queue.Pulled(queue.BeginPull(), messagesAt [ 0L; 1L ], 2L) |> add waiting

                let take () =
                    match waiting.TryTake() with
                    | ValueSome taken -> taken.Queue.Queue.QueueId, taken.Message.QueueOffset
                    | ValueNone -> failtest "nothing waits"

                List.init 3 (fun _ -> take ()) |> shouldEqual [ 0, 0L; 1, 0L; 2, 0L ]
                queues[1].Gate.Close()
                List.init 2 (fun _ -> take ()) |> shouldEqual [ 0, 1L; 2, 1L ]
                waiting.TryTake().IsNone |> shouldBeTrue
                queues[1].Gate.Open()
                take () |> shouldEqual (1, 1L)
            }
        ]

let private seeksAndEnds =
    testList
        "seeks and ends"
        [
            test "a dropped queue returns no more messages" {
                let waiting = FetchBuffer()
                let queue = newQueue 0
                queue.Pulled(queue.BeginPull(), messagesAt [ 0L; 1L ], 2L) |> add waiting
                waiting.TryTake().IsSome |> shouldBeTrue
                queue.Leave()
                waiting.TryTake().IsNone |> shouldBeTrue
            }

            test "a seek ends the long poll at the broker" {
                let queue = newQueue 0
                let place = queue.BeginPull()
                queue.Seek 7L
                place.Ending.IsCancellationRequested |> shouldBeTrue
                queue.BeginPull().Ending.IsCancellationRequested |> shouldBeFalse
                queue.BeginPull().Offset |> shouldEqual 7L
            }

            testCaseTask "a signal before the wait is not lost, and the end is signalled" (fun () ->
                task {
                    let waiting = FetchBuffer()
                    waiting.Wake()
                    let! isOpen = waiting.WhenNews CancellationToken.None
                    isOpen |> shouldBeTrue
                    let next = waiting.WhenNews CancellationToken.None
                    waiting.Close()
                    let! isOpen = next
                    isOpen |> shouldBeFalse
                })
        ]

[<Tests>]
let tests = testList "Waiting messages" [ orderTests; seeksAndEnds ]
