namespace RocketMq.Client;

/// <summary>What methods refuse before they ask the core.</summary>
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
