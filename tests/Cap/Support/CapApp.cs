using DotNetCore.CAP;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RocketMq.Cap;

namespace CapTests;

/// <summary>A host with CAP over RocketMQ.</summary>
internal sealed class CapApp : IAsyncDisposable, IDisposable
{
    private readonly IHost _host;
    private bool _isStarted;

    private CapApp(IHost host, MemoryStorage storage) => (_host, Storage) = (host, storage);

    internal MemoryStorage Storage { get; }

    internal Inbox Inbox => Service<Inbox>();

    internal ICapPublisher Publisher => Service<ICapPublisher>();

    internal T Service<T>() where T : notnull => _host.Services.GetRequiredService<T>();

    /// <summary>Set up, and not started.</summary>
    internal static CapApp Build<TSubscriber>(
        Action<RocketMqCapOptions> rocketMq, string prefix, MemoryStorage? storage = null, Action<CapOptions>? cap = null)
        where TSubscriber : class
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        storage ??= new();
        builder.Services.AddSingleton<Inbox>();
        builder.Services.AddTransient<TSubscriber>();
        builder.Services.AddCap(options =>
        {
            options.TopicNamePrefix = prefix;
            options.GroupNamePrefix = prefix;
            options.FailedRetryInterval = 1;
            storage.AddTo(options);
            options.UseRocketMq(rocketMq);
            cap?.Invoke(options);
        });
        return new(builder.Build(), storage);
    }

    internal static async Task<CapApp> StartAsync<TSubscriber>(
        Action<RocketMqCapOptions> rocketMq,
        string prefix,
        CancellationToken cancellation,
        MemoryStorage? storage = null,
        Action<CapOptions>? cap = null,
        Action<CapApp>? before = null)
        where TSubscriber : class
    {
        var app = Build<TSubscriber>(rocketMq, prefix, storage, cap);
        before?.Invoke(app);

        try
        {
            var polls = app.Storage.Polls;
            await app.StartAsync(cancellation);
            await Wait.UntilAsync(() => app.Storage.Polls > polls, cancellation);
            return app;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    internal async Task StartAsync(CancellationToken cancellation)
    {
        await _host.StartAsync(cancellation);
        _isStarted = true;
    }

    public void Dispose() => _host.Dispose();

    public async ValueTask DisposeAsync()
    {
        if (_isStarted)
        {
            await _host.StopAsync(CancellationToken.None);
        }

        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}
