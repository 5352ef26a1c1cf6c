module RocketMq.Protocol.Tests.ProxyTests

open System
open Answers
open ProxyRun
open RocketMq.Embedded

/// What may happen to one connection.
type Step =
    | FromServer of Bytes
    | FromClient of Bytes
    | Delayed of byte
    | Limited of byte
    | Splitting of bool
    | Stopping of bool
    | Passing of byte
    | SlowWrites of bool
    | EndWrites
    | Healing

let private tryRead way (Bytes bytes) (run: Run, came: byte[] list) =
    if bytes.Length > 0 && run.Reads.Contains(1, way) then
        read 1 way bytes run, bytes :: came
    else
        run, came

let private step (run: Run, fromServer, fromClient) step =
    let unread run = run, fromServer, fromClient

    match step with
    | FromServer bytes ->
        let run, fromServer = tryRead ToClient bytes (run, fromServer)
        run, fromServer, fromClient
    | FromClient bytes ->
        let run, fromClient = tryRead ToServer bytes (run, fromClient)
        run, fromServer, fromClient
    | Delayed time ->
        run
        |> toClientPlan (fun plan ->
            { plan with
                Delay = TimeSpan.FromMilliseconds(float time)
            })
        |> unread
    | Limited rate ->
        run
        |> toClientPlan (fun plan ->
            { plan with
                BytesPerSecond = 10 * int rate
            })
        |> unread
    | Splitting value -> run |> toClientPlan (fun plan -> { plan with SplitsBytes = value }) |> unread
    | Stopping value -> run |> toClientPlan (fun plan -> { plan with StopsReading = value }) |> unread
    | SlowWrites value -> { run with IsSlow = value } |> unread
    | EndWrites -> run |> endWrites |> unread
    | Healing -> run |> heal |> unread
    | Passing time -> run |> at (run.Now + TimeSpan.FromMilliseconds(float time)) |> unread

let private delayed = connectedWith (fun plan -> { plan with Delay = second })

/// Every second answer comes after five others, or a second later.
let private reordering (answers: AnswerPlan) =
    { answers with
        DelayEvery = 2
        DelayBy = second
        OvertakenBy = 5
    }

let private passingBytes =
    testList
        "passing bytes"
        [
            property "without faults bytes go out as they came in, at once, both ways"
            <| fun (Bytes bytes) sizes ->
                let chunks = chunks sizes bytes |> List.map (fun chunk -> chunk.ToArray())

                let run =
                    (connected, chunks)
                    ||> List.fold (fun run chunk -> run |> read 1 ToServer chunk |> read 1 ToClient chunk)

                writtenTo ToServer run = chunks && writtenTo ToClient run = chunks

            property "whatever is slow, nothing is lost, doubled or out of order"
            <| fun (steps: Step list) ->
                let run, fromServer, fromClient = List.fold step (connected, [], []) steps
                let run = heal (endWrites { run with IsSlow = false })

                sentTo ToClient run = Array.concat (List.rev fromServer)
                && sentTo ToServer run = Array.concat (List.rev fromClient)
                && run.Reads = set [ 1, ToServer; 1, ToClient ]

            property "at a limited rate no span of time carries more than its share and a portion"
            <| fun (Bytes bytes) (rate: byte) ->
                let rate = 20 + 5 * int rate
                let bytes = Array.concat [ bytes; bytes; "x"B ]

                let run =
                    connectedWith (fun plan -> { plan with BytesPerSecond = rate })
                    |> read 1 ToClient bytes
                    |> ringAll

                let sizes =
                    run.Written
                    |> List.rev
                    |> List.map (fun (_, _, time, bytes) -> time, bytes.Length)

                let first = fst sizes.Head

                let isLimited =
                    sizes
                    |> List.scan (fun (_, total) (time, size) -> time, total + size) (first, 0)
                    |> List.forall (fun (time, total) ->
                        float total
                        <= (time - first).TotalSeconds * float rate + float rate / 20.0 + 1.0)

                isLimited && sentTo ToClient run = bytes
        ]

