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

    /// Writes one record.
    let write (message: Message) (output: IBufferWriter<byte>) : Result<int, EncodeError> =
        let properties = message.Properties.Text

        match message.Properties.Fault with
        | ValueSome error -> Error(NotEncodable("a message", error.Message))
        | ValueNone when properties.Length > Properties.maxBytes ->
            Error(EncodedTooLarge("the property text", int64 properties.Length, int64 Properties.maxBytes))
        | ValueNone ->
            let recordBytes = recordBytes message
            let mutable writer = ByteWriter(output.GetSpan recordBytes)
            writer.Int32 recordBytes
            writer.Int32 0
            writer.Int32 0
            writer.Int32 message.Flag
            writer.Int32 message.Body.Length
            writer.Bytes message.Body.Span
            writer.Int16(int16 properties.Length)
            writer.Bytes properties.Span
            output.Advance recordBytes
            Ok recordBytes

    /// The body of a batch send.
    let encode (messages: Message list) : Result<byte[], EncodeError> =
        let output = ArrayBufferWriter<byte> 256

        let rec writeAll messages =
            match messages with
            | [] -> Ok(output.WrittenSpan.ToArray())
            | message :: rest ->
                match write message output with
                | Ok _ -> writeAll rest
                | Error error -> Error error

        writeAll messages

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
