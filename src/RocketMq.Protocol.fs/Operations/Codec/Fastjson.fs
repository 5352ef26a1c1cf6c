namespace RocketMq.Protocol

open System
open System.Buffers
open System.Text
open System.Text.Json
open RocketMq.Protocol.FastjsonTree
open RocketMq

/// Makes strict JSON of what Java servers write into bodies. They write integers as keys without quotes, whole objects as
/// keys, and `{"$ref":"$.path"}` in place of an object that stood in the same body before. Such keys become texts (that of
/// an object holds its JSON) and references become copies. Anything else that is not JSON is refused.
module internal Fastjson =
    let private reference = "$ref"B

    /// Whether a body is strict JSON without references, so that it can be read as it is.
    let private isStrict (body: ReadOnlyMemory<byte>) =
        let mutable reader = Utf8JsonReader(body.Span)
        let mutable values = 0
        let mutable hasReference = false

        try
            while not hasReference && reader.Read() do
                match reader.TokenType with
                | JsonTokenType.EndObject
                | JsonTokenType.EndArray -> ()
                | JsonTokenType.PropertyName ->
                    values <- values + 1
                    hasReference <- reader.ValueTextEquals(ReadOnlySpan reference)
                | _ -> values <- values + 1

                if values > maxValues then
                    raise (Refused(tooManyValues, int reader.BytesConsumed))

            not hasReference
        with :? JsonException ->
            false

    let private refuse reason = raise (Refused(reason, 0))

    /// The names and indexes of a path such as "$.a.b[1]". A backslash makes the next character part of a name.
    let private segments (path: string) : string list =
        let names = ResizeArray<string>()
        let name = StringBuilder()

        let finish () =
            if name.Length > 0 then
                names.Add(name.ToString())
                name.Clear() |> ignore

        let mutable index = 1

        while index < path.Length do
            match path[index] with
            | '.'
            | '['
            | ']' -> finish ()
            | '\\' when index + 1 < path.Length ->
                index <- index + 1
                name.Append path[index] |> ignore
            | character -> name.Append character |> ignore

            index <- index + 1

        finish ()
        List.ofSeq names

    let private stepInto path node (name: string) =
        let found =
            match node with
            | Members members -> members.TryFind name
            | Items items ->
                match Int32.TryParse(name, Globalization.CultureInfo.InvariantCulture) with
                | true, index when index >= 0 -> Array.tryItem index items
                | _ -> None
            | Scalar _ -> None

        match found with
        | Some node -> node
        | None -> refuse (invariant $"the reference {path} leads nowhere")

    /// The path of an object that only refers to another one.
    let private tryReference node =
        match node with
        | Members members ->
            match members.All with
            | [| struct (Text name, Scalar path) |] when path.Span[0] = '"'B && unquoted name = "$ref" ->
                Some(unquoted path)
            | _ -> None
        | Scalar _
        | Items _ -> None

    /// Writes strict JSON, with references looked up from the root.
    [<Sealed>]
    type private Writer(root: Node) =
        let mutable references = 0
        let mutable values = 0

        let countOne () =
            values <- values + 1

            if values > maxValues then
                refuse $"with its references {tooManyValues}"

        let limit (output: ArrayBufferWriter<byte>) (bytes: int) =
            if output.WrittenCount + bytes > maxBytes then
                refuse (invariant $"with its references it exceeds {maxBytes} bytes")

        let put (output: ArrayBufferWriter<byte>) (bytes: ReadOnlySpan<byte>) =
            limit output bytes.Length
            output.Write bytes

        let putByte (output: ArrayBufferWriter<byte>) (byte: byte) =
            limit output 1
            output.GetSpan(1)[0] <- byte
            output.Advance 1

        let putList output (opening: byte) (closing: byte) putItem items =
            putByte output opening

            items
            |> Array.iteri (fun index item ->
                if index > 0 then
                    putByte output ','B

                putItem item)

            putByte output closing

        let follow (path: string) =
            references <- references + 1

            if references > maxReferences then
                refuse (invariant $"it follows more than {maxReferences} references")

            if path.Length > maxPath then
                refuse (invariant $"a reference is longer than {maxPath} characters")

            if not (path.StartsWith('$')) then
                refuse $"the reference {path} is none to another place"

            segments path |> List.fold (stepInto path) root

        let rec write depth output node =
            if depth > maxDepth then
                refuse (invariant $"with its references it nests deeper than {maxDepth}")

            countOne ()

            match node, tryReference node with
            | _, Some path -> write (depth + 1) output (follow path)
            | Scalar bytes, None -> put output bytes.Span
            | Items items, None -> putList output '['B ']'B (write (depth + 1) output) items
            | Members members, None ->
                let putMember (struct (key, value)) =
                    countOne ()
                    writeKey depth output key
                    putByte output ':'B
                    write (depth + 1) output value

                putList output '{'B '}'B putMember members.All

        and writeKey depth output key =
            match key with
            | Text text -> put output text.Span
            | Integer digits ->
                putByte output '"'B
                put output digits.Span
                putByte output '"'B
            | Structure node ->
                let inner = ArrayBufferWriter<byte>()
                write (depth + 1) inner node
                putByte output '"'B
                put output (JsonEncodedText.Encode(inner.WrittenSpan).EncodedUtf8Bytes)
                putByte output '"'B

        member _.Write(output: ArrayBufferWriter<byte>) = write 0 output root

    /// Strict JSON with the same value: the body itself, if it is that already.
    let toJson (what: string) (body: ReadOnlyMemory<byte>) : Result<ReadOnlyMemory<byte>, DecodeError> =
        try
            if isStrict body then
                Ok body
            else
                let root = Parser(body).Read()
                let output = ArrayBufferWriter<byte>(body.Length + 64)
                Writer(root).Write output
                Ok output.WrittenMemory
        with
        | Refused(reason, offset) -> Error(DecodeError.Malformed(what, reason, offset))
        | :? JsonException
        | :? InvalidOperationException
        | :? ArgumentException -> Error(DecodeError.Malformed(what, "a text is not valid", 0))
