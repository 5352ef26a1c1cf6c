namespace RocketMq.Hosting;

/// <summary>A client that the application has registered, before there is one.</summary>
/// <param name="kind">What it is: "producer", "consumer".</param>
/// <param name="name">Its name in the options, and the key of its services; "Default" and "Transactions" for producers without a name.</param>
/// <param name="isConsumer">Whether its options are those of a consumer.</param>
/// <param name="handles">Whether it has handlers, which are waited for when the host stops.</param>
/// <param name="build">Makes it, not started.</param>
internal sealed class ClientRegistration(
    string kind, string name, bool isConsumer, bool handles, Func<ClientRegistration, ClientParts, HostedClient?> build)
{
    /// <summary>The options of the producer without a name.</summary>
    internal const string DefaultName = "Default";

    /// <summary>The options of the producer of transactions without a name, whatever else is registered, and when.</summary>
    internal const string TransactionsName = "Transactions";

    internal string Kind => kind;

    internal string Name => name;

    internal bool IsConsumer => isConsumer;

    internal bool Handles => handles;

    /// <summary>Null if it is not to be started. What is wrong is added to the problems.</summary>
    internal HostedClient? Build(ClientParts parts)
    {
        try
        {
            return build(this, parts);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or RocketMqException)
        {
            parts.Problems.Add($"{PathIn(parts)}: {error.Message}");
            return null;
        }
    }

    private string PathIn(ClientParts parts)
    {
        var path = IsConsumer ? parts.Options.Consumers.Find(name)?.Path : parts.Options.Producers.Find(name)?.Path;
        return path ?? (IsConsumer ? $"the {kind} of group {name}" : $"the {kind} {name}");
    }
}

/// <summary>What clients are made of.</summary>
/// <param name="Client">The client that they share.</param>
/// <param name="Options">The options of the cluster.</param>
/// <param name="Services">The root of the services.</param>
/// <param name="Problems">What is wrong with the options.</param>
internal sealed record ClientParts(RocketMqClient Client, RocketMqOptions Options, IServiceProvider Services, List<string> Problems);

/// <summary>A client that the host starts and stops.</summary>
/// <param name="Registration">Where it comes from.</param>
/// <param name="Instance">The client itself, as it is registered.</param>
/// <param name="Start">Starts it.</param>
/// <param name="Stop">Stops it.</param>
/// <param name="IsStarted">Whether it has been started.</param>
/// <param name="Health">How it is doing; only of one that has been started.</param>
internal sealed record HostedClient(
    ClientRegistration Registration,
    object Instance,
    Func<CancellationToken, Task> Start,
    Func<CancellationToken, Task> Stop,
    Func<bool> IsStarted,
    Func<ClientHealth> Health)
{
    /// <summary>"consumer billing".</summary>
    internal string Title => $"{Registration.Kind} {Registration.Name}";
}
