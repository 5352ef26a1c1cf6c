namespace RocketMq.Bench

open System
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// What broker and loopback can do: frames encoded beforehand, so many under way, and for each answer the next one. Nobody awaits a
/// call, answers are counted and thrown away, and what came together is answered together. Where the system has low-water marks it waits for as many
/// answers as the client does.
[<Sealed>]
type Limit(server: Endpoint, underWay: int) =
    let socket = FloorSocket.create ()

    let frames =
        let request = Frame.encode Header.Binary Samples.send |> Samples.ok
        Array.init underWay (fun _ -> request) |> Array.concat

    let frameBytes = frames.Length / underWay
    let received = FloorFrames(server, socket, 1 <<< 17)

    let mutable answerBytes = 0

    /// Each read brings as many at least; 0: whatever has come.
    let waitFor answers =
        if LowWaterMark.isSupported then
            LowWaterMark.trySet socket (max 1 (min ReadCoalescing.maxMark (answers * answerBytes)))
            |> ignore<bool>

    let send requests =
        FloorSocket.sendAll socket frames (requests * frameBytes)

    /// Takes the whole answers that are there. Gives how many.
    let takeAnswers () =
        let mutable answers = 0
        let mutable frame = received.Take()

        while frame.Length > 0 do
            let struct (_, code) = FloorSocket.answerOf frame.Span

            if code <> 0 then
                raise (BenchFailed $"{server} refused a send of the limit with code {code}")

            answers <- answers + 1
            answerBytes <- frame.Length
            frame <- received.Take()

        answers

    let receive () =
        backgroundTask {
            do! received.Receive()
            return takeAnswers ()
        }

    let run (isOver: unit -> bool) =
        backgroundTask {
            let mutable answered = 0L
            do! send underWay
            // Those that were left of the last run say how large answers are.
            waitFor (ReadCoalescing.mostOf underWay)

            while not (isOver ()) do
                let! answers = receive ()
                answered <- answered + int64 answers
                do! send answers

            waitFor 0
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
