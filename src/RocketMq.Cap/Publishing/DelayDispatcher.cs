using System.Globalization;
using DotNetCore.CAP.Internal;
using DotNetCore.CAP.Messages;
using DotNetCore.CAP.Persistence;
using DotNetCore.CAP.Transport;

namespace RocketMq.Cap;

/// <summary>
/// CAP's dispatcher, but for what is published with a delay: what a broker can hold back is sent at once, with the time of its delivery.
/// See docs/decisions/0019-delays-of-cap.md.
/// </summary>
internal sealed class DelayDispatcher(IDispatcher inner, RocketMqConnection connection, TimeProvider? clock = null) : IDispatcher
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;

    public ValueTask StartAsync(CancellationToken stoppingToken) => inner.StartAsync(stoppingToken);

    public ValueTask EnqueueToExecute(MediumMessage message, ConsumerExecutorDescriptor? descriptor = null) =>
        inner.EnqueueToExecute(message, descriptor);

    /// <summary>CAP calls this for a delayed message as well, when an earlier attempt failed or the process had ended before.</summary>
    public async ValueTask EnqueueToPublish(MediumMessage message)
    {
        if (DueOf(message.Origin) is { } due && due > LocalNow)
        {
            await EnqueueToScheduler(message, due).ConfigureAwait(false);
        }
        else
        {
            message.Origin.Headers.Remove(RocketMqHeaders.DeliverAt);
            await inner.EnqueueToPublish(message).ConfigureAwait(false);
        }
    }

    /// <param name="message">The message.</param>
    /// <param name="publishTime">When it is due, in local time, as CAP counts.</param>
    /// <param name="transaction">
    /// Of the storage: CAP holds a lock on the message, and changing its state outside of it would wait for that lock. Then it is
    /// due in minutes, and stays with CAP's scheduler.
    /// </param>
    public async Task EnqueueToScheduler(MediumMessage message, DateTime publishTime, object? transaction = null)
    {
        var options = connection.Options;
        var wait = publishTime - LocalNow;
        var route = transaction is null
            ? DelayRoutes.Choose(options.DelayedDelivery, options.MaxBrokerDelay, connection.OldestBroker, wait)
            : DelayRoute.Scheduler;

        if (route == DelayRoute.Broker)
        {
            var deliverAt = (_clock.GetUtcNow() + wait).ToUnixTimeMilliseconds();
            message.Origin.Headers[RocketMqHeaders.DeliverAt] = deliverAt.ToString(CultureInfo.InvariantCulture);
            await inner.EnqueueToPublish(message).ConfigureAwait(false);
        }
        else
        {
            message.Origin.Headers.Remove(RocketMqHeaders.DeliverAt);
            await inner.EnqueueToScheduler(message, publishTime, transaction).ConfigureAwait(false);
        }
    }

    public void Dispose() => inner.Dispose();

    private DateTime LocalNow => _clock.GetLocalNow().DateTime;

    /// <summary>When a message is due that was published with a delay, in local time to the second, as CAP writes it; null for others.</summary>
    private static DateTime? DueOf(DotNetCore.CAP.Messages.Message message) =>
        message.Headers.ContainsKey(Headers.DelayTime)
        && message.Headers.TryGetValue(Headers.SentTime, out var sentTime)
        && DateTime.TryParse(sentTime, CultureInfo.InvariantCulture, DateTimeStyles.None, out var due)
            ? due
            : null;
}
