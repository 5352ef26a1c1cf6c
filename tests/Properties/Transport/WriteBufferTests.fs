/// Who writes what waits for the socket, and in which order.
module RocketMq.Protocol.Tests.WriteBufferTests

open System
open System.Buffers
open System.IO
open System.Threading
open RocketMq
open RocketMq.Protocol
open FsCheck

/// Remembers what was written, and by which thread. Writes that are slow end on the pool.
[<Sealed>]
type private WrittenStream() =
    inherit MemoryStream()

    member val IsSlow = false with get, set

    /// The thread that wrote last; 0 if none did.
    member val Thread = 0 with get, set

    member stream.Bytes = stream.ToArray()

    override stream.WriteAsync(bytes: ReadOnlyMemory<byte>, _: CancellationToken) : ValueTask =
        stream.Thread <- Environment.CurrentManagedThreadId
        stream.Write bytes.Span

        if stream.IsSlow then
            ValueTask(task = task { do! Task.Yield() })
        else
            ValueTask.CompletedTask

/// Counts what is to go on at its thread.
[<Sealed>]
type private CountingContext() =
    inherit SynchronizationContext()
    let mutable count = 0
    member _.Count = Volatile.Read &count

    override _.Post(callback, state) =
        Interlocked.Increment &count |> ignore
        ThreadPool.QueueUserWorkItem(WaitCallback callback.Invoke, state) |> ignore

/// Its timers cannot be set while it is broken.
[<Sealed>]
type private BreakableClock() =
    inherit TimeProvider()
    member val IsBroken = false with get, set

    /// How often a timer was set.
    member val Changes = 0 with get, set

    override clock.CreateTimer(_, _, _, _) =
        { new ITimer with
            member _.Change(_, _) =
                if clock.IsBroken then
                    raise (InvalidOperationException "The clock is broken.")

                clock.Changes <- clock.Changes + 1
                true
          interface IDisposable with
              member _.Dispose() = ()
          interface IAsyncDisposable with
              member _.DisposeAsync() = ValueTask.CompletedTask
        }

let private start () =
    let stream = new WrittenStream()
    let buffer = WriteBuffer(stream, 1 <<< 20, ConnectionCounters())
    stream, buffer, buffer.WriteAll CancellationToken.None

let private put isAlone (bytes: byte[]) (buffer: WriteBuffer) =
    lock buffer.Gate (fun () ->
        (buffer.Writer :> IBufferWriter<byte>).Write(ReadOnlySpan bytes)

        (if isAlone then
             buffer.EncodedAlone bytes.Length
         else
             buffer.EncodedCall bytes.Length)
        |> ignore<OutgoingBody | null>)

let private complete (buffer: WriteBuffer) = lock buffer.Gate buffer.Complete

let private alone =
    testList
        "alone"
        [
            testCase "who fills it alone writes it, each time"
            <| fun () ->
                let stream, buffer, loop = start ()

                for number in 1uy .. 3uy do
                    put true [| number |] buffer
                    stream.Bytes.Length |> shouldEqual (int number - 1)
                    stream.Thread <- 0
                    buffer.WriteHere()
                    stream.Bytes |> shouldEqual [| 1uy .. number |]
                    stream.Thread |> shouldEqual Environment.CurrentManagedThreadId

                loop.IsCompleted |> shouldEqual false

            live "the thread of a user interface writes nothing, and nothing comes back to it" (fun () ->
                task {
                    let stream, buffer, loop = start ()
                    stream.IsSlow <- true
                    let context = CountingContext()
                    let before = SynchronizationContext.Current
                    SynchronizationContext.SetSynchronizationContext context

                    try
                        put true [| 1uy |] buffer
                        buffer.WriteHere()
                    finally
                        SynchronizationContext.SetSynchronizationContext before

                    complete buffer
                    do! loop
                    stream.Bytes |> shouldEqual [| 1uy |]
                    context.Count |> shouldEqual 0
                })
        ]

