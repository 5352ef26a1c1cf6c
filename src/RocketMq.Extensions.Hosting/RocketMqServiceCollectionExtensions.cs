using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using RocketMq.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers RocketMQ clusters with a service.</summary>
public static class RocketMqServiceCollectionExtensions
{
    private const string Section = "RocketMq";

    /// <summary>
    /// Registers a cluster by the section "RocketMq" of the configuration, the connection string "RocketMq", and a function, in this
    /// order: what comes later counts. All that is wrong is found before the host has started, with the place of each mistake.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>What registers the cluster's producers and consumers.</returns>
    public static RocketMqBuilder AddRocketMq(this IServiceCollection services, Action<RocketMqOptions>? configure = null) =>
        Add(services, Options.Options.DefaultName, null, configure);

    /// <summary>
    /// Registers a cluster that has a name, beside others: by the settings of the section "RocketMq", the section "RocketMq:{name}", the
    /// connection string of that name, and a function, in this order. Its services have the name as their key.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The name.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>What registers the cluster's producers and consumers.</returns>
    /// <exception cref="ArgumentException">The name is blank, or that of a part of the section: Producers, Consumers, Start.</exception>
    /// <exception cref="InvalidOperationException">There is a cluster whose name differs in upper and lower case alone.</exception>
    public static RocketMqBuilder AddRocketMq(
        this IServiceCollection services, string name, Action<RocketMqOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return ConfigurationReader.IsPart(name)
            ? throw new ArgumentException($"{name} is a part of the section RocketMq, and no name of a cluster.", nameof(name))
            : Add(services, name, null, configure);
    }

    /// <summary>As <see cref="AddRocketMq(IServiceCollection, Action{RocketMqOptions})"/>, by a section of another name.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>What registers the cluster's producers and consumers.</returns>
    /// <exception cref="InvalidOperationException">The cluster is read from another section already.</exception>
    public static RocketMqBuilder AddRocketMq(
        this IServiceCollection services, IConfigurationSection section, Action<RocketMqOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(section);
        return Add(services, Options.Options.DefaultName, section, configure);
    }

    private static RocketMqBuilder Add(
        IServiceCollection services, string name, IConfigurationSection? section, Action<RocketMqOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        var clusters = Single(services, () => new ClusterNames());
        var options = services.AddOptions<RocketMqOptions>(name);

        if (!clusters.TryFind(name, out var cluster))
        {
            cluster = clusters.Add(name);
            Register(services, cluster, options, clusters);
        }

        if (section is not null)
        {
            cluster.ReadFrom(section);
        }

        if (configure is not null)
        {
            options.Configure(configure);
        }

        return new(services, cluster);
    }

    private static void Register(
        IServiceCollection services,
        ClusterRegistration cluster,
        OptionsBuilder<RocketMqOptions> options,
        ClusterNames clusters)
    {
        var key = cluster.Key;

        options.Configure<IServiceProvider>((read, provider) => Read(read, cluster, clusters, provider.GetService<IConfiguration>()));
        services.AddSingleton<IValidateOptions<RocketMqOptions>>(provider => new ClusterValidator(cluster, provider));
        options.ValidateOnStart();

        if (key is null)
        {
            services.AddSingleton(provider => Runtime(provider, cluster));
            services.AddSingleton(provider => RocketMqBuilder.Runtime(provider, null).Client);
        }
        else
        {
            services.AddKeyedSingleton(key, (provider, _) => Runtime(provider, cluster));
            services.AddKeyedSingleton(key, (provider, _) => RocketMqBuilder.Runtime(provider, key).Client);
        }

        services.AddSingleton<IHostedService>(provider => new RocketMqHostedService(
            () => RocketMqBuilder.Runtime(provider, key),
            ClientDefaults.LoggerOf(provider),
            ClientDefaults.ClockOf(provider)));
    }

    private static ClusterRuntime Runtime(IServiceProvider provider, ClusterRegistration cluster) =>
        new(cluster, provider.GetRequiredService<IOptionsMonitor<RocketMqOptions>>(), provider);

    private static void Read(
        RocketMqOptions options,
        ClusterRegistration cluster,
        ClusterNames clusters,
        IConfiguration? configuration)
    {
        if (cluster.Section is { } section)
        {
            ConfigurationReader.Read(section, options, [], withClients: true);
        }
        else if (configuration?.GetSection(Section) is { } common)
        {
            var isNamed = cluster.Name.Length > 0;
            ConfigurationReader.Read(common, options, clusters.Named, withClients: !isNamed);

            if (isNamed)
            {
                ConfigurationReader.Read(common.GetSection(cluster.Name), options, [], withClients: true);
            }
        }

        var connection = cluster.Name.Length > 0 ? cluster.Name : Section;

        if (configuration?.GetSection("ConnectionStrings")[connection] is { } text)
        {
            ConfigurationReader.ReadText(text, $"ConnectionStrings:{connection}", options);
        }
    }

    /// <summary>One instance for all registrations of a service collection.</summary>
    private static T Single<T>(IServiceCollection services, Func<T> create) where T : class
    {
        if (services.FirstOrDefault(service => service.ServiceType == typeof(T))?.ImplementationInstance is T found)
        {
            return found;
        }

        var instance = create();
        services.TryAddSingleton(instance);
        return instance;
    }
}
