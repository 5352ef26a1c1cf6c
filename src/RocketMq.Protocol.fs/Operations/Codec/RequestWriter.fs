namespace RocketMq.Protocol

open System.Buffers

/// Writes requests straight into frames, typed ones through one draft: no command and no fields are made on the way. For
/// those who send many; not for use by two at a time.
[<Sealed>]
type internal RequestWriter(limits: FrameLimits, header: Header) =
    let draft = FieldWriter()

    /// Writes a whole frame and gives its size in bytes; on an error nothing is written.
    member writer.Write
        (operation: Operation<'Query, 'Answer>, query: 'Query, opaque: int, output: IBufferWriter<byte>)
        : Result<int, EncodeError> =
        operation.Write(query, writer.Begin())
        writer.Finish(operation.Code, opaque, output)

    /// For a request that fills the draft by itself: an empty one, for `Finish`.
    member _.Begin() : FieldWriter =
        draft.Restart()
        draft

    /// As `Write`, of what the draft holds.
    member _.Finish(code: RequestCode, opaque: int, output: IBufferWriter<byte>) : Result<int, EncodeError> =
        let parts = draft.ToParts(code, opaque, 0)
        Frame.writeParts limits header &parts output

    /// As `Write`, of a command with another opaque.
    member _.Write(command: RemotingCommand, opaque: int, output: IBufferWriter<byte>) : Result<int, EncodeError> =
        let parts = FrameParts.ofNumbered opaque command
        Frame.writeParts limits header &parts output

/// A request on its way, as connections see it. It can be written again where the first time did not count.
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

    /// Whether it counts among those that wait for a connection, which are bounded. Heartbeats are few, and take no place that
    /// a call of the application could have.
    abstract IsCounted: bool

    default outgoing.IsCounted = outgoing.Code <> RequestCode.HeartBeat

    /// Whether the server may wait with the answer until there is something to tell.
    abstract IsLongPoll: bool

    default outgoing.IsLongPoll =
        match outgoing.Code with
        | RequestCode.PullMessage
        | RequestCode.LitePullMessage
        | RequestCode.PopMessage
        | RequestCode.Notification -> true
        | _ -> false

    /// About how many bytes it keeps in memory until it is written.
    abstract Size: int64

    default _.Size = 0L

/// A request and how its answer is read.
[<AbstractClass>]
type internal Outgoing<'Answer when 'Answer: not struct and 'Answer: not null>() =
    inherit Outgoing()

    /// Reads an answer of whatever code, on the thread that reads the connection, while it lies in the receive buffer. Must not
    /// throw.
    abstract Read: answer: inref<ReceivedFrame> -> Result<'Answer, AnswerError>

    /// The code of an answer that was read, and its remark.
    abstract StatusOf: answer: 'Answer -> struct (ResponseCode * string)

/// A request whose answer, whatever its code, is given as it came.
[<AbstractClass>]
type internal OutgoingAnsweredByCommand() =
    inherit Outgoing<RemotingCommand>()
    override _.Read frame = Ok(frame.ToCommand())

    override _.StatusOf answer =
        struct (answer.ResponseCode, Option.defaultValue "" answer.Remark)

/// Any command.
[<Sealed>]
type internal OutgoingCommand(command: RemotingCommand) =
    inherit OutgoingAnsweredByCommand()
    override _.Code = command.RequestCode
    override _.Write(writer, opaque, output) = writer.Write(command, opaque, output)
    override _.ToCommand() = command
    override _.Size = int64 command.Body.Length + int64 command.Fields.Wire.Length

/// A typed request, which is written without becoming a command.
[<Sealed>]
type internal OutgoingQuery<'Query, 'Answer>(operation: Operation<'Query, 'Answer>, query: 'Query) =
    inherit OutgoingAnsweredByCommand()
    override _.Code = operation.Code

    override _.Write(writer, opaque, output) =
        writer.Write(operation, query, opaque, output)

    override _.ToCommand() = (operation.Request query).Command

/// What another request says, for whom its answer is another thing, or of which another form is written.
[<AbstractClass>]
type internal OutgoingLike<'Answer when 'Answer: not struct and 'Answer: not null>(outgoing: Outgoing) =
    inherit Outgoing<'Answer>()
    override _.Code = outgoing.Code
    override _.Write(writer, opaque, output) = outgoing.Write(writer, opaque, output)
    override _.ToCommand() = outgoing.ToCommand()
    override _.HasAlternative = outgoing.HasAlternative
    override _.WaitsForServer = outgoing.WaitsForServer
    override _.IsCounted = outgoing.IsCounted
    override _.Size = outgoing.Size

/// A request that was signed.
[<Sealed>]
type internal OutgoingSigned<'Answer when 'Answer: not struct and 'Answer: not null>
    (outgoing: Outgoing<'Answer>, signed: RemotingCommand) =
    inherit OutgoingLike<'Answer>(outgoing)
    override _.Write(writer, opaque, output) = writer.Write(signed, opaque, output)
    override _.ToCommand() = signed
    override _.Read frame = outgoing.Read &frame
    override _.StatusOf answer = outgoing.StatusOf answer
