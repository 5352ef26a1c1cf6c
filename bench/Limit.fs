namespace RocketMq.Bench

open System
open System.Buffers.Binary
open System.Net.Sockets
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// What broker and loopback can do: frames encoded beforehand, so many under way, and for each answer the next one. Nobody awaits a
/// call, answers are counted and thrown away, and what came together is answered together.
[<Sealed>]
type Limit(server: Endpoint, underWay: int) =
    let socket = FloorSocket.create ()

    let frames =
        let request = Frame.encode Header.Binary Samples.send |> Samples.ok
        Array.init underWay (fun _ -> request) |> Array.concat

    let frameBytes = frames.Length / underWay
    let bytes: byte[] = Array.zeroCreate (1 <<< 17)
    let mutable count = 0

    let send requests : Task =
        backgroundTask {
            let mutable sent = 0

            while sent < requests * frameBytes do
                let! more =
                    socket.SendAsync(ReadOnlyMemory(frames, sent, requests * frameBytes - sent), SocketFlags.None)

                sent <- sent + more
        }

    /// Takes the whole answers at the front. Gives how many.
    let takeAnswers () =
        let mutable position = 0
        let mutable answers = 0
        let mutable isWhole = true

        while isWhole && count - position >= 4 do
            let frameBytes = FloorSocket.frameBytes bytes position

            if count - position < frameBytes then
                isWhole <- false
            else
                let struct (_, code) =
                    FloorSocket.answerOf (ReadOnlySpan(bytes, position, frameBytes))

                if code <> 0 then
                    raise (BenchFailed $"{server} refused a send of the limit with code {code}")

                answers <- answers + 1
                position <- position + frameBytes

        Buffer.BlockCopy(bytes, position, bytes, 0, count - position)
        count <- count - position
        answers

    let receive () =
        backgroundTask {
            let! more = FloorSocket.receive server socket bytes count
            count <- count + more
            return takeAnswers ()
        }

    let run (isOver: unit -> bool) =
        backgroundTask {
            let mutable answered = 0L
            do! send underWay

            while not (isOver ()) do
                let! answers = receive ()
                answered <- answered + int64 answers
                do! send answers

            let mutable left = underWay

            while left > 0 do
                let! answers = receive ()
                left <- left - answers

            return answered
        }

    member _.Start() = FloorSocket.connect server socket

    /// Answers that came until it was over.
    member _.Run(isOver: unit -> bool, patience: TimeSpan) : int64 =
        run isOver |> Limited.task "the answers of the limit" patience

    interface IDisposable with
        member _.Dispose() = socket.Dispose()
