using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace RocketMq.Hosting;

/// <summary>What the application has registered for one cluster.</summary>
/// <param name="name">Its name; empty for the one without.</param>
internal sealed class ClusterRegistration(string name)
{
    /// <summary>The name of its options.</summary>
    internal string Name => name;

    /// <summary>For logs and health checks.</summary>
    internal string Title => name.Length == 0 ? "(default)" : name;

    /// <summary>The key of its services; null for the cluster without a name.</summary>
    internal object? Key => name.Length == 0 ? null : name;

    /// <summary>The section that it is read from; null for "RocketMq".</summary>
    internal IConfigurationSection? Section { get; private set; }

    internal List<ClientRegistration> Clients { get; } = [];

    internal List<Func<IServiceProvider, IConsumeMiddleware>> Middleware { get; } = [];

    internal Func<IServiceProvider, IMessageSerializer>? Serializer { get; set; }

    /// <summary>What becomes of messages whose bodies cannot be read.</summary>
    internal ConsumeResult UnreadableBody { get; set; } = ConsumeResult.Retry;

    /// <summary>Names the section. A call that registers more for the cluster may leave it out, before and after.</summary>
    /// <exception cref="InvalidOperationException">It is read from another one.</exception>
    internal void ReadFrom(IConfigurationSection section)
    {
        if (Section is { } other && !other.Path.Equals(section.Path, StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException(
                $"The cluster {Title} is read from the section {other.Path} already, and cannot be read from {section.Path}: give one of them a name of its own.");
        }

        Section = section;
    }

    /// <exception cref="InvalidOperationException">There is one of that kind and name already.</exception>
    internal void Add(ClientRegistration client)
    {
        var same = Clients.Find(other =>
            other.IsConsumer == client.IsConsumer && other.Name.Equals(client.Name, StringComparison.OrdinalIgnoreCase));

        if (same is not null)
        {
            throw new InvalidOperationException(client.IsConsumer
                ? $"The group {client.Name} has a {same.Kind} already, and a {client.Kind} cannot be added: a group has one consumer in a process, with all its subscriptions."
                : $"There is a {same.Kind} {client.Name} already: give the {client.Kind} another name.");
        }

        Clients.Add(client);
    }

    /// <summary>Makes all clients, not started, or says all that is wrong with their options. Nothing connects.</summary>
    internal (RocketMqClient? Client, IReadOnlyList<HostedClient> Clients) Build(
        RocketMqOptions options, IServiceProvider services, List<string> problems)
    {
        problems.AddRange(options.Problems);
        problems.AddRange(Unregistered(options));
        problems.AddRange(SharedGroups(options));

        if (SharedClient(options, services, problems) is not { } client)
        {
            return (null, []);
        }

        var parts = new ClientParts(client, options, services, problems);
        return (client, [.. Clients.Select(one => one.Build(parts)).OfType<HostedClient>()]);
    }

    /// <summary>As <see cref="Build"/>, for who needs the clients.</summary>
    /// <exception cref="OptionsValidationException">Something is wrong with the options.</exception>
    internal (RocketMqClient Client, IReadOnlyList<HostedClient> Clients) BuildOrThrow(
        RocketMqOptions options, IServiceProvider services)
    {
        var problems = new List<string>();
        var (client, clients) = Build(options, services, problems);

        return client is null || problems.Count > 0
            ? throw new OptionsValidationException(Name, typeof(RocketMqOptions), problems)
            : (client, clients);
    }

    private static RocketMqClient? SharedClient(RocketMqOptions options, IServiceProvider services, List<string> problems)
    {
        try
        {
            var before = problems.Count;
            var builder = options.Settings.Apply(ClientDefaults.Of(services), problems);
            builder = options.ConfigureClient?.Invoke(builder) ?? builder;
            HostedClients.Observe(services, builder);

            // Without name servers because they are wrong is no other mistake.
            return options.IsTextUnreadable || (problems.Count > before && options.NameServers is not null) ? Substitute(builder) : builder.Start();
        }
        catch (Exception error) when (error is ArgumentException or RocketMqException)
        {
            problems.Add(error.Message);
            return null;
        }
    }

    /// <summary>A client that is never started, to find what else is wrong.</summary>
    private static RocketMqClient? Substitute(RocketMqClientBuilder builder)
    {
        try
        {
            return builder.NameServers("127.0.0.1:9876").Start();
        }
        catch (RocketMqException)
        {
            return null;
        }
    }

    private IEnumerable<string> Unregistered(RocketMqOptions options)
    {
        foreach (var (name, one) in options.Producers)
        {
            if (!Clients.Exists(client => !client.IsConsumer && Matches(client, name)))
            {
                yield return $"{one.Path ?? $"the producer {name}"}: no such producer is registered. {Registered("producers", false)}";
            }
        }

        foreach (var (name, one) in options.Consumers)
        {
            if (!Clients.Exists(client => client.IsConsumer && Matches(client, name)))
            {
                yield return $"{one.Path ?? $"the consumer {name}"}: no such consumer is registered. {Registered("consumers", true)}";
            }
        }
    }

    /// <summary>Consumers that have one group by their options: the first to start would keep the others from it.</summary>
    private IEnumerable<string> SharedGroups(RocketMqOptions options) =>
        from client in Clients
        where client.IsConsumer
        let one = options.Consumers.Find(client.Name)
        where one?.Enabled != false
        group one?.Path ?? $"the consumer {client.Name}" by one?.Group ?? client.Name into consumers
        where consumers.Skip(1).Any()
        let names = string.Join(", ", consumers.Order(StringComparer.Ordinal))
        select $"{names}: have the group '{consumers.Key}' together. A group has one consumer in a process, with all its subscriptions.";

    private static bool Matches(ClientRegistration client, string name) =>
        client.Name.Equals(name, StringComparison.OrdinalIgnoreCase);

    private string Registered(string what, bool areConsumers)
    {
        var names = Clients.Where(client => client.IsConsumer == areConsumers).Select(client => client.Name).ToList();
        return names.Count == 0 ? $"There are no {what}." : $"There are: {string.Join(", ", names)}.";
    }
}
