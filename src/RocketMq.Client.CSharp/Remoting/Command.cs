namespace RocketMq.Client;

/// <summary>
/// One command of the remoting protocol: a request to build by hand, or an answer. Immutable; each method gives a new one.
/// </summary>
public sealed class Command
{
    internal Command(Core.Protocol.RemotingCommand inner) => Inner = inner;

    internal Core.Protocol.RemotingCommand Inner { get; }

    /// <summary>A request without fields and body. The client that sends it chooses its opaque.</summary>
    public static Command Request(RequestCode code) => new(Core.Protocol.Command.request((Core.Protocol.RequestCode)(int)code));

    /// <summary>Begins to set up a command of any kind.</summary>
    public static CommandBuilder Build() => CommandBuilder.Empty;

    /// <summary>The answer to this request.</summary>
    public Command Respond(ResponseCode code) => new(Core.Protocol.Command.response((Core.Protocol.ResponseCode)(int)code, Inner));

    /// <summary>A <see cref="Client.RequestCode"/> or, in an answer, a <see cref="Client.ResponseCode"/>.</summary>
    public int Code => Inner.Code;

    /// <summary>What a request asks for. Without meaning for an answer.</summary>
    public RequestCode RequestCode => (RequestCode)Inner.Code;

    /// <summary>How a request ended. Without meaning for a request.</summary>
    public ResponseCode ResponseCode => (ResponseCode)Inner.Code;

    /// <summary>Whether this is an answer.</summary>
    public bool IsResponse => Inner.Kind.IsResponse;

    /// <summary>Whether this is a request that must not be answered.</summary>
    public bool IsOneWay => Inner.Kind.IsOneWay;

    /// <summary>Whether this is a request, one-way or not.</summary>
    public bool IsRequest => !IsResponse;

    /// <summary>Whether this is an answer that says success.</summary>
    public bool IsSuccess => Core.Protocol.Commands.isSuccess(Inner);

    /// <summary>Whether this is an answer that says anything but success.</summary>
    public bool IsRefusal => Core.Protocol.Commands.isRefusal(Inner);

    /// <summary>Whether this is a heartbeat of a client.</summary>
    public bool IsHeartbeat => Core.Protocol.Commands.isHeartbeat(Inner);

    /// <summary>Whether this sends a message or a batch.</summary>
    public bool IsSend => Core.Protocol.Commands.isSend(Inner);

    /// <summary>Whether this asks for messages of a queue.</summary>
    public bool IsPull => Core.Protocol.Commands.isPull(Inner);

    /// <summary>The topic that it names, whatever its code calls that field; null if there is none.</summary>
    public string? Topic => OrNull(Core.Protocol.Commands.tryTopic(Inner));

    /// <summary>The group of producers or consumers that it names; null if there is none.</summary>
    public string? Group => OrNull(Core.Protocol.Commands.tryGroup(Inner));

    /// <summary>The queue that it names; null if there is none.</summary>
    public int? QueueId => Core.Protocol.Commands.tryQueueId(Inner) is { IsSome: true } found ? found.Value : null;

    /// <summary>The offset that a request names or an answer gives; null if there is none.</summary>
    public long? Offset => Core.Protocol.Commands.tryOffset(Inner) is { IsSome: true } found ? found.Value : null;

    /// <summary>Kind, code, opaque, topic, group and sizes, in one line.</summary>
    public string Summary => Core.Protocol.Commands.summary(Inner);

    /// <summary>The fields in one line; long values are cut, secrets left out.</summary>
    public string FieldsText => Core.Protocol.Commands.fieldsText(Inner);

    /// <summary>The language of the sender, as Java names it.</summary>
    public string Language => Core.Protocol.LanguageCodeModule.name(Inner.Language);

    /// <summary>The bits as they stand: 1 answer, 2 one-way.</summary>
    public int Flag => Inner.Flag;

    /// <summary>The number that pairs an answer with its request.</summary>
    public int Opaque => Inner.Opaque;

    /// <summary>The sender's protocol version.</summary>
    public int Version => Inner.Version;

