namespace RocketMq.Client;

/// <summary>
/// Texts of settings, "nameServers=a:9876,b:9876;requestTimeout=5s", as builders read them and connection strings hold them, taken
/// apart and put together. A value with ';' in it, or with quotes or blanks at its ends, stands in double quotes, and a double quote
/// within it twice. Blanks around names and values do not count. What the names mean is not looked at.
/// </summary>
public static class SettingsText
{
    /// <summary>
    /// The settings of a text, in their order; a name that comes twice is there twice. What follows nameServers without a '=' is more
    /// name servers.
    /// </summary>
    /// <exception cref="SettingsException">
    /// It is no text of settings. Each problem begins with the number of the setting, from 1 on, as "setting 2: "; values are not shown.
    /// </exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var split = Core.SettingText.split(Core.RemotingSettings.nameServersName, text);

        return split.IsOk
            ? [.. split.ResultValue.Select(setting => KeyValuePair.Create(setting.Item1, setting.Item2))]
            : throw new SettingsException([.. split.ErrorValue], nameof(text));
    }

    /// <summary>The text that <see cref="Split"/> takes apart into these settings. Values are quoted where they must be.</summary>
    public static string Join(IEnumerable<KeyValuePair<string, string>> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Core.SettingText.join(ListModule.OfSeq(settings.Select(setting => Tuple.Create(setting.Key, setting.Value))));
    }
}
