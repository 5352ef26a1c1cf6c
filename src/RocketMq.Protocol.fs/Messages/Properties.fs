namespace RocketMq

open System
open System.Runtime.CompilerServices
open System.Text
open RocketMq.Protocol

/// Walks the bytes of a property text: name 0x01 value 0x02 name 0x01 value 0x02 and so on, the last 0x02 being optional.
/// Skips what Java skips: entries with an empty name, an empty value or no 0x01. Source: MessageDecoder.java.
[<Struct; IsByRefLike>]
type internal PropertyCursor =
    val private text: ReadOnlySpan<byte>
    val mutable private nameStart: int
    val mutable private valueStart: int
    val mutable private valueEnd: int
    val mutable private next: int

    new(text: ReadOnlySpan<byte>) =
        {
            text = text
            nameStart = 0
            valueStart = 0
            valueEnd = 0
            next = 0
        }

    member cursor.MoveNext() =
        let mutable found = false

        while not found && cursor.next < cursor.text.Length do
            let rest = cursor.text.Slice cursor.next
            let separator = rest.IndexOf 2uy
            let entry = if separator < 0 then rest else rest.Slice(0, separator)
            let nameBytes = entry.IndexOf 1uy
            cursor.nameStart <- cursor.next
            cursor.valueStart <- cursor.next + nameBytes + 1
            cursor.valueEnd <- cursor.next + entry.Length
            cursor.next <- cursor.valueEnd + 1
            found <- nameBytes > 0 && cursor.valueStart < cursor.valueEnd

        found

    member cursor.Name =
        cursor.text.Slice(cursor.nameStart, cursor.valueStart - 1 - cursor.nameStart)

    member cursor.Value =
        cursor.text.Slice(cursor.valueStart, cursor.valueEnd - cursor.valueStart)

/// The properties of a message, kept as the text that travels and read when asked for: a view, which takes no memory of its own. A
/// repeated name keeps its last value, as in Java.
[<Struct; CustomEquality; NoComparison; StructuredFormatDisplay("{Display}")>]
type Properties =
    val private text: ReadOnlyMemory<byte>

    /// An `InputError`, or null.
    val private fault: obj | null

    internal new(text: ReadOnlyMemory<byte>, fault: InputError voption) =
        {
            text = text
            fault =
                match fault with
                | ValueSome error -> box error
                | ValueNone -> null
        }

    /// No properties.
    static member Empty = Properties(ReadOnlyMemory.Empty, ValueNone)

    /// The property text in UTF-8.
    member properties.Text = properties.text

    /// The first property that could not be taken; a message with one is refused when it is sent.
    member internal properties.Fault: InputError voption =
        match properties.fault with
        | :? InputError as error -> ValueSome error
        | _ -> ValueNone

    member internal properties.ToMap() =
        let mutable cursor = PropertyCursor properties.text.Span
        let mutable map = Map.empty

        while cursor.MoveNext() do
            map <- Map.add (Utf8Text.read cursor.Name) (Utf8Text.read cursor.Value) map

        map

    member private properties.Display =
        let map = properties.ToMap()

        let shown =
            [ for KeyValue(name, value) in map -> $"{name}={value}" ] |> String.concat ", "

        $"[{shown}]"

    override properties.Equals other =
        match other with
        | :? Properties as other ->
            properties.Fault = other.Fault
            && (properties.text.Span.SequenceEqual other.Text.Span
                || properties.ToMap() = other.ToMap())
        | _ -> false

    override properties.GetHashCode() = hash (properties.ToMap())
    override properties.ToString() = properties.Display

