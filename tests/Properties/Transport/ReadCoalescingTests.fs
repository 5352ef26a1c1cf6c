/// Answers that are read together, and that none of them waits for others which do not come.
module RocketMq.Protocol.Tests.ReadCoalescingTests

open System
open System.IO.Pipelines
open System.Net
open System.Net.Sockets
open System.Threading.Channels
open FsCheck
open RocketMq.Protocol
open RocketMq

let private limits =
    {
        MaxDelay = 500_000L<tick>
        Pause = 50_000_000L<tick>
    }

/// What a loop reads: after so many microseconds, so many answers of so many bytes each, while so many calls go on waiting.
type Read = Read of after: uint16 * answers: byte * answerBytes: uint16 * calls: uint16

let private afterOne limits (now, state) (Read(after, answers, answerBytes, calls)) =
    let now = now + int64 after * 1_000L<tick>
    let answers = 1 + int answers
    let bytes = int64 answers * int64 answerBytes
    now, ReadCoalescing.afterRead limits now answers bytes (int calls) state

let private start limits =
    0L<tick>, ReadCoalescing.start 0L<tick> limits

let private often times read =
    Seq.replicate times read |> Seq.fold (afterOne limits) (start limits) |> snd

/// A mark that was set before stays while it is not far off.
let private shouldHaveMark expected (state: ReadCoalescing) =
    (state.Mark <= expected && state.Mark * 4 >= expected * 3) |> shouldBeTrue

let private rules =
    testList
        "rules"
        [
            property "no more is waited for than a part of the calls can bring"
            <| fun (reads: Read list) ->
                let mutable last = start limits

                reads
                |> List.forall (fun (Read(_, _, _, calls) as read) ->
                    last <- afterOne limits last read
                    let mark = (snd last).Mark
                    let most = ReadCoalescing.mostOf (int calls) * ReadCoalescing.maxAnswerBytes
                    // One that is not far off stays.
                    mark = ReadCoalescing.noMark
                    || (calls >= 8us && mark * 2 <= most * 3 && mark <= ReadCoalescing.maxMark))

            property "where no answer may wait none does"
            <| fun (reads: Read list) ->
                let limits = { limits with MaxDelay = 0L<tick> }

                reads
                |> List.scan (afterOne limits) (start limits)
                |> List.forall (fun (_, state) -> state.Mark = ReadCoalescing.noMark)

            property "after a stall none waits until the pause is over"
            <| fun (before: Read list) (after: Read list) ->
                let now, state = List.fold (afterOne limits) (start limits) before
                let stalled = ReadCoalescing.afterStall limits now state

                List.scan (afterOne limits) (now, stalled) after
                |> List.forall (fun (at, state) -> at >= now + limits.Pause || state.Mark = ReadCoalescing.noMark)

            testCase "many calls that are answered quickly are read together, an eighth of them"
            <| fun () -> often 100 (Read(20us, 0uy, 200us, 64us)) |> shouldHaveMark (8 * 200)

            testCase "of few calls a quarter, up to four"
            <| fun () ->
                [ 7; 8; 12; 16; 31; 32; 40; 64; 1_024 ]
                |> List.map ReadCoalescing.mostOf
                |> shouldEqual [ 1; 2; 3; 4; 4; 4; 5; 8; 128 ]

            testCase "no answer waits longer than it may: 500 us for others that come every 40 us"
            <| fun () -> often 100 (Read(40us, 0uy, 200us, 1_000us)) |> shouldHaveMark (13 * 200)

            testCase "few calls, and slow answers, are read one by one"
            <| fun () ->
                (often 100 (Read(20us, 0uy, 200us, 7us))).Mark
                |> shouldEqual ReadCoalescing.noMark

                (often 100 (Read(60us, 0uy, 200us, 64us))).Mark
                |> shouldEqual ReadCoalescing.noMark

            testCase "large answers count as small ones"
            <| fun () ->
                often 100 (Read(20us, 0uy, 60_000us, 64us))
                |> shouldHaveMark (8 * ReadCoalescing.maxAnswerBytes)
        ]

/// Two ends of a connection.
let private withSockets (test: Socket -> Socket -> Task) : Task =
    task {
        use listener =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

        listener.Bind(IPEndPoint(IPAddress.Loopback, 0))
        listener.Listen()

        use client =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

        do! client.ConnectAsync(listener.LocalEndPoint |> Unchecked.nonNull)
        use! server = listener.AcceptAsync()
        do! test client server
    }

let private receive (socket: Socket) =
    socket.ReceiveAsync(Memory(Array.zeroCreate 1_000), CancellationToken.None).AsTask()

let private send (socket: Socket) (bytes: int) =
    socket.Send(Array.zeroCreate bytes: byte[]) |> shouldEqual bytes

