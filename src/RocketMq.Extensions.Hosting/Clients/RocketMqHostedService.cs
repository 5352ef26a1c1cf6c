using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace RocketMq.Hosting;

/// <summary>
/// Starts the clients of a cluster with the host, in the background or before the host has started, and stops them with it: first
/// what has handlers, which end, then, when all other services have stopped, what those may have used.
/// </summary>
internal sealed class RocketMqHostedService(Func<ClusterRuntime> runtime, ILogger logger, TimeProvider clock) : IHostedLifecycleService, IDisposable
{
    /// <summary>How often a name server is heard, whatever clients do.</summary>
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    /// <summary>Cancelled when the host begins to stop.</summary>
    private readonly CancellationTokenSource _ending = new();

    /// <summary>Cancelled when handlers are not waited for any longer.</summary>
    private readonly CancellationTokenSource _drainEnd = new();

    private Task _starting = Task.CompletedTask;
    private Task _watching = Task.CompletedTask;
    private Task _draining = Task.CompletedTask;
    private ClusterRuntime? _runtime;

    /// <summary>No name server answered last time. Only the watch uses it.</summary>
    private bool _isSilent;

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        // All mistakes in the options come to light here, if the host has not looked for them before.
        _runtime = runtime();
        return Task.CompletedTask;
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var cluster = _runtime ??= runtime();
        HostingLog.Starting(logger, cluster.Registration.Title, string.Join(", ", cluster.Clients.Select(client => client.Title)));
        _starting = StartAllAsync(cluster);
        _watching = WatchAsync(cluster);

        if (cluster.Options.Start.Wait)
        {
            await WaitForStartAsync(cluster, cancellationToken).ConfigureAwait(false);
        }
    }

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        BeginStop();
        return Task.CompletedTask;
    }

    /// <summary>Waits for handlers as long as the host does.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        BeginStop();

        await using (cancellationToken.UnsafeRegister(static source => _ = ((CancellationTokenSource)source!).CancelAsync(), _drainEnd).ConfigureAwait(false))
        {
            await _draining.ConfigureAwait(false);
        }
    }

    /// <summary>All other services have stopped: what they may have used ends as well.</summary>
    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        if (_runtime is not { } cluster)
        {
            return;
        }

        await StopAllAsync(cluster, client => client.Registration is { IsConsumer: true, Handles: false }, cancellationToken).ConfigureAwait(false);
        await StopAllAsync(cluster, client => !client.Registration.IsConsumer, cancellationToken).ConfigureAwait(false);
        await StopAsync(cluster, "its connections", cluster.Client.StopAsync, cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(_starting, _watching).ConfigureAwait(false);
        HostingLog.Stopped(logger, cluster.Registration.Title);
    }

    public void Dispose()
    {
        _ending.Dispose();
        _drainEnd.Dispose();
    }

    private void BeginStop()
    {
        if (_runtime is not { Status.IsStopping: false } cluster)
        {
            return;
        }

        cluster.Status.IsStopping = true;
        HostingLog.Stopping(logger, cluster.Registration.Title);
        _ = _ending.CancelAsync();
        _draining = StopAllAsync(cluster, client => client.Registration.Handles, _drainEnd.Token);
    }

    private async Task StartAllAsync(ClusterRuntime cluster)
    {
        try
        {
            // The host's start is not held up.
            await Task.Yield();
            var waiting = cluster.Clients.ToList();
            var wait = FirstWait;

            while (waiting.Count > 0)
            {
                var failures = await Task.WhenAll(waiting.Select(TryStartAsync)).ConfigureAwait(false);
                waiting = [.. waiting.Where((_, index) => failures[index] is not null)];

                foreach (var (client, reason) in failures.OfType<(HostedClient, string)>())
                {
                    HostingLog.StartFailed(logger, cluster.Registration.Title, client.Title, wait, reason);
                    cluster.Status.StartProblem = $"{client.Title} has not started: {reason}";
                }

                if (waiting.Count > 0)
                {
                    await Task.Delay(wait, clock, _ending.Token).ConfigureAwait(false);
                    wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
                }
            }

            cluster.Status.StartProblem = null;
            HostingLog.Started(logger, cluster.Registration.Title);
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // The host stops before its clients have started.
        }
        catch (Exception error)
        {
            Fail(cluster, "the start of its clients", error);
        }
    }

    private async Task<(HostedClient Client, string Reason)?> TryStartAsync(HostedClient client)
    {
        try
        {
            await client.Start(_ending.Token).ConfigureAwait(false);
            return null;
        }
        catch (Exception error) when (error is not OperationCanceledException || !_ending.IsCancellationRequested)
        {
            return (client, error.Message);
        }
    }

    private async Task WaitForStartAsync(ClusterRuntime cluster, CancellationToken cancellationToken)
    {
        var limit = cluster.Options.Start.Timeout;

        try
        {
            await _starting.WaitAsync(limit, clock, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(
                $"RocketMQ cluster {cluster.Registration.Title} did not start within {limit}: {cluster.Status.StartProblem}");
        }
    }

    /// <summary>Hears of a name server from time to time, so that health checks know without sending anything.</summary>
    private async Task WatchAsync(ClusterRuntime cluster)
    {
        try
        {
            await Task.Yield();

            while (true)
            {
                var wait = await HearAsync(cluster).ConfigureAwait(false) ? WatchInterval : FirstWait;
                await Task.Delay(wait, clock, _ending.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // The host stops.
        }
        catch (Exception error)
        {
            Fail(cluster, "the watch of its name servers", error);
        }
    }

    private async Task<bool> HearAsync(ClusterRuntime cluster)
    {
        try
        {
            await cluster.Client.GetClusterAsync(_ending.Token).ConfigureAwait(false);
            cluster.Status.HeardAt = Math.Max(1, clock.GetTimestamp());
            cluster.Status.NameServerProblem = null;

            if (_isSilent)
            {
                _isSilent = false;
                HostingLog.NameServersHeard(logger, cluster.Registration.Title);
            }

            return true;
        }
        catch (RocketMqException error)
        {
            cluster.Status.NameServerProblem = error.Message;

            if (!_isSilent)
            {
                _isSilent = true;
                HostingLog.NameServersSilent(logger, cluster.Registration.Title, error.Message);
            }

            return false;
        }
    }

    /// <summary>A defect: it makes the service unhealthy.</summary>
    private void Fail(ClusterRuntime cluster, string what, Exception error)
    {
        cluster.Status.Defect = $"{what} ended: {error.Message}";
        HostingLog.LoopEnded(logger, error, cluster.Registration.Title, what);
    }

    private async Task StopAllAsync(ClusterRuntime cluster, Func<HostedClient, bool> isMeant, CancellationToken cancellationToken) =>
        await Task.WhenAll(cluster.Clients.Where(isMeant).Select(client => StopAsync(cluster, client.Title, client.Stop, cancellationToken)))
            .ConfigureAwait(false);

    /// <summary>One that cannot be stopped keeps no other from it.</summary>
    private async Task StopAsync(
        ClusterRuntime cluster, string what, Func<CancellationToken, Task> stop, CancellationToken cancellationToken)
    {
        try
        {
            await stop(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            HostingLog.StopFailed(logger, cluster.Registration.Title, what, error.Message);
        }
    }
}
