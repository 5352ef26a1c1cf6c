namespace RocketMq.Protocol

open System
open System.Buffers
open System.Buffers.Binary
open System.Buffers.Text
open System.Text
open RocketMq

/// The extension fields of a command: texts by name, in order.
///
/// They are kept as the bytes of a binary header. So decoding copies nothing, encoding is one copy, a field costs only
/// when somebody asks for it, and what was received encodes to the same bytes again. Where a peer repeats a name the
/// last value counts, as in Java.
///
/// A field that was received and is not valid Unicode cannot be read: it is not found, `Fields.unreadable` names it, and
/// whoever must have it is told. The others are as ever.
[<Sealed; StructuredFormatDisplay("{Display}")>]
type Fields internal (wire: ReadOnlyMemory<byte>, isPresent: bool, fault: EncodeError voption, hasUnreadable: bool) =
    static let absent = Fields(ReadOnlyMemory.Empty, false, ValueNone)
    static let empty = Fields(ReadOnlyMemory.Empty, true, ValueNone)

    internal new(wire, isPresent, fault) = Fields(wire, isPresent, fault, false)

    /// No fields; a JSON header has no `extFields` member.
    static member Absent = absent

    /// No fields; a JSON header has an empty `extFields` member. A binary header cannot tell this from `Absent`.
    static member Empty = empty

    member internal _.Wire = wire
    member internal _.IsPresent = isPresent

    /// The first field that could not be taken.
    member internal _.OwnFault = fault

    /// Whether some of them may not be readable.
    member internal _.HasUnreadable = hasUnreadable

    /// The names of those that cannot be read; what is wrong with a name itself is replaced.
    member internal _.Unreadable: string list =
        let mutable cursor = FieldCursor wire.Span
        let mutable names = []

        while hasUnreadable && cursor.MoveNext() do
            if not (cursor.IsReadable) then
                names <- Utf8Text.read cursor.Name :: names

        List.rev names

    /// The first field that could not be taken, or that cannot be read; a command that holds one is refused when it is
    /// encoded.
    member internal fields.Fault =
        if fault.IsSome || not hasUnreadable then
            fault
        else
            match fields.Unreadable with
            | [] -> ValueNone
            | name :: _ -> ValueSome(NotEncodable($"field '{name}'", "it came as no valid Unicode"))

    member internal _.ToMap() =
        let mutable cursor = FieldCursor wire.Span
        let mutable map = Map.empty

        while cursor.MoveNext() do
            if not hasUnreadable || cursor.IsReadable then
                map <- Map.add (Utf8Text.read cursor.Name) (Utf8Text.read cursor.Value) map

        map

    /// "name=value, name=value", for people: long values are cut, and those that prove who asks are left out.
    member internal fields.ToText(maxChars: int) =
        let shown (name: string, value: string) =
            match name with
            | "Signature"
            | "SecurityToken"
            | "secretKey" -> $"{name}=…"
            | _ -> $"{Utf8Text.visible maxChars name}={Utf8Text.visible maxChars value}"

        (fields.ToMap() |> Map.toList |> List.map shown)
        @ (fields.Unreadable
           |> List.map (fun name -> $"{Utf8Text.visible maxChars name} cannot be read"))
        |> String.concat ", "

    member private fields.Display = $"[{fields.ToText 200}]"

    /// Equal names with equal values, in any order.
    override fields.Equals other =
        match other with
        | :? Fields as other ->
            isPresent = other.IsPresent
            && fault = other.OwnFault
            && (wire.Span.SequenceEqual other.Wire.Span
                || (not hasUnreadable && not other.HasUnreadable && fields.ToMap() = other.ToMap()))
        | _ -> false

    override fields.GetHashCode() = hash (fields.ToMap())
    override fields.ToString() = fields.Display

