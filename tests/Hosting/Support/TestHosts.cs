namespace Hosting.Support;

/// <summary>Hosts as services set them up.</summary>
internal static class TestHosts
{
    /// <summary>A host with a configuration, without what a machine's environment may add to it.</summary>
    internal static IHost Create(string json, Action<IServiceCollection> add, TimeSpan? shutdownTimeout = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "Order Service" });
        builder.Configuration.AddJsonStream(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(json)));
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = shutdownTimeout ?? TimeSpan.FromSeconds(30));
        add(builder.Services);
        return builder.Build();
    }

    /// <summary>The same, of a harness's broker.</summary>
    internal static IHost Create(
        RocketMqTestHarness harness, string json, Action<IServiceCollection> add, TimeSpan? shutdownTimeout = null) =>
        Create(
            json,
            services =>
            {
                add(services);
                services.AddRocketMqTestHarness(harness);
            },
            shutdownTimeout);

    /// <summary>A host of a harness's broker that has started, and its clients with it.</summary>
    internal static async Task<IHost> StartAsync(RocketMqTestHarness harness, Action<IServiceCollection> add)
    {
        var host = Create(harness, WaitsForStart, add);
        await host.StartAsync();
        return host;
    }

    internal const string WaitsForStart = """{ "RocketMq": { "Start": { "Wait": true } } }""";
}
