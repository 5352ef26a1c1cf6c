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

    let text name element =
        match tryMember name element with
        | ValueSome value when value.ValueKind = JsonValueKind.String ->
            match value.GetString() with
            | null -> ""
            | text -> text
        | _ -> ""

    let int32 name element =
        let mutable number = 0

        match tryMember name element with
        | ValueSome value when value.ValueKind = JsonValueKind.Number && value.TryGetInt32 &number -> number
        | _ -> 0

    let int64 name element =
        let mutable number = 0L

        match tryMember name element with
        | ValueSome value when value.ValueKind = JsonValueKind.Number && value.TryGetInt64 &number -> number
        | _ -> 0L

    let boolean name element =
        match tryMember name element with
        | ValueSome value -> value.ValueKind = JsonValueKind.True
        | ValueNone -> false

    let items name (read: JsonElement -> 'T) element : 'T list =
        match tryMember name element with
        | ValueSome value when value.ValueKind = JsonValueKind.Array ->
            [ for item in value.EnumerateArray() -> read item ]
        | _ -> []

    let members name (read: string -> JsonElement -> 'T) element : 'T list =
        match tryMember name element with
        | ValueSome value when value.ValueKind = JsonValueKind.Object ->
            [ for property in value.EnumerateObject() -> read property.Name property.Value ]
        | _ -> []

    /// Reads a body that must be a JSON object.
    let decode what (read: JsonElement -> 'T) (body: ReadOnlyMemory<byte>) : Result<'T, DecodeError> =
        try
            use document = JsonDocument.Parse body

            if document.RootElement.ValueKind = JsonValueKind.Object then
                Ok(read document.RootElement)
            else
                Error(Malformed(what, "it is not a JSON object", 0))
        with
        | :? JsonException as error ->
            let offset = error.BytePositionInLine |> Option.ofNullable |> Option.defaultValue 0L
            Error(Malformed(what, "it is not JSON", int offset))
        | :? InvalidOperationException -> Error(Malformed(what, "a text is not valid Unicode", 0))

    let encode (write: Utf8JsonWriter -> unit) : ReadOnlyMemory<byte> =
        let output = ArrayBufferWriter<byte> 256

        (use writer = new Utf8JsonWriter(output :> IBufferWriter<byte>)
         write writer)

        output.WrittenMemory
