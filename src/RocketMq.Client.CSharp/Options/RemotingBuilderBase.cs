using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>Answers a request that a server sends; null sends no answer. A one-way request never gets one.</summary>
public delegate Task<Command?> CommandHandler(Command request);

/// <summary>What the builders set up whose clients send commands of any kind.</summary>
/// <typeparam name="TBuilder">The builder itself.</typeparam>
public abstract class RemotingBuilderBase<TBuilder> : ConnectionBuilder<TBuilder>
    where TBuilder : RemotingBuilderBase<TBuilder>
{
    private protected RemotingBuilderBase(RemotingSettings remoting) : base(remoting) { }

    private protected override TBuilder Read(string? settings) => With(Remoting with
    {
        Options = settings is null
            ? Core.OptionText.ofEnvironment(Remoting.Options).OrThrow("environment")
            : Core.OptionText.parse(settings, Remoting.Options).OrThrow(nameof(settings)),
    });

    /// <summary>Answers requests of the server with that code. Others are answered with RequestCodeNotSupported.</summary>
    /// <exception cref="InvalidOperationException">It has been called for that code before.</exception>
    public TBuilder OnRequest(RequestCode code, CommandHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);

        if (Remoting.Handlers.ContainsKey(code))
        {
            throw Handlers.AlreadySet($"{nameof(OnRequest)}({code})");
        }

        return With(Remoting with { Handlers = Remoting.Handlers.SetItem(code, handler) });
    }
}
