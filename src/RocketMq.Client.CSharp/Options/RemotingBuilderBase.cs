namespace RocketMq.Client;

/// <summary>Answers a request that a server sends; null sends no answer. A one-way request never gets one.</summary>
public delegate Task<Command?> CommandHandler(Command request);

/// <summary>What the builders set up whose clients send commands of any kind.</summary>
/// <typeparam name="TSelf">The builder itself.</typeparam>
public abstract class RemotingBuilderBase<TSelf> : ConnectionBuilder<TSelf>
    where TSelf : RemotingBuilderBase<TSelf>
{
    private protected RemotingBuilderBase(Draft draft) : base(draft) { }

    private protected static Draft Defaults => Draft.Of(Core.OptionKind.ofConnections, Core.RemotingOptions.Default);

    /// <summary>Answers requests of the server with that code. Others are answered with RequestCodeNotSupported.</summary>
    /// <exception cref="InvalidOperationException">It has been called for that code before.</exception>
    public TSelf OnRequest(RequestCode code, CommandHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var handlers = Draft.Remoting.Handlers;
        var coreCode = (Core.Protocol.RequestCode)(int)code;
        return handlers.ContainsKey(coreCode)
            ? throw Handlers.AlreadySet($"{nameof(OnRequest)}({code})")
            : Set(handlers.Add(coreCode, ToCore(handler)));
    }

    private static FSharpFunc<Core.Protocol.RemotingCommand, Task<FSharpOption<Core.Protocol.RemotingCommand>?>> ToCore(CommandHandler handler)
    {
        async Task<FSharpOption<Core.Protocol.RemotingCommand>?> Handle(Core.Protocol.RemotingCommand request)
        {
            var answer = await (handler(new Command(request)) ?? throw Handlers.NoTask(handler)).ConfigureAwait(false);
            return answer is null ? null : FSharpOption<Core.Protocol.RemotingCommand>.Some(answer.Inner);
        }

        return FuncConvert.FromFunc<Core.Protocol.RemotingCommand, Task<FSharpOption<Core.Protocol.RemotingCommand>?>>(Handle);
    }
}
