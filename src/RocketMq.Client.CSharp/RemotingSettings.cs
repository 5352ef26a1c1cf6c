using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>What the builders share about connections.</summary>
internal sealed record RemotingSettings
{
    internal TimeSpan RequestTimeout { get; init; } = Defaults.RequestTimeout;

    internal TimeSpan ConnectTimeout { get; init; } = Defaults.ConnectTimeout;

    internal int MaxInFlight { get; init; } = Defaults.MaxInFlight;

    internal bool BinaryHeaders { get; init; }

    internal ILogger Logger { get; init; } = NullLogger.Instance;

    internal ImmutableDictionary<RequestCode, CommandHandler> Handlers { get; init; } =
        ImmutableDictionary<RequestCode, CommandHandler>.Empty;

    private static Core.RemotingOptions Defaults => Core.RemotingOptions.Default;

    internal Core.RemotingOptions ToCore(Core.WhenDisconnected whenDisconnected) => new(
        requestTimeout: RequestTimeout,
        connectTimeout: ConnectTimeout,
        maxInFlight: MaxInFlight,
        maxUnwrittenBytes: Defaults.MaxUnwrittenBytes,
        maxServerRequests: Defaults.MaxServerRequests,
        header: BinaryHeaders ? Core.Header.Binary : Core.Header.Json,
        limits: Defaults.Limits,
        backoff: Defaults.Backoff,
        whenDisconnected: whenDisconnected,
        handlers: MapModule.OfSeq(Handlers.Select(pair => Tuple.Create((Core.RequestCode)(int)pair.Key, ToCore(pair.Value)))),
        logger: Logger,
        ports: Defaults.Ports);

    private static FSharpFunc<Core.RemotingCommand, Task<FSharpOption<Core.RemotingCommand>?>> ToCore(CommandHandler handler)
    {
        async Task<FSharpOption<Core.RemotingCommand>?> Handle(Core.RemotingCommand request)
        {
            var answer = await handler(new Command(request)).ConfigureAwait(false);
            return answer is null ? null : FSharpOption<Core.RemotingCommand>.Some(answer.Inner);
        }

        return FuncConvert.FromFunc<Core.RemotingCommand, Task<FSharpOption<Core.RemotingCommand>?>>(Handle);
    }
}

/// <summary>What builders refuse.</summary>
internal static class Checked
{
    internal static TimeSpan Span(TimeSpan value, [CallerArgumentExpression(nameof(value))] string? parameter = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero, parameter);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromDays(1), parameter);
        return value;
    }

    internal static int Count(int value, int most, [CallerArgumentExpression(nameof(value))] string? parameter = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value, parameter);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, parameter);
        return value;
    }
}

/// <summary>Server addresses as texts.</summary>
internal static class Addresses
{
    internal static Core.Endpoint Parse(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var endpoint = Core.EndpointModule.tryParse(address);
        return endpoint.IsSome
            ? endpoint.Value
            : throw new ArgumentException($"'{address}' is no address: write host:port.", nameof(address));
    }

    internal static FSharpList<Core.Endpoint> ParseList(string addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        var endpoints = Core.EndpointModule.parseList(addresses);
        return endpoints.IsOk
            ? endpoints.ResultValue
            : throw new ArgumentException($"'{endpoints.ErrorValue}' is no address: write host:port;host:port.", nameof(addresses));
    }
}
