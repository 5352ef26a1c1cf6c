using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace RocketMq.Hosting;

/// <summary>Middleware that comes with the package.</summary>
public static class RocketMqBuilderMiddlewareExtensions
{
    /// <summary>Puts group, topic, message id and attempt into the scope of all that handlers log.</summary>
    public static RocketMqBuilder UseLogScope(this RocketMqBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Use<LogScopeMiddleware>();
    }

    /// <summary>Says what becomes of messages whose handlers throw, by the types of the exceptions.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Adds rules: <c>map => map.On&lt;InvalidOrderException&gt;(ConsumeResult.DeadLetter)</c>.</param>
    public static RocketMqBuilder UseRetryMap(this RocketMqBuilder builder, Func<RetryMap, RetryMap> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        var map = configure(new RetryMap());
        return builder.Use(services => new RetryMappingMiddleware(map, ClientDefaults.LoggerOf(services)));
    }

    /// <summary>Has each message handled once, by an inbox that the application implements.</summary>
    /// <typeparam name="TInbox">The inbox; registered as scoped unless it is registered already.</typeparam>
    /// <param name="builder">The builder.</param>
    /// <param name="options">How messages are told apart; null for the defaults.</param>
    public static RocketMqBuilder UseInbox<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TInbox>(
        this RocketMqBuilder builder, InboxOptions? options = null)
        where TInbox : class, IInbox
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddScoped<TInbox>();
        var given = options ?? new InboxOptions();
        return builder.Use(services =>
            new InboxMiddleware(services.GetRequiredService<TInbox>(), given, ClientDefaults.LoggerOf(services)));
    }
}
