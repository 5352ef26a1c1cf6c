using System.Runtime.CompilerServices;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>
/// Reads all queues of its topics and hands their messages out one by one. A message counts as done with when the next one
/// is asked for, or with <see cref="CommitAsync"/>; the positions of such messages are committed every few seconds and at
/// the end. It does not share queues with other members of its group: run one at a time.
/// </summary>
public sealed class PullConsumer : IAsyncDisposable
{
    private readonly Core.PullConsumer _inner;

    internal PullConsumer(Core.PullConsumer inner) => _inner = inner;

    /// <summary>Begins to set up a consumer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static PullConsumerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>Messages as they come, without end. Only one enumeration or receive at a time.</summary>
    /// <exception cref="RocketMqException">A broker refuses to hand out messages, and will go on to.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async IAsyncEnumerable<ReceivedMessage> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            yield return await ReceiveAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for the next message; the one before it counts as done with.</summary>
    /// <exception cref="RocketMqException">A broker refuses to hand out messages, and will go on to.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<ReceivedMessage> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        var received = await _inner.Receive(cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return new(received.OrThrow());
    }

    /// <summary>Commits the positions of all messages handed out so far, the last one included.</summary>
    public Task CommitAsync(CancellationToken cancellationToken = default) => _inner.Commit(cancellationToken);

    /// <summary>Stops reading, commits the positions of messages done with, leaves the group and closes the connections.</summary>
    public ValueTask DisposeAsync() => new(_inner.Close());
}
