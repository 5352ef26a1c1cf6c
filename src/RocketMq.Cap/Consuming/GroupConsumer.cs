using DotNetCore.CAP.Transport;
using Microsoft.Extensions.Logging;

namespace RocketMq.Cap;

/// <summary>A group of CAP: what its consumer is set up with, and what becomes of a message.</summary>
internal sealed class GroupConsumer
{
    private readonly RocketMqConnection _connection;
    private readonly string _group;
    private readonly int _concurrency;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly RejectionPause _pause;
    private readonly SharedConsumer<RocketMqConsumerClient> _members;

    /// <summary>
    /// CAP's subscribers do not get the handler's token: a message that goes back after a time would be handled twice, while CAP
    /// has it in its storage already. The longest time there is.
    /// </summary>
    private static readonly TimeSpan ConsumeTimeout = TimeSpan.FromDays(1);

    /// <param name="connection">What all groups share.</param>
    /// <param name="group">The group, as CAP calls it.</param>
    /// <param name="concurrency">How many messages are handled at a time.</param>
    /// <param name="clock">What pauses go by.</param>
    /// <param name="logger">Where rejections are logged.</param>
    internal GroupConsumer(RocketMqConnection connection, string group, int concurrency, TimeProvider clock, ILogger logger)
    {
        _connection = connection;
        _group = group;
        _concurrency = concurrency;
        _clock = clock;
        _logger = logger;
        _pause = new(connection.Options.RedeliveryDelay);
        _members = new(StartAsync);
    }

    internal BrokerAddress BrokerAddress => new("RocketMQ", _connection.Endpoint);

    /// <summary>How the consumer is doing; null while there is none.</summary>
    internal PushConsumerHealth? Health => (_members.Consumer as PushConsumer)?.Health;

    internal string[] TopicsOf(IEnumerable<string> names)
    {
        var mistakes = new List<string>();
        var topics = SubscriptionCheck.Topics(_connection, names, mistakes);
        return mistakes.Count == 0 ? topics : throw new InvalidOperationException(string.Join(Environment.NewLine, mistakes));
    }

    internal async Task JoinAsync(RocketMqConsumerClient member, IEnumerable<string> topics, CancellationToken cancellationToken)
    {
        try
        {
            await _members.JoinAsync(member, topics, cancellationToken).ConfigureAwait(false);
        }
        catch (RocketMqException error)
        {
            throw new BrokerConnectionException(error);
        }
    }

    internal Task LeaveAsync(RocketMqConsumerClient member) => _members.LeaveAsync(member);

    private async Task<IAsyncDisposable> StartAsync(IReadOnlyCollection<string> topics, CancellationToken cancellationToken)
    {
        var builder = _connection.Client.PushConsumer(_connection.Groups.Encode(_group))
            .Concurrency(_concurrency)
            .ConsumeFromWhere(_connection.Options.ConsumeFromWhere)
            .ConsumeTimeout(ConsumeTimeout)
            .MaxRetries(int.MaxValue)
            .OnMessage(HandleAsync);

        return await OptionReading.ConsumerOf(_connection.Options, topics.Aggregate(builder, (to, topic) => to.Subscribe(topic)))
            .StartAsync(cancellationToken)
            .ConfigureAwait(false);
    }

    private async ValueTask<ConsumeResult> HandleAsync(ReceivedMessage message, CancellationToken cancellationToken)
    {
        var delivery = new Delivery();
        Exception? failure = null;

        try
        {
            // There is somebody as long as there is a consumer; what comes too late comes again.
            if (_members.Next()?.OnMessageCallback is { } callback)
            {
                await callback(CapMessages.ToCap(message, _group, _connection.Topics), delivery).ConfigureAwait(false);
            }
        }
        catch (MessageBodyException error)
        {
            // It would be damaged each time.
            CapLog.BodyDamaged(_logger, message.MessageId, message.Topic, _group, error);
            return ConsumeResult.DeadLetter;
        }
        catch (Exception error)
        {
            failure = error;
        }

        if (delivery.IsCommitted)
        {
            _pause.Accepted();
            return ConsumeResult.Success;
        }

        CapLog.Rejected(_logger, message.MessageId, message.Topic, _group, failure);
        await PauseAsync(cancellationToken).ConfigureAwait(false);
        return ConsumeResult.RetryAfter(_connection.Options.RedeliveryDelay);
    }

    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(_pause.Rejected(), _clock, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The consumer stops: the message goes back at once.
        }
    }
}
