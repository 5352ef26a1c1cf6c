namespace RocketMq.Client;

/// <summary>The life of a connection.</summary>
public enum ConnectionState
{
    /// <summary>No caller has needed it yet.</summary>
    Disconnected,

    /// <summary>It is being made, or will be after a wait.</summary>
    Connecting,

    /// <summary>It takes requests.</summary>
    Connected,

    /// <summary>It is being closed.</summary>
    Closing,

    /// <summary>It is closed for good.</summary>
    Closed,
}

internal static class ConnectionStates
{
    internal static ConnectionState FromCore(Core.ConnectionState state) => state switch
    {
        { IsDisconnected: true } => ConnectionState.Disconnected,
        { IsConnecting: true } => ConnectionState.Connecting,
        { IsConnected: true } => ConnectionState.Connected,
        { IsClosing: true } => ConnectionState.Closing,
        _ => ConnectionState.Closed,
    };
}
