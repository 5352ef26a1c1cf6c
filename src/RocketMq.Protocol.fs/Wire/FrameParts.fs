namespace RocketMq.Protocol

open System
open System.Runtime.CompilerServices

/// The remarks that every answer to a pull has one of are not made again for each. Source: GetMessageStatus.java.
module internal Remark =
    let private frequent =
        [|
            "FOUND"
            "OFFSET_OVERFLOW_ONE"
            "NO_MESSAGE_IN_QUEUE"
            "NO_MATCHED_MESSAGE"
        |]
        |> Array.map (fun text -> struct (Text.Encoding.ASCII.GetBytes text, Some text))

    /// One of those, if it is.
    let tryKnown (utf8: ReadOnlySpan<byte>) : string option =
        let mutable known = None
        let mutable index = 0

        while index < frequent.Length do
            let struct (bytes, remark) = frequent[index]

            if utf8.SequenceEqual(ReadOnlySpan bytes) then
                known <- remark
                index <- frequent.Length
            else
                index <- index + 1

        known

    /// For people: what is no Unicode in it is replaced. An empty one is none.
    let read (utf8: ReadOnlySpan<byte>) : string option =
        if utf8.IsEmpty then
            None
        else
            match tryKnown utf8 with
            | None -> Some(Utf8Text.read utf8)
            | known -> known

/// What goes into a frame or comes out of one: the parts of a command, or of what never becomes one.
[<Struct; IsReadOnly; NoEquality; NoComparison; RequireQualifiedAccess>]
type internal FrameParts =
    {
        Code: int
        Language: LanguageCode
        Version: int
        Opaque: int
        Flag: int
        Remark: string option
        /// Entries as in a binary header.
        FieldsWire: ReadOnlyMemory<byte>
        HasFields: bool
        /// Whether some of the fields, which were received, may not be readable.
        HasUnreadable: bool
        /// Why these parts are to be refused, if they are.
        Fault: EncodeError voption
        Body: ReadOnlyMemory<byte>
    }

module internal FrameParts =
    let remarkChars (parts: inref<FrameParts>) =
        match parts.Remark with
        | Some remark -> remark.Length
        | None -> 0

    /// The parts of a command, under another opaque.
    let ofNumbered (opaque: int) (command: RemotingCommand) : FrameParts =
        {
            FrameParts.Code = command.Code
            Language = command.Language
            Version = command.Version
            Opaque = opaque
            Flag = command.Flag
            Remark = command.Remark
            FieldsWire = command.Fields.Wire
            HasFields = command.Fields.IsPresent
            HasUnreadable = command.Fields.HasUnreadable
            Fault = command.Fields.Fault
            Body = command.Body
        }

    let ofCommand (command: RemotingCommand) : FrameParts = ofNumbered command.Opaque command

    let private toCommandWith (fields: ReadOnlyMemory<byte>) (body: ReadOnlyMemory<byte>) (parts: inref<FrameParts>) =
        {
            Code = parts.Code
            Language = parts.Language
            Version = parts.Version
            Opaque = parts.Opaque
            Flag = parts.Flag
            Remark = parts.Remark
            Fields =
                if not parts.HasFields then Fields.Absent
                elif fields.IsEmpty then Fields.Empty
                else Fields(fields, true, ValueNone, parts.HasUnreadable)
            Body = body
        }

    /// The command that was read, which keeps the memory that its parts lie in.
    let toCommand (parts: inref<FrameParts>) : RemotingCommand =
        toCommandWith parts.FieldsWire parts.Body &parts

    /// The command that was read, with a copy of the memory that its parts lie in.
    let copyToCommand (parts: inref<FrameParts>) : RemotingCommand =
        let fieldsBytes = parts.FieldsWire.Length
        let copy: byte[] = GC.AllocateUninitializedArray(fieldsBytes + parts.Body.Length)
        parts.FieldsWire.Span.CopyTo(copy.AsSpan())
        parts.Body.Span.CopyTo(copy.AsSpan fieldsBytes)

        toCommandWith
            (ReadOnlyMemory(copy, 0, fieldsBytes))
            (ReadOnlyMemory(copy, fieldsBytes, parts.Body.Length))
            &parts
