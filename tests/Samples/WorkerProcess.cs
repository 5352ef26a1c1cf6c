using System.Diagnostics;
using System.Globalization;
using System.Text;
using Hosting.Support;

namespace SampleTests;

/// <summary>
/// The worker's program in a process of its own: the one that was built with these tests, or a native one, whose path is in the
/// environment variable <c>ROCKETMQ_NATIVE_WORKER</c>.
/// </summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Lock _gate = new();
    private readonly StringBuilder _output = new();
    private TaskCompletionSource _said = NewSignal();

    private WorkerProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
    }

    /// <summary>What it has written so far.</summary>
    internal string Output
    {
        get
        {
            lock (_gate)
            {
                return _output.ToString();
            }
        }
    }

    internal static WorkerProcess Start(string nameServers)
    {
        var (program, arguments) = Program();
        var start = new ProcessStartInfo(program, arguments)
        {
            // Where its appsettings.json is.
            WorkingDirectory = Path.GetDirectoryName(arguments.Length == 0 ? program : arguments[0]),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["RocketMq__NameServers"] = nameServers;
        var worker = new WorkerProcess(start);
        worker._process.Start();
        worker._process.BeginOutputReadLine();
        worker._process.BeginErrorReadLine();
        return worker;
    }

    /// <summary>Ends when it has written such a text, also before.</summary>
    internal async Task HasSaid(string text)
    {
        while (true)
        {
            Task said;

            lock (_gate)
            {
                if (_output.ToString().Contains(text, StringComparison.Ordinal))
                {
                    return;
                }

                said = _said.Task;
            }

            try
            {
                await said.WaitAsync(Limit);
            }
            catch (TimeoutException)
            {
                throw new TimeoutException($"The worker has not said '{text}', but:\n{Output}");
            }
        }
    }

    /// <summary>Sends it SIGTERM, as a service manager does, and gives its exit code.</summary>
    internal async Task<int> TerminateAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        using var limit = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static (string Program, string[] Arguments) Program()
    {
        if (Environment.GetEnvironmentVariable("ROCKETMQ_NATIVE_WORKER") is { Length: > 0 } native)
        {
            return (native, []);
        }

        // "Release/net10.0", as these tests were built.
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var built = Path.Combine(Repository.Root, "samples", "Worker", "bin", own.Parent!.Name, own.Name, "Worker.dll");
        return ("dotnet", [built]);
    }

    private void Add(string? line)
    {
        if (line is null)
        {
            return;
        }

        TaskCompletionSource said;

        lock (_gate)
        {
            _output.AppendLine(line);
            (said, _said) = (_said, NewSignal());
        }

        said.TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
