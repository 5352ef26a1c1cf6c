namespace RocketMq.Protocol

open System
open System.Buffers
open System.Collections.Generic
open System.Text
open System.Text.Json
open RocketMq

/// What a body in the dialect of Java's servers holds, as it stands there. What it may cost is limited before it is read: a few
/// bytes can say much.
module internal FastjsonTree =
    /// How deep values may nest, references followed included.
    let maxDepth = 64

    /// Copies by reference can grow without end: the strict form may have this many bytes.
    let maxBytes = 32 * 1024 * 1024

    /// A body may follow this many references, each of which is looked up.
    let maxReferences = 10_000

    /// The path of a reference may have this many characters: it is read each time that it is followed.
    let maxPath = 4_096

    /// A body may have this many values, keys included, and so may its strict form: each takes many times the two bytes that
    /// it may have on the wire.
    let maxValues = 1_000_000

    /// Stops reading from anywhere below; `toJson` turns it into an error value.
    exception Refused of reason: string * offset: int

    let unquoted (text: ReadOnlyMemory<byte>) =
        let mutable reader = Utf8JsonReader(text.Span)
        reader.Read() |> ignore<bool>

        match reader.GetString() with
        | null -> ""
        | text -> text

    type Node =
        /// A text with its quotes, a number or a literal: as it stands.
        | Scalar of ReadOnlyMemory<byte>
        | Items of Node[]
        | Members of MemberTable

    and Key =
        /// With its quotes.
        | Text of ReadOnlyMemory<byte>
        | Integer of ReadOnlyMemory<byte>
        | Structure of Node

    /// The members of an object, by name from the first time on that one is looked for.
    and [<Sealed>] MemberTable(all: struct (Key * Node)[]) =
        let mutable names: Dictionary<string, Node> | null = null

        let index () =
            let names = Dictionary<string, Node>(StringComparer.Ordinal)

            for struct (key, node) in all do
                match key with
                | Text text -> names.TryAdd(unquoted text, node) |> ignore<bool>
                | Integer digits -> names.TryAdd(Encoding.ASCII.GetString digits.Span, node) |> ignore<bool>
                | Structure _ -> ()

            names

        member _.All = all

        /// The first member with a name.
        member _.TryFind(name: string) : Node option =
            let known =
                match names with
                | null ->
                    let made = index ()
                    names <- made
                    made
                | known -> known

            match known.TryGetValue name with
            | true, node -> Some node
            | _ -> None

    let tooManyValues = invariant $"it has more than {maxValues} values"

    /// Reads one value from the front. Strings, numbers and literals are only delimited here: the strict reader, which
    /// comes next, checks them.
    [<Sealed>]
    type Parser(json: ReadOnlyMemory<byte>) =
        let mutable position = 0
        let mutable values = 0
        let refuse reason = raise (Refused(reason, position))

        let countOne () =
            values <- values + 1

            if values > maxValues then
                refuse tooManyValues

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

        let expect (expected: byte) =
            if peek () <> expected then
                refuse (invariant $"'{char expected}' is missing")

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
        let list (closing: byte) (item: unit -> 'T) : 'T[] =
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

            items.ToArray()

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
                refuse (invariant $"it nests deeper than {maxDepth}")

            countOne ()

            match peek () with
            | '{'B -> Members(MemberTable(list '}'B (fun () -> memberAt depth)))
            | '['B -> Items(list ']'B (fun () -> value (depth + 1)))
            | '"'B -> Scalar(text ())
            | _ -> Scalar(bare ())

        and memberAt depth =
            countOne ()

            let key =
                match peek () with
                | '"'B -> Text(text ())
                | '{'B
                | '['B -> Structure(value (depth + 1))
                | _ -> Integer(integer ())

            expect ':'B
            struct (key, value (depth + 1))

        member _.Read() =
            let root = value 0
            skipSpace ()

            if position < json.Length then
                refuse (invariant $"{json.Length - position} bytes are left over")

            root
