namespace RocketMq.Protocol

open System
open System.Buffers
open RocketMq

/// Messages in the body of a batch send, both directions. Layout, big-endian, repeated:
///
///     i32 recordBytes | i32 0 | i32 0 | i32 flag | i32 bodyBytes | body | i16 propertyBytes | properties
///
/// They share the topic of the request. Source: MessageDecoder.encodeMessage, decodeMessage.
module BatchCodec =
    let private fixedBytes = 4 * 5 + 2
    let private what = "batch message"

    /// The size of a message's record, in bytes.
    let recordBytes (message: Message) : int =
        fixedBytes + message.Body.Length + message.Properties.Text.Length

    let private problemOf (message: Message) : EncodeError voption =
        match message.Properties.Fault with
        | ValueSome error -> ValueSome(NotEncodable("a message", error.Message))
        | ValueNone when message.Properties.Text.Length > Properties.maxBytes ->
            ValueSome(
                EncodedTooLarge("the property text", int64 message.Properties.Text.Length, int64 Properties.maxBytes)
            )
        | ValueNone -> ValueNone

    /// Only of a message without a problem, where there is room for its record.
    let private put (message: Message) (destination: Span<byte>) : unit =
        let properties = message.Properties.Text
        let mutable writer = ByteWriter destination
        writer.Int32(recordBytes message)
        writer.Int32 0
        writer.Int32 0
        writer.Int32 message.Flag
        writer.Int32 message.Body.Length
        writer.Bytes message.Body.Span
        writer.Int16(int16 properties.Length)
        writer.Bytes properties.Span

    /// Writes one record.
    let write (message: Message) (output: IBufferWriter<byte>) : Result<int, EncodeError> =
        match problemOf message with
        | ValueSome problem -> Error problem
        | ValueNone ->
            let bytes = recordBytes message
            put message (output.GetSpan bytes)
            output.Advance bytes
            Ok bytes

    /// The body of a batch send.
    let encode (messages: Message list) : Result<byte[], EncodeError> =
        let mutable bytes = 0L
        let mutable problem = ValueNone

        for message in messages do
            bytes <- bytes + int64 (recordBytes message)

            if problem.IsNone then
                problem <- problemOf message

        match problem with
        | ValueSome problem -> Error problem
        | ValueNone when bytes > int64 Array.MaxLength ->
            Error(EncodedTooLarge("the batch", bytes, int64 Array.MaxLength))
        | ValueNone ->
            let body: byte[] = Array.zeroCreate (int bytes)
            let mutable place = 0

            for message in messages do
                let bytes = recordBytes message
                put message (body.AsSpan(place, bytes))
                place <- place + bytes

            Ok body

    let private readRecord (topic: string) (bytes: ReadOnlyMemory<byte>) : Result<struct (Message * int), DecodeError> =
        let mutable reader = ByteReader bytes.Span
        let recordBytes = reader.Int32()
        reader.Skip 8
        let flag = reader.Int32()
        let bodyBytes = reader.Int32()
        let bodyStart = reader.Position
        reader.Skip bodyBytes
        let propertiesBytes = int (reader.Int16())
        let propertiesStart = reader.Position
        reader.Skip propertiesBytes

        if reader.Overrun then
            Error(
                DecodeError.Malformed(
                    what,
                    invariant $"its parts do not fit into {bytes.Length} bytes",
                    reader.Position
                )
            )
        elif reader.Position <> recordBytes then
            Error(
                DecodeError.Malformed(
                    what,
                    invariant $"its size is given as {recordBytes} and found to be {reader.Position}",
                    0
                )
            )
        else
            let message =
                {
                    Topic = topic
                    Body = bytes.Slice(bodyStart, bodyBytes)
                    Flag = flag
                    Properties = Properties.ofText (bytes.Slice(propertiesStart, propertiesBytes))
                }

            Ok(struct (message, recordBytes))

    /// The messages in the body of a batch send to `topic`.
    let decode (topic: string) (bytes: ReadOnlyMemory<byte>) : Result<Message list, DecodeError> =
        let rec next (rest: ReadOnlyMemory<byte>) messages =
            if rest.IsEmpty then
                Ok(List.rev messages)
            else
                match readRecord topic rest with
                | Ok(struct (message, recordBytes)) -> next (rest.Slice recordBytes) (message :: messages)
                | Error error -> Error error

        next bytes []
