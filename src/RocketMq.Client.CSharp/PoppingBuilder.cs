using Microsoft.Extensions.Logging;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>What both consumers that pop set up. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TBuilder">The builder itself.</typeparam>
public abstract class PoppingBuilder<TBuilder> : ConnectionBuilder<TBuilder>
    where TBuilder : PoppingBuilder<TBuilder>
{
    private protected PoppingBuilder(RemotingSettings remoting) : base(remoting) { }

    private protected override bool FindsServers => true;

    private protected abstract Core.PopMembership Membership { get; }

    private protected abstract TBuilder With(Core.PopMembership membership);

    /// <summary>The name servers, "host:port;host:port". Default those of the environment variable NAMESRV_ADDR, as in Java.</summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public TBuilder NameServers(string addresses) =>
        With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>Reads a topic: messages with one of the tags, joined with "||", or all of them. May be called for several topics.</summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before.</exception>
    public TBuilder Subscribe(string topic, string tags = "*")
    {
        ArgumentNullException.ThrowIfNull(tags);
        return Subscribe(topic, Core.Filter.NewByTag(tags));
    }

    /// <summary>
    /// Reads a topic: messages whose properties fit an SQL92 expression, such as "price > 10 AND region = 'EU'". Brokers need
    /// <c>enablePropertyFilter=true</c>.
    /// </summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before.</exception>
    public TBuilder SubscribeSql92(string topic, string expression)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(expression);
        return Subscribe(topic, Core.Filter.NewBySql92(expression));
    }

    /// <summary>Where to begin if the group has popped nothing. Default <see cref="ConsumeFrom.LastOffset"/>.</summary>
    public TBuilder From(ConsumeFrom value) => With(Core.PopMembershipModule.from(
        value == ConsumeFrom.FirstOffset ? Core.ConsumeFrom.FirstOffset : Core.ConsumeFrom.LastOffset, Membership));

    /// <summary>Tells this client from others of the host. Default: a name of its own.</summary>
    public TBuilder InstanceName(string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(value);
        return With(Core.PopMembershipModule.withInstanceName(value, Membership));
    }

    /// <summary>Where to log. Default nowhere.</summary>
    public TBuilder Logger(ILogger value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(Remoting with { Logger = value });
    }

    private TBuilder Subscribe(string topic, Core.Filter filter) => With(
        Core.PopMembershipModule.subscribe(Subscribed.Topic(topic, Membership.Subscriptions), filter, Membership));

    /// <summary>With all that connections need.</summary>
    private protected Core.PopMembership WithConnections() => Core.PopMembershipModule.withRemoting(
        Remoting.ToCore(Core.WhenDisconnected.FailWithDial),
        Core.PopMembershipModule.withNameServers(FoundNameServers(null), Membership));
}
