namespace RocketMq.Protocol

open System
open System.Buffers
open System.Text.Json

/// Reading and writing JSON bodies. A member that is absent or of another type reads as the default: servers of other
/// versions leave members out and add their own.
module internal Json =
    let private tryMember (name: string) (element: JsonElement) : JsonElement voption =
        let mutable value = JsonElement()

        if element.ValueKind = JsonValueKind.Object && element.TryGetProperty(name, &value) then
            ValueSome value
        else
            ValueNone

    /// A text; a number's digits where a server wrote a number.
    let textOf (element: JsonElement) =
        match element.ValueKind with
        | JsonValueKind.String ->
            match element.GetString() with
            | null -> ""
            | text -> text
        | JsonValueKind.Number -> element.GetRawText()
        | _ -> ""

    let text name element =
        match tryMember name element with
        | ValueSome value -> textOf value
        | ValueNone -> ""

    /// An integer, or a text that holds one.
    let int64 name element =
        let mutable number = 0L

        match tryMember name element with
        | ValueSome value when value.ValueKind = JsonValueKind.Number && value.TryGetInt64 &number -> number
        | ValueSome value when
            value.ValueKind = JsonValueKind.String
            && Int64.TryParse(value.GetString(), Globalization.CultureInfo.InvariantCulture, &number)
            ->
            number
        | _ -> 0L

    /// As `int64`; 0 where it does not fit.
    let int32 name element =
        match int64 name element with
        | number when number = Operators.int64 (int number) -> int number
        | _ -> 0

    /// true, or a text that says so.
    let boolean name element =
        match tryMember name element with
        | ValueSome value when value.ValueKind = JsonValueKind.String ->
            String.Equals(value.GetString(), "true", StringComparison.OrdinalIgnoreCase)
        | ValueSome value -> value.ValueKind = JsonValueKind.True
        | ValueNone -> false

    /// The items of a list; none of anything else.
    let itemsOf (read: JsonElement -> 'T) (element: JsonElement) : 'T list =
        if element.ValueKind = JsonValueKind.Array then
            [ for item in element.EnumerateArray() -> read item ]
        else
            []

    let items name (read: JsonElement -> 'T) element : 'T list =
        match tryMember name element with
        | ValueSome value -> itemsOf read value
        | ValueNone -> []

    let members name (read: string -> JsonElement -> 'T) element : 'T list =
        match tryMember name element with
        | ValueSome value when value.ValueKind = JsonValueKind.Object ->
            [ for property in value.EnumerateObject() -> read property.Name property.Value ]
        | _ -> []

    let private parse what (read: JsonElement -> 'T) (json: ReadOnlyMemory<byte>) : Result<'T, DecodeError> =
        try
            use document = JsonDocument.Parse json

            if document.RootElement.ValueKind = JsonValueKind.Object then
                Ok(read document.RootElement)
            else
                Error(Malformed(what, "it is not a JSON object", 0))
        with
        | :? JsonException as error ->
            let offset = error.BytePositionInLine |> Option.ofNullable |> Option.defaultValue 0L
            Error(Malformed(what, "it is not JSON", int offset))
        | :? InvalidOperationException -> Error(Malformed(what, "a text is not valid Unicode", 0))

    /// Reads a body that must be a JSON object, in the dialect that Java servers write.
    let decode what (read: JsonElement -> 'T) (body: ReadOnlyMemory<byte>) : Result<'T, DecodeError> =
        Fastjson.toJson what body |> Result.bind (parse what read)

    let encode (write: Utf8JsonWriter -> unit) : ReadOnlyMemory<byte> =
        let output = ArrayBufferWriter<byte> 256

        (use writer = new Utf8JsonWriter(output :> IBufferWriter<byte>)
         write writer)

        output.WrittenMemory
