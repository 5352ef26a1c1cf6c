namespace RocketMq.Client.Administration;

/// <summary>The settings of one broker. What may be a secret is shown as "***".</summary>
/// <param name="Broker">The broker.</param>
/// <param name="Settings">By name; empty if it did not answer.</param>
/// <param name="Failure">Why there are none; null if it answered.</param>
public sealed record BrokerConfiguration(
    BrokerAddress Broker, IReadOnlyDictionary<string, string> Settings, ServerFailure? Failure)
{
    internal static BrokerConfiguration FromCore(Admin.BrokerSettings settings) => new(
        BrokerAddress.FromCore(settings.Broker),
        settings.Settings.IsOk ? Shown(settings.Settings.ResultValue) : Shown([]),
        settings.Settings.IsError ? ServerFailure.FromCore(settings.Settings.ErrorValue) : null);

    internal static Dictionary<string, string> Shown(IEnumerable<Core.Protocol.Admin.Setting> settings)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);

        foreach (var setting in settings)
        {
            found[setting.Name] = Admin.BrokerSettingsModule.shown(setting.Name, setting.Value);
        }

        return found;
    }
}
