using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace RocketMq.Hosting;

/// <summary>Has batches handled, each in a scope, and passes over what cannot be read.</summary>
internal sealed class BatchPipeline<THandler, T>(
    string group,
    IServiceScopeFactory scopes,
    IReadOnlyList<IConsumeMiddleware> observers,
    IMessageSerializer serializer,
    ConsumeResult unreadableBody,
    ILogger logger)
    where THandler : class, IBatchHandler<T>
{
    internal async Task<IReadOnlyList<ConsumeResult>> HandleAsync(
        IReadOnlyList<ReceivedMessage> messages, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var verdicts = new ConsumeResult[messages.Count];
        var (batch, places) = Read(messages, verdicts);

        if (batch.Count > 0)
        {
            var handler = scope.ServiceProvider.GetRequiredService<THandler>();
            var handled = await handler.HandleAsync(batch, cancellationToken).ConfigureAwait(false);

            if (handled.Count != batch.Count)
            {
                throw new InvalidOperationException(
                    $"{typeof(THandler).Name} returned {handled.Count} results for {batch.Count} messages.");
            }

            for (var index = 0; index < batch.Count; index++)
            {
                verdicts[places[index]] = handled[index];
            }
        }

        await NotifyAsync(messages, verdicts, scope.ServiceProvider, cancellationToken).ConfigureAwait(false);
        return verdicts;
    }

    private (List<BatchMessage<T>> Batch, List<int> Places) Read(IReadOnlyList<ReceivedMessage> messages, ConsumeResult[] verdicts)
    {
        var batch = new List<BatchMessage<T>>(messages.Count);
        var places = new List<int>(messages.Count);

        for (var index = 0; index < messages.Count; index++)
        {
            var message = messages[index];

            try
            {
                batch.Add(new(message.Read<T>(serializer), message));
                places.Add(index);
            }
            catch (MessageBodyException error)
            {
                HostingLog.BodyUnreadable(
                    logger, group, message.Topic, message.Queue.QueueId, message.QueueOffset, message.MessageId, HostingLog.OneLine(error.Message));
                verdicts[index] = unreadableBody;
            }
        }

        return (batch, places);
    }

    /// <summary>Middleware of all clusters sees each message with its verdict, when all are there.</summary>
    private async Task NotifyAsync(
        IReadOnlyList<ReceivedMessage> messages, ConsumeResult[] verdicts, IServiceProvider services, CancellationToken cancellationToken)
    {
        foreach (var observer in observers)
        {
            for (var index = 0; index < messages.Count; index++)
            {
                var verdict = verdicts[index];
                var context = new ConsumeContext(messages[index], group, services, cancellationToken);
                await observer.InvokeAsync(context, _ => Task.FromResult(verdict)).ConfigureAwait(false);
            }
        }
    }
}
