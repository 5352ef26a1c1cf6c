using Microsoft.FSharp.Collections;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>What builders remember of topics.</summary>
internal static class Subscribed
{
    /// <summary>The topic, valid and not subscribed to before.</summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">There is a subscription to it already.</exception>
    internal static string Topic(string topic, FSharpList<Tuple<string, Core.Filter>> subscriptions)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var name = Core.Names.checkTopic(topic).OrThrowArgument(nameof(topic));
        return subscriptions.Any(subscription => subscription.Item1 == name)
            ? throw new InvalidOperationException(
                $"Topic {name} has been subscribed to before, and this would replace it. Join tags with \"||\".")
            : name;
    }
}
