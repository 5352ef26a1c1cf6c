namespace RocketMq

open System.Buffers
open System.IO.Pipelines
open RocketMq.Protocol

/// Where frames are encoded: into a pipe, but for large bodies of calls, which are taken as they are.
[<Sealed>]
type internal FrameOutput(writer: PipeWriter) =
    let mutable taken: OutgoingBody | null = null

    /// Whether the frame at hand belongs to a call, which says when it is over.
    member val TakesBodies = false with get, set

    /// The body of the frame that was encoded last, if it was taken.
    member _.Remove() : OutgoingBody | null =
        let body = taken
        taken <- null
        body

    interface IBufferWriter<byte> with
        member _.Advance count = writer.Advance count
        member _.GetMemory sizeHint = writer.GetMemory sizeHint
        member _.GetSpan sizeHint = writer.GetSpan sizeHint

    interface IBodyOutput with
        member output.TryTake body =
            if output.TakesBodies then
                taken <- OutgoingBody body

            output.TakesBodies
