using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace RocketMq.Hosting;

/// <summary>Options by name, in any case. A name that is not there yet is added when it is looked up.</summary>
/// <typeparam name="T">The options.</typeparam>
[SuppressMessage("Naming", "CA1710", Justification = "Its name says what it holds.")]
public sealed class NamedOptions<T> : IEnumerable<KeyValuePair<string, T>>
    where T : class, new()
{
    private readonly SortedDictionary<string, T> _options = new(StringComparer.OrdinalIgnoreCase);

    internal NamedOptions()
    {
    }

    /// <summary>The options of that name.</summary>
    public T this[string name]
    {
        get
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(name);

            if (!_options.TryGetValue(name, out var options))
            {
                options = new T();
                _options.Add(name, options);
            }

            return options;
        }
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, T>> GetEnumerator() => _options.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal T? Find(string name) => _options.GetValueOrDefault(name);
}
