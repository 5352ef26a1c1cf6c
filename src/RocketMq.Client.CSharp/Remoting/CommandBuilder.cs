using System.Collections.Immutable;

namespace RocketMq.Client;

/// <summary>
/// Sets up a <see cref="Command"/> step by step, in any order. Immutable; each method gives a new one. What a code calls a
/// field otherwise than others do (a topic is "b" in <see cref="RequestCode.SendMessageV2"/>) is found when it is built.
/// </summary>
public sealed class CommandBuilder
{
    private readonly Core.Protocol.RemotingCommand _frame;
    private readonly ImmutableList<Func<Core.Protocol.RemotingCommand, Core.Protocol.RemotingCommand>> _steps;

    private CommandBuilder(
        Core.Protocol.RemotingCommand frame,
        ImmutableList<Func<Core.Protocol.RemotingCommand, Core.Protocol.RemotingCommand>> steps)
    {
        _frame = frame;
        _steps = steps;
    }

    internal static CommandBuilder Empty { get; } = new(
        Core.Protocol.Command.request((Core.Protocol.RequestCode)0),
        []);

    /// <summary>What a request asks for.</summary>
    public CommandBuilder Code(RequestCode code) => With(Core.Protocol.Command.withCode((int)code, _frame));

    /// <summary>How a request ended. Makes it an answer.</summary>
    public CommandBuilder Code(ResponseCode code) => With(Core.Protocol.Command.asResponse(Core.Protocol.Command.withCode((int)code, _frame)));

    /// <summary>The language of the sender, as Java names it. Default "DOTNET".</summary>
    /// <exception cref="ArgumentException">Java has no such name.</exception>
    public CommandBuilder Language(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var language = Core.Protocol.LanguageCodeModule.ofName(name);
        return language == Core.Protocol.LanguageCode.Unnamed
            ? throw new ArgumentException($"'{name}' is no language that Java names.", nameof(name))
            : With(Core.Protocol.Command.withLanguage(language, _frame));
    }

    /// <summary>The protocol version that the sender claims. Default 409, which is 4.9.8.</summary>
    public CommandBuilder Version(int version) => With(Core.Protocol.Command.withVersion(version, _frame));

    /// <summary>The number that pairs an answer with its request. A client that sends a request chooses its own.</summary>
    public CommandBuilder Opaque(int opaque) => With(Core.Protocol.Command.withOpaque(opaque, _frame));

    /// <summary>All bits at once: 1 answer, 2 one-way.</summary>
    public CommandBuilder Flag(int flag) => With(Core.Protocol.Command.withFlag(flag, _frame));

    /// <summary>A request that wants an answer. This is the default.</summary>
    public CommandBuilder AsRequest() => With(Core.Protocol.Command.asRequest(_frame));

    /// <summary>An answer.</summary>
    public CommandBuilder AsResponse() => With(Core.Protocol.Command.asResponse(_frame));

    /// <summary>A request that must not be answered.</summary>
    public CommandBuilder AsOneWay() => With(Core.Protocol.Command.asOneWay(_frame));

    /// <summary>Text for people.</summary>
    public CommandBuilder Remark(string remark)
    {
        ArgumentNullException.ThrowIfNull(remark);
        return With(Core.Protocol.Command.withRemark(remark, _frame));
    }

    /// <summary>The payload. Not copied.</summary>
    public CommandBuilder Body(ReadOnlyMemory<byte> body) => With(Core.Protocol.Command.withBody(body, _frame));

    /// <summary>Sets a field, in place of one of the same name.</summary>
    public CommandBuilder Field(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        return Then(command => Core.Protocol.Command.withField(name, value, command));
    }

    /// <summary>Sets several fields and leaves the others.</summary>
    public CommandBuilder Fields(IEnumerable<KeyValuePair<string, string>> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return fields.Aggregate(this, (builder, field) => builder.Field(field.Key, field.Value));
    }

    /// <summary>Takes away all fields that were set before.</summary>
    public CommandBuilder ClearFields() => new(Core.Protocol.Command.withoutFields(_frame), []);

    /// <summary>The topic.</summary>
    public CommandBuilder Topic(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return Then(command => Core.Protocol.Commands.withTopic(topic, command));
    }

    /// <summary>The group of producers.</summary>
    public CommandBuilder ProducerGroup(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return Then(command => Core.Protocol.Commands.withProducerGroup(group, command));
    }

    /// <summary>The group of consumers.</summary>
    public CommandBuilder ConsumerGroup(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return Then(command => Core.Protocol.Commands.withConsumerGroup(group, command));
    }

    /// <summary>The queue.</summary>
    public CommandBuilder QueueId(int queueId) => Then(command => Core.Protocol.Commands.withQueueId(queueId, command));

    /// <summary>The offset.</summary>
    public CommandBuilder Offset(long offset) => Then(command => Core.Protocol.Commands.withOffset(offset, command));

    /// <summary>The tag of the message that a send carries.</summary>
    public CommandBuilder Tags(string tag)
    {
        ArgumentNullException.ThrowIfNull(tag);
        return Then(command => Core.Protocol.Commands.withTags(tag, command));
    }

    /// <summary>The keys of the message that a send carries, joined with blanks.</summary>
    public CommandBuilder Keys(string keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return Then(command => Core.Protocol.Commands.withKeys(keys, command));
    }

    /// <summary>Whether the broker answers only when the message is as safe as it makes messages.</summary>
    public CommandBuilder WaitStoreOk(bool isWaiting) => Then(command => Core.Protocol.Commands.withWaitStoreOk(isWaiting, command));

    /// <summary>Whether the body of a send holds several messages.</summary>
    public CommandBuilder Batch(bool isBatch = true) => Then(command => Core.Protocol.Commands.withBatch(isBatch, command));

    /// <summary>The command.</summary>
    /// <exception cref="ArgumentException">A field or property has no form on the wire.</exception>
    public Command Build()
    {
        var command = _steps.Aggregate(_frame, (command, step) => step(command));
        var fault = command.Fields.Fault;
        return fault.IsSome ? throw new ArgumentException(fault.Value.Message) : new Command(command);
    }

    private CommandBuilder With(Core.Protocol.RemotingCommand frame) => new(frame, _steps);

    private CommandBuilder Then(Func<Core.Protocol.RemotingCommand, Core.Protocol.RemotingCommand> step) => new(_frame, _steps.Add(step));
}
