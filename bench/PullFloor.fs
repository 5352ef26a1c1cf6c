namespace RocketMq.Bench

open System
open System.Buffers.Binary
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// The least that consumption costs: one connection, one pull under way for each queue, answers matched by the queue's
/// number, records walked where they lie. Nothing is kept, checked, committed or given to anybody.
[<Sealed>]
type PullFloor(server: Endpoint, topic: string, queues: int, messages: int) =
    let socket = FloorSocket.create ()
    let mutable found = 0
    let mutable offsets = 0L

    let pull queueId offset : Task =
        let frame = FloorPulls.frame topic queueId offset
        FloorSocket.sendAll socket frame frame.Length

    /// Counts the records, and looks at the position of each.
    let walk (records: ReadOnlySpan<byte>) =
        let mutable place = 0

        while place < records.Length do
            offsets <- offsets ^^^ BinaryPrimitives.ReadInt64BigEndian(records.Slice(place + 20))
            place <- place + BinaryPrimitives.ReadInt32BigEndian(records.Slice place)
            found <- found + 1

    /// Ends when all messages have been seen.
    member _.Run() : Task =
        backgroundTask {
            FloorSocket.connect server socket

            for queueId in 0 .. queues - 1 do
                do! pull queueId 0L

            let frames = FloorFrames(server, socket, 1 <<< 20)

            while found < messages do
                do! frames.Receive()
                let mutable answer = frames.Take()

                while answer.Length > 0 do
                    let struct (queueId, next) = FloorPulls.placeOf answer.Span
                    walk (answer.Span.Slice(FloorPulls.recordsStart answer.Span))
                    answer <- frames.Take()

                    if found < messages then
                        do! pull queueId next
        }

    interface IDisposable with
        member _.Dispose() = socket.Dispose()
