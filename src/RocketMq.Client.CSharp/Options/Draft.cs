namespace RocketMq.Client;

/// <summary>The core's options of one kind of client while a builder changes them. Immutable.</summary>
internal abstract class Draft
{
    internal static Draft Of<TOptions>(Core.OptionKind<TOptions> kind, TOptions options) => new Draft<TOptions>(kind, options);

    /// <summary>Of a client of its own if there is no other, or of one that shares it: then with its options.</summary>
    internal static Draft Of<TOptions>(
        Core.OptionKind<TOptions> kind,
        TOptions options,
        Func<Core.ClientOptions, TOptions, TOptions> withClient,
        Core.RocketMqClient? shared) =>
        new Draft<TOptions>(kind, shared is null ? options : withClient(shared.Options, options), shared);

    /// <summary>The client that is shared.</summary>
    internal abstract Core.RocketMqClient? Shared { get; }

    /// <summary>Its options.</summary>
    internal FSharpOption<Core.ClientOptions>? SharedOptions =>
        Shared is { } shared ? FSharpOption<Core.ClientOptions>.Some(shared.Options) : null;

    internal abstract Core.RemotingOptions Remoting { get; }

    internal abstract Draft With(Core.RemotingOptions remoting);

    /// <summary>With one setting changed. The core knows all of them, by the names of the builders' methods.</summary>
    /// <param name="value">Its new value.</param>
    /// <param name="parameter">The argument that it comes from.</param>
    /// <param name="setting">The setting.</param>
    /// <exception cref="ArgumentException">The value is not allowed; of numbers and times an <see cref="ArgumentOutOfRangeException"/>.</exception>
    internal abstract Draft With<T>(T value, string? parameter, string setting) where T : notnull;

    /// <summary>As <see cref="With{T}(T, string, string)"/>, of one setting of a method that has several.</summary>
    internal abstract Draft WithPart<T>(T value, string parameter, string method) where T : notnull;

    /// <summary>Changed by a text or, if there is none, by environment variables.</summary>
    /// <exception cref="ArgumentException">It makes no sense; the message names all that does not.</exception>
    internal abstract Draft Read(string? settings);

    internal TOptions Options<TOptions>() => ((Draft<TOptions>)this).Value;

    internal Draft Change<TOptions>(Func<TOptions, TOptions> change) => ((Draft<TOptions>)this).Changed(change);

    /// <summary>With the name servers of the variable NAMESRV_ADDR, as in Java, if none are named.</summary>
    /// <exception cref="InvalidRequestException">NAMESRV_ADDR is no list of addresses.</exception>
    internal Draft FindNameServers(Core.ClientOptions client)
    {
        if (!client.NameServers.IsEmpty || client.AddressServer is not null)
        {
            return this;
        }

        var found = Core.NameServerDiscovery.ofEnvironment(FuncConvert.FromFunc<string, FSharpOption<string>?>(
            name => Environment.GetEnvironmentVariable(name) is { } value ? FSharpOption<string>.Some(value) : null));

        return found switch
        {
            null => this,
            { Value.IsOk: true } => With(found.Value.ResultValue, null, "nameServers"),
            _ => throw Core.RemotingError.NewMisconfigured(
                $"{Core.NameServerDiscovery.environmentVariable} has '{found.Value.ErrorValue}', which is no host:port").ToException(),
        };
    }
}

internal sealed class Draft<TOptions>(Core.OptionKind<TOptions> kind, TOptions options, Core.RocketMqClient? shared = null) : Draft
{
    internal TOptions Value => options;

    internal override Core.RocketMqClient? Shared => shared;

    internal override Core.RemotingOptions Remoting => kind.RemotingOf.Invoke(options);

    internal Draft Changed(Func<TOptions, TOptions> change) => new Draft<TOptions>(kind, change(options), shared);

    internal override Draft With(Core.RemotingOptions remoting) =>
        new Draft<TOptions>(kind, kind.WithRemoting.Invoke(remoting).Invoke(options), shared);

    internal override Draft With<T>(T value, string? parameter, string setting) =>
        Taken(Core.OptionKind.assign(kind, setting, value, options), value, parameter, setting);

    internal override Draft WithPart<T>(T value, string parameter, string method) =>
        Taken(Core.OptionKind.assignPart(kind, method, parameter, value, options), value, parameter, method);

    internal override Draft Read(string? settings) => new Draft<TOptions>(
        kind,
        settings is null
            ? OrThrow(Core.OptionKind.ofEnvironment(kind, options), "environment")
            : OrThrow(Core.OptionKind.ofText(kind, settings, options), nameof(settings)),
        shared);

    private Draft<TOptions> Taken<T>(FSharpResult<TOptions, string> changed, T value, string? parameter, string setting)
    {
        if (changed.IsOk)
        {
            return new(kind, changed.ResultValue, shared);
        }

        var isNumber = value is int or long or TimeSpan or Enum or Core.AutoCreateTopic;
        throw isNumber
            ? new ArgumentOutOfRangeException(parameter, value, $"{setting}: {changed.ErrorValue}")
            : new ArgumentException(changed.ErrorValue, parameter);
    }

    private static TOptions OrThrow(FSharpResult<TOptions, FSharpList<string>> result, string parameter) =>
        result.IsOk ? result.ResultValue : throw new SettingsException([.. result.ErrorValue], parameter);
}