/// Callers who are alone while others have the loop go on, or the loop begins to wait.
let private meanwhile =
    testList
        "meanwhile"
        [
            live "what another thread schedules while a caller defers the loop goes to the pool" (fun () ->
                task {
                    let scheduler = WriteScheduler()
                    let wentOn = TaskCompletionSource()
                    scheduler.Defer()

                    let other =
                        Thread(fun () -> scheduler.Schedule((fun _ -> wentOn.SetResult()), null))

                    other.Start()
                    other.Join()
                    scheduler.EndDefer()
                    scheduler.IsDue |> shouldEqual false
                    do! wentOn.Task
                })

            live "a call that is alone is written, whenever the loop begins to wait" (fun () ->
                task {
                    for round in 1..20_000 do
                        let stream = new WrittenStream()
                        let buffer = WriteBuffer(stream, 1 <<< 20, ConnectionCounters())
                        let mutable isReady = 0

                        let loop =
                            Task.Run(fun () ->
                                Volatile.Write(&isReady, 1)
                                Thread.SpinWait(round % 40)
                                buffer.WriteAll CancellationToken.None)

                        while Volatile.Read &isReady = 0 do
                            Thread.SpinWait 1

                        put true [| 1uy |] buffer
                        buffer.WriteHere()
                        do! OnNetwork.until (fun () -> buffer.Unwritten = 0L)
                        complete buffer
                        do! loop
                        stream.Bytes |> shouldEqual [| 1uy |]
                })
        ]

let private together =
    testList
        "together"
        [
            live "what others fill goes through the pool" (fun () ->
                task {
                    let stream, buffer, loop = start ()
                    put false [| 1uy |] buffer
                    buffer.WriteHere()
                    complete buffer
                    do! loop
                    stream.Bytes |> shouldEqual [| 1uy |]
                })

            live "who fills it alone does not wait for a slow socket, and what comes meanwhile goes behind" (fun () ->
                task {
                    let stream, buffer, loop = start ()
                    stream.IsSlow <- true
                    put true [| 1uy |] buffer
                    buffer.WriteHere()
                    put true [| 2uy |] buffer
                    buffer.WriteHere()
                    complete buffer
                    do! loop
                    stream.Bytes |> shouldEqual [| 1uy; 2uy |]
                })

            property
                "all is written, in order, whoever writes it"
                (fun (steps: (bool * bool * NonEmptyArray<byte>) list) ->
                    let stream, buffer, loop = start ()

                    for isAlone, isSlow, NonEmptyArray bytes in steps do
                        stream.IsSlow <- isSlow
                        put isAlone bytes buffer
                        buffer.WriteHere()

                    complete buffer
                    loop.Wait()
                    stream.Bytes = Array.concat [ for _, _, NonEmptyArray bytes in steps -> bytes ])
        ]

/// Sends one request after the other, each alone.
let private sender (clock: TimeProvider) (buffer: WriteBuffer) (deadlines: TimeoutTimer) =
    let options =
        { RemotingOptions.Default with
            RemotingOptions.Ports.Clock = clock
        }

    let inFlight = InFlightTable(options.MaxInFlight, 1)

    let requests =
        RequestBuffer({ Host = "127.0.0.1"; Port = 1 }, options, false, buffer, inFlight, deadlines, IdleMonitor clock)

    let request = OutgoingCommand(Command.request RequestCode.PullMessage)

    fun (timeout: TimeSpan) ->
        requests.Send(request, InFlightTableTests.nobody, false, timeout)
        |> ignore<Sent<RemotingCommand>>

        inFlight.TakeWhere((fun _ -> true), ignore<PendingRequest>)
        |> ignore<int64<tick>>

let private harmed =
    testList
        "harmed"
        [
            testCase "a call whose timer cannot be set is written, and the next call sets the timer"
            <| fun () ->
                let clock = BreakableClock()
                let stream, buffer, _ = start ()
                use deadlines = new TimeoutTimer(clock)
                deadlines.Start(fun _ -> never)
                let send = sender clock buffer deadlines

                send (TimeSpan.FromMinutes 1.0)
                let written = stream.Length
                let changes = clock.Changes
                clock.IsBroken <- true

                let mutable error = ""

                try
                    send (TimeSpan.FromSeconds 1L)
                with :? InvalidOperationException as thrown ->
                    error <- thrown.Message

                error |> shouldEqual "The clock is broken."
                buffer.Unwritten |> shouldEqual 0L
                stream.Length |> shouldEqual (2L * written)

                clock.IsBroken <- false
                send (TimeSpan.FromSeconds 1L)
                clock.Changes |> shouldEqual (changes + 1)
        ]

[<Tests>]
let tests = testList "Write buffer" [ alone; meanwhile; together; harmed ]
