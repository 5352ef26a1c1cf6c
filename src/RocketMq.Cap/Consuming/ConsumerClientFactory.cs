using System.Collections.Concurrent;
using DotNetCore.CAP.Transport;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace RocketMq.Cap;

/// <summary>Makes a consumer client for each of CAP's consumer threads. Nothing connects before one listens.</summary>
internal sealed class ConsumerClientFactory(
    RocketMqConnection connection, IOptions<CapOptions> options, ILoggerFactory loggers, TimeProvider? clock = null) : IConsumerClientFactory
{
    private readonly ConcurrentDictionary<string, GroupConsumer> _groups = new(StringComparer.Ordinal);

    /// <summary>How the consumer of a CAP group is doing; null while there is none.</summary>
    internal PushConsumerHealth? HealthOf(string groupName) =>
        _groups.TryGetValue(groupName, out var group) ? group.Health : null;

    /// <param name="groupName">The group, as CAP calls it.</param>
    /// <param name="groupConcurrent">How many messages each thread handles at a time; 0 is one.</param>
    public Task<IConsumerClient> CreateAsync(string groupName, byte groupConcurrent)
    {
        var group = _groups.GetOrAdd(
            groupName,
            name => new(
                connection,
                name,
                Math.Max(1, options.Value.ConsumerThreadCount) * Math.Max((int)groupConcurrent, 1),
                clock ?? TimeProvider.System,
                loggers.CreateLogger("RocketMq.Cap")));

        return Task.FromResult<IConsumerClient>(new RocketMqConsumerClient(group));
    }
}