/// A field's name as it stands in a binary header, its length in front, so that it is encoded once for all commands.
[<Sealed>]
type internal FieldName private (text: string, wire: byte[], fault: string) =
    /// The longest name a binary header can carry, in bytes: its length is a signed 16-bit number.
    static let maxBytes = int Int16.MaxValue
    static let badLength = invariant $"a name has 1 to {maxBytes} bytes"

    static member MaxBytes = maxBytes
    member _.Text = text
    member _.Wire = wire

    member val IsUsable = (fault = "")

    /// Empty, or why no command can carry the name.
    member _.Fault = fault

    /// For a name that is valid UTF-8 already.
    static member OfUtf8(name: ReadOnlySpan<byte>) =
        if name.Length > maxBytes then
            FieldName(Utf8Text.read (name.Slice(0, 64)), Array.empty, badLength)
        else
            let wire: byte[] = Array.zeroCreate (2 + name.Length)
            BinaryPrimitives.WriteInt16BigEndian(wire.AsSpan(), int16 name.Length)
            name.CopyTo(wire.AsSpan 2)
            FieldName("", wire, "")

    static member OfText(name: string) =
        let scratch: byte[] = Array.zeroCreate (name.Length * 3)
        let bytes = Utf8Text.write name (scratch.AsSpan())

        if bytes < 0 then
            FieldName(name, Array.empty, "the name holds a lone surrogate")
        elif bytes = 0 || bytes > maxBytes then
            FieldName(name, Array.empty, badLength)
        else
            FieldName(name, (FieldName.OfUtf8(ReadOnlySpan(scratch, 0, bytes))).Wire, "")

