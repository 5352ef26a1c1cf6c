namespace RocketMq.Embedded

open System
open System.Collections.Generic
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open RocketMq

/// The two sockets of a connection through the proxy.
type private SocketPair = { Client: Socket; Server: Socket }

/// Carries out what `Proxy.transition` decides. A fault holds from the moment that the call which sets it returns: so
/// events are taken under a lock, where an agent would take them some time later.
[<Sealed>]
type internal ProxySockets(target: Endpoint, clock: TimeProvider) =
    static let chunkBytes = 64 * 1024

    let gate = obj ()
    let pairs = Dictionary<int, SocketPair>()
    let started = clock.GetTimestamp()
    let idle = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
    let mutable alarm: ITimer | null = null
    let mutable state = Proxy.start
    let mutable alarmFor = ValueNone
    let mutable nextNumber = 0
    /// Connects, reads and writes under way.
    let mutable running = 0

    let now () = clock.GetElapsedTime started

    let sender way (pair: SocketPair) =
        match way with
        | Direction.ToServer -> pair.Client
        | Direction.ToClient -> pair.Server

    let receiver way (pair: SocketPair) =
        match way with
        | Direction.ToServer -> pair.Server
        | Direction.ToClient -> pair.Client

    let close kind (socket: Socket) =
        try
            match kind with
            | CutKind.Reset -> socket.LingerState <- LingerOption(true, 0)
            | _ when socket.Connected -> socket.Shutdown SocketShutdown.Both
            | _ -> ()
        with
        | :? SocketException
        | :? ObjectDisposedException ->
            // The peer was faster.
            ()

        socket.Dispose()

    let closeSending (socket: Socket) =
        try
            socket.Shutdown SocketShutdown.Send
        with
        | :? SocketException
        | :? ObjectDisposedException -> ()

    let openServer number (pair: SocketPair) : Task<ProxyEvent> =
        backgroundTask {
            try
                do! pair.Server.ConnectAsync(target.Host, target.Port)
                return ServerOpened number
            with _ ->
                return ServerUnreachable number
        }

    let read number way (pair: SocketPair) : Task<ProxyEvent> =
        backgroundTask {
            try
                let buffer: byte[] = GC.AllocateUninitializedArray chunkBytes
                let! size = (sender way pair).ReceiveAsync(Memory buffer, SocketFlags.None)

                if size = 0 then
                    return SenderClosed(number, way)
                else
                    // Small chunks may wait for long: they shall not hold the whole buffer.
                    return ChunkRead(number, way, ReadOnlyMemory(buffer.AsSpan(0, size).ToArray()))
            with _ ->
                return Broke number
        }

    let write number way (bytes: ReadOnlyMemory<byte>) (pair: SocketPair) : Task<ProxyEvent> =
        backgroundTask {
            try
                let mutable rest = bytes

                while not rest.IsEmpty do
                    let! size = (receiver way pair).SendAsync(rest, SocketFlags.None)
                    rest <- rest.Slice size

                return ChunkWritten(number, way)
            with _ ->
                return Broke number
        }

    let setAlarm () =
        let deadline =
            if state.IsStopped then
                ValueNone
            else
                Proxy.nextDeadline state

        match alarm with
        | null -> ()
        | timer when deadline <> alarmFor ->
            alarmFor <- deadline

            let after =
                match deadline with
                // Timers count whole milliseconds: one that rings too early would ring again and again.
                | ValueSome due -> TimeSpan.FromMilliseconds(max 0.0 (ceil (due - now ()).TotalMilliseconds))
                | ValueNone -> Timeout.InfiniteTimeSpan

            timer.Change(after, Timeout.InfiniteTimeSpan) |> ignore
        | _ -> ()

    let rec perform effect =
        match effect with
        | OpenServer number -> work number (openServer number)
        | Read(number, way) -> work number (read number way)
        | Write(number, way, bytes) -> work number (write number way bytes)
        | CloseSending(number, way) ->
            match pairs.TryGetValue number with
            | true, pair -> closeSending (receiver way pair)
            | false, _ -> ()
        | EndLink(number, kind) ->
            match pairs.TryGetValue number with
            | true, pair ->
                pairs.Remove number |> ignore
                close kind pair.Client
                close kind pair.Server
            | false, _ -> ()

    /// Starts what ends with an event. Never on this thread, which holds the lock.
    and work number (start: SocketPair -> Task<ProxyEvent>) =
        match pairs.TryGetValue number with
        | true, pair ->
            running <- running + 1

            let run () : Task =
                backgroundTask {
                    let! event = start pair

                    lock gate (fun () ->
                        running <- running - 1
                        handle event
                        endIfIdle ())
                }

            Task.Run run |> ignore
        | false, _ -> ()

    and handle event =
        let next, effects = Proxy.transition (now ()) state event
        state <- next
        List.iter perform effects
        setAlarm ()

    and endIfIdle () =
        if state.IsStopped && running = 0 then
            idle.TrySetResult() |> ignore

    let onAlarm () =
        lock gate (fun () ->
            alarmFor <- ValueNone
            handle TimePassed)

    do alarm <- clock.CreateTimer((fun _ -> onAlarm ()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    /// A view of the state at one moment.
    member _.State = lock gate (fun () -> state)

    member _.Handle(event: ProxyEvent) = lock gate (fun () -> handle event)

    /// Takes a client's connection and begins the one to the server.
    member _.Admit(client: Socket) =
        // Small buffers: that a side does not read is felt soon by the other.
        client.NoDelay <- true
        client.ReceiveBufferSize <- chunkBytes

        let server =
            new Socket(SocketType.Stream, ProtocolType.Tcp, NoDelay = true, ReceiveBufferSize = chunkBytes)

        lock gate (fun () ->
            nextNumber <- nextNumber + 1
            pairs[nextNumber] <- { Client = client; Server = server }
            handle (Accepted nextNumber))

    /// Ends all connections. Ends when nothing runs any more.
    member _.Stop() : Task =
        lock gate (fun () ->
            handle Stopped

            match alarm with
            | null -> ()
            | timer -> timer.Dispose()

            endIfIdle ())

        idle.Task
