namespace RocketMq.Bench

open System
open System.Buffers.Binary
open System.Net.Sockets
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// The least between a send and a consumer: frames encoded beforehand, written by the thread that sends; one pull under way for each queue, on
/// another connection; the time in each body read where it lies.
[<Sealed>]
type PacedFloor(server: Endpoint, topic: string, queues: int, onMessage: int64 -> unit) =
    let sending = FloorSocket.create ()
    let pulling = FloorSocket.create ()
    let bodyBytes = 128

    /// Where a record of an IPv4 sender and an IPv4 broker has its body.
    let bodyStart = 88

    let mutable next = 0

    let frames =
        [|
            for queueId in 0 .. queues - 1 ->
                { Samples.sendRequest with
                    Topic = topic
                    QueueId = queueId
                    Body = ReadOnlyMemory(Array.zeroCreate<byte> bodyBytes)
                }
                |> fun request -> (Send.message.Request request).Command
                |> Frame.encode Header.Binary
                |> Samples.ok
        |]

    let pull queueId offset : Task =
        let frame = FloorPulls.frame topic queueId offset
        FloorSocket.sendAll pulling frame frame.Length

    let readRecords (records: ReadOnlySpan<byte>) =
        let mutable place = 0

        while place < records.Length do
            onMessage (BinaryPrimitives.ReadInt64BigEndian(records.Slice(place + bodyStart)))
            place <- place + BinaryPrimitives.ReadInt32BigEndian(records.Slice place)

    let pullLoop (offsets: int64[]) (isOver: unit -> bool) : Task =
        backgroundTask {
            let frames = FloorFrames(server, pulling, 1 <<< 20)

            for queueId in 0 .. queues - 1 do
                do! pull queueId offsets[queueId]

            while not (isOver ()) do
                do! frames.Receive()
                let mutable answer = frames.Take()

                while answer.Length > 0 do
                    let struct (queueId, next) = FloorPulls.placeOf answer.Span
                    readRecords (answer.Span.Slice(FloorPulls.recordsStart answer.Span))
                    answer <- frames.Take()
                    do! pull queueId next
        }

    /// Answers to sends, which nobody looks at.
    let answerLoop () : Task =
        backgroundTask {
            let bytes: byte[] = Array.zeroCreate (1 <<< 17)

            try
                while true do
                    let! _ = FloorSocket.receive server sending bytes 0
                    ()
            with
            | BenchFailed _
            | :? SocketException
            | :? ObjectDisposedException -> ()
        }

    /// From these offsets on. Ends after the message with which it is over.
    member _.Start(offsets: int64[], isOver: unit -> bool) : Task =
        FloorSocket.connect server sending
        FloorSocket.connect server pulling
        answerLoop () |> ignore<Task>
        pullLoop offsets isOver

    /// Sends one message that says when.
    member _.Send(ticks: int64) =
        let frame = frames[next % queues]
        next <- next + 1
        BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(frame.Length - bodyBytes), ticks)
        let mutable sent = 0

        while sent < frame.Length do
            sent <- sent + sending.Send(ReadOnlySpan(frame, sent, frame.Length - sent))

    interface IDisposable with
        member _.Dispose() =
            sending.Dispose()
            pulling.Dispose()
