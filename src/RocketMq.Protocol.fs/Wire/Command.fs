namespace RocketMq.Protocol

open System
open RocketMq

/// What a command is, as its flag bits say.
[<RequireQualifiedAccess>]
type CommandKind =
    | Request
    /// A request that must not be answered.
    | OneWay
    | Response

    override kind.ToString() =
        match kind with
        | Request -> "Request"
        | OneWay -> "OneWay"
        | Response -> "Response"

/// How a header is written. The type byte of each frame says which one it is; the two directions of a connection may
/// differ. Source: SerializeType.java.
[<Struct; RequireQualifiedAccess>]
type Header =
    /// A JSON object.
    | Json
    /// Java's ROCKETMQ form. Its 16-bit code has no room for codes above 32,767: those are written as JSON.
    | Binary

    override header.ToString() =
        match header with
        | Json -> "Json"
        | Binary -> "Binary"

/// The bits of a command's flag that have a meaning. Source: RemotingCommand.java, RPC_TYPE and RPC_ONEWAY.
module internal CommandFlag =
    [<Literal>]
    let Response = 0x1

    [<Literal>]
    let OneWay = 0x2

    let kind flag =
        if flag &&& Response <> 0 then CommandKind.Response
        elif flag &&& OneWay <> 0 then CommandKind.OneWay
        else CommandKind.Request

/// One command: a request or the answer to one. Source: RemotingCommand.java.
[<StructuredFormatDisplay("{Display}"); CustomEquality; NoComparison>]
type RemotingCommand =
    {
        /// A `RequestCode` or, in an answer, a `ResponseCode`.
        Code: int
        Language: LanguageCode
        /// The sender's protocol version, see `ProtocolVersion`.
        Version: int
        /// Chosen by the one who asks, repeated in the answer. Client and server count on their own.
        Opaque: int
        /// Bit 0: answer. Bit 1: one-way. Other bits are kept.
        Flag: int
        /// Free text, mostly in answers, for people to read.
        Remark: string option
        Fields: Fields
        Body: ReadOnlyMemory<byte>
    }

    /// Request, one-way request or response, from the flag.
    member command.Kind = CommandFlag.kind command.Flag

    /// What a request asks for. Without meaning for an answer.
    member command.RequestCode = enum<RequestCode> command.Code

    /// How a request ended. Without meaning for a request.
    member command.ResponseCode = enum<ResponseCode> command.Code

    member private command.Display =
        let code =
            match command.Kind with
            | CommandKind.Response -> invariant $"{command.ResponseCode}"
            | CommandKind.Request
            | CommandKind.OneWay -> invariant $"{command.RequestCode}"

        let remark =
            match command.Remark with
            | Some text -> $", remark \"{text}\""
            | None -> ""

        invariant
            $"{command.Kind} {code} ({command.Code}), opaque {command.Opaque}, {command.Language} {command.Version}{remark}, "
        + invariant $"fields {command.Fields}, body {command.Body.Length} bytes"

    override command.ToString() = command.Display

    override command.Equals other =
        match other with
        | :? RemotingCommand as other ->
            command.Code = other.Code
            && command.Language = other.Language
            && command.Version = other.Version
            && command.Opaque = other.Opaque
            && command.Flag = other.Flag
            && command.Remark = other.Remark
            && command.Fields = other.Fields
            && command.Body.Span.SequenceEqual other.Body.Span
        | _ -> false

    override command.GetHashCode() =
        HashCode.Combine(command.Code, command.Opaque, command.Flag, command.Fields, command.Body.Length)

/// Building commands. `request` and `response` give the smallest one; pipe it through the others.
module Command =
    /// A request with opaque 0: the client that sends it chooses the number.
    let request (code: RequestCode) : RemotingCommand =
        {
            Code = int code
            Language = LanguageCode.DotNet
            Version = ProtocolVersion.current
            Opaque = 0
            Flag = 0
            Remark = None
            Fields = Fields.Absent
            Body = ReadOnlyMemory.Empty
        }

    /// The answer to a request.
    let response (code: ResponseCode) (request: RemotingCommand) : RemotingCommand =
        {
            Code = int code
            Language = LanguageCode.DotNet
            Version = ProtocolVersion.current
            Opaque = request.Opaque
            Flag = CommandFlag.Response
            Remark = None
            Fields = Fields.Absent
            Body = ReadOnlyMemory.Empty
        }

    /// Sets the code.
    let withCode (code: int) (command: RemotingCommand) = { command with Code = code }
    /// Sets the language of the sender.
    let withLanguage language (command: RemotingCommand) = { command with Language = language }

    /// The protocol version that the sender claims, see `ProtocolVersion`.
    let withVersion version (command: RemotingCommand) = { command with Version = version }

    /// All bits at once; `asRequest`, `asOneWay` and `asResponse` set those that have a meaning.
    let withFlag flag (command: RemotingCommand) = { command with Flag = flag }

    /// The command as a request, which an answer is expected to.
    let asRequest (command: RemotingCommand) =
        { command with
            Flag = command.Flag &&& ~~~(CommandFlag.Response ||| CommandFlag.OneWay)
        }

    /// The command as a response.
    let asResponse (command: RemotingCommand) =
        { command with
            Flag = command.Flag ||| CommandFlag.Response
        }

    /// Asks the peer not to answer.
    let asOneWay (command: RemotingCommand) =
        { command with
            Flag = (command.Flag &&& ~~~CommandFlag.Response) ||| CommandFlag.OneWay
        }

    /// Sets the number by which an answer finds its request.
    let withOpaque opaque (command: RemotingCommand) = { command with Opaque = opaque }
    /// Sets the remark.
    let withRemark remark (command: RemotingCommand) = { command with Remark = Some remark }
    /// Sets all extension fields.
    let withFields fields (command: RemotingCommand) = { command with Fields = fields }

    /// Sets one field; see `Fields.add` for what is refused.
    let withField name value (command: RemotingCommand) =
        { command with
            Fields = Fields.add name value command.Fields
        }

    /// Sets several fields and leaves the others.
    let withAddedFields (fields: (string * string) list) (command: RemotingCommand) =
        (command, fields)
        ||> List.fold (fun command (name, value) -> withField name value command)

    /// Without extension fields: JSON headers then lack `extFields`.
    let withoutFields (command: RemotingCommand) = { command with Fields = Fields.Absent }

    /// Without one extension field.
    let withoutField name (command: RemotingCommand) =
        { command with
            Fields = Fields.remove name command.Fields
        }

    /// Sets the body, which is not copied.
    let withBody (body: ReadOnlyMemory<byte>) (command: RemotingCommand) = { command with Body = body }
