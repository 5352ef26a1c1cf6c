namespace RocketMq

open System
open System.Net.Sockets
open System.Threading

/// Sets the low-water mark of one socket by what is read from it, as `ReadCoalescing` decides, and takes it back when nothing comes.
/// Its clock is the system's whatever the connection's is: it judges the machine, and no answer must wait because a clock stands still.
[<Sealed>]
type internal ReadCoalescer(socket: Socket, maxDelay: TimeSpan, calls: unit -> int) =
    static let clock = TimeProvider.System

    /// An answer waits for others that do not come for two of these at most.
    static let lookInterval = TimeSpan.FromMilliseconds 1L

    static let pause = TimeSpan.FromMilliseconds 50L

    let limits =
        {
            MaxDelay = clock.TicksOf maxDelay
            Pause = clock.TicksOf pause
        }

    /// Guards the mark, here and at the socket, and the timer.
    let gate = obj ()

    let mutable mark = ReadCoalescing.noMark
    let mutable timer: ITimer | null = null
    let mutable isLooking = false
    let mutable isOver = false

    // Of the reading loop.
    let mutable state = ReadCoalescing.start clock.Timestamp limits
    let mutable answers = 0

    /// How often there was something to read; of the loop, and of who looks whether it is.
    let mutable reads = 0L

    let mutable readsSeen = -1L

    /// Under the gate.
    let set (bytes: int) =
        if LowWaterMark.trySet socket bytes then
            mark <- bytes
        else
            isOver <- true

    let look () =
        lock gate (fun () ->
            let now = Volatile.Read &reads

            if isOver || mark = ReadCoalescing.noMark then
                isLooking <- false

                match timer with
                | null -> ()
                | timer -> timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) |> ignore<bool>
            elif now = readsSeen then
                set ReadCoalescing.noMark

            readsSeen <- now)

    /// Under the gate.
    let startLooking () =
        if not isLooking then
            isLooking <- true
            readsSeen <- -1L

            match timer with
            | null -> timer <- clock.CreateTimer((fun _ -> look ()), null, lookInterval, lookInterval)
            | timer -> timer.Change(lookInterval, lookInterval) |> ignore<bool>

    let apply (bytes: int) =
        lock gate (fun () ->
            if not isOver then
                set bytes

                if bytes > ReadCoalescing.noMark then
                    startLooking ())

    /// For a socket that can be watched so, and a time above zero.
    static member TryCreate(socket: Socket | null, maxDelay: TimeSpan, calls: unit -> int) : ReadCoalescer | null =
        match socket with
        | NonNull socket when LowWaterMark.isSupported -> new ReadCoalescer(socket, maxDelay, calls)
        | _ -> null

    /// A call was answered that was to be answered as soon as could be. Only for the reading loop.
    member _.Answered() = answers <- answers + 1

    /// So many bytes were read. Only for the reading loop.
    member _.AfterRead(bytes: int64) =
        Volatile.Write(&reads, reads + 1L)

        // Only who looks takes a mark back.
        if
            state.Mark <> ReadCoalescing.noMark
            && Volatile.Read &mark = ReadCoalescing.noMark
        then
            state <- ReadCoalescing.afterStall limits clock.Timestamp state

        if answers > 0 then
            state <- ReadCoalescing.afterRead limits clock.Timestamp answers bytes (calls ()) state
            answers <- 0

            if state.Mark <> Volatile.Read &mark then
                apply state.Mark

    interface IDisposable with
        member _.Dispose() =
            lock gate (fun () ->
                isOver <- true

                match timer with
                | null -> ()
                | timer -> timer.Dispose())
