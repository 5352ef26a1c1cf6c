using Microsoft.Extensions.DependencyInjection;
using RocketMq.Client;
using RocketMq.Client.Administration;

namespace RocketMq.Hosting;

/// <summary>Registers administration with a service.</summary>
public static class RocketMqAdministrationExtensions
{
    /// <summary>
    /// An <see cref="AdminClient"/> of the cluster: with a name, or in a cluster that has one, under that key. It works over the cluster's
    /// <see cref="RocketMqClient"/>, with its name servers, TLS and credentials: nothing is connected to before the first call, and
    /// calls fail when the host has stopped.
    /// </summary>
    /// <param name="builder">The cluster.</param>
    /// <param name="name">Its name; null for the cluster's.</param>
    /// <param name="options">How actions are carried out; null for the defaults.</param>
    /// <exception cref="InvalidOperationException">There is one of that name already.</exception>
    public static RocketMqBuilder AddAdminClient(
        this RocketMqBuilder builder, string? name = null, AdminClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(builder);

        if (name is not null)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(name);
        }

        object? cluster = builder.Name.Length == 0 ? null : builder.Name;
        var key = name ?? cluster;

        if (builder.Services.Any(other => other.ServiceType == typeof(AdminClient) && Equals(other.ServiceKey, key)))
        {
            throw new InvalidOperationException(
                $"There is an admin client {key ?? "without a name"} already, of another cluster perhaps: names are keys of services. Give this one another name.");
        }

        if (key is null)
        {
            builder.Services.AddSingleton(services => Create(services, cluster, options));
        }
        else
        {
            builder.Services.AddKeyedSingleton(key, (services, _) => Create(services, cluster, options));
        }

        return builder;
    }

    private static AdminClient Create(IServiceProvider services, object? cluster, AdminClientOptions? options) => new(
        cluster is null
            ? services.GetRequiredService<RocketMqClient>()
            : services.GetRequiredKeyedService<RocketMqClient>(cluster),
        options);
}