/// Collects fields in wire form, without a text for each number. Not for sharing.
type internal FieldsBuilder(capacityBytes: int) =
    let mutable wire: byte[] =
        if capacityBytes = 0 then
            Array.empty
        else
            Array.zeroCreate capacityBytes

    let mutable length = 0
    let mutable fault = ValueNone
    let mutable hasUnreadable = false

    /// A 64-bit number has at most this many characters.
    static let maxNumberBytes = 20

    /// The first room of a builder that was told no size.
    static let leastBytes = 128

    /// The most room that a builder keeps for the next use.
    static let maxRetainedBytes = 64 * 1024

    static let yes = "true"B
    static let no = "false"B

    let refuse (name: FieldName) reason =
        if fault.IsNone then
            let reason = if name.IsUsable then reason else name.Fault
            fault <- ValueSome(NotEncodable($"field '{name.Text}'", reason))

    let ensure (bytes: int) =
        if length + bytes > wire.Length then
            Array.Resize(&wire, max (length + bytes) (max leastBytes (wire.Length * 2)))

    /// Room for an entry with a value of so many bytes at most, which begins behind the name and its own length.
    let startEntry (name: FieldName) (maxValueBytes: int) =
        let wireName = name.Wire
        ensure (wireName.Length + 4 + maxValueBytes)

        if wireName.Length = 3 then
            // One letter, as in sends: a store costs less than a copy. The fourth byte is the value's length, to come.
            BinaryPrimitives.WriteInt32BigEndian(wire.AsSpan length, 0x10000 ||| (int wireName[2] <<< 8))
        else
            wireName.AsSpan().CopyTo(wire.AsSpan length)

        length + wireName.Length + 4

    let finishEntry valueStart (valueBytes: int) =
        BinaryPrimitives.WriteInt32BigEndian(wire.AsSpan(valueStart - 4), valueBytes)
        length <- valueStart + valueBytes

    let isUsable (name: FieldName) =
        if not name.IsUsable then
            refuse name name.Fault

        name.IsUsable

    member builder.Add(name: FieldName, value: string) =
        if isUsable name then
            let valueStart = startEntry name (value.Length * 3)

            match Utf8Text.write value (wire.AsSpan valueStart) with
            | -1 -> refuse name "the value holds a lone surrogate"
            | valueBytes -> finishEntry valueStart valueBytes

        builder

    member builder.Add(name: FieldName, value: int64) =
        if uint64 value < 10UL && name.Wire.Length = 3 then
            // One letter and one digit, as most numbers of sends: all in one store.
            ensure 8
            let entry = 0x0001_0000_0000_0130UL + (uint64 name.Wire[2] <<< 40) + uint64 value
            BinaryPrimitives.WriteUInt64BigEndian(wire.AsSpan length, entry)
            length <- length + 8
        elif isUsable name then
            let valueStart = startEntry name maxNumberBytes

            if uint64 value < 10UL then
                wire[valueStart] <- '0'B + byte value
                finishEntry valueStart 1
            else
                let mutable valueBytes = 0
                Utf8Formatter.TryFormat(value, wire.AsSpan valueStart, &valueBytes) |> ignore
                finishEntry valueStart valueBytes

        builder

    /// Adds a value in UTF-8 that is known to be valid.
    member builder.AddUtf8(name: FieldName, value: ReadOnlySpan<byte>) =
        if isUsable name then
            let valueStart = startEntry name value.Length
            value.CopyTo(wire.AsSpan valueStart)
            finishEntry valueStart value.Length

        builder

    /// As `AddUtf8`, of a value that goes on: the caller writes the rest, in valid UTF-8, into the room that this gives, before
    /// anything else is added. There is none if the name cannot be taken.
    member _.AddBeginning(name: FieldName, beginning: ReadOnlySpan<byte>, rest: int) : Span<byte> =
        if isUsable name then
            let size = beginning.Length + rest
            let valueStart = startEntry name size
            beginning.CopyTo(wire.AsSpan valueStart)
            finishEntry valueStart size
            wire.AsSpan(valueStart + beginning.Length, rest)
        else
            Span.Empty

    member builder.Add(name: FieldName, value: int) = builder.Add(name, int64 value)

    member builder.Add(name: FieldName, value: bool) : FieldsBuilder =
        builder.AddUtf8(name, (if value then ReadOnlySpan yes else ReadOnlySpan no))

    member builder.Add(name: string, value: string) =
        builder.Add(FieldName.OfText name, value)

    /// Adds an entry in UTF-8 that is known to be valid.
    member _.AddUtf8(name: ReadOnlySpan<byte>, value: ReadOnlySpan<byte>) =
        if name.Length > FieldName.MaxBytes then
            refuse (FieldName.OfUtf8 name) ""
        else
            ensure (6 + name.Length + value.Length)
            let span = wire.AsSpan length
            BinaryPrimitives.WriteInt16BigEndian(span, int16 name.Length)
            name.CopyTo(span.Slice 2)
            BinaryPrimitives.WriteInt32BigEndian(span.Slice(2 + name.Length), value.Length)
            value.CopyTo(span.Slice(6 + name.Length))
            length <- length + 6 + name.Length + value.Length

    /// Adds an entry as it was received.
    member builder.AddReceived(name: ReadOnlySpan<byte>, value: ReadOnlySpan<byte>) =
        if not (Utf8Text.isValid name && Utf8Text.isValid value) then
            hasUnreadable <- true

        builder.AddUtf8(name, value)

    /// Whether some of what was added cannot be read.
    member _.HasUnreadable = hasUnreadable

    member _.Refuse(error: EncodeError) =
        if fault.IsNone then
            fault <- ValueSome error

    /// Makes room for so many bytes.
    member _.Reserve(bytes: int) = ensure bytes

    /// Nothing was added or refused.
    member _.IsUntouched = length = 0 && fault.IsNone

    /// What has been added so far; only until more is.
    member _.Added = ReadOnlyMemory(wire, 0, length)

    /// What has been refused first.
    member _.Fault = fault

    /// Begins again with the room that it has, unless that has become very large. Not after `ToFields`, which gave it away.
    member _.Clear() =
        length <- 0
        fault <- ValueNone
        hasUnreadable <- false

        if wire.Length > maxRetainedBytes then
            wire <- Array.empty

    member _.ToFields() =
        Fields(ReadOnlyMemory(wire, 0, length), true, fault, hasUnreadable)

