namespace RocketMq.Protocol

open System
open RocketMq

/// A command while it is being written.
[<Sealed>]
type internal FieldWriter() =
    inherit FieldsBuilder(0)

    member val Body = ReadOnlyMemory<byte>.Empty with get, set

    /// Whether the body is JSON that people may see.
    member val ShowsBody = false with get, set

    /// A response code that takes the place of the one that the command was created with.
    member val Code: ResponseCode voption = ValueNone with get, set

    /// Refuses what a check refused: the command cannot be encoded then.
    member draft.Require(check: Result<'T, InputError>) =
        match check with
        | Ok _ -> ()
        | Error error -> draft.Refuse(NotEncodable(error.What, error.Reason))

    /// Begins again, for a draft that never became a command.
    member draft.Restart() =
        draft.Clear()
        draft.Body <- ReadOnlyMemory.Empty
        draft.ShowsBody <- false
        draft.Code <- ValueNone

    /// The parts of a request, good until the draft is changed.
    member draft.ToParts(code: RequestCode, opaque: int, flag: int) : FrameParts =
        {
            FrameParts.Code = int code
            Language = LanguageCode.DotNet
            Version = ProtocolVersion.current
            Opaque = opaque
            Flag = flag
            Remark = None
            FieldsWire = draft.Added
            HasFields = not draft.IsUntouched
            HasUnreadable = false
            Fault = draft.Fault
            Body = draft.Body
        }

    member draft.ToRequest(code: RequestCode) : RemotingCommand =
        {
            Code = int code
            Language = LanguageCode.DotNet
            Version = ProtocolVersion.current
            Opaque = 0
            Flag = 0
            Remark = None
            Fields =
                if draft.IsUntouched then
                    Fields.Absent
                else
                    draft.ToFields()
            Body = draft.Body
        }

    /// The code, if it is not the usual one, the fields and JSON, for people: long parts are cut, secrets are left out.
    member draft.ToText() : string =
        let fields = draft.ToFields().ToText 200

        let body =
            if draft.Body.IsEmpty then
                ""
            elif draft.ShowsBody then
                Utf8Text.visible 2_000 (Text.Encoding.UTF8.GetString draft.Body.Span)
            else
                invariant $"body {draft.Body.Length} bytes"

        [
            match draft.Code with
            | ValueSome code -> string code
            | ValueNone -> ()

            fields
            body
        ]
        |> List.filter ((<>) "")
        |> String.concat "; "

    member draft.ToAnswer(request: RemotingCommand) : RemotingCommand =
        { draft.ToRequest(enum 0) with
            Code =
                draft.Code
                |> ValueOption.map int
                |> ValueOption.defaultValue (int ResponseCode.Success)
            Opaque = request.Opaque
            Flag = CommandFlag.Response
        }

/// How a value stands in the fields and the body of a command, both ways.
type internal Layout<'T> =
    {
        Write: 'T -> FieldWriter -> unit
        Read: RemotingCommand -> Result<'T, DecodeError>
    }

/// How one part of a record stands in a command.
type internal FieldCodec<'Record, 'T> =
    {
        Put: 'Record -> FieldWriter -> unit
        Take: RemotingCommand -> Result<'T, DecodeError>
    }

module internal FieldCodec =
    /// A field or body that a command may lack. `isPresent` finds out whether a received one has it.
    let optional
        isPresent
        (get: 'Record -> 'T option)
        (present: FieldCodec<'Record, 'T>)
        : FieldCodec<'Record, 'T option> =
        {
            Put =
                fun record draft ->
                    if (get record).IsSome then
                        present.Put record draft
            Take =
                fun command ->
                    if isPresent command then
                        Result.map Some (present.Take command)
                    else
                        Ok None
        }

/// Fields that Java requires, for layouts that are written by hand.
module internal RequiredField =
    let private whatOf (command: RemotingCommand) =
        if command.Kind = CommandKind.Response then
            "answer"
        else
            invariant $"{command.RequestCode}"

    let private unreadable command name =
        Error(
            DecodeError.WrongValue(whatOf command, invariant $"field '{name}' cannot be read: it is not valid Unicode")
        )

    let private missing (command: RemotingCommand) name =
        if List.contains name (Fields.unreadable command.Fields) then
            unreadable command name
        else
            Error(DecodeError.WrongValue(whatOf command, $"field '{name}' is missing or not of its type"))

    /// For readers that take absent fields for something else: Ok if all that came can be read.
    let allReadable (command: RemotingCommand) : Result<unit, DecodeError> =
        match Fields.unreadable command.Fields with
        | [] -> Ok()
        | name :: _ -> unreadable command name

    let take tryRead name (command: RemotingCommand) =
        match tryRead name command.Fields with
        | ValueSome value -> Ok value
        | ValueNone -> missing command name

    let text name command = take Fields.tryFind name command
    let int32 name command = take Fields.tryInt32 name command
    let int64 name command = take Fields.tryInt64 name command

/// Fields that Java requires: it refuses a command without one of them.
module internal Field =
    let text name (get: 'Record -> string) : FieldCodec<'Record, string> =
        let wireName = FieldName.OfText name

        {
            Put = fun record draft -> draft.Add(wireName, get record) |> ignore
            Take = RequiredField.take Fields.tryFind name
        }

    /// A text that is checked before it is written. What a server wrote is taken as it is.
    let private checkedText check name (get: 'Record -> string) : FieldCodec<'Record, string> =
        let wireName = FieldName.OfText name

        {
            Put =
                fun record draft ->
                    let value = get record
                    draft.Require(check value)
                    draft.Add(wireName, value) |> ignore
            Take = RequiredField.take Fields.tryFind name
        }

    let topic name get : FieldCodec<'Record, string> = checkedText Names.checkTopic name get
    let group name get : FieldCodec<'Record, string> = checkedText Names.checkGroup name get

    let int32 name (get: 'Record -> int) : FieldCodec<'Record, int> =
        let wireName = FieldName.OfText name

        {
            Put = fun record draft -> draft.Add(wireName, get record) |> ignore
            Take = RequiredField.take Fields.tryInt32 name
        }

    let int64 name (get: 'Record -> int64) : FieldCodec<'Record, int64> =
        let wireName = FieldName.OfText name

        {
            Put = fun record draft -> draft.Add(wireName, get record) |> ignore
            Take = RequiredField.take Fields.tryInt64 name
        }

    let commitLogOffset name (get: 'Record -> int64<commitLog>) : FieldCodec<'Record, int64<commitLog>> =
        let plain = int64 name (fun record -> Operators.int64 (get record))

        {
            Put = plain.Put
            Take = plain.Take >> Result.map (fun offset -> offset * 1L<commitLog>)
        }

    let boolean name (get: 'Record -> bool) : FieldCodec<'Record, bool> =
        let wireName = FieldName.OfText name

        {
            Put = fun record draft -> draft.Add(wireName, get record) |> ignore
            Take = RequiredField.take Fields.tryBoolean name
        }

    /// Whole milliseconds; a fraction is cut off.
    let milliseconds name (get: 'Record -> TimeSpan) : FieldCodec<'Record, TimeSpan> =
        let read name fields =
            match Fields.tryInt64 name fields with
            | ValueSome value when abs value <= TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerMillisecond ->
                ValueSome(TimeSpan(value * TimeSpan.TicksPerMillisecond))
            | _ -> ValueNone

        let wireName = FieldName.OfText name

        {
            Put = fun record draft -> draft.Add(wireName, (get record).Ticks / TimeSpan.TicksPerMillisecond) |> ignore
            Take = RequiredField.take read name
        }

    /// One of some numbers or texts, each of which stands for a value.
    let choice name (choices: (string * 'T) list) (get: 'Record -> 'T) : FieldCodec<'Record, 'T> =
        let read name fields =
            match Fields.tryFind name fields with
            | ValueSome text ->
                match choices |> List.tryFind (fun (wire, _) -> wire = text) with
                | Some(_, value) -> ValueSome value
                | None -> ValueNone
            | ValueNone -> ValueNone

        let wireName = FieldName.OfText name

        {
            Put =
                fun record draft ->
                    let value = get record
                    let wire, _ = choices |> List.find (fun (_, choice) -> choice = value)
                    draft.Add(wireName, wire) |> ignore
            Take = RequiredField.take read name
        }

/// Fields that Java may leave out. One that is there but not of its type is refused.
module internal OptionalField =
    let private optional
        (column: string -> ('Record -> 'T) -> FieldCodec<'Record, 'T>)
        name
        (get: 'Record -> 'T option)
        : FieldCodec<'Record, 'T option> =
        column name (fun record -> Option.get (get record))
        |> FieldCodec.optional (fun command -> Fields.contains name command.Fields) get

    let text name get : FieldCodec<'Record, string option> = optional Field.text name get
    let int32 name get : FieldCodec<'Record, int option> = optional Field.int32 name get
    let int64 name get : FieldCodec<'Record, int64 option> = optional Field.int64 name get
    let boolean name get : FieldCodec<'Record, bool option> = optional Field.boolean name get

    let topic name get : FieldCodec<'Record, string option> = optional Field.topic name get
    let group name get : FieldCodec<'Record, string option> = optional Field.group name get

    let choice name choices get : FieldCodec<'Record, 'T option> =
        optional (fun name get -> Field.choice name choices get) name get

/// The body of a command.
module internal Body =
    /// As it stands.
    let bytes (get: 'Record -> ReadOnlyMemory<byte>) : FieldCodec<'Record, ReadOnlyMemory<byte>> =
        {
            Put = fun record draft -> draft.Body <- get record
            Take = fun command -> Ok command.Body
        }

    /// UTF-8.
    let text (get: 'Record -> string) : FieldCodec<'Record, string> =
        {
            Put =
                fun record draft ->
                    let text = get record

                    if Utf8Text.isEncodable text then
                        draft.Body <- ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text)
                    else
                        draft.Refuse(NotEncodable("the body", "it holds a lone surrogate"))
            Take =
                fun command ->
                    if Text.Unicode.Utf8.IsValid command.Body.Span then
                        Ok(Text.Encoding.UTF8.GetString command.Body.Span)
                    else
                        Error(DecodeError.WrongValue("body", "it is not UTF-8"))
        }

    let json what (shape: JsonCodec<'T>) (get: 'Record -> 'T) : FieldCodec<'Record, 'T> =
        {
            Put =
                fun record draft ->
                    match Json.encode what shape (get record) with
                    | Ok body ->
                        draft.Body <- body
                        draft.ShowsBody <- true
                    | Error error -> draft.Refuse error
            Take = fun command -> Json.decode what shape command.Body
        }

    /// A body that holds a secret: it is not shown.
    let secret (column: FieldCodec<'Record, 'T>) : FieldCodec<'Record, 'T> =
        {
            Put =
                fun record draft ->
                    column.Put record draft
                    draft.ShowsBody <- false
            Take = column.Take
        }

    /// JSON that may be missing altogether.
    let optionalJson what (shape: JsonCodec<'T>) (get: 'Record -> 'T option) : FieldCodec<'Record, 'T option> =
        json what shape (fun record -> Option.get (get record))
        |> FieldCodec.optional (fun command -> not command.Body.IsEmpty) get

module internal Layout =
    /// A layout as a part of a larger one.
    let part (layout: Layout<'T>) (get: 'Record -> 'T) : FieldCodec<'Record, 'T> =
        {
            Put = fun record draft -> layout.Write (get record) draft
            Take = layout.Read
        }

    let nothing: Layout<unit> =
        {
            Write = fun () _ -> ()
            Read = fun _ -> Ok()
        }

    /// A value that is one field or one body.
    let single (column: FieldCodec<'T, 'T>) : Layout<'T> =
        {
            Write = column.Put
            Read = column.Take
        }

    let text name : Layout<string> = single (Field.text name id)
    let topic name : Layout<string> = single (Field.topic name id)
    let group name : Layout<string> = single (Field.group name id)
    let int64 name : Layout<int64> = single (Field.int64 name id)
    let int32 name : Layout<int> = single (Field.int32 name id)
    let json what shape : Layout<'T> = single (Body.json what shape id)
    let bodyText: Layout<string> = single (Body.text id)
    let bodyBytes: Layout<ReadOnlyMemory<byte>> = single (Body.bytes id)
