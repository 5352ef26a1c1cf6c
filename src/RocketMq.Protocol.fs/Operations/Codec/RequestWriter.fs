namespace RocketMq.Protocol

open System.Buffers
open RocketMq

/// Puts what a request says into a draft.
type internal IFieldWriterSource =
    abstract Fill: draft: FieldWriter -> unit

/// Writes requests straight into frames, typed ones through one draft: no command and no fields are made on the way. For
/// those who send many; not for use by two at a time.
[<Sealed>]
type internal RequestWriter(limits: FrameLimits, header: Header) =
    let draft = FieldWriter()

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
        (code: RequestCode, source: IFieldWriterSource, opaque: int, output: IBufferWriter<byte>)
        : Result<int, EncodeError> =
        draft.Restart()
        source.Fill draft
        let parts = draft.ToParts(code, opaque, 0)
        Frame.writeParts limits header &parts output

    /// As above, of a command with another opaque.
    member _.Write(command: RemotingCommand, opaque: int, output: IBufferWriter<byte>) : Result<int, EncodeError> =
        let parts = FrameParts.ofNumbered opaque command
        Frame.writeParts limits header &parts output

/// A request on its way. It can be written again where the first time did not count.
[<AbstractClass>]
type internal Outgoing() =
    abstract Code: RequestCode

    abstract Write: writer: RequestWriter * opaque: int * output: IBufferWriter<byte> -> Result<int, EncodeError>

    /// The same as a command, for those who must look at it before it is written.
    abstract ToCommand: unit -> RemotingCommand

    /// Whether the caller has another server to turn to: then half of its time is all that a connection is waited for, so that
    /// time is left for the other server.
    abstract HasAlternative: bool

    default _.HasAlternative = false

    /// Whether the caller waits for the next attempt to connect while attempts fail: it has nowhere else to go.
    abstract WaitsForServer: bool

    default _.WaitsForServer = false

    /// About how many bytes it keeps in memory until it is written.
    abstract Size: int64

    default _.Size = 0L

    /// Reads an answer of success while it lies in the receive buffer, so that no command need be made of it. False if it is
    /// none of those that are read so. Must not throw.
    abstract TryRead: answer: inref<FrameParts> -> bool

    default _.TryRead _ = false

/// Any command.
[<Sealed>]
type internal OutgoingCommand(command: RemotingCommand) =
    inherit Outgoing()
    override _.Code = command.RequestCode
    override _.Write(writer, opaque, output) = writer.Write(command, opaque, output)
    override _.ToCommand() = command
    override _.Size = int64 command.Body.Length + int64 command.Fields.Wire.Length

/// A typed request, which is written without becoming a command.
[<Sealed>]
type internal OutgoingQuery<'Query, 'Answer>(operation: Operation<'Query, 'Answer>, query: 'Query) =
    inherit Outgoing()
    override _.Code = operation.Code

    override _.Write(writer, opaque, output) =
        writer.Write(operation, query, opaque, output)

    override _.ToCommand() = (operation.Request query).Command
