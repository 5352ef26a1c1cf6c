namespace RocketMq.Protocol

open System
open System.Buffers.Binary
open System.Buffers.Text
open System.Numerics
open System.Text.Json
open RocketMq

/// The JSON header, both directions: one object with the members code, extFields, flag, language, opaque, remark,
/// serializeTypeCurrentRPC and version, as Java orders them. Source: RemotingCommand.java, RemotingSerializable.java.
///
/// Reading takes what Java takes: any order, unknown members, numbers written as texts, field values that are numbers or
/// truth values. A field value that is an object or an array is refused, though Java would take its text: no peer sends
/// one, and it would hide a peer's mistake. A field that is not Unicode is marked, where Java would put a question mark.
module internal HeaderJson =
    let private what = "JSON header"

    /// The members besides fields and remark, with the longest numbers.
    let private fixedBytes = 192

    /// A byte of text takes at most six in JSON: \u001f.
    let private maxEscaped = 6

    let maxBytes (parts: inref<FrameParts>) =
        fixedBytes
        + FrameParts.remarkChars &parts * 3 * maxEscaped
        + parts.FieldsWire.Length * maxEscaped

    // Bound once: a byte text in place is a new array each time.
    let private codeOpening = "{\"code\":"B
    let private fieldsOpening = ",\"extFields\":"B
    let private flagOpening = ",\"flag\":"B
    let private languageOpening = ",\"language\":"B
    let private opaqueOpening = ",\"opaque\":"B
    let private remarkOpening = ",\"remark\":"B
    let private versionOpening = ",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":"B

    let inline private isPlain (value: byte) =
        value >= ' 'B && value <> '"'B && value <> '\\'B

    let private hexDigit (value: int) =
        byte (
            if value < 10 then
                int '0'B + value
            else
                int 'a'B - 10 + value
        )

    /// Writes one byte that is not plain. This and what follows take a place in a span and give the next one: every field
    /// of every message passes here, and a cursor behind a reference takes twice the time.
    let private putEscaped (value: byte) (destination: Span<byte>) (place: int) =
        if value = '"'B || value = '\\'B then
            destination[place] <- '\\'B
            destination[place + 1] <- value
            place + 2
        else
            // Six bytes, the first four in one store: \u00.
            let target = destination.Slice(place, 6)
            BinaryPrimitives.WriteUInt32LittleEndian(target, 0x3030_755Cu)
            target[4] <- hexDigit (int value >>> 4)
            target[5] <- hexDigit (int value &&& 0xF)
            place + 6

    /// Has the top bit of the first byte set that is not plain, of eight that lie one after the other; zero if all are
    /// plain. Bits of later bytes mean nothing. Each line finds bytes by subtracting: where one goes below zero, its top
    /// bit is set.
    let inline private notPlain (eight: uint64) =
        let ones = 0x0101010101010101UL
        let belowBlank = (eight - ones * 0x20UL) &&& ~~~eight
        let quote = eight ^^^ (ones * uint64 '"'B)
        let backslash = eight ^^^ (ones * uint64 '\\'B)
        let isQuote = (quote - ones) &&& ~~~quote
        let isBackslash = (backslash - ones) &&& ~~~backslash
        (belowBlank ||| isQuote ||| isBackslash) &&& 0x8080808080808080UL

    let private blanks = 0x2020202020202020UL

    /// A piece of `utf8`, which is known to be valid, as a JSON text without its quotes. Takes eight bytes at a time, also those
    /// behind the piece, which a mask takes away; what follows overwrites the bytes behind one that is not plain. So the
    /// destination must have eight bytes of room behind the text.
    let private putCharacters
        (utf8: ReadOnlySpan<byte>)
        (first: int)
        (length: int)
        (destination: Span<byte>)
        (start: int)
        =
        let last = first + length
        let mutable place = start
        let mutable index = first

        while index < last do
            let left = last - index

            if index + 8 <= utf8.Length then
                let eight = BinaryPrimitives.ReadUInt64LittleEndian(utf8.Slice index)

                let eight =
                    if left >= 8 then
                        eight
                    else
                        let mask = (1UL <<< (8 * left)) - 1UL
                        (eight &&& mask) ||| (blanks &&& ~~~mask)

                BinaryPrimitives.WriteUInt64LittleEndian(destination.Slice place, eight)

                match notPlain eight with
                | 0UL ->
                    index <- index + 8
                    place <- place + min left 8
                | found ->
                    let plain = BitOperations.TrailingZeroCount found / 8
                    place <- putEscaped utf8[index + plain] destination (place + plain)
                    index <- index + plain + 1
            else
                let value = utf8[index]

                if isPlain value then
                    destination[place] <- value
                    place <- place + 1
                else
                    place <- putEscaped value destination place

                index <- index + 1

        place

    let inline private putBytes (bytes: byte[]) (destination: Span<byte>) (place: int) =
        bytes.AsSpan().CopyTo(destination.Slice place)
        place + bytes.Length

    let private putText (utf8: byte[]) (destination: Span<byte>) (place: int) =
        destination[place] <- '"'B
        let place = putCharacters (ReadOnlySpan utf8) 0 utf8.Length destination (place + 1)
        destination[place] <- '"'B
        place + 1

    let private putNumber (value: int) (destination: Span<byte>) (place: int) =
        if uint32 value < 10u then
            destination[place] <- '0'B + byte value
            place + 1
        else
            let mutable written = 0
            Utf8Formatter.TryFormat(value, destination.Slice place, &written) |> ignore
            place + written

    /// What stands between two values: `,"name":"`.
    let inline private putName
        (wire: ReadOnlySpan<byte>)
        (first: int)
        (length: int)
        (destination: Span<byte>)
        (place: int)
        =
        if length = 1 && isPlain wire[first] then
            // One letter, as in sends: one store in place of six. The last two bytes of it are overwritten.
            let piece = 0x223A_2200_222CUL ||| (uint64 wire[first] <<< 16)
            BinaryPrimitives.WriteUInt64LittleEndian(destination.Slice place, piece)
            place + 6
        else
            destination[place] <- ','B
            destination[place + 1] <- '"'B
            let place = putCharacters wire first length destination (place + 2)
            destination[place] <- '"'B
            destination[place + 1] <- ':'B
            destination[place + 2] <- '"'B
            place + 3

    let private putFields (wire: ReadOnlySpan<byte>) (destination: Span<byte>) (start: int) =
        let mutable cursor = FieldCursor wire
        let mutable place = start

        while cursor.MoveNext() do
            place <- putName wire cursor.NameStart cursor.NameLength destination place
            place <- putCharacters wire cursor.ValueStart cursor.ValueLength destination place
            destination[place] <- '"'B
            place <- place + 1

        // In place of the first comma.
        destination[start] <- '{'B
        let place = max place (start + 1)
        destination[place] <- '}'B
        place + 1

    let private languageCount = int LanguageCode.NodeJs + 1

    /// `,"flag":…,"language":"…","opaque":` for flags with the two known bits and named languages: nearly every command.
    let private usualMiddles =
        [|
            for flag in 0..3 do
                for number in 0 .. languageCount - 1 ->
                    Text.Encoding.ASCII.GetBytes(
                        invariant $",\"flag\":{flag},\"language\":\"{LanguageCode.name (enum number)}\",\"opaque\":"
                    )
        |]

    let private putMiddle (parts: inref<FrameParts>) (destination: Span<byte>) (place: int) =
        let language = int parts.Language

        if uint32 parts.Flag <= 3u && uint32 language < uint32 languageCount then
            putBytes usualMiddles[parts.Flag * languageCount + language] destination place
        else
            let place = putBytes flagOpening destination place
            let place = putNumber parts.Flag destination place
            let place = putBytes languageOpening destination place

            let place =
                match LanguageCode.name parts.Language with
                | "" -> putNumber language destination place
                | name -> putText (Text.Encoding.ASCII.GetBytes name) destination place

            putBytes opaqueOpening destination place

    /// Writes the header into a span of at least `maxBytes`. Gives the bytes written.
    let write (parts: inref<FrameParts>) (destination: Span<byte>) : Result<int, EncodeError> =
        let remark = Option.defaultValue "" parts.Remark

        if not (Utf8Text.isEncodable remark) then
            Error(NotEncodable("the remark", "it holds a lone surrogate"))
        else
            let mutable place = putBytes codeOpening destination 0
            place <- putNumber parts.Code destination place

            if parts.HasFields then
                place <- putBytes fieldsOpening destination place
                place <- putFields parts.FieldsWire.Span destination place

            place <- putMiddle &parts destination place
            place <- putNumber parts.Opaque destination place

            if parts.Remark.IsSome then
                place <- putBytes remarkOpening destination place
                place <- putText (Text.Encoding.UTF8.GetBytes remark) destination place

            place <- putBytes versionOpening destination place
            place <- putNumber parts.Version destination place
            destination[place] <- '}'B
            Ok(place + 1)

    /// Stops reading from anywhere below; `read` turns it into an error value.
    exception private Refused of reason: string * offset: int

    let private refuse (reader: byref<Utf8JsonReader>) reason =
        raise (Refused(reason, int reader.TokenStartIndex))

    /// The bytes of a text without its escapes: the reader's own where it has none. What is not Unicode in it stays so.
    let private plainText (reader: byref<Utf8JsonReader>) : ReadOnlySpan<byte> =
        if reader.ValueIsEscaped then
            let text: byte[] = Array.zeroCreate reader.ValueSpan.Length
            ReadOnlySpan(text, 0, JsonText.unescape reader.ValueSpan (text.AsSpan()))
        else
            reader.ValueSpan

    /// For what is read at once: what is not Unicode is replaced, as in Java.
    let private readText (reader: byref<Utf8JsonReader>) = Utf8Text.read (plainText &reader)

    let private readInt32 (member': string) (reader: byref<Utf8JsonReader>) =
        let mutable value = 0

        match reader.TokenType with
        | JsonTokenType.Number when reader.TryGetInt32 &value -> value
        | JsonTokenType.String when Int32.TryParse(readText &reader, Globalization.CultureInfo.InvariantCulture, &value) ->
            value
        | JsonTokenType.Null -> 0
        | _ -> refuse &reader $"{member'} is not a 32-bit number"

    let private readLanguage (reader: byref<Utf8JsonReader>) =
        let mutable number = 0

        match reader.TokenType with
        | JsonTokenType.String -> LanguageCode.ofName (readText &reader)
        | JsonTokenType.Number when reader.TryGetInt32 &number -> enum<LanguageCode> number
        | JsonTokenType.Null -> LanguageCode.Unnamed
        | _ -> refuse &reader "language is neither a name nor a number"

    let private readRemark (reader: byref<Utf8JsonReader>) =
        match reader.TokenType with
        | JsonTokenType.String ->
            match Remark.tryKnown reader.ValueSpan with
            | Some _ as known -> known
            | None -> Some(readText &reader)
        | JsonTokenType.Null -> None
        | _ -> refuse &reader "remark is not a text"

    /// Collects the fields. Gives whether there are any, be it none in an object.
    let private readFields (reader: byref<Utf8JsonReader>) (builder: FieldsBuilder) (headerBytes: int) =
        builder.Clear()

        match reader.TokenType with
        | JsonTokenType.Null -> false
        | JsonTokenType.StartObject ->
            builder.Reserve headerBytes

            while reader.Read() && reader.TokenType = JsonTokenType.PropertyName do
                let name = plainText &reader
                reader.Read() |> ignore

                match reader.TokenType with
                | JsonTokenType.Null -> ()
                | JsonTokenType.String -> builder.AddReceived(name, plainText &reader)
                | JsonTokenType.Number
                | JsonTokenType.True
                | JsonTokenType.False -> builder.AddReceived(name, reader.ValueSpan)
                | _ -> refuse &reader $"the value of field '{Utf8Text.read name}' is not a text"

            match builder.Fault with
            | ValueSome error -> refuse &reader error.Message
            | ValueNone -> true
        | _ -> refuse &reader "extFields is not an object"

    /// Whether a member has a name. Members that have none of the names are skipped, so most are compared several times.
    let private isNamed (name: byte[]) (reader: byref<Utf8JsonReader>) =
        if reader.ValueIsEscaped then
            reader.ValueTextEquals(ReadOnlySpan name)
        else
            reader.ValueSpan.SequenceEqual(ReadOnlySpan name)

    let private codeName = "code"B
    let private languageName = "language"B
    let private versionName = "version"B
    let private opaqueName = "opaque"B
    let private flagName = "flag"B
    let private remarkName = "remark"B
    let private fieldsName = "extFields"B

    let private readMembers
        (builder: FieldsBuilder)
        (header: ReadOnlyMemory<byte>)
        (body: ReadOnlyMemory<byte>)
        : FrameParts =
        let mutable reader = Utf8JsonReader header.Span
        let mutable code = 0
        let mutable language = LanguageCode.Java
        let mutable version = 0
        let mutable opaque = 0
        let mutable flag = 0
        let mutable remark = None
        let mutable hasFields = false

        if not (reader.Read()) || reader.TokenType <> JsonTokenType.StartObject then
            refuse &reader "it is not an object"

        while reader.Read() && reader.TokenType = JsonTokenType.PropertyName do
            if isNamed codeName &reader then
                reader.Read() |> ignore
                code <- readInt32 "code" &reader
            elif isNamed languageName &reader then
                reader.Read() |> ignore
                language <- readLanguage &reader
            elif isNamed versionName &reader then
                reader.Read() |> ignore
                version <- readInt32 "version" &reader
            elif isNamed opaqueName &reader then
                reader.Read() |> ignore
                opaque <- readInt32 "opaque" &reader
            elif isNamed flagName &reader then
                reader.Read() |> ignore
                flag <- readInt32 "flag" &reader
            elif isNamed remarkName &reader then
                reader.Read() |> ignore
                remark <- readRemark &reader
            elif isNamed fieldsName &reader then
                reader.Read() |> ignore
                hasFields <- readFields &reader builder header.Length
            else
                reader.Skip()

        if reader.Read() then
            refuse &reader "something follows the object"

        {
            FrameParts.Code = code
            Language = language
            Version = version
            Opaque = opaque
            Flag = flag
            Remark = remark
            FieldsWire = if hasFields then builder.Added else ReadOnlyMemory.Empty
            HasFields = hasFields
            HasUnreadable = hasFields && builder.HasUnreadable
            Fault = ValueNone
            Body = body
        }

    /// The fields lie in the builder, which is cleared before.
    let read
        (builder: FieldsBuilder)
        (header: ReadOnlyMemory<byte>)
        (body: ReadOnlyMemory<byte>)
        : Result<FrameParts, DecodeError> =
        try
            Ok(readMembers builder header body)
        with
        | Refused(reason, offset) -> Error(DecodeError.Malformed(what, reason, offset))
        | :? JsonException as error ->
            Error(
                DecodeError.Malformed(
                    what,
                    "it is not JSON",
                    error.BytePositionInLine |> Option.ofNullable |> Option.defaultValue 0L |> int
                )
            )
        | :? InvalidOperationException -> Error(DecodeError.Malformed(what, "a member's name is not valid Unicode", 0))
