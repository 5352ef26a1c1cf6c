namespace RocketMq.Client.Administration;

/// <summary>The settings of one broker. What may be a secret is shown as "***".</summary>
/// <param name="Broker">The broker.</param>
/// <param name="Settings">By name; empty if it did not answer.</param>
/// <param name="Failure">Why there are none; null if it answered.</param>
public sealed record BrokerConfiguration(
    BrokerAddress Broker, IReadOnlyDictionary<string, string> Settings, ServerFailure? Failure)
{
    internal static BrokerConfiguration FromCore(Admin.BrokerSettings settings)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);

        if (settings.Settings.IsOk)
        {
            foreach (var setting in settings.Settings.ResultValue)
            {
                found[setting.Name] = Admin.BrokerSettingsModule.shown(setting.Name, setting.Value);
            }
        }

        return new(
            BrokerAddress.FromCore(settings.Broker),
            found,
            settings.Settings.IsError ? ServerFailure.FromCore(settings.Settings.ErrorValue) : null);
    }
}
