using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace RocketMq.Hosting;

/// <summary>
/// Reads options from sections of the configuration. Every value that is not one of the few that belong to the host is a setting of the
/// clients, by its name; a section within puts its own name before those of its values, so that <c>"Tls": { "ServerName": … }</c> is
/// the setting tlsServerName. Nothing is bound by reflection.
/// </summary>
internal static partial class ConfigurationReader
{
    /// <summary>Parts of a section that are no settings.</summary>
    private static readonly string[] Parts = ["Producers", "Consumers", "Start"];

    /// <summary>A section whose name only groups settings.</summary>
    private const string Credentials = "Credentials";

    /// <param name="section">"RocketMq", or the section of one cluster.</param>
    /// <param name="options">What is read into.</param>
    /// <param name="clusters">Names of sections in it that are other clusters' own.</param>
    /// <param name="withClients">Whether producers, consumers and how they start are read as well.</param>
    internal static void Read(
        IConfigurationSection section, RocketMqOptions options, IReadOnlyCollection<string> clusters, bool withClients)
    {
        foreach (var child in section.GetChildren())
        {
            if (Is(child, "Producers"))
            {
                ReadAll(child, withClients, one => ReadProducer(one, options.Producers[one.Key], options.Problems));
            }
            else if (Is(child, "Consumers"))
            {
                ReadAll(child, withClients, one => ReadConsumer(one, options.Consumers[one.Key], options.Problems));
            }
            else if (Is(child, "Start"))
            {
                if (withClients)
                {
                    ReadStart(child, options.Start, options.Problems);
                }
            }
            else if (!(child.Value is null && clusters.Contains(child.Key, StringComparer.OrdinalIgnoreCase)))
            {
                ReadSetting(child, "", options.Settings);
            }
        }
    }

    /// <summary>A connection string: a text of settings.</summary>
    internal static void ReadText(string text, string path, RocketMqOptions options)
    {
        try
        {
            // What the settings say is looked at when they are applied.
            foreach (var (name, value) in SettingsText.Split(text))
            {
                options.Settings.Set(name, value, $"{path}, {name}");
            }
        }
        catch (SettingsException error)
        {
            options.IsTextUnreadable = true;
            options.Problems.AddRange(error.Problems.Select(problem => $"{path}, {problem}"));
        }
    }

    private static void ReadAll(IConfigurationSection sections, bool isMeant, Action<IConfigurationSection> read)
    {
        if (isMeant)
        {
            foreach (var section in sections.GetChildren())
            {
                read(section);
            }
        }
    }

    private static void ReadProducer(IConfigurationSection section, ProducerOptions options, List<string> problems)
    {
        options.Path = section.Path;

        foreach (var child in section.GetChildren())
        {
            if (Is(child, nameof(ProducerOptions.Group)))
            {
                options.Group = child.Value;
            }
            else if (Is(child, nameof(ProducerOptions.Topics)))
            {
                foreach (var topic in Values(child, problems))
                {
                    options.Topics.Add(topic);
                }
            }
            else
            {
                ReadSetting(child, "", options.Settings);
            }
        }
    }

    private static void ReadConsumer(IConfigurationSection section, ConsumerOptions options, List<string> problems)
    {
        options.Path = section.Path;

        foreach (var child in section.GetChildren())
        {
            if (Is(child, nameof(ConsumerOptions.Group)))
            {
                options.Group = child.Value;
            }
            else if (Is(child, nameof(ConsumerOptions.Enabled)))
            {
                options.Enabled = Flag(child, problems) ?? options.Enabled;
            }
            else if (Is(child, nameof(ConsumerOptions.Subscriptions)))
            {
                foreach (var one in child.GetChildren())
                {
                    options.Subscriptions.Add(ReadSubscription(one, problems));
                }
            }
            else
            {
                ReadSetting(child, "", options.Settings);
            }
        }
    }

