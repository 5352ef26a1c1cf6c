namespace RocketMq.Client;

/// <summary>Of one client: after it has been disposed of, every call of it ends with a <see cref="ClientClosedException"/>.</summary>
internal sealed class Lifetime(string client)
{
    private bool _isClosed;

    internal void Close() => Volatile.Write(ref _isClosed, true);

    internal void Require()
    {
        if (Volatile.Read(ref _isClosed))
        {
            throw Core.RemotingError.NewAlreadyClosed(client).ToException();
        }
    }

    /// <summary>Before a call that may be given up.</summary>
    internal void Require(CancellationToken cancellationToken)
    {
        Require();
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// Waits for a client to start as long as the caller does. One that starts later all the same is closed, in the background:
    /// closing may take as long as its servers do not answer.
    /// </summary>
    internal static async Task<T> StartAsync<T>(
        Task<FSharpResult<T, Core.RemotingError>> starting, string client, CancellationToken cancellationToken)
        where T : IAsyncDisposable
    {
        try
        {
            return (await starting.WaitAsync(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _ = CloseAsync(starting);
            throw new OperationCanceledException($"The start of {client} was cancelled.", cancellationToken);
        }
    }

    private static async Task CloseAsync<T>(Task<FSharpResult<T, Core.RemotingError>> starting)
        where T : IAsyncDisposable
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
