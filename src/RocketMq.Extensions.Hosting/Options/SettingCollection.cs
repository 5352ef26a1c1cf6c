using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace RocketMq.Hosting;

/// <summary>
/// Settings by name, "requestTimeout" for instance, as texts: "5s". The names, in any case, are those of the clients' settings text and
/// environment variables; docs/production.md lists them all. A later value takes the place of an earlier one.
/// </summary>
[SuppressMessage("Naming", "CA1710", Justification = "It is a collection, and its name says so.")]
public sealed class SettingCollection : IEnumerable<KeyValuePair<string, string>>
{
    private readonly SortedDictionary<string, (string Value, string Path)> _settings = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>How many there are.</summary>
    public int Count => _settings.Count;

    /// <summary>The value of a setting; null if it has none. Setting null removes it.</summary>
    public string? this[string name]
    {
        get => _settings.TryGetValue(name, out var found) ? found.Value : null;
        set
        {
            if (value is null)
            {
                _settings.Remove(name);
            }
            else
            {
                Set(name, value, $"the setting {name}, set in code");
            }
        }
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() =>
        _settings.Select(setting => KeyValuePair.Create(setting.Key, setting.Value.Value)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The names alone: values may be secrets.</summary>
    public override string ToString() => string.Join(", ", _settings.Keys);

    /// <param name="name">The setting.</param>
    /// <param name="value">Its value.</param>
    /// <param name="path">Where it stands, for what is said of it if it is wrong.</param>
    internal void Set(string name, string value, string path) => _settings[name] = (value, path);

    internal void SetAll(SettingCollection other)
    {
        foreach (var (name, (value, path)) in other._settings)
        {
            Set(name, value, path);
        }
    }

    /// <summary>A builder with the settings. What is wrong with them is added to the problems, each with its path.</summary>
    internal TBuilder Apply<TBuilder>(TBuilder builder, ICollection<string> problems)
        where TBuilder : ClientBuilder<TBuilder>
    {
        var left = new SortedDictionary<string, (string Value, string Path)>(_settings, StringComparer.OrdinalIgnoreCase);

        while (left.Count > 0)
        {
            try
            {
                return builder.Settings(SettingsText.Join(left.Select(setting => KeyValuePair.Create(setting.Key, setting.Value.Value))));
            }
            catch (SettingsException error)
            {
                // What is wrong is left out, so that it is not the cause of other problems.
                var wrong = error.Problems.Select(problem => Locate(problem, left)).ToList();
                wrong.ForEach(one => problems.Add(one.Text));

                if (!wrong.Exists(one => one.Name is not null && left.Remove(one.Name)))
                {
                    return builder;
                }

                wrong.ForEach(one => left.Remove(one.Name ?? ""));
            }
        }

        return builder;
    }

    /// <summary>A problem begins with the setting's name, and ends with the path of the setting.</summary>
    private static (string? Name, string Text) Locate(string problem, SortedDictionary<string, (string Value, string Path)> settings)
    {
        var name = settings.Keys.FirstOrDefault(key => problem.StartsWith(key + ":", StringComparison.OrdinalIgnoreCase));
        return name is null ? (null, problem) : (name, settings[name].Path + problem[name.Length..]);
    }
}
