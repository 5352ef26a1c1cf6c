namespace RocketMq.Protocol

open System
open RocketMq

/// A message on its way to one queue. Source: SendMessageRequestHeader.java, SendMessageRequestHeaderV2.java.
type SendRequest =
    {
        ProducerGroup: string
        Topic: string
        /// The topic whose settings a topic made by this send takes over.
        DefaultTopic: string
        DefaultTopicQueues: int
        QueueId: int
        SysFlag: int
        /// Milliseconds since 1970, UTC.
        BornTimestamp: int64
        Flag: int
        Properties: Properties
        ReconsumeTimes: int
        /// The topic belongs to one unit of several.
        IsUnit: bool
        /// Of a retry topic's message: how often it may be consumed. Absent: as the group's settings say.
        MaxReconsumeTimes: int option
        /// The broker that the queue belongs to; empty if it is not said.
        BrokerName: string
        /// The body holds several messages, see `BatchCodec`.
        IsBatch: bool
        Body: ReadOnlyMemory<byte>
    }

/// The fields of a send as they travel, the properties as text in UTF-8.
[<Struct; NoEquality; NoComparison>]
type internal SendFields =
    {
        mutable ProducerGroup: string
        mutable Topic: string
        mutable DefaultTopic: string
        mutable DefaultTopicQueues: int
        mutable QueueId: int
        mutable SysFlag: int
        mutable BornTimestamp: int64
        mutable Flag: int
        mutable ReconsumeTimes: int
        mutable IsUnit: bool
        mutable IsBatch: bool
        mutable Properties: ReadOnlyMemory<byte>
        /// What `SenderProperties` writes behind the properties; nothing if they are all.
        mutable AddedId: PackedId voption
        mutable BrokerName: string
        mutable MaxReconsumeTimes: int option
    }

    member fields.AllProperties: ReadOnlyMemory<byte> =
        match fields.AddedId with
        | ValueSome id -> SenderProperties.textWith id fields.Properties
        | ValueNone -> fields.Properties

/// Writes, reads or lists each field of a send: its name in code 10, the letter that stands for it in codes 310, 320 and 325, and
/// its place. Structures, so that the runtime compiles a version of `SendFields.visit` for each, without calls in between: every
/// message passes here.
type internal ISendFieldVisitor =
    abstract Text: name: string * letter: char * value: byref<string> -> unit
    /// Required when it is read, as Java does.
    abstract RequiredText: name: string * letter: char * value: byref<string> -> unit
    /// Not written if it is empty.
    abstract TextIfAny: name: string * letter: char * value: byref<string> -> unit
    abstract Utf8: name: string * letter: char * value: byref<ReadOnlyMemory<byte>> -> unit
    abstract Int32: name: string * letter: char * value: byref<int> -> unit
    abstract RequiredInt32: name: string * letter: char * value: byref<int> -> unit
    abstract Int32IfAny: name: string * letter: char * value: byref<int option> -> unit
    abstract Int64: name: string * letter: char * value: byref<int64> -> unit
    abstract Boolean: name: string * letter: char * value: byref<bool> -> unit

