namespace Hosting.Support;

/// <summary>Where a handler waits until the test lets it go on.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource<CancellationToken> _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends with the handler's token when the handler has come.</summary>
    internal Task<CancellationToken> Entered => _entered.Task.WaitAsync(TimeSpan.FromSeconds(60));

    internal void Open() => _open.TrySetResult();

    /// <summary>As <see cref="EnterAsync"/>, and goes on waiting when it is told to end.</summary>
    internal Task EnterStubbornlyAsync(CancellationToken cancellationToken)
    {
        _entered.TrySetResult(cancellationToken);
        return _open.Task;
    }

    internal async Task EnterAsync(CancellationToken cancellationToken)
    {
        _entered.TrySetResult(cancellationToken);
        await _open.Task.WaitAsync(cancellationToken);
    }
}

internal static class Tokens
{
    /// <summary>Ends when the token is cancelled.</summary>
    internal static async Task WaitForCancellationAsync(this CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = token.Register(() => cancelled.TrySetResult());
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), CancellationToken.None);
    }
}
