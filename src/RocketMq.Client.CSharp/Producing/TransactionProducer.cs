namespace RocketMq.Client;

/// <summary>How a transaction's message was sent and decided.</summary>
/// <param name="Receipt">Of the half message, which consumers do not see.</param>
/// <param name="Decision">
/// What the broker was told. After <see cref="TransactionDecision.Undecided"/>, or if it did not hear it, it asks again.
/// </param>
/// <param name="LocalFailure">Why the local part failed, if it did; else null. Then the transaction is undecided.</param>
public sealed record TransactionReceipt(SendReceipt Receipt, TransactionDecision Decision, Exception? LocalFailure);

/// <summary>
/// Sends messages that consumers see only if a local transaction succeeds. Safe to use from any thread; one for each group of a
/// process is enough.
/// </summary>
public sealed class TransactionProducer : ITransactionProducer, IAsyncDisposable
{
    private readonly Lifetime<Core.TransactionProducer> _lifetime;

    internal TransactionProducer(
        string group, Core.BodyCodecs codecs, Func<Task<FSharpResult<Core.TransactionProducer, Core.RemotingError>>> start)
    {
        _lifetime = new($"The transaction producer of group {group}", start);
        Producer = new(group, codecs, async () =>
            FSharpResult<Core.Producer, Core.RemotingError>.NewOk(
                (await _lifetime.WhenStartedAsync(CancellationToken.None).ConfigureAwait(false)).Producer));
    }

    /// <summary>It has been started, and may be closed since.</summary>
    public bool IsStarted => _lifetime.IsStarted;

    /// <summary>
    /// Starts the producer and makes it known to the brokers of its topics, as far as they can be reached. Its first message starts it
    /// as well. Does nothing if it has been started.
    /// </summary>
    /// <exception cref="InvalidRequestException">Settings do not go together.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up. What has been begun is ended in the background.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await _lifetime.StartAsync(cancellationToken).ConfigureAwait(false);
        await Producer.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Begins to set up a producer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static TransactionProducerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>Sends other messages of the group, and is closed with this.</summary>
    public Producer Producer { get; }

    /// <summary>Whether it could send now, and what became of its sends.</summary>
    public ProducerHealth Health => Producer.Health;

    /// <summary>
    /// Sends a half message, runs the local part, and tells the broker whether consumers are to see the message. The local part
    /// is not run, and the message is taken back, if the broker could not store it as safely as it should.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="local">
    /// The local transaction. If it throws, this call does not: the local work may have been done or not, so the message stays
    /// undecided and the broker asks <see cref="TransactionProducerBuilder.OnCheck"/> later. A warning is logged (event 1011), and the
    /// exception is the receipt's <see cref="TransactionReceipt.LocalFailure"/>: look at it.
    /// </param>
    /// <param name="cancellationToken">Gives up the half message; once that is sent, the transaction takes its course.</param>
    /// <exception cref="InvalidRequestException">
    /// The message has a delay level, a delay or a delivery time, which no broker combines with a transaction. Nothing was sent.
    /// </exception>
    /// <exception cref="RocketMqException">The half message was not sent, and the local part did not run.</exception>
    /// <exception cref="OperationCanceledException">
    /// The caller gave up and the local part did not run; if the half message is stored all the same, the broker will ask.
    /// </exception>
    public async Task<TransactionReceipt> SendAsync(
        Message message,
        Func<Message, Task<TransactionDecision>> local,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(local);
        var run = FuncConvert.FromFunc<Core.Message, Task<Core.TransactionDecision>>(async sent =>
            (await (local(new(sent)) ?? throw Handlers.NoTask(local)).ConfigureAwait(false)).ToCore());
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var receipt = (await inner.Send(message.Inner, run, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
        return new(
            SendReceipt.FromCore(receipt.Receipt),
            TransactionDecisions.FromCore(receipt.Decision),
            OptionModule.ToObj(receipt.LocalFailure));
    }

    /// <summary>As <see cref="Producer.DisposeAsync"/>; transactions that run are waited for, too.</summary>
    public ValueTask DisposeAsync() => new(StopAsync());

    /// <summary>As <see cref="Producer.StopAsync"/>; transactions that run are waited for, too.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) =>
        _lifetime.CloseAsync(inner => inner.Stop(cancellationToken));
}