    /// <summary>Free text for people, mostly in answers; null if there is none.</summary>
    public string? Remark => Microsoft.FSharp.Core.OptionModule.ToObj(Inner.Remark);

    /// <summary>The payload; empty if there is none.</summary>
    public ReadOnlyMemory<byte> Body => Inner.Body;

    /// <summary>All fields that can be read. Read again with each call.</summary>
    public IReadOnlyDictionary<string, string> Fields => Core.Protocol.FieldsModule.toMap(Inner.Fields);

    /// <summary>
    /// The names of fields that a server sent and that are not valid Unicode: they are not among <see cref="Fields"/>. Mostly
    /// empty.
    /// </summary>
    public IReadOnlyList<string> UnreadableFields => [.. Core.Protocol.FieldsModule.unreadable(Inner.Fields)];

    /// <summary>One field, or null if there is none that can be read.</summary>
    public string? Field(string name)
    {
        var found = Core.Protocol.FieldsModule.tryFind(name, Inner.Fields);
        return found.IsSome ? found.Value : null;
    }

    /// <summary>Sets a field, in place of one of the same name.</summary>
    /// <exception cref="ArgumentException">The name is empty or over 32,767 bytes, or a text holds a lone surrogate.</exception>
    public Command With(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        var fields = Core.Protocol.FieldsModule.add(name, value, Inner.Fields);
        return fields.Fault.IsSome
            ? throw new ArgumentException(fields.Fault.Value.Message, nameof(name))
            : new(Core.Protocol.Command.withFields(fields, Inner));
    }

    /// <summary>Sets the payload. The memory is not copied: leave it alone until the request has been answered.</summary>
    public Command WithBody(ReadOnlyMemory<byte> body) => new(Core.Protocol.Command.withBody(body, Inner));

    /// <summary>Sets the text for people.</summary>
    public Command WithRemark(string remark)
    {
        ArgumentNullException.ThrowIfNull(remark);
        return new(Core.Protocol.Command.withRemark(remark, Inner));
    }

    /// <summary>Takes one field away.</summary>
    public Command Without(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new(Core.Protocol.Command.withoutField(name, Inner));
    }

    /// <summary>Takes all fields away.</summary>
    public Command WithoutFields() => new(Core.Protocol.Command.withoutFields(Inner));

    /// <summary>Sets the number that pairs an answer with its request. A client that sends a request chooses its own.</summary>
    public Command WithOpaque(int opaque) => new(Core.Protocol.Command.withOpaque(opaque, Inner));

    /// <summary>Says who asks, and signs the command as access control wants it. Change nothing afterwards.</summary>
    public Command Sign(string accessKey, string secretKey, string? securityToken = null)
    {
        ArgumentNullException.ThrowIfNull(accessKey);
        ArgumentNullException.ThrowIfNull(secretKey);
        var token = securityToken is null ? null : Microsoft.FSharp.Core.FSharpOption<string>.Some(securityToken);
        var credentials = new Core.Credentials(accessKey, secretKey, token);
        return new(Core.Protocol.Signature.sign(credentials, Inner));
    }

    /// <summary>
    /// Checks that the command has a form on the wire and that a request has what its code wants. Gives null, or what is
    /// wrong.
    /// </summary>
    public string? Check()
    {
        var result = Core.Protocol.Commands.check(Inner);
        return result.IsOk ? null : result.ErrorValue;
    }

    /// <summary>The members of a JSON header, and the body in base64.</summary>
    public string ToJson() => Core.Protocol.Commands.toJson(Inner);

    /// <summary>Reads what <see cref="ToJson"/> gives.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static Command FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        var result = Core.Protocol.Commands.ofJson(json);
        return result.IsOk ? new(result.ResultValue) : throw new FormatException(result.ErrorValue.Message);
    }

    private static string? OrNull(Microsoft.FSharp.Core.FSharpValueOption<string> found) => found.IsSome ? found.Value : null;

    /// <summary>Code, opaque, fields and the size of the body; never the body itself.</summary>
    public override string ToString() => Inner.ToString();
}
