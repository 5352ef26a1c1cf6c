using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace RocketMq.Hosting;

/// <summary>What clients of a host have without being told.</summary>
internal static class ClientDefaults
{
    /// <summary>A client that logs where the host does.</summary>
    internal static RocketMqClientBuilder Of(IServiceProvider services)
    {
        var builder = RocketMqClient.Create();
        return services.GetService<ILoggerFactory>() is { } factory ? builder.Logger(factory) : builder;
    }

    /// <summary>The application's name, as the name of a group: what groups may not have becomes '-'.</summary>
    internal static string GroupOf(IServiceProvider services)
    {
        var name = services.GetService<IHostEnvironment>()?.ApplicationName;
        var group = string.Concat((name ?? "").Select(character =>
            char.IsAsciiLetterOrDigit(character) || character is '_' or '-' or '|' or '%' ? character : '-'));
        return group.Length == 0 ? "producer" : group;
    }

    /// <summary>The clock by which the host waits, and health checks judge.</summary>
    internal static TimeProvider ClockOf(IServiceProvider services) => services.GetService<TimeProvider>() ?? TimeProvider.System;

    internal static ILogger LoggerOf(IServiceProvider services) =>
        services.GetService<ILoggerFactory>()?.CreateLogger(HostingLog.Category)
        ?? Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;
}
