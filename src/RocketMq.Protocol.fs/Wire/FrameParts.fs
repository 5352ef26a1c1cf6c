namespace RocketMq.Protocol

open System
open System.Runtime.CompilerServices

/// What goes into a frame: the parts of a command, or of a request that is written without ever becoming one.
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
            Fault = command.Fields.Fault
            Body = command.Body
        }

    let ofCommand (command: RemotingCommand) : FrameParts = ofNumbered command.Opaque command
