using DotNetCore.CAP.Internal;
using Microsoft.Extensions.Hosting;

namespace RocketMq.Cap;

/// <summary>
/// Refuses to start with what RocketMQ cannot do: names that are no topics or groups, wildcards, settings that do not go together. CAP itself
/// would log it, and consume nothing.
/// </summary>
internal sealed class SubscriptionCheck(RocketMqConnection connection, MethodMatcherCache subscribers) : IHostedService
{
    private static readonly char[] Wildcards = ['*', '#'];

    /// <exception cref="InvalidOperationException">Something is wrong; the message has all of it.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var mistakes = new List<string>();

        foreach (var (group, methods) in subscribers.GetCandidatesMethodsOfGroupNameGrouped())
        {
            Try(() => _ = PushConsumer.Create(connection.Groups.Encode(group)), $"Group '{group}'", mistakes);
            Topics(connection, methods.Select(method => method.TopicName), mistakes);
        }

        if (mistakes.Count > 0)
        {
            throw new InvalidOperationException(
                $"RocketMQ cannot do what CAP's subscribers ask for:{Environment.NewLine}{string.Join(Environment.NewLine, mistakes.Distinct())}");
        }

        // Without a connection: what is wrong with the producer's settings is known here.
        await connection.ProducerAsync().ConfigureAwait(false);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The topics of CAP's names, without those that are none, which go to the mistakes.</summary>
    internal static string[] Topics(RocketMqConnection connection, IEnumerable<string> names, List<string> mistakes)
    {
        var topics = new List<string>();

        foreach (var name in names.Distinct(StringComparer.Ordinal))
        {
            if (name.AsSpan().IndexOfAny(Wildcards) >= 0)
            {
                mistakes.Add($"Name '{name}' is a pattern: RocketMQ subscribes to whole topics; subscribe to each name.");
                continue;
            }

            Try(
                () =>
                {
                    var topic = connection.Topics.Encode(name);
                    _ = PushConsumer.Create("check").Subscribe(topic);
                    topics.Add(topic);
                },
                $"Name '{name}'",
                mistakes);
        }

        return [.. topics];
    }

    private static void Try(Action check, string what, List<string> mistakes)
    {
        try
        {
            check();
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException)
        {
            mistakes.Add($"{what}: {error.Message}");
        }
    }
}