let private delays =
    testList
        "delays"
        [
            testCase "a delayed chunk goes when its time has come, not a tick before"
            <| fun () ->
                let run = delayed |> read 1 ToClient "ab"B

                Proxy.nextDeadline run.State |> shouldEqual (ValueSome second)
                run |> at (second - TimeSpan.FromTicks 1L) |> sentTo ToClient |> shouldEqual ""B
                run |> at second |> sentTo ToClient |> shouldEqual "ab"B
                run |> read 1 ToServer "cd"B |> sentTo ToServer |> shouldEqual "cd"B

            testCase "a close waits for the bytes before it to be due and written"
            <| fun () ->
                let run =
                    { connected with IsSlow = true }
                    |> toClientPlan (fun plan -> { plan with Delay = second })
                    |> read 1 ToClient "ab"B
                    |> closes 1 ToClient

                run.Done |> shouldEqual [ OpenServer 1 ]
                let run = ring run
                sentTo ToClient run |> shouldEqual "ab"B
                run.Done |> shouldEqual [ OpenServer 1 ]
                (endWrites run).Done.Head |> shouldEqual (CloseSending(1, ToClient))

            testCase "split bytes are written one by one"
            <| fun () ->
                connectedWith (fun plan -> { plan with SplitsBytes = true })
                |> read 1 ToClient "abc"B
                |> writtenTo ToClient
                |> shouldEqual [ "a"B; "b"B; "c"B ]
        ]

let private blackHoles =
    testList
        "black holes"
        [
            testCase "a black hole swallows bytes, reads on, and passes on that a side closes"
            <| fun () ->
                let run =
                    connectedWith (fun plan -> { plan with Drops = true })
                    |> read 1 ToClient "abc"B
                    |> read 1 ToClient "def"B

                sentTo ToClient run |> shouldEqual ""B
                run.State.ToClient |> shouldEqual { Received = 6L; Sent = 0L }
                let run = closes 1 ToClient run
                run.Done.Head |> shouldEqual (CloseSending(1, ToClient))
                ended run |> shouldBeFalse
                run |> closes 1 ToServer |> ended |> shouldBeTrue

            testCase "a half-open connection passes nothing, not even a close, until it is healed"
            <| fun () ->
                let run =
                    connected
                    |> plan (fun plan -> { plan with IsHalfOpen = true })
                    |> read 1 ToClient "abc"B
                    |> read 1 ToServer "abc"B
                    |> closes 1 ToServer

                run.Written |> shouldBeEmpty
                run.Done |> shouldEqual [ OpenServer 1 ]
                ended run |> shouldBeFalse
                (heal run).Done.Head |> shouldEqual (CloseSending(1, ToServer))

            testCase "a half-open connection passes no reset until it is healed"
            <| fun () ->
                let run =
                    connected
                    |> plan (fun plan -> { plan with IsHalfOpen = true })
                    |> feed (Broke 1)

                ended run |> shouldBeFalse
                (heal run).Done.Head |> shouldEqual (EndLink(1, CutKind.Reset))
        ]

let private backPressure =
    testList
        "back-pressure"
        [
            testCase "when reading stops, the bytes of the last read wait and no other read begins"
            <| fun () ->
                let run =
                    connectedWith (fun plan -> { plan with StopsReading = true })
                    |> read 1 ToClient "abc"B

                run.Reads |> shouldEqual (set [ 1, ToServer ])
                sentTo ToClient run |> shouldEqual ""B
                let run = heal run
                sentTo ToClient run |> shouldEqual "abc"B
                run.Reads |> shouldEqual (set [ 1, ToServer; 1, ToClient ])

            testCase "when reading stops, a close waits too"
            <| fun () ->
                let run =
                    connectedWith (fun plan -> { plan with StopsReading = true })
                    |> closes 1 ToClient

                run.Done |> shouldEqual [ OpenServer 1 ]
                (heal run).Done.Head |> shouldEqual (CloseSending(1, ToClient))

            testCase "waiting bytes are bounded, and reading stops at the limit"
            <| fun () ->
                let chunk: byte[] = Array.zeroCreate (Passage.maxWaitingBytes / 2)

                let run = delayed |> read 1 ToClient chunk |> read 1 ToClient chunk

                run.Reads |> shouldEqual (set [ 1, ToServer ])
                (ringAll run).Reads |> shouldEqual (set [ 1, ToServer; 1, ToClient ])
        ]

