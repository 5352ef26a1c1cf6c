namespace RocketMq.Bench

open System
open System.Diagnostics
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// The same bytes without a client: a frame is written as it lies there, answers of a known size are read into one buffer, and so many
/// calls are under way at a time. What memory and loopback can do.
[<Sealed>]
type BareCalls(server: Endpoint, frame: byte[], answerBytes: int, underWay: int, look: byte[] -> unit) =
    let socket = FloorSocket.create ()
    let room = new SemaphoreSlim(underWay)
    let mutable answered = 0L

    let writeLoop (isOver: unit -> bool) : Task =
        backgroundTask {
            let mutable isLast = false

            while not isLast do
                do! room.WaitAsync()
                // One more when the time is over: its answer wakes a reader that has begun to wait in time.
                isLast <- isOver ()
                let mutable sent = 0

                while sent < frame.Length do
                    let! more =
                        socket.SendAsync(ReadOnlyMemory(frame, sent, frame.Length - sent), SocketFlags.None)

                    sent <- sent + more
        }

    let readLoop (isOver: unit -> bool) : Task =
        backgroundTask {
            let bytes: byte[] = Array.zeroCreate answerBytes
            let mutable count = 0

            while not (isOver ()) do
                let! more = FloorSocket.receive server socket bytes count
                count <- count + more

                if count = answerBytes then
                    look bytes
                    count <- 0
                    answered <- answered + 1L
                    room.Release() |> ignore<int>
        }

    member _.Connect() = FloorSocket.connect server socket

    /// Calls for a while, and gives calls a second.
    member _.Run(span: TimeSpan) : float =
        let began = Stopwatch.GetTimestamp()
        let isOver () = Stopwatch.GetElapsedTime began >= span
        let before = answered
        let reading = readLoop isOver
        let writing = writeLoop isOver

        // Who writes last may wait for room that nobody makes any more.
        reading |> Limited.action "the answer to a bare call" (span + Limited.patience)
        room.Release underWay |> ignore<int>
        writing |> Limited.action "the last bare call" (span + Limited.patience)
        float (answered - before) / (Stopwatch.GetElapsedTime began).TotalSeconds

    interface IDisposable with
        member _.Dispose() =
            socket.Dispose()
            room.Dispose()