let private markOf (socket: Socket) =
    let value: byte[] = Array.zeroCreate 4
    socket.GetRawSocketOption(1, 18, Span value) |> shouldEqual 4
    BitConverter.ToInt32(value, 0)

/// Where the system has no low-water mark each answer wakes its reader, and there is nothing to look at.
let private onLinux name (test: unit -> Task) =
    live name (fun () ->
        if LowWaterMark.isSupported then
            test ()
        else
            skiptest "there is no low-water mark here"
            Task.CompletedTask)

/// The client waits for bytes, with a mark of 100.
let private waiting name (test: Socket -> Socket -> Task<int> -> Task) =
    onLinux name (fun () ->
        withSockets (fun client server ->
            LowWaterMark.trySet client 100 |> shouldBeTrue
            test client server (receive client)))

let private sockets =
    testList
        "sockets"
        [
            waiting "who waits is woken when as many bytes have come as the mark says" (fun _ server received ->
                task {
                    send server 50
                    send server 50
                    let! count = received
                    count |> shouldEqual 100
                })

            waiting "a lower mark wakes who waits for what has come" (fun client server received ->
                task {
                    send server 50
                    do! OnNetwork.until (fun () -> client.Available = 50)
                    received.IsCompleted |> shouldBeFalse
                    LowWaterMark.trySet client 1 |> shouldBeTrue
                    let! count = received
                    count |> shouldEqual 50
                })

            waiting "the end of a connection wakes who waits, whatever the mark" (fun _ server received ->
                task {
                    server.Shutdown SocketShutdown.Both
                    let! count = received
                    count |> shouldEqual 0
                })

            onLinux "a closed socket takes no mark" (fun () ->
                withSockets (fun client _ ->
                    client.Dispose()
                    LowWaterMark.trySet client 100 |> shouldBeFalse
                    Task.CompletedTask))
        ]

let private stalls =
    testList
        "stalls"
        [
            onLinux "a mark is taken back when nothing comes, and not set again in the pause" (fun () ->
                withSockets (fun client _ ->
                    task {
                        match ReadCoalescer.TryCreate(client, TimeSpan.FromDays 1.0, (fun () -> 64)) with
                        | null -> failtest "it is supported"
                        | coalescer ->
                            use _ = coalescer

                            let readOne () =
                                coalescer.Answered()
                                coalescer.AfterRead 200L

                            do!
                                OnNetwork.until (fun () ->
                                    readOne ()
                                    markOf client > 1)

                            do! OnNetwork.until (fun () -> markOf client = 1)
                            readOne ()
                            markOf client |> shouldEqual 1
                    }))
        ]

/// Has a client make so many calls, and answers them in groups: each at once, and the next when all of it has arrived.
let private answeredInGroups (groups: int list) : Task =
    task {
        let calls = List.sum groups
        let arrived = Channel.CreateUnbounded<unit>()

        use server =
            new LoopbackServer(fun stream ->
                backgroundTask {
                    let reader = PipeReader.Create stream
                    let requests = ResizeArray<RemotingCommand>()

                    for _ in 1..calls do
                        let! request = LoopbackServer.receive reader
                        requests.Add request.Value

                    let mutable first = 0

                    for group in groups do
                        for index in first .. first + group - 1 do
                            do! LoopbackServer.answerTo requests[index] stream

                        first <- first + group

                        for _ in 1..group do
                            do! arrived.Reader.ReadAsync()
                })

        let options =
            { RemotingOptions.Default with
                MaxReadDelay = TimeSpan.FromHours 1.0
                RequestTimeout = TimeSpan.FromMinutes 5.0
            }

        let client =
            RemotingClient.Create(
                {
                    Host = "127.0.0.1"
                    Port = server.Port
                },
                options
            )
            |> Buffers.ok

        let call () =
            task {
                let! answer =
                    client.Invoke(Command.request RequestCode.GetMaxOffset, CancellationToken.None)

                answer.IsOk |> shouldBeTrue
                arrived.Writer.TryWrite() |> shouldBeTrue
            }

        do! Task.WhenAll [| for _ in 1..calls -> call () :> Task |]
        do! client.Close()
    }

let private connections =
    testList
        "connections"
        [
            live "each answer arrives, however few come together" (fun () ->
                answeredInGroups [ 40; 1; 1; 1; 20; 1; 3; 2; 1; 1; 60; 1; 30; 1; 1 ])

            property "each answer arrives, in whatever groups"
            <| fun (groups: byte list) ->
                let groups = groups |> List.truncate 12 |> List.map (fun size -> 1 + int size % 48)
                (answeredInGroups groups).Wait()
        ]

[<Tests>]
let tests = testList "Read coalescing" [ rules; sockets; stalls; connections ]