let private cutsAndGarbage =
    testList
        "cuts and garbage"
        [
            property "a cut comes after the number of bytes over all connections, and once"
            <| fun (Bytes bytes) (limit: byte) (isReset: bool) ->
                let kind = if isReset then CutKind.Reset else CutKind.Fin
                let bytes = Array.append bytes [| 0uy |]
                let limit = int limit % bytes.Length

                let run =
                    connected
                    |> opened 2
                    |> toClientPlan (fun plan ->
                        { plan with
                            CutAfter = ValueSome(struct (int64 limit + 4L, kind))
                        })
                    |> read 2 ToClient "abc"B
                    |> read 1 ToClient bytes
                    |> read 2 ToClient bytes

                run.Done.Head = EndLink(1, kind)
                && sentTo ToClient run = Array.concat [ "abc"B; bytes[..limit]; bytes ]
                && run.State.Links.Count = 1

            testCase "garbage is written after waiting bytes and before later ones"
            <| fun () ->
                let run =
                    delayed
                    |> read 1 ToClient "ab"B
                    |> feed (Injected(ToClient, ReadOnlyMemory "!!"B))
                    |> read 1 ToClient "cd"B
                    |> ringAll

                sentTo ToClient run |> shouldEqual "ab!!cd"B
        ]

let private answers =
    testList
        "answers"
        [
            testCase "faults of answers leave requests alone"
            <| fun () ->
                let bytes = answer 1

                let run =
                    connectedWithAnswers (fun answers -> { answers with DropEvery = 1 })
                    |> read 1 ToServer bytes
                    |> read 1 ToClient bytes

                sentTo ToServer run |> shouldEqual bytes
                sentTo ToClient run |> shouldEqual ""B

            testCase "bytes and delayed answers from before a server's close are sent before the close"
            <| fun () ->
                let run =
                    connectedWithAnswers reordering
                    |> read 1 ToClient (Array.concat [ answer 1; answer 2; Array.truncate 6 (answer 3) ])
                    |> closes 1 ToClient

                sentTo ToClient run
                |> shouldEqual (Array.append (answer 1) (Array.truncate 6 (answer 3)))

                run.Done |> shouldEqual [ OpenServer 1 ]
                let run = ringAll run
                (sentTo ToClient run).Length |> shouldExceed (answer 1).Length
                run.Done.Head |> shouldEqual (CloseSending(1, ToClient))
        ]

let private healing =
    testList
        "healing"
        [
            testCase "healing releases delayed, rate-limited and reordered bytes"
            <| fun () ->
                let run =
                    connectedWithAnswers reordering
                    |> toClientPlan (fun plan ->
                        { plan with
                            Delay = second
                            BytesPerSecond = 1
                        })
                    |> read 1 ToClient (Array.concat (List.map answer [ 1..4 ]))
                    |> heal

                split (sentTo ToClient run)
                |> List.map opaqueOf
                |> List.sort
                |> shouldEqual [ 1..4 ]

                Proxy.nextDeadline run.State |> shouldEqual ValueNone

            testCase "new connections can be ended at once, and all present ones"
            <| fun () ->
                let run =
                    connected
                    |> plan (fun plan ->
                        { plan with
                            CutsNew = ValueSome CutKind.Reset
                        })
                    |> feed (Accepted 2)

                run.Done.Head |> shouldEqual (EndLink(2, CutKind.Reset))
                run.State.AcceptedLinks |> shouldEqual 2
                run.State.Links.Count |> shouldEqual 1
                let run = feed (CutAll CutKind.Fin) run
                run.Done.Head |> shouldEqual (EndLink(1, CutKind.Fin))
                ended run |> shouldBeTrue
        ]

let private endedConnections =
    testList
        "ended connections"
        [
            testCase "a client of a server that does not run is reset"
            <| fun () ->
                let run = idle |> feed (Accepted 1) |> feed (ServerUnreachable 1)
                run.Done.Head |> shouldEqual (EndLink(1, CutKind.Reset))

            testCase "events of an ended connection change nothing"
            <| fun () ->
                let run = feed (CutAll CutKind.Fin) connected

                for event in
                    [
                        ServerOpened 1
                        ServerUnreachable 1
                        ChunkWritten(1, ToClient)
                        Broke 1
                        TimePassed
                    ] do
                    let next = feed event run
                    next.Done |> shouldEqual run.Done
                    next.State.Links |> shouldEqual Map.empty
        ]

[<Tests>]
let tests =
    testList
        "Fault proxy"
        [
            passingBytes
            delays
            blackHoles
            backPressure
            cutsAndGarbage
            answers
            healing
            endedConnections
        ]
