namespace RocketMq.Protocol

open System
open System.Buffers
open System.Buffers.Text
open System.Text.Json

/// Finds, in a header that cannot be read, which request it answers, so that the call can end. Takes any bytes, also the
/// front of a header alone.
module internal AnswerNumber =
    let private opaqueStart = 5

    /// What of a binary header holds opaque and flag.
    let private binaryBytes = opaqueStart + 4 + 4

    let private answers (opaque: int voption) (flag: int voption) =
        match flag with
        | ValueSome flag when CommandFlag.kind flag = CommandKind.Response -> opaque
        | _ -> ValueNone

    let ofBinary (header: ReadOnlySequence<byte>) : int voption =
        if header.Length < int64 binaryBytes then
            ValueNone
        else
            let front = header.Slice(0L, int64 binaryBytes).ToArray()
            let mutable reader = ByteReader(ReadOnlySpan front)
            reader.Skip opaqueStart
            let opaque = reader.Int32()
            let flag = reader.Int32()
            answers (ValueSome opaque) (ValueSome flag)

    let private opaqueName = "opaque"B
    let private flagName = "flag"B
    let private opaqueOpening = "\"opaque\":"B
    let private flagOpening = "\"flag\":"B

    let private number (text: ReadOnlySpan<byte>) : int voption =
        let mutable value = 0
        let mutable consumed = 0

        if Utf8Parser.TryParse(text, &value, &consumed) then
            ValueSome value
        else
            ValueNone

    /// The number that stands behind the last of such openings. Within a JSON text a quote has a backslash before it, so no
    /// text holds an opening.
    let private lastNumber (opening: byte[]) (rest: ReadOnlySpan<byte>) : int voption =
        match rest.LastIndexOf(ReadOnlySpan opening) with
        | -1 -> ValueNone
        | index -> number (rest.Slice(index + opening.Length))

    let private tokenNumber (reader: byref<Utf8JsonReader>) : int voption =
        if
            reader.TokenType = JsonTokenType.Number
            || reader.TokenType = JsonTokenType.String
        then
            if reader.HasValueSequence then
                number (ReadOnlySpan(reader.ValueSequence.ToArray()))
            else
                number reader.ValueSpan
        else
            ValueNone

    /// Takes opaque and flag as members of the object where it can be read, and by their names in what lies behind that.
    let ofJson (header: ReadOnlySequence<byte>) : int voption =
        let mutable reader = Utf8JsonReader(header, false, JsonReaderState())
        let mutable opaque = ValueNone
        let mutable flag = ValueNone

        try
            while reader.Read() do
                if reader.CurrentDepth = 1 && reader.TokenType = JsonTokenType.PropertyName then
                    if reader.ValueTextEquals(ReadOnlySpan opaqueName) then
                        if reader.Read() then
                            opaque <- tokenNumber &reader
                    elif reader.ValueTextEquals(ReadOnlySpan flagName) then
                        if reader.Read() then
                            flag <- tokenNumber &reader
        with
        | :? JsonException
        // Of a name that is no Unicode.
        | :? InvalidOperationException ->
            let rest = header.Slice(reader.BytesConsumed).ToArray()
            opaque <- ValueOption.orElseWith (fun () -> lastNumber opaqueOpening (ReadOnlySpan rest)) opaque
            flag <- ValueOption.orElseWith (fun () -> lastNumber flagOpening (ReadOnlySpan rest)) flag

        answers opaque flag
