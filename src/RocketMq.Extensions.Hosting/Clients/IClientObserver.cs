namespace RocketMq.Hosting;

/// <summary>Sees how the clients of a service are set up, before they are made: a test harness reads what they write.</summary>
internal interface IClientObserver
{
    /// <summary>Also called of clients that only show what is wrong with the options, and never start.</summary>
    void Configured<TBuilder>(ClientBuilder<TBuilder> builder) where TBuilder : ClientBuilder<TBuilder>;
}
