namespace RocketMq.Protocol

open System.Buffers

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

    /// As above, of a command with another opaque.
    member _.Write(command: RemotingCommand, opaque: int, output: IBufferWriter<byte>) : Result<int, EncodeError> =
        let parts = FrameParts.ofNumbered opaque command
        Frame.writeParts limits header &parts output

/// A request on its way: what it takes to write it, and to write it again where the first time did not count.
[<AbstractClass>]
type internal Outgoing(request: RequestCode) =
    let mutable wasSentAway = false

    member _.Request = request

    /// Whether a server that sends its clients away has refused it for the first time: another one may take it.
    member _.TryElsewhere() =
        let isFirst = not wasSentAway
        wasSentAway <- true
        isFirst

    abstract Write: writer: RequestWriter * opaque: int * output: IBufferWriter<byte> -> Result<int, EncodeError>

[<Sealed>]
type internal OutgoingCommand(command: RemotingCommand) =
    inherit Outgoing(command.RequestCode)
    override _.Write(writer, opaque, output) = writer.Write(command, opaque, output)

[<Sealed>]
type internal OutgoingQuery<'Query, 'Answer>(operation: Operation<'Query, 'Answer>, query: 'Query) =
    inherit Outgoing(operation.Code)

    override _.Write(writer, opaque, output) =
        writer.Write(operation, query, opaque, output)
