namespace RocketMq.Client;

/// <summary>
/// The life of one client: it is set up, started, and closed for good. A call of one that is not started starts it; after it has been
/// closed, every call ends with a <see cref="ClientClosedException"/>.
/// </summary>
/// <typeparam name="TCore">The client of the core, which is there from the start on.</typeparam>
/// <param name="client">What it is, in messages: "The push consumer of group billing".</param>
/// <param name="start">Starts a client of the core.</param>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design", "CA1001", Justification = "A semaphore whose wait handle nothing asks for holds nothing that must be freed.")]
internal sealed class Lifetime<TCore>(string client, Func<Task<FSharpResult<TCore, Core.RemotingError>>> start)
    where TCore : class, IAsyncDisposable
{
    /// <summary>One start at a time. A start that failed may be repeated.</summary>
    private readonly SemaphoreSlim _starting = new(1, 1);

    private TCore? _inner;
    private bool _isClosed;

    /// <summary>It has been started, and may be closed since.</summary>
    internal bool IsStarted => Volatile.Read(ref _inner) is not null;

    /// <summary>The client of the core, closed or not.</summary>
    /// <exception cref="InvalidOperationException">It has not been started.</exception>
    internal TCore Inner => Volatile.Read(ref _inner)
        ?? throw new InvalidOperationException($"{client} has not been started: call StartAsync first.");

    /// <summary>The client of the core, for a call that neither waits nor starts it.</summary>
    internal TCore Open()
    {
        Require();
        return Inner;
    }

    /// <summary>The client of the core, for a call that may be given up. Starts it if that has not happened.</summary>
    internal ValueTask<TCore> WhenStartedAsync(CancellationToken cancellationToken)
    {
        Require();
        cancellationToken.ThrowIfCancellationRequested();
        return Volatile.Read(ref _inner) is { } inner ? new(inner) : new(StartAsync(cancellationToken));
    }

    /// <summary>
    /// Starts it, once, and waits as long as the caller does. One that starts later all the same is closed, in the background:
    /// closing may take as long as its servers do not answer.
    /// </summary>
    internal async Task<TCore> StartAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await _starting.WaitAsync(cancellationToken).ConfigureAwait(false);

        try
        {
            Require();
            return _inner ?? await BeginAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>Closes it for good; what has not been started has nothing to close.</summary>
    internal Task CloseAsync(Func<TCore, Task> close)
    {
        Volatile.Write(ref _isClosed, true);
        return Volatile.Read(ref _inner) is { } inner ? close(inner) : Task.CompletedTask;
    }

    private async Task<TCore> BeginAsync(CancellationToken cancellationToken)
    {
        var starting = start();

        try
        {
            var inner = (await starting.WaitAsync(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
            Volatile.Write(ref _inner, inner);

            if (Volatile.Read(ref _isClosed))
            {
                // Whoever closed it has not seen that it was about to start.
                await inner.DisposeAsync().ConfigureAwait(false);
                Require();
            }

            return inner;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _ = CloseLateAsync(starting);
            throw new OperationCanceledException($"The start was cancelled. {client} is closed if it starts all the same.", cancellationToken);
        }
    }

    private void Require()
    {
        if (Volatile.Read(ref _isClosed))
        {
            throw Core.RemotingError.NewAlreadyClosed(client).ToException();
        }
    }

    private static async Task CloseLateAsync(Task<FSharpResult<TCore, Core.RemotingError>> starting)
    {
        try
        {
            if (await starting.ConfigureAwait(false) is { IsOk: true } started)
            {
                await started.ResultValue.DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // The caller has gone, and has been told so; no caller is left to notify that its client did not start.
        }
    }
}
