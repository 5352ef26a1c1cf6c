using DotNetCore.CAP;
using RocketMq.Cap;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Has CAP send and receive by RocketMQ.</summary>
public static class RocketMqCapOptionsExtensions
{
    /// <summary>Uses RocketMQ as CAP's transport.</summary>
    /// <param name="options">CAP's options.</param>
    /// <param name="nameServers">The name servers, "host:port;host:port".</param>
    /// <returns>The same options.</returns>
    public static CapOptions UseRocketMq(this CapOptions options, string nameServers)
    {
        ArgumentNullException.ThrowIfNull(nameServers);
        return options.UseRocketMq(rocketMq => rocketMq.NameServers = nameServers);
    }

    /// <summary>Uses RocketMQ as CAP's transport. What is wrong with the options is reported when the host starts, all of it at once.</summary>
    /// <param name="options">CAP's options.</param>
    /// <param name="configure">Sets up the transport.</param>
    /// <returns>The same options.</returns>
    public static CapOptions UseRocketMq(this CapOptions options, Action<RocketMqCapOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(configure);
        options.RegisterExtension(new RocketMqCapExtension(configure));
        return options;
    }
}
