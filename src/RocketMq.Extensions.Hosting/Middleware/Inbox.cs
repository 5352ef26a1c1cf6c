using Microsoft.Extensions.Logging;

namespace RocketMq.Hosting;

/// <summary>What an inbox says of a key that a message begins with.</summary>
public enum InboxState
{
    /// <summary>It is new, or its lease was over: it is this message's for the time of the lease.</summary>
    Begun,

    /// <summary>It has been completed: the message is not handled again.</summary>
    Completed,

    /// <summary>It has been begun elsewhere, and its lease is not over: the message comes again later.</summary>
    Busy,
}

/// <summary>
/// Knows which messages a group has handled, so that one that is delivered twice is handled once. The application implements it over
/// its own database. A key is begun with a lease, and then completed, or abandoned; one that is neither, because the process died, is
/// free again when its lease is over. A handler that writes to the same database completes its key itself, in its own transaction:
/// then what it wrote and the completion stand or fall together. Used by several threads at a time.
/// </summary>
public interface IInbox
{
    /// <summary>Begins with a key, in one step with looking at it.</summary>
    /// <param name="group">The consumer's group: groups handle the same message each for itself.</param>
    /// <param name="key">The message's key, see <see cref="InboxOptions.KeyOf"/>.</param>
    /// <param name="lease">How long the key is not given to others unless it is abandoned.</param>
    /// <param name="cancellationToken">The handler's token.</param>
    Task<InboxState> BeginAsync(string group, string key, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Completes a key for good. One that is completed already stays so.</summary>
    Task CompleteAsync(string group, string key, CancellationToken cancellationToken);

    /// <summary>Gives a key back that is not completed. One that is completed stays so.</summary>
    Task AbandonAsync(string group, string key, CancellationToken cancellationToken);
}

/// <summary>How messages are told apart in an inbox.</summary>
public sealed class InboxOptions
{
    /// <summary>How long a key is not given to others. Longer than handlers take. Default 15 min, as the consume timeout.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>When a message comes again whose key was begun elsewhere. Default 30 s.</summary>
    public TimeSpan BusyRetry { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The key of a message. Default <see cref="ReceivedMessage.MessageId"/>, which stays the same when a send or a delivery is repeated.
    /// </summary>
    public Func<ReceivedMessage, string> KeyOf { get; init; } = static message => message.MessageId;
}

/// <summary>Has each message handled once: only one whose key is completed is passed over.</summary>
internal sealed class InboxMiddleware(IInbox inbox, InboxOptions options, ILogger logger) : IConsumeMiddleware
{
    public async Task<ConsumeResult> InvokeAsync(ConsumeContext context, ConsumeHandler next)
    {
        var key = options.KeyOf(context.Message);

        switch (await inbox.BeginAsync(context.Group, key, options.Lease, context.CancellationToken).ConfigureAwait(false))
        {
            case InboxState.Completed:
                HostingLog.AlreadyCompleted(logger, context.Group, key);
                return ConsumeResult.Success;
            case InboxState.Busy:
                HostingLog.HandledElsewhere(logger, context.Group, key, options.BusyRetry);
                return ConsumeResult.RetryAfter(options.BusyRetry);
            default:
                return await HandleAsync(context, key, next).ConfigureAwait(false);
        }
    }

    private async Task<ConsumeResult> HandleAsync(ConsumeContext context, string key, ConsumeHandler next)
    {
        ConsumeResult result;

        try
        {
            result = await next(context).ConfigureAwait(false);
        }
        catch
        {
            await AbandonAsync(context, key).ConfigureAwait(false);
            throw;
        }

        // A dead letter may be handled again, when it is replayed.
        if (result == ConsumeResult.Success)
        {
            // What is done is done, whether the host stops meanwhile or not.
            await inbox.CompleteAsync(context.Group, key, CancellationToken.None).ConfigureAwait(false);
        }
        else
        {
            await AbandonAsync(context, key).ConfigureAwait(false);
        }

        return result;
    }

    /// <summary>A key that cannot be abandoned is free again when its lease is over.</summary>
    private async Task AbandonAsync(ConsumeContext context, string key)
    {
        try
        {
            await inbox.AbandonAsync(context.Group, key, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            HostingLog.NotAbandoned(logger, context.Group, key, HostingLog.OneLine(error.Message));
        }
    }
}