/// Reading and changing properties. A change gives new properties and leaves the old ones as they were.
module Properties =
    /// No properties.
    let empty = Properties.Empty

    /// The longest property text a stored message has room for, in bytes.
    let maxBytes = int Int16.MaxValue

    /// What brokers add to a message at least: MSG_REGION, TRACE_ON and CLUSTER, with a region and a cluster of one letter.
    /// Those of 4.9 add less.
    let internal leastAddedBytes = "MSG_REGION=r;TRACE_ON=true;CLUSTER=c;".Length

    /// The longest property text that a message may travel with, in bytes.
    let internal maxSentBytes = maxBytes - leastAddedBytes

    /// As above, of a message in a batch. Brokers add the batch's properties and theirs to each of its messages and do not look
    /// whether there is room: a sum over the limit becomes a record that no client can read. So there is room for long names
    /// of regions and clusters. Source: MessageExtEncoder.java.
    let internal maxBatchedBytes = maxBytes - 1024

    let private isNamed (name: string) (utf8: ReadOnlySpan<byte>) =
        Ascii.Equals(utf8, name.AsSpan())
        || (not (Ascii.IsValid(name.AsSpan())) && Utf8Text.read utf8 = name)

    /// The properties found in a received text. Any bytes are taken: what is no entry is skipped when read.
    let ofText (text: ReadOnlyMemory<byte>) = Properties(text, ValueNone)

    /// All properties by name. A repeated name has its last value.
    let toMap (properties: Properties) = properties.ToMap()

    /// The value of a property, if there is one.
    let tryFind (name: string) (properties: Properties) : string voption =
        let mutable cursor = PropertyCursor properties.Text.Span
        let mutable found = ValueNone

        while cursor.MoveNext() do
            if isNamed name cursor.Name then
                found <- ValueSome(Utf8Text.read cursor.Value)

        found

    let rec private isAnyOf (values: string list) (utf8: ReadOnlySpan<byte>) =
        match values with
        | [] -> false
        | value :: rest -> isNamed value utf8 || isAnyOf rest utf8

    /// Whether a property has one of some values. No text is made of it.
    let internal hasAnyOf (name: string) (values: string list) (properties: Properties) : bool =
        let mutable cursor = PropertyCursor properties.Text.Span
        let mutable found = false

        while cursor.MoveNext() do
            if isNamed name cursor.Name then
                found <- isAnyOf values cursor.Value

        found

    /// Whether there is a property of that name.
    let contains name properties = (tryFind name properties).IsSome

    let private without (name: string) (properties: Properties) =
        let retained = StringBuilder()
        let mutable cursor = PropertyCursor properties.Text.Span

        while cursor.MoveNext() do
            if not (isNamed name cursor.Name) then
                retained
                    .Append(Utf8Text.read cursor.Name)
                    .Append('\001')
                    .Append(Utf8Text.read cursor.Value)
                    .Append('\002')
                |> ignore

        retained.ToString()

    /// What a property text has no way to carry, or would lose.
    let private faultIn what (text: string) =
        if text.Length = 0 then
            ValueSome(InvalidInput(what, "it is empty, and an empty one is lost on the way"))
        elif text.AsSpan().IndexOfAny('\001', '\002') >= 0 then
            ValueSome(InvalidInput(what, "U+0001 and U+0002 separate properties and cannot be part of one"))
        elif not (Utf8Text.isEncodable text) then
            ValueSome(InvalidInput(what, "it holds a lone surrogate"))
        else
            ValueNone

    /// The text with one entry more.
    let private appended (text: ReadOnlySpan<byte>) (name: string) (value: string) : byte[] =
        let isOpen = text.Length > 0 && text[text.Length - 1] <> 2uy
        let start = text.Length + (if isOpen then 1 else 0)
        let nameBytes = Encoding.UTF8.GetByteCount name

        let longer: byte[] =
            Array.zeroCreate (start + nameBytes + 1 + Encoding.UTF8.GetByteCount value)

        text.CopyTo(longer.AsSpan())

        if isOpen then
            longer[text.Length] <- 2uy

        Encoding.UTF8.GetBytes(name, longer.AsSpan start) |> ignore
        longer[start + nameBytes] <- 1uy

        Encoding.UTF8.GetBytes(value, longer.AsSpan(start + nameBytes + 1)) |> ignore

        longer

    /// Without the property of that name.
    let remove (name: string) (properties: Properties) =
        Properties(ReadOnlyMemory(Encoding.UTF8.GetBytes((without name properties).TrimEnd '\002')), properties.Fault)

    /// Sets a property, in place of one of the same name. An empty name or value, one with U+0001 or U+0002, or one with
    /// a lone surrogate, is not taken: sending a message with such properties fails and says which one it was.
    let add (name: string) (value: string) (properties: Properties) =
        let fault =
            properties.Fault
            |> ValueOption.orElseWith (fun () -> faultIn "a property's name" name)
            |> ValueOption.orElseWith (fun () -> faultIn $"the value of property '{name}'" value)

        if fault.IsSome then
            Properties(properties.Text, fault)
        elif contains name properties then
            let text = without name properties + name + "\001" + value
            Properties(ReadOnlyMemory(Encoding.UTF8.GetBytes text), ValueNone)
        else
            Properties(ReadOnlyMemory(appended properties.Text.Span name value), ValueNone)

    /// The same properties, not to be sent for a reason.
    let internal refuse (error: InputError) (properties: Properties) =
        Properties(properties.Text, ValueSome(ValueOption.defaultValue error properties.Fault))

    /// Properties of pairs of name and value. They are not checked.
    let ofList (pairs: (string * string) list) =
        (empty, pairs)
        ||> List.fold (fun properties (name, value) -> add name value properties)
