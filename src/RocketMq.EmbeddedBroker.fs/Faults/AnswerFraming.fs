namespace RocketMq.Embedded

open System
open System.Buffers
open RocketMq.Protocol

/// Where the next byte of a stream stands in its frame.
type internal FramePlace =
    /// Within the four bytes of the length, of which `read` bytes gave `value`. Between two frames both are 0.
    | InLength of read: int * value: int
    /// This many bytes of the frame are to come.
    | InFrame of remainingBytes: int
    /// What should be a length was none: there are no frames from here on.
    | Lost

/// A part of a stream that was cut into frames.
type internal Piece =
    /// Bytes that are to pass as they are.
    | Raw of ReadOnlyMemory<byte>
    | Framed of Frame * bytes: ReadOnlyMemory<byte>

/// Finds the frames of a stream, whatever chunks it comes in. While no plan needs frames it only keeps its place.
type internal AnswerFraming =
    {
        /// Of the bytes that were handed on.
        Place: FramePlace
        /// The front of a frame, none of it handed on; the latest chunk first.
        Incomplete: ReadOnlyMemory<byte> list
        IncompleteBytes: int
        /// As long as fewer are held there is no frame in them.
        NeededBytes: int
    }

module internal AnswerFraming =
    let private between = InLength(0, 0)

    let private maxLength = FrameLimits.Default.ReceiveFrameBytes

    let private at place : AnswerFraming =
        {
            Place = place
            Incomplete = []
            IncompleteBytes = 0
            NeededBytes = 0
        }

    let start = at between

    /// Goes on to the end of the frame or of the bytes, whichever comes first. Gives the place and the position there.
    let rec private walk place (bytes: ReadOnlyMemory<byte>) position : struct (FramePlace * int) =
        match place with
        | Lost -> struct (Lost, bytes.Length)
        | _ when position = bytes.Length -> struct (place, position)
        | InLength(read, value) ->
            let value = (value <<< 8) ||| int bytes.Span[position]

            if read < 3 then
                walk (InLength(read + 1, value)) bytes (position + 1)
            elif value < 4 || value > maxLength then
                struct (Lost, bytes.Length)
            else
                walk (InFrame value) bytes (position + 1)
        | InFrame remaining ->
            let taken = min remaining (bytes.Length - position)

            if taken = remaining then
                struct (between, position + taken)
            else
                struct (InFrame(remaining - taken), position + taken)

    let rec private follow place (bytes: ReadOnlyMemory<byte>) =
        let struct (place, position) = walk place bytes 0

        if position = bytes.Length then
            place
        else
            follow place (bytes.Slice position)

    let private concat (chunks: ReadOnlyMemory<byte> list) : ReadOnlyMemory<byte> =
        match chunks with
        | [ chunk ] -> chunk
        | chunks ->
            let bytes: byte[] =
                GC.AllocateUninitializedArray(chunks |> List.sumBy (fun chunk -> chunk.Length))

            let mutable position = 0

            for chunk in chunks do
                chunk.CopyTo(Memory(bytes, position, chunk.Length))
                position <- position + chunk.Length

            ReadOnlyMemory bytes

    /// Hands on what is held, without its frame being whole.
    let release (framing: AnswerFraming) : AnswerFraming * ReadOnlyMemory<byte> list =
        let chunks = List.rev framing.Incomplete
        at (List.fold follow framing.Place chunks), chunks

    /// Hands a chunk on and keeps the place.
    let pass chunk (framing: AnswerFraming) : AnswerFraming * ReadOnlyMemory<byte> list =
        let framing, incomplete = release framing
        at (follow framing.Place chunk), incomplete @ [ chunk ]

    let rec private takeFrames (bytes: ReadOnlyMemory<byte>) pieces : AnswerFraming * Piece list =
        if bytes.IsEmpty then
            start, List.rev pieces
        else
            match Frame.read FrameLimits.Default (ReadOnlySequence bytes) with
            | Decoded.Complete(frame, consumed) ->
                takeFrames (bytes.Slice consumed) (Framed(frame, bytes.Slice(0, consumed)) :: pieces)
            | Decoded.NeedMore missing ->
                { start with
                    Incomplete = [ bytes ]
                    IncompleteBytes = bytes.Length
                    NeededBytes = bytes.Length + missing
                },
                List.rev pieces
            | Decoded.Corrupt _ -> at Lost, List.rev (Raw bytes :: pieces)

    let private collect (chunk: ReadOnlyMemory<byte>) (framing: AnswerFraming) =
        let incomplete = chunk :: framing.Incomplete
        let incompleteBytes = framing.IncompleteBytes + chunk.Length

        if incompleteBytes < framing.NeededBytes then
            { framing with
                Incomplete = incomplete
                IncompleteBytes = incompleteBytes
            },
            []
        else
            takeFrames (concat (List.rev incomplete)) []

    /// Hands on whole frames, and holds the front of one that is not whole. The rest of a frame whose front was handed on
    /// before, and all that comes when the place is lost, passes as it is.
    let cut chunk (framing: AnswerFraming) : AnswerFraming * Piece list =
        match framing.Place with
        | InLength(0, _) -> collect chunk framing
        | place ->
            let struct (place, position) = walk place chunk 0

            if position = chunk.Length then
                at place, [ Raw chunk ]
            else
                let framing, pieces = collect (chunk.Slice position) (at place)
                framing, Raw(chunk.Slice(0, position)) :: pieces
