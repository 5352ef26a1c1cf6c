namespace RocketMq.Client;

/// <summary>Proxies as the core takes them.</summary>
internal static class SocksProxies
{
    /// <exception cref="ArgumentException">One is no address or no pattern, or there is only one of user name and password.</exception>
    internal static Core.SocksProxy Of(string address, string? userName, string? password, IEnumerable<string>? targets)
    {
        if (userName is null != password is null)
        {
            throw new ArgumentException("A user name and a password go together.", userName is null ? nameof(userName) : nameof(password));
        }

        return new(
            address: Addresses.Parse(address),
            credentials: userName is null || password is null ? null : FSharpOption<Core.SocksCredentials>.Some(new(userName, password)),
            targets: ListModule.OfSeq((targets ?? []).Select(text => Pattern(text, nameof(targets)))));
    }

    private static Core.HostPattern Pattern(string text, string parameter)
    {
        var pattern = Core.HostPatternModule.tryParse(text);
        return pattern.IsSome
            ? pattern.Value
            : throw new ArgumentException(
                $"'{text}' is no pattern: write * for every host, 10.0.0.0/8, *.example.com, or one host.", parameter);
    }
}
