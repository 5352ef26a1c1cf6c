using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace RocketMq.Hosting;

/// <summary>
/// Has a message handled: makes its scope, leads it through middleware to its handler, and disposes of the scope before the consumer
/// learns the verdict.
/// </summary>
internal sealed class MessagePipeline(
    string group,
    IServiceScopeFactory scopes,
    IReadOnlyList<Func<IServiceProvider, IConsumeMiddleware>> middleware,
    ConsumeHandler handler,
    ConsumeResult unreadableBody,
    ILogger logger)
{
    internal async Task<ConsumeResult> HandleAsync(ReceivedMessage message, CancellationToken cancellationToken)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var context = new ConsumeContext(message, group, scope.ServiceProvider, cancellationToken);
            return await NextAsync(context, 0).ConfigureAwait(false);
        }
        catch (MessageBodyException error)
        {
            HostingLog.BodyUnreadable(logger, group, message.Topic, message.Queue.QueueId, message.QueueOffset, message.MessageId, HostingLog.OneLine(error.Message));
            return unreadableBody;
        }
    }

    private Task<ConsumeResult> NextAsync(ConsumeContext context, int index) =>
        index < middleware.Count
            ? middleware[index](context.Services).InvokeAsync(context, next => NextAsync(next, index + 1))
            : handler(context);
}