module internal SendFields =
    let private firstLetter = 'a'
    let private count = 14

    let private indexOf (letter: char) = int letter - int firstLetter

    /// All fields, in the order in which they are written: the only list of them.
    let private visit
        (visitor: byref<'Visitor> when 'Visitor: struct and 'Visitor :> ISendFieldVisitor)
        (send: byref<SendFields>)
        =
        visitor.RequiredText("producerGroup", 'a', &send.ProducerGroup)
        visitor.RequiredText("topic", 'b', &send.Topic)
        visitor.Text("defaultTopic", 'c', &send.DefaultTopic)
        visitor.Int32("defaultTopicQueueNums", 'd', &send.DefaultTopicQueues)
        visitor.RequiredInt32("queueId", 'e', &send.QueueId)
        visitor.Int32("sysFlag", 'f', &send.SysFlag)
        visitor.Int64("bornTimestamp", 'g', &send.BornTimestamp)
        visitor.Int32("flag", 'h', &send.Flag)
        visitor.Int32("reconsumeTimes", 'j', &send.ReconsumeTimes)
        visitor.Boolean("unitMode", 'k', &send.IsUnit)
        visitor.Boolean("batch", 'm', &send.IsBatch)
        visitor.Utf8("properties", 'i', &send.Properties)
        visitor.TextIfAny("bname", 'n', &send.BrokerName)
        visitor.Int32IfAny("maxReconsumeTimes", 'l', &send.MaxReconsumeTimes)

    /// Notes the name of each field.
    [<Struct; NoEquality; NoComparison>]
    type private Naming(names: FieldName[], isLong: bool) =
        member private _.Note(name: string, letter: char) =
            names[indexOf letter] <- FieldName.OfText(if isLong then name else string letter)

        interface ISendFieldVisitor with
            member naming.Text(name, letter, _) = naming.Note(name, letter)
            member naming.RequiredText(name, letter, _) = naming.Note(name, letter)
            member naming.TextIfAny(name, letter, _) = naming.Note(name, letter)
            member naming.Utf8(name, letter, _) = naming.Note(name, letter)
            member naming.Int32(name, letter, _) = naming.Note(name, letter)
            member naming.RequiredInt32(name, letter, _) = naming.Note(name, letter)
            member naming.Int32IfAny(name, letter, _) = naming.Note(name, letter)
            member naming.Int64(name, letter, _) = naming.Note(name, letter)
            member naming.Boolean(name, letter, _) = naming.Note(name, letter)

    let private namesOf isLong =
        let names = Array.zeroCreate count
        let mutable naming = Naming(names, isLong)
        let mutable none = Unchecked.defaultof<SendFields>
        visit &naming &none
        names

    /// The names of the fields in code 10.
    let longNames = namesOf true

    /// The letters that stand for them in codes 310, 320 and 325.
    let letters = namesOf false

    [<Struct; NoEquality; NoComparison>]
    type private Writing(names: FieldName[], draft: FieldWriter, addedId: PackedId voption) =
        interface ISendFieldVisitor with
            member _.Text(_, letter, value) =
                draft.Add(names[indexOf letter], value) |> ignore<FieldsBuilder>

            member _.RequiredText(_, letter, value) =
                draft.Add(names[indexOf letter], value) |> ignore<FieldsBuilder>

            member _.TextIfAny(_, letter, value) =
                if value <> "" then
                    draft.Add(names[indexOf letter], value) |> ignore<FieldsBuilder>

            member _.Utf8(_, letter, value) =
                let name = names[indexOf letter]
                let own = value.Span

                match addedId with
                | ValueNone -> draft.AddUtf8(name, own) |> ignore<FieldsBuilder>
                | ValueSome id ->
                    SenderProperties.write id own (draft.AddBeginning(name, own, SenderProperties.size own))

            member _.Int32(_, letter, value) =
                draft.Add(names[indexOf letter], value) |> ignore<FieldsBuilder>

            member _.RequiredInt32(_, letter, value) =
                draft.Add(names[indexOf letter], value) |> ignore<FieldsBuilder>

            member _.Int32IfAny(_, letter, value) =
                match value with
                | Some number -> draft.Add(names[indexOf letter], number) |> ignore<FieldsBuilder>
                | None -> ()

            member _.Int64(_, letter, value) =
                draft.Add(names[indexOf letter], value) |> ignore<FieldsBuilder>

            member _.Boolean(_, letter, value) =
                draft.Add(names[indexOf letter], value) |> ignore<FieldsBuilder>

    /// Puts what a send says into a draft, but for its body.
    let fill (names: FieldName[]) (send: byref<SendFields>) (draft: FieldWriter) =
        draft.Reserve(240 + send.Properties.Length)
        let mutable writing = Writing(names, draft, send.AddedId)
        visit &writing &send
        draft.Require(Names.checkTopic send.Topic)
        draft.Require(Names.checkGroup send.ProducerGroup)

    let write names (send: SendRequest) (draft: FieldWriter) =
        let mutable fields =
            {
                SendFields.ProducerGroup = send.ProducerGroup
                Topic = send.Topic
                DefaultTopic = send.DefaultTopic
                DefaultTopicQueues = send.DefaultTopicQueues
                QueueId = send.QueueId
                BrokerName = send.BrokerName
                SysFlag = send.SysFlag
                BornTimestamp = send.BornTimestamp
                Flag = send.Flag
                Properties = send.Properties.Text
                AddedId = ValueNone
                ReconsumeTimes = send.ReconsumeTimes
                IsUnit = send.IsUnit
                MaxReconsumeTimes = send.MaxReconsumeTimes
                IsBatch = send.IsBatch
            }

        fill names &fields draft
        ValueOption.iter (fun fault -> draft.Require(Error fault)) send.Properties.Fault
        draft.Body <- send.Body

    /// Absent numbers count as 0, as in Java.
    [<Struct; NoEquality; NoComparison>]
    type private Reading =
        val Names: FieldName[]
        val Command: RemotingCommand
        val mutable Fault: DecodeError voption

        new(names, command) =
            {
                Names = names
                Command = command
                Fault = ValueNone
            }

        member private reading.Name(letter: char) = reading.Names[indexOf letter].Text

        /// The first fault is the one that counts.
        member private reading.Take(found: Result<'T, DecodeError>, value: byref<'T>) =
            match found with
            | Ok found -> value <- found
            | Error error when reading.Fault.IsNone -> reading.Fault <- ValueSome error
            | Error _ -> ()

        interface ISendFieldVisitor with
            member reading.Text(_, letter, value) =
                value <-
                    Fields.tryFind (reading.Name letter) reading.Command.Fields
                    |> ValueOption.defaultValue ""

            member reading.RequiredText(_, letter, value) =
                reading.Take(RequiredField.text (reading.Name letter) reading.Command, &value)

            member reading.TextIfAny(_, letter, value) =
                value <-
                    Fields.tryFind (reading.Name letter) reading.Command.Fields
                    |> ValueOption.defaultValue ""

            member reading.Utf8(_, letter, value) =
                value <-
                    Fields.tryFindUtf8 (reading.Name letter) reading.Command.Fields
                    |> ValueOption.defaultValue ReadOnlyMemory.Empty

            member reading.Int32(_, letter, value) =
                value <-
                    Fields.tryInt32 (reading.Name letter) reading.Command.Fields
                    |> ValueOption.defaultValue 0

            member reading.RequiredInt32(_, letter, value) =
                reading.Take(RequiredField.int32 (reading.Name letter) reading.Command, &value)

            member reading.Int32IfAny(_, letter, value) =
                value <-
                    Fields.tryInt32 (reading.Name letter) reading.Command.Fields
                    |> ValueOption.toOption

            member reading.Int64(_, letter, value) =
                value <-
                    Fields.tryInt64 (reading.Name letter) reading.Command.Fields
                    |> ValueOption.defaultValue 0L

            member reading.Boolean(_, letter, value) =
                value <-
                    Fields.tryBoolean (reading.Name letter) reading.Command.Fields
                    |> ValueOption.defaultValue false

    /// The send that fields and a body say.
    let toRequest (fields: inref<SendFields>) (body: ReadOnlyMemory<byte>) : SendRequest =
        {
            ProducerGroup = fields.ProducerGroup
            Topic = fields.Topic
            DefaultTopic = fields.DefaultTopic
            DefaultTopicQueues = fields.DefaultTopicQueues
            QueueId = fields.QueueId
            SysFlag = fields.SysFlag
            BornTimestamp = fields.BornTimestamp
            Flag = fields.Flag
            Properties = Properties.ofText fields.AllProperties
            ReconsumeTimes = fields.ReconsumeTimes
            IsUnit = fields.IsUnit
            MaxReconsumeTimes = fields.MaxReconsumeTimes
            BrokerName = fields.BrokerName
            IsBatch = fields.IsBatch
            Body = body
        }

    let read names (command: RemotingCommand) : Result<SendRequest, DecodeError> =
        match RequiredField.allReadable command with
        | Error error -> Error error
        | Ok() ->
            let mutable reading = Reading(names, command)
            let mutable fields = Unchecked.defaultof<SendFields>
            visit &reading &fields

            match reading.Fault with
            | ValueSome error -> Error error
            | ValueNone -> Ok(toRequest &fields command.Body)
