namespace RocketMq.Protocol

open System
open System.Buffers
open System.Buffers.Binary
open System.Runtime.CompilerServices
open RocketMq

/// The largest frames and headers that are read and written, in bytes. A frame's size includes its length field.
type FrameLimits =
    {
        /// Default 32 MiB: a pull answer of 32 messages of 1 MiB fits.
        ReceiveFrameBytes: int
        /// Default 16 MiB less one byte, the largest that a frame can have: Java limits the frame only. The answer to a batch
        /// names the place of each message in its header. pyrocketmq's limit is 64 KiB.
        ReceiveHeaderBytes: int
        /// Default 16 MiB: the largest frame that Java peers take. They close the connection on a larger one.
        SendFrameBytes: int
    }

    /// The limits that the fields name as defaults.
    static member Default =
        {
            ReceiveFrameBytes = 32 * 1024 * 1024
            ReceiveHeaderBytes = 0xFFFFFF
            SendFrameBytes = 16 * 1024 * 1024
        }

/// A command, and how its header was written.
[<Struct>]
type Frame =
    {
        Header: Header
        Command: RemotingCommand
    }

/// A frame that has just come, and perhaps still lies where the next one will come: then good until more is read.
[<Struct; IsReadOnly; NoEquality; NoComparison>]
type internal ReceivedFrame =
    {
        Header: Header
        Parts: FrameParts
        /// Its memory is its own.
        IsOwn: bool
    }

    /// The command, to be kept.
    member frame.ToCommand() =
        if frame.IsOwn then
            FrameParts.toCommand &frame.Parts
        else
            FrameParts.copyToCommand &frame.Parts

    /// The body, in memory of its own.
    member frame.CopyOfBody() : ReadOnlyMemory<byte> =
        if frame.IsOwn || frame.Parts.Body.IsEmpty then
            frame.Parts.Body
        else
            let copy: byte[] = GC.AllocateUninitializedArray frame.Parts.Body.Length
            frame.Parts.Body.Span.CopyTo(copy.AsSpan())
            ReadOnlyMemory copy

/// Where a frame ends that was refused.
[<Struct>]
type internal RefusedFrame =
    /// The next frame begins after so many bytes. `answers` is the request that this one answers, if it says so.
    | EndsAfter of frameBytes: int64 * answers: int voption
    /// It cannot be told yet: more of the frame must come first.
    | EndToCome
    /// Its lengths make no sense, so the stream has lost its place.
    | EndUnknown

/// An output that takes large bodies as they lie in memory, and reads them later.
type internal IBodyOutput =
    /// Takes a body that comes behind what has been written so far; false if it must be written like the rest.
    abstract TryTake: body: ReadOnlyMemory<byte> -> bool

module internal BodyOutput =
    /// Smaller bodies are copied: that costs less than to keep track of them.
    let leastBytes = 64 * 1024

/// What the first eight bytes of a frame say.
type FrameInfo =
    {
        /// The length field included.
        FrameBytes: int
        HeaderBytes: int
        Header: Header
    }

