using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>
/// One command of the remoting protocol: a request to build by hand, or an answer. Immutable; each method gives a new one.
/// </summary>
public sealed class Command
{
    internal Command(Core.RemotingCommand inner) => Inner = inner;

    internal Core.RemotingCommand Inner { get; }

    /// <summary>A request without fields and body. The client that sends it chooses its opaque.</summary>
    public static Command Request(RequestCode code) => new(Core.Command.request((Core.RequestCode)(int)code));

    /// <summary>The answer to this request.</summary>
    public Command Respond(ResponseCode code) => new(Core.Command.response((Core.ResponseCode)(int)code, Inner));

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

    /// <summary>The number that pairs an answer with its request.</summary>
    public int Opaque => Inner.Opaque;

    /// <summary>The sender's protocol version.</summary>
    public int Version => Inner.Version;

    /// <summary>Free text for people, mostly in answers; null if there is none.</summary>
    public string? Remark => Microsoft.FSharp.Core.OptionModule.ToObj(Inner.Remark);

    /// <summary>The payload; empty if there is none.</summary>
    public ReadOnlyMemory<byte> Body => Inner.Body;

    /// <summary>All fields. Read anew with each call.</summary>
    public IReadOnlyDictionary<string, string> Fields => Core.FieldsModule.toMap(Inner.Fields);

    /// <summary>One field, or null.</summary>
    public string? Field(string name)
    {
        var found = Core.FieldsModule.tryFind(name, Inner.Fields);
        return found.IsSome ? found.Value : null;
    }

    /// <summary>Sets a field, in place of one of the same name.</summary>
    /// <exception cref="ArgumentException">The name is empty or over 32,767 bytes, or a text holds a lone surrogate.</exception>
    public Command With(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        var fields = Core.FieldsModule.add(name, value, Inner.Fields);
        return fields.Fault.IsSome
            ? throw new ArgumentException(fields.Fault.Value.Message, nameof(name))
            : new(Core.Command.withFields(fields, Inner));
    }

    /// <summary>Sets the payload. The memory is not copied: leave it alone until the request has been answered.</summary>
    public Command WithBody(ReadOnlyMemory<byte> body) => new(Core.Command.withBody(body, Inner));

    /// <summary>Sets the text for people.</summary>
    public Command WithRemark(string remark)
    {
        ArgumentNullException.ThrowIfNull(remark);
        return new(Core.Command.withRemark(remark, Inner));
    }

    /// <summary>Code, opaque, fields and the size of the body; never the body itself.</summary>
    public override string ToString() => Inner.ToString();
}
