namespace RocketMq.Cap;

/// <summary>Who holds back a message, and the one rule that decides it.</summary>
internal enum DelayRoute
{
    /// <summary>It is due.</summary>
    Now,

    /// <summary>A broker, by a timer message.</summary>
    Broker,

    /// <summary>CAP's scheduler, out of its storage.</summary>
    Scheduler,
}

internal static class DelayRoutes
{
    /// <summary>Timer messages are of this release.</summary>
    private static readonly Version FirstWithTimers = new(5, 0);

    /// <param name="delivery">What the application chose.</param>
    /// <param name="maxBrokerDelay">The longest delay that brokers take.</param>
    /// <param name="oldestBroker">Of those that have answered so far; null if none has.</param>
    /// <param name="wait">Until the message is due.</param>
    internal static DelayRoute Choose(DelayedDelivery delivery, TimeSpan maxBrokerDelay, Version? oldestBroker, TimeSpan wait)
    {
        if (wait <= TimeSpan.Zero)
        {
            return DelayRoute.Now;
        }

        var haveTimers = delivery switch
        {
            DelayedDelivery.Broker => true,
            DelayedDelivery.Scheduler => false,
            _ => oldestBroker is not null && oldestBroker >= FirstWithTimers,
        };

        return haveTimers && wait <= maxBrokerDelay ? DelayRoute.Broker : DelayRoute.Scheduler;
    }
}
