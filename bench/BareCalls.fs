namespace RocketMq.Bench

open System
open System.Diagnostics
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// What bare calls read answers into.
type AnswerMemory =
    /// One buffer for all of them: the least there is.
    | OneBuffer
    /// Memory of its own for each, as a client must whose callers may keep what they get for ever.
    | FreshMemory

/// The same bytes without a client: a frame is written as it lies there, answers of a known size are read, and so many calls are under way at
/// a time. What memory and loopback can do.
[<Sealed>]
type BareCalls
    (server: Endpoint, frame: byte[], answerBytes: int, memory: AnswerMemory, underWay: int, look: byte[] -> unit) =

    let newAnswer () : byte[] =
        GC.AllocateUninitializedArray<byte> answerBytes

    let writeLoop (socket: Socket) (room: SemaphoreSlim) (isOver: unit -> bool) : Task =
        backgroundTask {
            let mutable isLast = false

            while not isLast do
                do! room.WaitAsync()
                // One more when the time is over: its answer wakes a reader that has begun to wait in time.
                isLast <- isOver ()
                do! FloorSocket.sendAll socket frame frame.Length
        }

    /// Gives how many answers came.
    let readLoop (socket: Socket) (room: SemaphoreSlim) (isOver: unit -> bool) : Task<int64> =
        backgroundTask {
            let mutable bytes = newAnswer ()
            let mutable count = 0
            let mutable answered = 0L

            while not (isOver ()) do
                let! more = FloorSocket.receive server socket bytes count
                count <- count + more

                if count = answerBytes then
                    look bytes
                    count <- 0
                    answered <- answered + 1L

                    if memory = FreshMemory then
                        bytes <- newAnswer ()

                    room.Release() |> ignore<int>

            return answered
        }

    /// Calls for a while over a connection of its own, and gives calls a second.
    member _.Run(span: TimeSpan) : float =
        use socket = FloorSocket.create ()
        use room = new SemaphoreSlim(underWay)
        FloorSocket.connect server socket
        let began = Stopwatch.GetTimestamp()
        let isOver () = Stopwatch.GetElapsedTime began >= span
        let reading = readLoop socket room isOver
        let writing = writeLoop socket room isOver

        let answered =
            reading |> Limited.task "the answer to a bare call" (span + Limited.patience)

        // Who writes last may wait for room that nobody makes any more.
        room.Release underWay |> ignore<int>
        writing |> Limited.action "the last bare call" (span + Limited.patience)
        float answered / (Stopwatch.GetElapsedTime began).TotalSeconds
