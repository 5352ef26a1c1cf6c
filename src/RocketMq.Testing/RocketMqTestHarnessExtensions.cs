using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using RocketMq.Client;
using RocketMq.Hosting;
using RocketMq.Testing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts a test harness in the place of a service's clusters.</summary>
public static class RocketMqTestHarnessExtensions
{
    /// <summary>
    /// Has all clusters of the service be the harness's broker, whatever the configuration says, and the harness know what their
    /// handlers do: for <c>ConfigureTestServices</c> of a <c>WebApplicationFactory</c>, or the services of any host.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="harness">The harness, which the test disposes of.</param>
    public static IServiceCollection AddRocketMqTestHarness(this IServiceCollection services, RocketMqTestHarness harness)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(harness);
        services.TryAddSingleton(harness);
        services.AddSingleton<IPostConfigureOptions<RocketMqOptions>>(new HarnessAddresses(harness));
        services.AddSingleton<IConsumeMiddleware>(new HarnessMiddleware(harness));
        services.AddSingleton<IClientObserver>(new HarnessCodecs(harness));
        return services;
    }

    /// <summary>Addresses, credentials and TLS of the clusters are those of the harness.</summary>
    private sealed class HarnessAddresses(RocketMqTestHarness harness) : IPostConfigureOptions<RocketMqOptions>
    {
        private static readonly string[] OfTheCluster = ["accessKey", "secretKey", "securityToken"];

        public void PostConfigure(string? name, RocketMqOptions options)
        {
            foreach (var setting in options.Settings.Select(setting => setting.Key).ToList())
            {
                if (OfTheCluster.Contains(setting, StringComparer.OrdinalIgnoreCase)
                    || setting.StartsWith("tls", StringComparison.OrdinalIgnoreCase))
                {
                    options.Settings[setting] = null;
                }
            }

            options.NameServers = harness.NameServers;
            var configure = options.ConfigureClient;
            options.ConfigureClient = builder => (configure?.Invoke(builder) ?? builder).NameServers(harness.NameServers);
        }
    }

    /// <summary>What the clients of the service write the harness can read.</summary>
    private sealed class HarnessCodecs(RocketMqTestHarness harness) : IClientObserver
    {
        public void Configured<TBuilder>(ClientBuilder<TBuilder> builder) where TBuilder : ClientBuilder<TBuilder> => harness.ReadAs(builder);
    }

    private sealed class HarnessMiddleware(RocketMqTestHarness harness) : IConsumeMiddleware
    {
        public Task<ConsumeResult> InvokeAsync(ConsumeContext context, ConsumeHandler next) =>
            harness.RecordAsync(context.Group, context.Message, () => next(context));
    }
}