    private static SubscriptionOptions ReadSubscription(IConfigurationSection section, List<string> problems)
    {
        // "Orders" is short for { "Topic": "Orders" }.
        var subscription = new SubscriptionOptions { Topic = section.Value ?? "" };

        foreach (var child in section.GetChildren())
        {
            if (Is(child, nameof(SubscriptionOptions.Topic)))
            {
                subscription.Topic = child.Value ?? "";
            }
            else if (Is(child, nameof(SubscriptionOptions.Tags)))
            {
                subscription.Tags = string.Join(" || ", Values(child, problems));
            }
            else if (Is(child, nameof(SubscriptionOptions.Sql92)))
            {
                subscription.Sql92 = child.Value;
            }
            else
            {
                problems.Add($"{child.Path}: is not known. A subscription has Topic, and Tags or Sql92.");
            }
        }

        if (subscription.Topic.Length == 0)
        {
            problems.Add($"{section.Path}: names no topic. Write a topic's name, or {{ \"Topic\": …, \"Tags\": … }}.");
        }

        if (subscription is { Tags: not null, Sql92: not null })
        {
            problems.Add($"{section.Path}: has both Tags and Sql92. Brokers filter by one of them.");
        }

        return subscription;
    }

    private static void ReadStart(IConfigurationSection section, StartOptions options, List<string> problems)
    {
        foreach (var child in section.GetChildren())
        {
            if (Is(child, nameof(StartOptions.Wait)))
            {
                options.Wait = Flag(child, problems) ?? options.Wait;
            }
            else if (Is(child, nameof(StartOptions.Timeout)))
            {
                options.Timeout = Span(child, problems) ?? options.Timeout;
            }
            else
            {
                problems.Add($"{child.Path}: is not known. Start has Wait and Timeout.");
            }
        }
    }

    private static void ReadSetting(IConfigurationSection section, string prefix, SettingCollection settings)
    {
        var name = prefix.Length == 0 && Is(section, Credentials) ? "" : prefix + section.Key;

        if (section.Value is { } value)
        {
            settings.Set(name, Text(value), section.Path);
            return;
        }

        var children = section.GetChildren().ToList();

        if (children.Count > 0 && children.TrueForAll(child => child.Value is not null && IsIndex(child.Key)))
        {
            settings.Set(name, string.Join(',', children.Select(child => child.Value)), section.Path);
            return;
        }

        // "Tls": { … } asks for TLS, whatever else it says.
        if (Is(section, "Tls") && prefix.Length == 0 && children.Count > 0 && settings["tls"] is null)
        {
            settings.Set("tls", "true", section.Path);
        }

        foreach (var child in children)
        {
            ReadSetting(child, name, settings);
        }
    }

    /// <summary>What JSON and .NET write otherwise than the settings' texts: true, and times as 00:00:05.</summary>
    private static string Text(string value) => value switch
    {
        "True" => "true",
        "False" => "false",
        _ when TimeText().IsMatch(value) && TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time) =>
            $"{(long)time.TotalMilliseconds}ms",
        _ => value,
    };

    private static bool? Flag(IConfigurationSection section, List<string> problems)
    {
        if (bool.TryParse(section.Value, out var flag))
        {
            return flag;
        }

        problems.Add($"{section.Path}: '{section.Value}' is neither true nor false.");
        return null;
    }

    private static TimeSpan? Span(IConfigurationSection section, List<string> problems)
    {
        var text = section.Value ?? "";
        var parts = UnitText().Match(text);

        if (parts.Success)
        {
            var number = double.Parse(parts.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            return parts.Groups[2].Value switch
            {
                "ms" => TimeSpan.FromMilliseconds(number),
                "s" => TimeSpan.FromSeconds(number),
                _ => TimeSpan.FromMinutes(number),
            };
        }

        if (TimeText().IsMatch(text) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time))
        {
            return time;
        }

        problems.Add($"{section.Path}: '{text}' is no time: write 500ms, 3s, 2m or 00:00:03.");
        return null;
    }

    private static List<string> Values(IConfigurationSection section, List<string> problems)
    {
        if (section.Value is { } single)
        {
            return [single];
        }

        var values = new List<string>();

        foreach (var child in section.GetChildren())
        {
            if (child.Value is { } value)
            {
                values.Add(value);
            }
            else
            {
                problems.Add($"{child.Path}: is no text.");
            }
        }

        return values;
    }

    private static bool Is(IConfigurationSection section, string name) =>
        section.Key.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static bool IsIndex(string key) => int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    internal static bool IsPart(string key) => Parts.Contains(key, StringComparer.OrdinalIgnoreCase);

    [GeneratedRegex(@"^(\d+\.)?\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$", RegexOptions.CultureInvariant)]
    private static partial Regex TimeText();

    [GeneratedRegex(@"^(\d+(?:\.\d+)?)(ms|s|m)$", RegexOptions.CultureInvariant)]
    private static partial Regex UnitText();
}
