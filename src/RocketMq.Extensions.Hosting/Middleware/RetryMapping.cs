using Microsoft.Extensions.Logging;

namespace RocketMq.Hosting;

/// <summary>What becomes of messages whose handlers throw, by the types of the exceptions. Immutable; each method gives a new one.</summary>
public sealed class RetryMap
{
    private readonly IReadOnlyList<(Func<Exception, bool> Fits, ConsumeResult Result)> _rules;

    /// <summary>Nothing is mapped: a message whose handler throws comes again.</summary>
    public RetryMap() => _rules = [];

    private RetryMap(IReadOnlyList<(Func<Exception, bool>, ConsumeResult)> rules) => _rules = rules;

    /// <summary>After exceptions of a type, and of types derived from it. Of several rules the first that fits counts.</summary>
    /// <typeparam name="TException">The type.</typeparam>
    /// <param name="result">What becomes of the message.</param>
    /// <param name="when">Which of them are meant; null for all.</param>
    public RetryMap On<TException>(ConsumeResult result, Func<TException, bool>? when = null)
        where TException : Exception =>
        new([.. _rules, (error => error is TException one && (when is null || when(one)), result)]);

    /// <summary>What an exception is mapped to; null if no rule fits.</summary>
    public ConsumeResult? Find(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);

        foreach (var (fits, result) in _rules)
        {
            if (fits(exception))
            {
                return result;
            }
        }

        return null;
    }
}

/// <summary>
/// Gives the verdict that the type of a handler's exception is mapped to, and logs the exception (event 1413). Others go on as they are.
/// </summary>
internal sealed class RetryMappingMiddleware(RetryMap map, ILogger logger) : IConsumeMiddleware
{
    public async Task<ConsumeResult> InvokeAsync(ConsumeContext context, ConsumeHandler next)
    {
        try
        {
            return await next(context).ConfigureAwait(false);
        }
        catch (Exception error) when (!context.CancellationToken.IsCancellationRequested && map.Find(error) is { } result)
        {
            var message = context.Message;
            HostingLog.FailureMapped(
                logger,
                context.Group,
                message.Topic,
                message.Queue.QueueId,
                message.QueueOffset,
                message.MessageId,
                error.GetType().Name,
                result.ToString(),
                HostingLog.OneLine(error.Message));
            return result;
        }
    }
}
