using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>What the builders share about connections.</summary>
internal sealed record RemotingSettings
{
    /// <summary>All but what follows.</summary>
    internal Core.RemotingOptions Options { get; init; } = Core.RemotingOptions.Default;

    internal TimeSpan RequestTimeout { init => Options = Change(requestTimeout: value); }

    internal TimeSpan ConnectTimeout { init => Options = Change(connectTimeout: value); }

    internal int MaxInFlight { init => Options = Change(maxInFlight: value); }

    internal bool BinaryHeaders { init => Options = Change(header: value ? Core.Protocol.Header.Binary : Core.Protocol.Header.Json); }

    /// <summary>For those who find their servers.</summary>
    internal FSharpList<Core.Endpoint> NameServers { get; init; } = FSharpList<Core.Endpoint>.Empty;

    internal TlsSettings Tls { init => Options = Change(tls: value.ToCore()); }

    internal OverflowPolicy OnMaxInFlight { init => Options = Change(onMaxInFlight: value.ToCore()); }

    internal OverflowPolicy OnMaxUnwrittenBytes { init => Options = Change(onMaxUnwrittenBytes: value.ToCore()); }

    internal Core.KeepAlive KeepAlive { init => Options = Change(keepAlive: value); }

    internal RetryPolicy Retry { init => Options = Change(retry: value.ToCore()); }

    internal Func<string, string> MapAddress { init => Options = Change(mapAddress: ToCore(value)); }

    internal Func<Credentials> Credentials { init => Options = Change(credentials: ToCore(value)); }

    internal ILogger Logger { get; init; } = NullLogger.Instance;

    internal ImmutableDictionary<RequestCode, CommandHandler> Handlers { get; init; } =
        ImmutableDictionary<RequestCode, CommandHandler>.Empty;

    internal int MaxUnwrittenBytes { init => Options = Change(maxUnwrittenBytes: value); }

    internal int MaxServerRequests { init => Options = Change(maxServerRequests: value); }

    internal (int Calls, int Bytes) MaxWaiting
    {
        init => Options = Change(maxWaitingCalls: value.Calls, maxWaitingBytes: value.Bytes);
    }

    internal Core.Protocol.FrameLimits Limits { init => Options = Change(limits: value); }

    internal Core.Backoff Backoff { init => Options = Change(backoff: value); }

    /// <summary>
    /// These, and the options of a kind of client, changed by a text or, if there is none, by environment variables.
    /// </summary>
    internal (T Own, RemotingSettings Remoting) Read<T>(FSharpList<Core.OwnSetting<T>> own, string? settings, T options)
    {
        var read = settings is null
            ? Core.OptionText.ofEnvironmentOwn(own, options, NameServers, Options).OrThrow("environment")
            : Core.OptionText.parseOwn(own, settings, options, NameServers, Options).OrThrow(nameof(settings));
        return (read.Item1, this with { NameServers = read.Item2, Options = read.Item3 });
    }

    internal Core.RemotingOptions ToCore(Core.WhenDisconnected whenDisconnected) => Change(
        whenDisconnected: whenDisconnected,
        handlers: MapModule.OfSeq(Handlers.Select(pair => Tuple.Create((Core.Protocol.RequestCode)(int)pair.Key, ToCore(pair.Value)))),
        logger: Logger);

