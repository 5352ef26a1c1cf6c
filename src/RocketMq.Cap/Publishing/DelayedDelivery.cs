namespace RocketMq.Cap;

/// <summary>Who holds back what is published with a delay.</summary>
public enum DelayedDelivery
{
    /// <summary>
    /// The brokers, if all that have answered so far are of 5.0 or later; CAP's scheduler if one is older, or none has
    /// answered yet.
    /// </summary>
    Auto,

    /// <summary>The brokers, by timer messages. Brokers before 5.0 would deliver them at once.</summary>
    Broker,

    /// <summary>CAP's scheduler, which sends a message when its time has come.</summary>
    Scheduler,
}