/// Frames, both directions. Layout, big-endian:
///
///     i32 length of all that follows | u8 header type | u24 headerBytes | header | body
///
/// Source: RemotingCommand.java, NettyDecoder.java.
module Frame =
    let private what = "frame"
    let private lengthBytes = 4
    let private prefixBytes = 8
    let private maxHeaderBytes = 0xFFFFFF
    let private jsonType = 0
    let private binaryType = 1

    /// The form that a command's header will have: `requested`, or JSON where its numbers need it.
    let private headerOf (requested: Header) (parts: inref<FrameParts>) =
        match requested with
        | Header.Binary when HeaderBinary.fits &parts -> Header.Binary
        | _ -> Header.Json

    /// Fills in the eight bytes before the header, once its length is known.
    let private writePrefix (header: Header) headerBytes bodyBytes (destination: Span<byte>) =
        let headerType =
            match header with
            | Header.Json -> jsonType
            | Header.Binary -> binaryType

        BinaryPrimitives.WriteInt32BigEndian(destination, prefixBytes - lengthBytes + headerBytes + bodyBytes)
        BinaryPrimitives.WriteInt32BigEndian(destination.Slice lengthBytes, headerType <<< 24 ||| headerBytes)

    let private maxHeaderSize (header: Header) (parts: inref<FrameParts>) =
        match header with
        | Header.Json -> HeaderJson.maxBytes &parts
        | Header.Binary -> HeaderBinary.maxBytes &parts

    let private writeHeader (header: Header) (parts: inref<FrameParts>) (destination: Span<byte>) =
        match header with
        | Header.Json -> HeaderJson.write &parts destination
        | Header.Binary -> HeaderBinary.write &parts destination

    let private writeBody (body: ReadOnlyMemory<byte>) (output: IBufferWriter<byte>) =
        match output with
        | :? IBodyOutput as output when body.Length >= BodyOutput.leastBytes && output.TryTake body -> ()
        | _ -> output.Write body.Span

    /// As `write`, of parts that are no command.
    let internal writeParts
        (limits: FrameLimits)
        (requested: Header)
        (parts: inref<FrameParts>)
        (output: IBufferWriter<byte>)
        : Result<int, EncodeError> =
        let header = headerOf requested &parts
        // What the frame takes at the very least, so that a hopeless one asks for no memory.
        let leastBytes =
            int64 prefixBytes
            + int64 (FrameParts.remarkChars &parts)
            + int64 parts.FieldsWire.Length
            + int64 parts.Body.Length

        match parts.Fault with
        | ValueSome error -> Error error
        | ValueNone when leastBytes > int64 limits.SendFrameBytes ->
            Error(EncodedTooLarge(what, leastBytes, int64 limits.SendFrameBytes))
        | ValueNone ->
            let span = output.GetSpan(prefixBytes + maxHeaderSize header &parts)

            match writeHeader header &parts (span.Slice prefixBytes) with
            | Error error -> Error error
            | Ok headerBytes when headerBytes > maxHeaderBytes ->
                Error(EncodedTooLarge("header", int64 headerBytes, int64 maxHeaderBytes))
            | Ok headerBytes ->
                let frameBytes = int64 prefixBytes + int64 headerBytes + int64 parts.Body.Length

                if frameBytes > int64 limits.SendFrameBytes then
                    Error(EncodedTooLarge(what, frameBytes, int64 limits.SendFrameBytes))
                else
                    writePrefix header headerBytes parts.Body.Length span
                    output.Advance(prefixBytes + headerBytes)
                    writeBody parts.Body output
                    Ok(int frameBytes)

    /// Writes a whole frame and gives its size in bytes; on an error nothing is written.
    let write
        (limits: FrameLimits)
        (header: Header)
        (command: RemotingCommand)
        (output: IBufferWriter<byte>)
        : Result<int, EncodeError> =
        let parts = FrameParts.ofCommand command
        writeParts limits header &parts output

    /// What the first eight bytes, or fewer, say of a frame. Refuses before the rest has come.
    [<Struct>]
    type private Prefix =
        | Whole of frameBytes: int * header: Header * headerBytes: int
        | Partial of missingBytes: int
        | Bad of badness: DecodeError

    let private readPrefix (limits: FrameLimits) (bytes: ReadOnlySpan<byte>) (availableBytes: int64) =
        if bytes.Length < lengthBytes then
            Partial(lengthBytes - bytes.Length)
        else
            let length = BinaryPrimitives.ReadInt32BigEndian bytes

            if length < prefixBytes - lengthBytes then
                Bad(DecodeError.Malformed(what, invariant $"its length is {length}", 0))
            elif length > limits.ReceiveFrameBytes - lengthBytes then
                Bad(DecodeError.TooLarge(what, int64 length + int64 lengthBytes, int64 limits.ReceiveFrameBytes))
            elif bytes.Length < prefixBytes then
                Partial(length + lengthBytes - bytes.Length)
            else
                let word = BinaryPrimitives.ReadInt32BigEndian(bytes.Slice lengthBytes)
                let headerType = word >>> 24
                let headerBytes = word &&& maxHeaderBytes

                if headerType <> jsonType && headerType <> binaryType then
                    Bad(
                        DecodeError.Malformed(
                            what,
                            invariant $"header type {headerType &&& 0xFF} is unknown",
                            lengthBytes
                        )
                    )
                elif headerBytes = 0 then
                    Bad(DecodeError.Malformed(what, "its header is empty", lengthBytes))
                elif headerBytes > length - (prefixBytes - lengthBytes) then
                    let reason =
                        invariant $"a header of {headerBytes} bytes does not fit into a length of {length}"

                    Bad(DecodeError.Malformed(what, reason, lengthBytes))
                elif headerBytes > limits.ReceiveHeaderBytes then
                    Bad(DecodeError.TooLarge("header", int64 headerBytes, int64 limits.ReceiveHeaderBytes))
                elif availableBytes < int64 length + int64 lengthBytes then
                    Partial(int (int64 length + int64 lengthBytes - availableBytes))
                else
                    let header = if headerType = jsonType then Header.Json else Header.Binary
                    Whole(length + lengthBytes, header, headerBytes)

    let private readFront (limits: FrameLimits) (input: ReadOnlySequence<byte>) =
        let first = input.FirstSpan

        if first.Length >= prefixBytes || input.IsSingleSegment then
            readPrefix limits first input.Length
        else
            let front = input.Slice(0L, min (int64 prefixBytes) input.Length).ToArray()
            readPrefix limits (ReadOnlySpan front) input.Length

    /// Header and body of one frame. Fields of a JSON header are collected in the builder, or in one of their own.
    let private readPayload header (builder: FieldsBuilder voption) headerBytes (payload: ReadOnlyMemory<byte>) =
        let headerMemory = payload.Slice(0, headerBytes)
        let body = payload.Slice headerBytes

        match header, builder with
        | Header.Json, ValueSome builder -> HeaderJson.read builder headerMemory body
        | Header.Json, ValueNone -> HeaderJson.read (FieldsBuilder 0) headerMemory body
        | Header.Binary, _ -> HeaderBinary.read headerMemory body

    let private copyPayload (input: ReadOnlySequence<byte>) frameBytes : ReadOnlyMemory<byte> =
        let payload: byte[] = GC.AllocateUninitializedArray(frameBytes - prefixBytes)
        input.Slice(int64 prefixBytes, int64 payload.Length).CopyTo(payload.AsSpan())
        ReadOnlyMemory payload

    /// Reads one frame from the front of a receive buffer. What it keeps is copied, once.
    let read (limits: FrameLimits) (input: ReadOnlySequence<byte>) : Decoded<Frame> =
        match readFront limits input with
        | Bad error -> Decoded.Corrupt error
        | Partial missing -> Decoded.NeedMore missing
        | Whole(frameBytes, header, headerBytes) ->
            match readPayload header ValueNone headerBytes (copyPayload input frameBytes) with
            | Ok parts ->
                Decoded.Complete(
                    {
                        Frame.Header = header
                        Command = FrameParts.toCommand &parts
                    },
                    frameBytes
                )
            | Error error -> Decoded.Corrupt error

    /// As `read`, and copies nothing of a frame that lies in one piece, as nearly all do. The builder serves one frame after
    /// the other.
    let internal readInPlace
        (limits: FrameLimits)
        (builder: FieldsBuilder)
        (input: ReadOnlySequence<byte>)
        : Decoded<ReceivedFrame> =
        match readFront limits input with
        | Bad error -> Decoded.Corrupt error
        | Partial missing -> Decoded.NeedMore missing
        | Whole(frameBytes, header, headerBytes) ->
            let first = input.First
            let isWhole = first.Length >= frameBytes

            let parts =
                if isWhole then
                    let payload = first.Slice(prefixBytes, frameBytes - prefixBytes)
                    readPayload header (ValueSome builder) headerBytes payload
                else
                    readPayload header ValueNone headerBytes (copyPayload input frameBytes)

            match parts with
            | Ok parts ->
                Decoded.Complete(
                    {
                        ReceivedFrame.Header = header
                        Parts = parts
                        IsOwn = not isWhole
                    },
                    frameBytes
                )
            | Error error -> Decoded.Corrupt error

    let private answerNumber headerType (header: ReadOnlySequence<byte>) =
        if headerType = binaryType then
            AnswerNumber.ofBinary header
        else
            AnswerNumber.ofJson header

    /// Where the frame at the front ends, once reading it has been refused, so that it can be passed over. Looks at no more than
    /// what has come of its header, and at no more than a frame within the limits can have.
    let internal refused (limits: FrameLimits) (input: ReadOnlySequence<byte>) : RefusedFrame =
        let front = input.Slice(0L, min (int64 prefixBytes) input.Length).ToArray()

        if front.Length < lengthBytes then
            EndToCome
        else
            let length = BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan front)
            let isTypeWrong = front.Length > lengthBytes && int front[lengthBytes] > binaryType

            if length < prefixBytes - lengthBytes || isTypeWrong then
                EndUnknown
            elif front.Length < prefixBytes then
                EndToCome
            else
                let word = BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(front, lengthBytes, 4))
                let headerBytes = word &&& maxHeaderBytes

                if headerBytes = 0 || headerBytes > length - (prefixBytes - lengthBytes) then
                    EndUnknown
                else
                    let looked = int64 (min headerBytes (limits.ReceiveFrameBytes - prefixBytes))

                    if input.Length < int64 prefixBytes + looked then
                        EndToCome
                    else
                        let number = answerNumber (word >>> 24) (input.Slice(int64 prefixBytes, looked))
                        EndsAfter(int64 lengthBytes + int64 length, number)

    /// What the first bytes of a frame say of it, if they can begin a frame within the default limits.
    let tryInfo (bytes: byte[]) : Result<FrameInfo, DecodeError> =
        if bytes.Length < prefixBytes then
            Error(
                DecodeError.Malformed(
                    what,
                    invariant $"it has {bytes.Length} bytes, its lengths take {prefixBytes}",
                    bytes.Length
                )
            )
        else
            match readPrefix FrameLimits.Default (ReadOnlySpan bytes) Int64.MaxValue with
            | Bad error -> Error error
            | Partial missing ->
                Error(DecodeError.Malformed(what, invariant $"{missing} bytes are missing", bytes.Length))
            | Whole(frameBytes, header, headerBytes) ->
                Ok
                    {
                        FrameBytes = frameBytes
                        HeaderBytes = headerBytes
                        Header = header
                    }

    /// Whether `bytes` are one whole frame within the default limits, and nothing else.
    let isWhole (bytes: byte[]) =
        match tryInfo bytes with
        | Ok info -> info.FrameBytes = bytes.Length
        | Error _ -> false

    /// Reads one frame from the front of `bytes` within given limits.
    let decodeWithin (limits: FrameLimits) (bytes: byte[]) : Decoded<Frame> = read limits (ReadOnlySequence bytes)

    /// Reads one frame from the front of `bytes`, within the default limits.
    let decode (bytes: byte[]) : Decoded<Frame> = decodeWithin FrameLimits.Default bytes

    /// Reads one frame that takes all of `bytes`.
    let decodeWhole (bytes: byte[]) : Result<Frame, DecodeError> =
        match decode bytes with
        | Decoded.Complete(frame, consumed) when consumed = bytes.Length -> Ok frame
        | Decoded.Complete(_, consumed) ->
            Error(DecodeError.Malformed(what, invariant $"{bytes.Length - consumed} bytes are left over", consumed))
        | Decoded.NeedMore missing ->
            Error(DecodeError.Malformed(what, invariant $"{missing} bytes are missing", bytes.Length))
        | Decoded.Corrupt error -> Error error

    /// Reads a frame without its first four bytes, the length: all of `bytes`.
    let decodeStripped (bytes: byte[]) : Result<Frame, DecodeError> =
        let whole = Array.zeroCreate (lengthBytes + bytes.Length)
        BinaryPrimitives.WriteInt32BigEndian(whole.AsSpan(), bytes.Length)
        bytes.CopyTo(whole, lengthBytes)
        decodeWhole whole

    /// One frame as bytes, within given limits.
    let encodeWithin (limits: FrameLimits) (header: Header) (command: RemotingCommand) : Result<byte[], EncodeError> =
        let output = ArrayBufferWriter<byte> 256

        match write limits header command output with
        | Ok _ -> Ok(output.WrittenSpan.ToArray())
        | Error error -> Error error

    /// One frame as bytes, within the default limits.
    let encode (header: Header) (command: RemotingCommand) : Result<byte[], EncodeError> =
        encodeWithin FrameLimits.Default header command
