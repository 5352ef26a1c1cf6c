namespace RocketMq.Client;

/// <summary>Settings that go together.</summary>
public enum RemotingPreset
{
    /// <summary>3 s a call, as in Java; 4,096 calls at a time.</summary>
    Default,

    /// <summary>10 s a call, for a developer's machine; 1,024 calls at a time.</summary>
    Development,

    /// <summary>10 s a call, for services under load; 16,384 calls and 16 MiB of unwritten bytes at a time.</summary>
    Production,

    /// <summary>5 s a call and 1 s to connect, for tests; 128 calls at a time.</summary>
    Testing,
}

internal static class RemotingPresets
{
    internal static Core.RemotingOptions ToCore(this RemotingPreset preset) => preset switch
    {
        RemotingPreset.Default => Core.RemotingOptions.Default,
        RemotingPreset.Development => Core.RemotingOptions.Development,
        RemotingPreset.Production => Core.RemotingOptions.Production,
        RemotingPreset.Testing => Core.RemotingOptions.Testing,
        _ => throw Checked.Unknown(preset, nameof(preset)),
    };
}
