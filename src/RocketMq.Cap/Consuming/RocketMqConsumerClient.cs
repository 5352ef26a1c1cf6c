using DotNetCore.CAP.Messages;
using DotNetCore.CAP.Transport;

namespace RocketMq.Cap;

/// <summary>
/// One consumer thread of a group, as CAP sees it: it takes messages from the group's one consumer while it listens. What CAP commits is
/// consumed, and the group's offset never passes a message that it has not committed; what it rejects comes again.
/// </summary>
internal sealed class RocketMqConsumerClient(GroupConsumer group) : IConsumerClient
{
    private string[] _topics = [];

    public BrokerAddress BrokerAddress => group.BrokerAddress;

    public Func<TransportMessage, object?, Task>? OnMessageCallback { get; set; }

    /// <summary>Not called: its kinds of entries are those of other brokers, and some of them have CAP connect again, which is this library's task.</summary>
    public Action<LogMessageEventArgs>? OnLogCallback { get; set; }

    /// <summary>The topics of CAP's names. None is made: the first message makes them where brokers do, and elsewhere an administrator does.</summary>
    /// <exception cref="InvalidOperationException">A name is no topic; the message has all of them.</exception>
    public Task<ICollection<string>> FetchTopicsAsync(IEnumerable<string> topicNames) =>
        Task.FromResult<ICollection<string>>(group.TopicsOf(topicNames));

    public Task SubscribeAsync(IEnumerable<string> topics)
    {
        _topics = [.. topics];
        return Task.CompletedTask;
    }

    /// <summary>Takes messages until it is cancelled.</summary>
    /// <exception cref="BrokerConnectionException">The group cannot be joined now; CAP tries again.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task ListeningAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        await group.JoinAsync(this, _topics, cancellationToken).ConfigureAwait(false);
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
    }

    public Task CommitAsync(object? sender)
    {
        (sender as Delivery)?.Commit();
        return Task.CompletedTask;
    }

    public Task RejectAsync(object? sender)
    {
        (sender as Delivery)?.Reject();
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync() => await group.LeaveAsync(this).ConfigureAwait(false);
}
