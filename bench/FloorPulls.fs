/// Pulls of floors: each is told from others by its queue's number, and answers are read where they lie.
module RocketMq.Bench.FloorPulls

open System
open System.Buffers.Binary
open RocketMq.Protocol
open RocketMq

/// Encoded; its opaque is the queue's number.
let frame (topic: string) (queueId: int) (offset: int64) : byte[] =
    let request: PullRequest =
        { Samples.pullRequest with
            ConsumerGroup = "bench-floor"
            Topic = topic
            QueueId = queueId
            QueueOffset = offset
            SubscriptionVersion = 0L
        }

    { (Pull.messages.Request request).Command with
        Opaque = queueId
    }
    |> Frame.encode Header.Binary
    |> Samples.ok

/// Where the records of an answer begin.
let recordsStart (answer: ReadOnlySpan<byte>) : int =
    8 + (BinaryPrimitives.ReadInt32BigEndian(answer.Slice 4) &&& 0xFFFFFF)

/// The queue that an answer is of, and where it goes on.
let placeOf (answer: ReadOnlySpan<byte>) : struct (int * int64) =
    let struct (queueId, _) = FloorSocket.answerOf answer
    let start = recordsStart answer

    let struct (next, _, _, _) =
        TypedFloor.readOffsets (FloorSocket.isBinary answer) (answer.Slice(8, start - 8))

    struct (queueId, next)
