namespace RocketMq.Protocol

open System
open System.Buffers
open System.Collections.Generic
open System.Globalization
open System.Text.Json
open RocketMq

/// Stops reading or writing a JSON value from anywhere below; `Json` turns it into an error value.
exception internal Unreadable of path: string * reason: string

/// How a value stands in JSON, both ways.
type internal JsonCodec<'T> =
    {
        Write: Utf8JsonWriter -> 'T -> unit
        Read: JsonElement -> 'T
        /// What a member of this shape is worth where the object has none: servers of other versions leave members out.
        Absent: 'T voption
    }

/// How a value stands as the key of an object.
type internal Key<'T> =
    {
        Write: 'T -> string
        Read: string -> 'T
    }

module internal JsonCodec =
    let private unexpected expected (element: JsonElement) =
        raise (Unreadable("", invariant $"{expected} is wanted, not {element.ValueKind}"))

    /// A text; a number's digits where a server wrote a number.
    let text: JsonCodec<string> =
        {
            Write =
                fun writer value ->
                    if Utf8Text.isEncodable value then
                        writer.WriteStringValue value
                    else
                        raise (Unreadable("", "it holds a lone surrogate"))
            Read =
                fun element ->
                    match element.ValueKind with
                    | JsonValueKind.String ->
                        match element.GetString() with
                        | null -> ""
                        | text -> text
                    | JsonValueKind.Number
                    | JsonValueKind.True
                    | JsonValueKind.False -> element.GetRawText()
                    | _ -> unexpected "a text" element
            Absent = ValueSome ""
        }

    let private parsed expected (digits: string) (tryParse: string -> bool * 'T) =
        match tryParse digits with
        | true, value -> value
        | false, _ ->
            let shown =
                if digits.Length > 40 then
                    digits.Substring(0, 40) + "…"
                else
                    digits

            raise (Unreadable("", invariant $"{shown} is not {expected}"))

    let private integer32 = "a 32-bit integer"
    let private integer64 = "a 64-bit integer"

    let private parseInt32 digits =
        parsed integer32 digits (fun digits ->
            Int32.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))

    let private parseInt64 digits =
        parsed integer64 digits (fun digits ->
            Int64.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))

    /// A number, or a text that holds one.
    let private number expected write parse : JsonCodec<'T> =
        {
            Write = write
            Read =
                fun element ->
                    match element.ValueKind with
                    | JsonValueKind.Number -> parse (element.GetRawText())
                    | JsonValueKind.String -> parse (string (element.GetString()))
                    | _ -> unexpected expected element
            Absent = ValueSome Unchecked.defaultof<'T>
        }

    let int32: JsonCodec<int> =
        number integer32 (fun writer value -> writer.WriteNumberValue value) parseInt32

    let int64: JsonCodec<int64> =
        number integer64 (fun writer value -> writer.WriteNumberValue value) parseInt64

    let float: JsonCodec<float> =
        let expected = "a number"

        let tryParse (digits: string) =
            match Double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value when Double.IsFinite value -> true, value
            | _ -> false, 0.0

        let write (writer: Utf8JsonWriter) (value: float) =
            if Double.IsFinite value then
                writer.WriteNumberValue value
            else
                raise (Unreadable("", "a number is not finite"))

        number expected write (fun digits -> parsed expected digits tryParse)

    /// Bytes as a text in base64.
    let base64: JsonCodec<byte[]> =
        {
            Write = fun writer bytes -> writer.WriteBase64StringValue(ReadOnlySpan bytes)
            Read =
                fun element ->
                    match element.TryGetBytesFromBase64() with
                    | true, bytes -> Option.ofObj bytes |> Option.defaultValue Array.empty
                    | false, _ -> raise (Unreadable("", "it is not base64"))
            Absent = ValueSome Array.empty
        }

    /// true or false, or a text that says so.
    let boolean: JsonCodec<bool> =
        {
            Write = fun writer value -> writer.WriteBooleanValue value
            Read =
                fun element ->
                    match element.ValueKind with
                    | JsonValueKind.True -> true
                    | JsonValueKind.False -> false
                    | JsonValueKind.String ->
                        String.Equals(element.GetString(), "true", StringComparison.OrdinalIgnoreCase)
                    | _ -> unexpected "true or false" element
            Absent = ValueSome false
        }

    /// One of Java's enum constants: its name, or its number in their order.
    let constant (names: (string * 'T) list) : JsonCodec<'T> =
        let byName (name: string) =
            names |> List.tryFind (fun (wire, _) -> wire = name) |> Option.map snd

        let byNumber (digits: string) =
            match Int32.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, number -> names |> List.tryItem number |> Option.map snd
            | false, _ -> None

        {
            Write = fun writer value -> writer.WriteStringValue(names |> List.find (fun (_, one) -> one = value) |> fst)
            Read =
                fun element ->
                    let wire = text.Read element

                    match byName wire |> Option.orElse (byNumber wire) with
                    | Some value -> value
                    | None ->
                        let known = names |> List.map fst |> String.concat ", "
                        raise (Unreadable("", $"'{wire}' is none of {known}"))
            Absent = ValueNone
        }

    /// Reads a part of a value; the path of what is wrong in it leads with `step`.
    let within (step: string) (read: unit -> 'T) =
        try
            read ()
        with Unreadable(path, reason) ->
            raise (Unreadable(step + path, reason))

    let list (item: JsonCodec<'T>) : JsonCodec<'T list> =
        {
            Write =
                fun writer values ->
                    writer.WriteStartArray()
                    List.iter (item.Write writer) values
                    writer.WriteEndArray()
            Read =
                fun element ->
                    if element.ValueKind <> JsonValueKind.Array then
                        unexpected "a list" element

                    [
                        for index, value in Seq.indexed (element.EnumerateArray()) ->
                            within (invariant $"[{index}]") (fun () -> item.Read value)
                    ]
            Absent = ValueSome []
        }

    let mapOf (key: Key<'K>) (value: JsonCodec<'V>) : JsonCodec<Map<'K, 'V>> =
        {
            Write =
                fun writer map ->
                    writer.WriteStartObject()

                    for KeyValue(name, item) in map do
                        writer.WritePropertyName(key.Write name)
                        value.Write writer item

                    writer.WriteEndObject()
            Read =
                fun element ->
                    if element.ValueKind <> JsonValueKind.Object then
                        unexpected "an object" element

                    Map.ofSeq (
                        seq {
                            for item in element.EnumerateObject() ->
                                within $".{item.Name}" (fun () -> key.Read item.Name, value.Read item.Value)
                        }
                    )
            Absent = ValueSome Map.empty
        }

    let private textKey: Key<string> =
        {
            Write =
                fun name ->
                    if Utf8Text.isEncodable name then
                        name
                    else
                        raise (Unreadable("", "a key holds a lone surrogate"))
            Read = id
        }

    let map (value: JsonCodec<'V>) : JsonCodec<Map<string, 'V>> = mapOf textKey value

    let int32Key: Key<int> =
        {
            Write = fun number -> number.ToString CultureInfo.InvariantCulture
            Read = parseInt32
        }

    let int64Key: Key<int64> =
        {
            Write = fun number -> number.ToString CultureInfo.InvariantCulture
            Read = parseInt64
        }

/// One member of an object.
type internal Member<'Record, 'T> =
    {
        Put: Utf8JsonWriter -> 'Record -> unit
        Take: JsonElement -> 'T
    }

module internal Member =
    let private find (name: string) (element: JsonElement) : JsonElement voption =
        let mutable value = JsonElement()

        if element.TryGetProperty(name, &value) && value.ValueKind <> JsonValueKind.Null then
            ValueSome value
        else
            ValueNone

    /// A member that servers of both lines write.
    let always (name: string) (shape: JsonCodec<'T>) (get: 'Record -> 'T) : Member<'Record, 'T> =
        {
            Put =
                fun writer record ->
                    writer.WritePropertyName name
                    JsonCodec.within $".{name}" (fun () -> shape.Write writer (get record))
            Take =
                fun element ->
                    match find name element, shape.Absent with
                    | ValueSome value, _ -> JsonCodec.within $".{name}" (fun () -> shape.Read value)
                    | ValueNone, ValueSome absent -> absent
                    | ValueNone, ValueNone -> raise (Unreadable($".{name}", "it is missing"))
        }

    /// A member that servers leave out where it is null, or that only some versions have.
    let sometimes (name: string) (shape: JsonCodec<'T>) (get: 'Record -> 'T option) : Member<'Record, 'T option> =
        {
            Put =
                fun writer record ->
                    match get record with
                    | Some value ->
                        writer.WritePropertyName name
                        JsonCodec.within $".{name}" (fun () -> shape.Write writer value)
                    | None -> ()
            Take =
                fun element ->
                    match find name element with
                    | ValueSome value -> Some(JsonCodec.within $".{name}" (fun () -> shape.Read value))
                    | ValueNone -> None
        }

    let text name get : Member<'Record, string> = always name JsonCodec.text get
    let int32 name get : Member<'Record, int> = always name JsonCodec.int32 get
    let int64 name get : Member<'Record, int64> = always name JsonCodec.int64 get
    let boolean name get : Member<'Record, bool> = always name JsonCodec.boolean get
    let list name item get : Member<'Record, 'T list> = always name (JsonCodec.list item) get
    let map name value get : Member<'Record, Map<string, 'T>> = always name (JsonCodec.map value) get
    let optionalText name get : Member<'Record, string option> = sometimes name JsonCodec.text get

    /// The members of one record among those of a larger one.
    let part (members: Member<'T, 'T>) (get: 'Record -> 'T) : Member<'Record, 'T> =
        {
            Put = fun writer record -> members.Put writer (get record)
            Take = members.Take
        }

    /// An object of these members; of one, if the value is that member's.
    let objectOf (members: Member<'T, 'T>) : JsonCodec<'T> =
        {
            Write =
                fun writer record ->
                    writer.WriteStartObject()
                    members.Put writer record
                    writer.WriteEndObject()
            Read =
                fun element ->
                    if element.ValueKind = JsonValueKind.Object then
                        members.Take element
                    else
                        raise (Unreadable("", invariant $"an object is wanted, not {element.ValueKind}"))
            Absent = ValueNone
        }

/// JSON bodies: what this library writes is strict JSON, what it reads is the dialect that Java servers write.
module internal Json =
    let private parse what (shape: JsonCodec<'T>) (json: ReadOnlyMemory<byte>) : Result<'T, DecodeError> =
        try
            use document = JsonDocument.Parse json
            Ok(shape.Read document.RootElement)
        with
        | Unreadable("", reason) -> Error(DecodeError.WrongValue(what, reason))
        | Unreadable(path, reason) -> Error(DecodeError.WrongValue(what, $"${path}: {reason}"))
        | :? JsonException as error ->
            let offset = error.BytePositionInLine |> Option.ofNullable |> Option.defaultValue 0L
            Error(DecodeError.Malformed(what, "it is not JSON", int offset))
        | :? InvalidOperationException -> Error(DecodeError.WrongValue(what, "a text is not valid Unicode"))

    let decode what (shape: JsonCodec<'T>) (body: ReadOnlyMemory<byte>) : Result<'T, DecodeError> =
        Fastjson.toJson what body |> Result.bind (parse what shape)

    let encode what (shape: JsonCodec<'T>) (value: 'T) : Result<ReadOnlyMemory<byte>, EncodeError> =
        try
            let output = ArrayBufferWriter<byte> 256

            (use writer = new Utf8JsonWriter(output :> IBufferWriter<byte>)
             shape.Write writer value)

            Ok output.WrittenMemory
        with Unreadable(path, reason) ->
            Error(NotEncodable(invariant $"{what}, ${path}", reason))

    /// Reads a text that holds JSON, as keys of Java's maps do.
    let ofText (shape: JsonCodec<'T>) (text: string) : 'T =
        match decode "key" shape (ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text)) with
        | Ok value -> value
        | Error error -> raise (Unreadable("", error.Message))

    let toText (shape: JsonCodec<'T>) (value: 'T) : string =
        match encode "key" shape value with
        | Ok json -> Text.Encoding.UTF8.GetString json.Span
        | Error error -> raise (Unreadable("", error.Message))