/// Reading and changing fields. A change gives new fields and leaves the old ones as they were.
module Fields =
    /// No fields, and no mention of them: JSON headers then lack `extFields`.
    let absent = Fields.Absent
    /// No fields.
    let empty = Fields.Empty

    let private isNamed (name: string) (wireName: ReadOnlySpan<byte>) =
        Ascii.Equals(wireName, name.AsSpan())
        || (not (Ascii.IsValid(name.AsSpan())) && Utf8Text.read wireName = name)

    let private copyWithout (name: string) (fields: Fields) =
        let builder = FieldsBuilder(fields.Wire.Length + 64)
        let mutable cursor = FieldCursor fields.Wire.Span

        while cursor.MoveNext() do
            if not (isNamed name cursor.Name) then
                if fields.HasUnreadable then
                    builder.AddReceived(cursor.Name, cursor.Value)
                else
                    builder.AddUtf8(cursor.Name, cursor.Value)

        ValueOption.iter builder.Refuse fields.OwnFault
        builder

    /// Sets a field, in place of one of the same name. A name of 0 or over 32,767 bytes, or a text with a lone surrogate,
    /// is not taken: encoding a command with such fields fails and says which field it was.
    let add (name: string) (value: string) (fields: Fields) =
        (copyWithout name fields).Add(name, value).ToFields()

    /// The same fields, not to be encoded for a reason.
    let internal refuse (error: EncodeError) (fields: Fields) =
        Fields(fields.Wire, fields.IsPresent, ValueSome error, fields.HasUnreadable)

    /// The names of those that were received and are not valid Unicode: they are not found, and not in lists and maps.
    let unreadable (fields: Fields) : string list = fields.Unreadable

    /// Without the field of that name.
    let remove (name: string) (fields: Fields) = (copyWithout name fields).ToFields()

    /// Fields of pairs of name and value, in their order.
    let ofList (pairs: (string * string) list) =
        (empty, pairs) ||> List.fold (fun fields (name, value) -> add name value fields)

    /// The entries as they stand on the wire, repeated names included.
    let toList (fields: Fields) =
        let mutable cursor = FieldCursor fields.Wire.Span
        let entries = ResizeArray<string * string>()

        while cursor.MoveNext() do
            if not fields.HasUnreadable || cursor.IsReadable then
                entries.Add((Utf8Text.read cursor.Name, Utf8Text.read cursor.Value))

        List.ofSeq entries

    /// All fields by name. A repeated name has its last value.
    let toMap (fields: Fields) = fields.ToMap()

    /// Where the last value of a name stands; nothing if there is none.
    let private tryLast (name: string) (fields: Fields) : struct (int * int) voption =
        let mutable cursor = FieldCursor fields.Wire.Span
        let mutable found = ValueNone

        while cursor.MoveNext() do
            if isNamed name cursor.Name then
                found <- ValueSome(struct (cursor.ValueStart, cursor.ValueLength))

        found

    /// The UTF-8 bytes of a field's value, if it can be read.
    let internal tryFindUtf8 (name: string) (fields: Fields) : ReadOnlyMemory<byte> voption =
        match tryLast name fields with
        | ValueNone -> ValueNone
        | ValueSome(struct (start, length)) ->
            let value = fields.Wire.Slice(start, length)

            if fields.HasUnreadable && not (Utf8Text.isValid value.Span) then
                ValueNone
            else
                ValueSome value

    /// The value of a field, if there is one.
    let tryFind (name: string) (fields: Fields) : string voption =
        match tryFindUtf8 name fields with
        | ValueSome utf8 -> ValueSome(Utf8Text.read utf8.Span)
        | ValueNone -> ValueNone

    /// Also of a field that cannot be read.
    let contains (name: string) (fields: Fields) = (tryLast name fields).IsSome

    /// A field that holds a decimal number and nothing else.
    let tryInt64 (name: string) (fields: Fields) : int64 voption =
        match tryFindUtf8 name fields with
        | ValueSome utf8 -> Utf8Text.tryInt64 utf8.Span
        | ValueNone -> ValueNone

    /// The value of a field that is a number of 32 bits; none if it is missing or no such number.
    let tryInt32 (name: string) (fields: Fields) : int voption =
        match tryInt64 name fields with
        | ValueSome value when value >= int64 Int32.MinValue && value <= int64 Int32.MaxValue -> ValueSome(int value)
        | _ -> ValueNone

    /// "true" in any case is true and any other text is false, as in Java.
    let tryBoolean (name: string) (fields: Fields) : bool voption =
        match tryFindUtf8 name fields with
        | ValueSome utf8 -> ValueSome(Text.Ascii.EqualsIgnoreCase(utf8.Span, "true"B))
        | ValueNone -> ValueNone
