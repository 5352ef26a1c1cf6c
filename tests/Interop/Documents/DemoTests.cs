using System.Diagnostics;

namespace Interop;

/// <summary>The demo as its user sees it: a process with an exit code and two outputs.</summary>
[CancelAfter(120_000)]
public sealed class DemoTests
{
    private sealed record Run(int ExitCode, string Output, string Errors);

    private static async Task<Run> RunAsync(CancellationToken cancellation, params string[] arguments)
    {
        var demo = Path.Combine(AppContext.BaseDirectory, "Quickstart.dll");
        var start = new ProcessStartInfo("dotnet", [demo, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        using var process = Process.Start(start)!;

        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return new Run(process.ExitCode, await output, await errors);
        }
        finally
        {
            // It has ended, unless the test's time is over.
            process.Kill();
        }
    }

    [Test]
    public async Task Missing_name_server_is_one_line_and_exit_code_1(CancellationToken cancellation)
    {
        var run = await RunAsync(cancellation, "--nameserver", "127.0.0.1:1");

        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Errors.TrimEnd().Split('\n'), Has.Length.EqualTo(1), run.Errors);
        Assert.That(run.Errors, Does.Contain("127.0.0.1:1"));
        Assert.That(run.Errors, Does.Contain("Connection refused"));
        Assert.That(run.Errors, Does.Contain("Check that the server runs"));
    }

    [Test]
    public async Task Help_is_printed_with_exit_code_0(CancellationToken cancellation)
    {
        var run = await RunAsync(cancellation, "--help");

        Assert.That(run.ExitCode, Is.EqualTo(0));
        Assert.That(run.Output, Does.Contain("--nameserver HOST:PORT"));
        Assert.That(run.Errors, Is.Empty);
    }

    [Test]
    public async Task Invalid_address_is_explained_with_the_usage_and_exit_code_2(CancellationToken cancellation)
    {
        var run = await RunAsync(cancellation, "--nameserver", "nonsense");

        Assert.That(run.ExitCode, Is.EqualTo(2));
        Assert.That(run.Errors, Does.Contain("'nonsense' is no address"));
        Assert.That(run.Errors, Does.Contain("usage:"));
    }

    [Test]
    public async Task Messages_pass_through_the_embedded_broker_with_exit_code_0(CancellationToken cancellation)
    {
        var run = await RunAsync(cancellation, "--messages", "20");

        Assert.That(run.ExitCode, Is.EqualTo(0), run.Errors);
        Assert.That(run.Output, Does.Contain("Every message arrived, once."));
    }
}
