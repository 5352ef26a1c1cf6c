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
    /// <summary>All but what follows.</summary>
    internal Core.RemotingOptions Options { get; init; } = Core.RemotingOptions.Default;

    internal TimeSpan RequestTimeout { init => Options = Change(requestTimeout: value); }

    internal TimeSpan ConnectTimeout { init => Options = Change(connectTimeout: value); }

    internal int MaxInFlight { init => Options = Change(maxInFlight: value); }

    internal bool BinaryHeaders { init => Options = Change(header: value ? Core.Header.Binary : Core.Header.Json); }

    /// <summary>For those who find their servers.</summary>
    internal FSharpList<Core.Endpoint> NameServers { get; init; } = FSharpList<Core.Endpoint>.Empty;

    internal TlsSettings Tls { init => Options = Change(tls: value.ToCore()); }

    internal AtLimit AtCallLimit { init => Options = Change(atCallLimit: value.ToCore()); }

    internal AtLimit AtByteLimit { init => Options = Change(atByteLimit: value.ToCore()); }

    internal Core.Liveness Liveness { init => Options = Change(liveness: value); }

    internal RetryPolicy Retry { init => Options = Change(retry: value.ToCore()); }

    internal Func<string, string> MapAddress { init => Options = Change(mapAddress: ToCore(value)); }

    internal Func<Credentials> Credentials { init => Options = Change(credentials: ToCore(value)); }

    internal ILogger Logger { get; init; } = NullLogger.Instance;

    internal ImmutableDictionary<RequestCode, CommandHandler> Handlers { get; init; } =
        ImmutableDictionary<RequestCode, CommandHandler>.Empty;

    /// <summary>With what a text made of them.</summary>
    internal RemotingSettings With(Tuple<FSharpList<Core.Endpoint>, Core.RemotingOptions> read) =>
        this with { NameServers = read.Item1, Options = read.Item2 };

    internal Core.RemotingOptions ToCore(Core.WhenDisconnected whenDisconnected) => Change(
        whenDisconnected: whenDisconnected,
        handlers: MapModule.OfSeq(Handlers.Select(pair => Tuple.Create((Core.RequestCode)(int)pair.Key, ToCore(pair.Value)))),
        logger: Logger);

    private Core.RemotingOptions Change(
        TimeSpan? requestTimeout = null,
        TimeSpan? connectTimeout = null,
        int? maxInFlight = null,
        Core.Header? header = null,
        Core.AtLimit? atCallLimit = null,
        Core.AtLimit? atByteLimit = null,
        Core.Liveness? liveness = null,
        Core.RetryPolicy? retry = null,
        FSharpFunc<Core.Endpoint, Core.Endpoint>? mapAddress = null,
        Core.WhenDisconnected? whenDisconnected = null,
        FSharpMap<Core.RequestCode, FSharpFunc<Core.RemotingCommand, Task<FSharpOption<Core.RemotingCommand>?>>>? handlers = null,
        Core.TlsOptions? tls = null,
        FSharpFunc<Unit, Core.Credentials>? credentials = null,
        ILogger? logger = null) => new(
        requestTimeout: requestTimeout ?? Options.RequestTimeout,
        connectTimeout: connectTimeout ?? Options.ConnectTimeout,
        maxInFlight: maxInFlight ?? Options.MaxInFlight,
        atCallLimit: atCallLimit ?? Options.AtCallLimit,
        maxUnwrittenBytes: Options.MaxUnwrittenBytes,
        atByteLimit: atByteLimit ?? Options.AtByteLimit,
        maxServerRequests: Options.MaxServerRequests,
        header: header ?? Options.Header,
        limits: Options.Limits,
        backoff: Options.Backoff,
        liveness: liveness ?? Options.Liveness,
        retry: retry ?? Options.Retry,
        mapAddress: mapAddress ?? Options.MapAddress,
        whenDisconnected: whenDisconnected ?? Options.WhenDisconnected,
        handlers: handlers ?? Options.Handlers,
        tls: tls is null ? Options.Tls : FSharpOption<Core.TlsOptions>.Some(tls),
        credentials: credentials is null ? Options.Credentials : FSharpOption<FSharpFunc<Unit, Core.Credentials>>.Some(credentials),
        logger: logger ?? Options.Logger,
        ports: Options.Ports);

    /// <summary>An address that is mapped to none is dialled as it is.</summary>
    private static FSharpFunc<Core.Endpoint, Core.Endpoint> ToCore(Func<string, string> map) =>
        FuncConvert.FromFunc<Core.Endpoint, Core.Endpoint>(endpoint =>
        {
            var mapped = Core.EndpointModule.tryParse(map(endpoint.ToString()) ?? "");
            return mapped.IsSome ? mapped.Value : endpoint;
        });

    /// <summary>The core refuses a null, whatever the annotations say.</summary>
    private static FSharpFunc<Unit, Core.Credentials> ToCore(Func<Credentials> provider) =>
        FuncConvert.FromFunc(() => provider()?.Inner!);

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
