using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>Sends messages to the queues of their topics in turn. Safe to use from any thread.</summary>
public sealed class Producer : IAsyncDisposable
{
    private readonly Core.Producer _inner;

    internal Producer(Core.Producer inner) => _inner = inner;

    /// <summary>Begins to set up a producer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static ProducerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>
    /// Sends a message and waits until a broker has stored it. A failed attempt is repeated at another broker where that may
    /// help.
    /// </summary>
    /// <exception cref="RocketMqException">
    /// No attempt succeeded; <see cref="RocketMqException.MayHaveBeenExecuted"/> tells whether the message may be stored.
    /// </exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the message may be stored.</exception>
    public async Task<SendReceipt> SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        var receipt = await _inner.Send(message.Inner, cancellationToken).ConfigureAwait(false);
        return SendReceipt.FromCore(receipt.OrThrow());
    }

    /// <summary>Closes the connections. Sends that wait for an answer fail; their messages may be stored.</summary>
    public ValueTask DisposeAsync() => new(_inner.Close());
}
