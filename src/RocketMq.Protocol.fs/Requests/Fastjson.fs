namespace RocketMq.Protocol

open System
open System.Buffers
open System.Text
open System.Text.Json

/// Makes strict JSON of what Java servers write into bodies. They write integers as keys without quotes, whole objects as
/// keys, and `{"$ref":"$.path"}` in place of an object that stood in the same body before. Such keys become texts (that of
/// an object holds its JSON) and references become copies. Anything else that is not JSON is refused.
module internal Fastjson =
    /// How deep values may nest, references followed included.
    let private maxDepth = 64

    /// Copies by reference can grow without end: the strict form may have this many bytes.
    let private maxBytes = 32 * 1024 * 1024

    /// A body may follow this many references, each of which is looked up.
    let private maxReferences = 10_000

    type private Node =
        /// A text with its quotes, a number or a literal: as it stands.
        | Scalar of ReadOnlyMemory<byte>
        | Items of Node list
        | Members of (Key * Node) list

    and private Key =
        /// With its quotes.
        | Text of ReadOnlyMemory<byte>
        | Integer of ReadOnlyMemory<byte>
        | Structure of Node

    /// Stops reading from anywhere below; `toJson` turns it into an error value.
    exception private Refused of reason: string * offset: int

    /// Reads one value from the front. Strings, numbers and literals are only delimited here: the strict reader, which
    /// comes next, checks them.
    [<Sealed>]
    type private Parser(json: ReadOnlyMemory<byte>) =
        let mutable position = 0
        let refuse reason = raise (Refused(reason, position))

        let isSpace (byte: byte) =
            byte = ' 'B || byte = '\n'B || byte = '\r'B || byte = '\t'B

        let isBare (byte: byte) =
            (byte >= '0'B && byte <= '9'B)
            || (byte >= 'a'B && byte <= 'z'B)
            || (byte >= 'A'B && byte <= 'Z'B)
            || byte = '-'B
            || byte = '+'B
            || byte = '.'B

        let skipSpace () =
            while position < json.Length && isSpace json.Span[position] do
                position <- position + 1

        let peek () =
            skipSpace ()

            if position = json.Length then
                refuse "it ends early"

            json.Span[position]

        let expect (wanted: byte) =
            if peek () <> wanted then
                refuse $"'{char wanted}' is missing"

            position <- position + 1

        let since start = json.Slice(start, position - start)

        let text () =
            let start = position
            position <- position + 1

            while position < json.Length && json.Span[position] <> '"'B do
                position <- position + (if json.Span[position] = '\\'B then 2 else 1)

            if position >= json.Length then
                position <- json.Length
                refuse "a text does not end"

            position <- position + 1
            since start

        let bare () =
            let start = position

            while position < json.Length && isBare json.Span[position] do
                position <- position + 1

            if position = start then
                refuse "a value is missing"

            since start

        /// What stands between an opening and its closing, with commas between.
        let list (closing: byte) (item: unit -> 'T) : 'T list =
            position <- position + 1
            let items = ResizeArray<'T>()

            if peek () = closing then
                position <- position + 1
            else
                items.Add(item ())

                while peek () = ','B do
                    position <- position + 1
                    items.Add(item ())

                expect closing

            List.ofSeq items

        let integer () =
            let digits = bare ()
            let mutable value = 0L
            let mutable consumed = 0

            if
                not (Text.Utf8Parser.TryParse(digits.Span, &value, &consumed))
                || consumed < digits.Length
            then
                refuse "a key is neither a text nor an integer"

            digits

        let rec value depth =
            if depth > maxDepth then
                refuse $"it nests deeper than {maxDepth}"

            match peek () with
            | '{'B -> Members(list '}'B (fun () -> memberAt depth))
            | '['B -> Items(list ']'B (fun () -> value (depth + 1)))
            | '"'B -> Scalar(text ())
            | _ -> Scalar(bare ())

        and memberAt depth =
            let key =
                match peek () with
                | '"'B -> Text(text ())
                | '{'B
                | '['B -> Structure(value (depth + 1))
                | _ -> Integer(integer ())

            expect ':'B
            key, value (depth + 1)

        member _.Read() =
            let root = value 0
            skipSpace ()

            if position < json.Length then
                refuse $"{json.Length - position} bytes are left over"

            root

    let private unquoted (text: ReadOnlyMemory<byte>) =
        let mutable reader = Utf8JsonReader(text.Span)
        reader.Read() |> ignore

        match reader.GetString() with
        | null -> ""
        | text -> text

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

    let private isNamed (name: string) key =
        match key with
        | Text text -> unquoted text = name
        | Integer digits -> Encoding.ASCII.GetString digits.Span = name
        | Structure _ -> false

    let private stepInto path node (name: string) =
        let found =
            match node with
            | Members members -> members |> List.tryFind (fst >> isNamed name) |> Option.map snd
            | Items items ->
                match Int32.TryParse(name, Globalization.CultureInfo.InvariantCulture) with
                | true, index when index >= 0 -> List.tryItem index items
                | _ -> None
            | Scalar _ -> None

        match found with
        | Some node -> node
        | None -> refuse $"the reference {path} leads nowhere"

    /// The path of an object that only refers to another one.
    let private tryReference node =
        match node with
        | Members [ Text name, Scalar path ] when path.Span[0] = '"'B && unquoted name = "$ref" -> Some(unquoted path)
        | _ -> None

    /// Writes strict JSON, with references looked up from the root.
    [<Sealed>]
    type private Writer(root: Node) =
        let mutable references = 0

        let put (output: ArrayBufferWriter<byte>) (bytes: ReadOnlySpan<byte>) =
            if output.WrittenCount + bytes.Length > maxBytes then
                refuse $"with its references it exceeds {maxBytes} bytes"

            output.Write bytes

        let putByte (output: ArrayBufferWriter<byte>) (byte: byte) =
            output.GetSpan(1)[0] <- byte
            output.Advance 1

        let putList output (opening: byte) (closing: byte) putItem items =
            putByte output opening

            items
            |> List.iteri (fun index item ->
                if index > 0 then
                    putByte output ','B

                putItem item)

            putByte output closing

        let follow (path: string) =
            references <- references + 1

            if references > maxReferences then
                refuse $"it follows more than {maxReferences} references"

            if not (path.StartsWith('$')) then
                refuse $"the reference {path} is none to another place"

            segments path |> List.fold (stepInto path) root

        let rec write depth output node =
            if depth > maxDepth then
                refuse $"with its references it nests deeper than {maxDepth}"

            match node, tryReference node with
            | _, Some path -> write (depth + 1) output (follow path)
            | Scalar bytes, None -> put output bytes.Span
            | Items items, None -> putList output '['B ']'B (write (depth + 1) output) items
            | Members members, None ->
                let putMember (key, value) =
                    writeKey depth output key
                    putByte output ':'B
                    write (depth + 1) output value

                putList output '{'B '}'B putMember members

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

    /// Strict JSON with the same value.
    let toJson (what: string) (body: ReadOnlyMemory<byte>) : Result<ReadOnlyMemory<byte>, DecodeError> =
        try
            let root = Parser(body).Read()
            let output = ArrayBufferWriter<byte>(body.Length + 64)
            Writer(root).Write output
            Ok output.WrittenMemory
        with
        | Refused(reason, offset) -> Error(Malformed(what, reason, offset))
        | :? JsonException
        | :? InvalidOperationException
        | :? ArgumentException -> Error(Malformed(what, "a text is not valid", 0))
