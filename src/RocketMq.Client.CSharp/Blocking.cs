namespace RocketMq.Client;

/// <summary>Where callers that block meet the asynchronous core.</summary>
internal static class Blocking
{
    /// <summary>
    /// Waits for work that begins on a thread of the pool: whatever synchronisation context the caller has, the work does
    /// not need it.
    /// </summary>
    internal static T Wait<T>(Func<Task<T>> work) => Task.Run(work, CancellationToken.None).GetAwaiter().GetResult();
}