    private Core.RemotingOptions Change(
        TimeSpan? requestTimeout = null,
        TimeSpan? connectTimeout = null,
        int? maxInFlight = null,
        Core.Protocol.Header? header = null,
        Core.OverflowPolicy? onMaxInFlight = null,
        Core.OverflowPolicy? onMaxUnwrittenBytes = null,
        int? maxUnwrittenBytes = null,
        int? maxServerRequests = null,
        int? maxWaitingCalls = null,
        int? maxWaitingBytes = null,
        Core.Protocol.FrameLimits? limits = null,
        Core.Backoff? backoff = null,
        Core.KeepAlive? keepAlive = null,
        Core.RetryPolicy? retry = null,
        FSharpFunc<Core.Endpoint, Core.Endpoint>? mapAddress = null,
        Core.WhenDisconnected? whenDisconnected = null,
        FSharpMap<Core.Protocol.RequestCode, FSharpFunc<Core.Protocol.RemotingCommand, Task<FSharpOption<Core.Protocol.RemotingCommand>?>>>? handlers = null,
        Core.TlsOptions? tls = null,
        FSharpFunc<Unit, Core.Credentials>? credentials = null,
        ILogger? logger = null) => new(
        requestTimeout: requestTimeout ?? Options.RequestTimeout,
        connectTimeout: connectTimeout ?? Options.ConnectTimeout,
        maxInFlight: maxInFlight ?? Options.MaxInFlight,
        onMaxInFlight: onMaxInFlight ?? Options.OnMaxInFlight,
        maxUnwrittenBytes: maxUnwrittenBytes ?? Options.MaxUnwrittenBytes,
        onMaxUnwrittenBytes: onMaxUnwrittenBytes ?? Options.OnMaxUnwrittenBytes,
        maxWaitingCalls: maxWaitingCalls ?? Options.MaxWaitingCalls,
        maxWaitingBytes: maxWaitingBytes ?? Options.MaxWaitingBytes,
        maxServerRequests: maxServerRequests ?? Options.MaxServerRequests,
        header: header ?? Options.Header,
        limits: limits ?? Options.Limits,
        backoff: backoff ?? Options.Backoff,
        keepAlive: keepAlive ?? Options.KeepAlive,
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

    private static FSharpFunc<Core.Protocol.RemotingCommand, Task<FSharpOption<Core.Protocol.RemotingCommand>?>> ToCore(CommandHandler handler)
    {
        async Task<FSharpOption<Core.Protocol.RemotingCommand>?> Handle(Core.Protocol.RemotingCommand request)
        {
            var answer = await (handler(new Command(request)) ?? throw Client.Handlers.NoTask(handler)).ConfigureAwait(false);
            return answer is null ? null : FSharpOption<Core.Protocol.RemotingCommand>.Some(answer.Inner);
        }

        return FuncConvert.FromFunc<Core.Protocol.RemotingCommand, Task<FSharpOption<Core.Protocol.RemotingCommand>?>>(Handle);
    }
}

/// <summary>What builders refuse.</summary>
internal static class Checked
{
    /// <param name="value">A time.</param>
    /// <param name="parameter">The argument that it comes from.</param>
    /// <param name="setting">The method or property that it was given to.</param>
    internal static TimeSpan Span(
        TimeSpan value,
        [CallerArgumentExpression(nameof(value))] string? parameter = null,
        [CallerMemberName] string? setting = null) =>
        value > TimeSpan.Zero && value <= TimeSpan.FromDays(1)
            ? value
            : throw new ArgumentOutOfRangeException(parameter, value, $"{setting} takes a time above 0 and up to a day.");

    /// <param name="value">A number.</param>
    /// <param name="most">The largest that is allowed; the smallest is 1.</param>
    /// <param name="parameter">The argument that it comes from.</param>
    /// <param name="setting">The method or property that it was given to.</param>
    internal static int Count(
        int value,
        int most,
        [CallerArgumentExpression(nameof(value))] string? parameter = null,
        [CallerMemberName] string? setting = null) =>
        value >= 1 && value <= most
            ? value
            : throw new ArgumentOutOfRangeException(
                parameter,
                value,
                most == int.MaxValue ? $"{setting} takes a number above 0." : $"{setting} takes a number from 1 to {most}.");

    /// <param name="value">A number.</param>
    /// <param name="least">The smallest that is allowed.</param>
    /// <param name="most">The largest that is allowed.</param>
    /// <param name="parameter">The argument that it comes from.</param>
    /// <param name="setting">The method or property that it was given to.</param>
    internal static int Between(
        int value,
        int least,
        int most,
        [CallerArgumentExpression(nameof(value))] string? parameter = null,
        [CallerMemberName] string? setting = null) =>
        value >= least && value <= most
            ? value
            : throw new ArgumentOutOfRangeException(parameter, value, $"{setting} takes a number from {least} to {most}.");

    /// <summary>All of them, none of which is null.</summary>
    internal static T[] All<T>(
        IEnumerable<T> values, [CallerArgumentExpression(nameof(values))] string? parameter = null) where T : class
    {
        ArgumentNullException.ThrowIfNull(values, parameter);
        var all = values.ToArray();
        var missing = Array.IndexOf(all, null);
        return missing < 0 ? all : throw new ArgumentException($"Number {missing} of them, counting from 0, is null.", parameter);
    }

    /// <summary>A value of an enumeration that has no name there.</summary>
    internal static ArgumentOutOfRangeException Unknown<T>(T value, string parameter) where T : struct, Enum =>
        new(parameter, value, $"{typeof(T).Name} has {string.Join(", ", Enum.GetNames<T>())}, and no other.");
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
            : throw new ArgumentException($"'{endpoints.ErrorValue}' is no address: write host:port, and ';' or ',' between several.", nameof(addresses));
    }
}
