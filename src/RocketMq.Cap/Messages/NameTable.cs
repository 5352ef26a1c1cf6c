using System.Collections.Concurrent;

namespace RocketMq.Cap;

/// <summary>Which RocketMQ name each CAP name has. No two share one.</summary>
/// <param name="what">What is named, as errors say it.</param>
/// <param name="custom">The application's own function, if it has one.</param>
internal sealed class NameTable(string what, Func<string, string>? custom)
{
    private readonly ConcurrentDictionary<string, string> _encoded = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _decoded = new(StringComparer.Ordinal);

    /// <summary>The RocketMQ name of a CAP name.</summary>
    /// <exception cref="InvalidOperationException">
    /// Another CAP name has it, or the application's function threw or returned null.
    /// </exception>
    internal string Encode(string name)
    {
        if (_encoded.TryGetValue(name, out var known))
        {
            return known;
        }

        var encoded = custom is null ? CapNames.Encode(name) : CallCustom(custom, name);
        var owner = _decoded.GetOrAdd(encoded, name);

        return string.Equals(owner, name, StringComparison.Ordinal)
            ? _encoded.GetOrAdd(name, encoded)
            : throw new InvalidOperationException(
                $"The {what}s '{owner}' and '{name}' of CAP would both be '{encoded}' in RocketMQ; give each one of its own.");
    }

    /// <summary>The CAP name that was encoded so, or else the one that is written so; null if there is none.</summary>
    internal string? Decode(string encoded) =>
        _decoded.TryGetValue(encoded, out var name) ? name : custom is null ? CapNames.Decode(encoded) : null;

    private string CallCustom(Func<string, string> custom, string name)
    {
        try
        {
            return custom(name) ?? throw new InvalidOperationException("it returned null");
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"The function that names a {what} failed for '{name}': {error.Message}", error);
        }
    }
}
