using NUnit.Framework.Internal;

namespace RocketMq.Interop;

/// <summary>
/// The tests of faults that are not mended yet. Each runs, and is expected to fail; what it fails with is written. When it passes, the run
/// fails: whoever has mended the fault makes it a usual test.
/// </summary>
internal static class KnownFailure
{
    public static async Task RunAsync(string name, Func<Task> test)
    {
        string? reason = null;

        // What is asserted within fails there, and not the test that runs now.
        using (new TestExecutionContext.IsolatedContext())
        {
            try
            {
                await test();
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                reason = string.Join(' ', error.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            }
        }

        if (reason is null)
        {
            Assert.Fail($"{name}: this known failure passes: make it a usual test");
        }

        TestContext.Progress.WriteLine($"known failure: {name}: {reason}");
    }
}
