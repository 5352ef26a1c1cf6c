using Microsoft.FSharp.Collections;
using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>What builders remember of topics.</summary>
internal static class Subscribed
{
    /// <summary>The topic, valid and not subscribed to before with another expression.</summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">There is another subscription to it already.</exception>
    internal static string Topic(string topic, Core.Filter filter, FSharpList<Tuple<string, Core.Filter>> subscriptions)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var name = Core.Names.checkTopic(topic).OrThrowArgument(nameof(topic));
        return subscriptions.Any(subscription => subscription.Item1 == name && !subscription.Item2.Equals(filter))
            ? throw new InvalidOperationException(
                $"Topic {name} has been subscribed to before, and this would replace it. Join tags with \"||\".")
            : name;
    }
}
