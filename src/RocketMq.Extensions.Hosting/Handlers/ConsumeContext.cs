namespace RocketMq.Hosting;

/// <summary>A message on its way through middleware to its handler.</summary>
public sealed class ConsumeContext
{
    /// <param name="message">The message.</param>
    /// <param name="group">The consumer's group.</param>
    /// <param name="services">The scope of the message.</param>
    /// <param name="cancellationToken">The handler's token.</param>
    public ConsumeContext(ReceivedMessage message, string group, IServiceProvider services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(services);
        (Message, Group, Services, CancellationToken) = (message, group, services, cancellationToken);
    }

    /// <summary>The message.</summary>
    public ReceivedMessage Message { get; }

    /// <summary>The consumer's group.</summary>
    public string Group { get; }

    /// <summary>The services of the message's scope.</summary>
    public IServiceProvider Services { get; }

    /// <summary>See <see cref="IMessageHandler.HandleAsync"/>.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>What middleware leaves for what comes behind it.</summary>
    public IDictionary<object, object?> Items => field ??= new Dictionary<object, object?>();

    /// <inheritdoc/>
    public override string ToString() => $"{Group}: {Message}";
}

/// <summary>What comes next on a message's way: other middleware, or the handler.</summary>
public delegate Task<ConsumeResult> ConsumeHandler(ConsumeContext context);

/// <summary>
/// Stands around the handlers of single messages: before, after, and in place of them. <see cref="RocketMqBuilder.Use{TMiddleware}"/> puts
/// it around those of one cluster; singletons that are registered as this interface stand around those of all clusters, outermost.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Naming", "CA1716", Justification = "Middleware of .NET names it so.")]
public interface IConsumeMiddleware
{
    /// <summary>Handles a message, mostly by <paramref name="next"/>, and says what becomes of it.</summary>
    /// <param name="context">The message, and where it is.</param>
    /// <param name="next">The next middleware, or the handler. It may be called several times, or not at all.</param>
    Task<ConsumeResult> InvokeAsync(ConsumeContext context, ConsumeHandler next);
}
