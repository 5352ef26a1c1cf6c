namespace Interop;

/// <summary>Waits for what others bring about.</summary>
internal static class Wait
{
    public static async Task UntilAsync(Func<bool> condition, CancellationToken cancellation)
    {
        while (!condition())
        {
            cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
