namespace RocketMq.Protocol

open System.Buffers

/// Puts what a request says into a draft.
type internal IDraftSource =
    abstract Fill: draft: Draft -> unit

/// Writes requests straight into frames, typed ones through one draft: no command and no fields are made on the way. For
/// those who send many; not for use by two at a time.
[<Sealed>]
type internal RequestWriter(limits: FrameLimits, header: Header) =
    let draft = Draft()

    /// Writes a whole frame and gives its size in bytes; on an error nothing is written.
    member _.Write
        (operation: Operation<'Query, 'Answer>, query: 'Query, opaque: int, output: IBufferWriter<byte>)
        : Result<int, EncodeError> =
        draft.Restart()
        operation.Write(query, draft)
        let parts = draft.ToParts(operation.Code, opaque, 0)
        Frame.writeParts limits header &parts output

    /// As above, of whatever can fill a draft.
    member _.Write
        (code: RequestCode, source: IDraftSource, opaque: int, output: IBufferWriter<byte>)
        : Result<int, EncodeError> =
        draft.Restart()
        source.Fill draft
        let parts = draft.ToParts(code, opaque, 0)
        Frame.writeParts limits header &parts output

    /// As above, of a command with another opaque.
    member _.Write(command: RemotingCommand, opaque: int, output: IBufferWriter<byte>) : Result<int, EncodeError> =
        let parts = FrameParts.ofNumbered opaque command
        Frame.writeParts limits header &parts output

/// A typed request that writes itself.
[<AbstractClass>]
type internal OutgoingQuery() =
    abstract Write: writer: RequestWriter * opaque: int * output: IBufferWriter<byte> -> Result<int, EncodeError>

    /// The same as a command, for those who must look at it before it is written.
    abstract ToCommand: unit -> RemotingCommand

[<Sealed>]
type internal OutgoingQuery<'Query, 'Answer>(operation: Operation<'Query, 'Answer>, query: 'Query) =
    inherit OutgoingQuery()

    override _.Write(writer, opaque, output) =
        writer.Write(operation, query, opaque, output)

    override _.ToCommand() = (operation.Request query).Command

/// A request on its way: what it takes to write it, and to write it again where the first time did not count. A value, so
/// that a command costs no object more.
[<Struct; NoEquality; NoComparison>]
type internal Outgoing =
    | Plain of command: RemotingCommand
    | Typed of request: RequestCode * query: OutgoingQuery

    member outgoing.Request =
        match outgoing with
        | Plain command -> command.RequestCode
        | Typed(request, _) -> request

    member outgoing.Write(writer: RequestWriter, opaque, output) =
        match outgoing with
        | Plain command -> writer.Write(command, opaque, output)
        | Typed(_, query) -> query.Write(writer, opaque, output)
