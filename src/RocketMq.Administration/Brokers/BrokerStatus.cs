namespace RocketMq.Client.Administration;

/// <summary>What a broker says of itself. What it does not say is null, never 0.</summary>
public sealed record BrokerStatus
{
    private BrokerStatus() { }

    /// <summary>The broker.</summary>
    public required BrokerAddress Broker { get; init; }

    /// <summary>Why there is nothing about it; null if it answered.</summary>
    public ServerFailure? Failure { get; private init; }

    /// <summary>Its release, as it names it.</summary>
    public string? Version { get; private init; }

    /// <summary>Since when it runs.</summary>
    public DateTimeOffset? BootTime { get; private init; }

    /// <summary>Messages stored a second, over the last ten seconds.</summary>
    public double? PutsPerSecond { get; private init; }

    /// <summary>Messages read a second, over the last ten seconds.</summary>
    public double? GetsPerSecond { get; private init; }

    /// <summary>Sends that wait.</summary>
    public long? SendQueueSize { get; private init; }

    /// <summary>Pulls that wait.</summary>
    public long? PullQueueSize { get; private init; }

    /// <summary>When the first message was stored that is still there.</summary>
    public DateTimeOffset? EarliestMessageTime { get; private init; }

    /// <summary>How full the disk of the commit log is, 0 to 1.</summary>
    public double? DiskRatio { get; private init; }

    /// <summary>Bytes that are stored and cannot be consumed yet.</summary>
    public long? DispatchBehindBytes { get; private init; }

    /// <summary>Messages stored since midnight.</summary>
    public long? PutsToday { get; private init; }

    /// <summary>Messages read since midnight.</summary>
    public long? GetsToday { get; private init; }

    /// <summary>All figures as it names them.</summary>
    public IReadOnlyDictionary<string, string> Figures { get; private init; } = new Dictionary<string, string>();

    internal static BrokerStatus FromCore(Admin.BrokerRow row)
    {
        var broker = BrokerAddress.FromCore(row.Broker);

        if (row.Status.IsError)
        {
            return new() { Broker = broker, Failure = ServerFailure.FromCore(row.Status.ErrorValue) };
        }

        var status = row.Status.ResultValue;

        return new()
        {
            Broker = broker,
            Version = OptionModule.ToObj(status.Version),
            BootTime = Values.Time(status.BootMillis),
            PutsPerSecond = OptionModule.ToNullable(status.PutsPerSecond),
            GetsPerSecond = OptionModule.ToNullable(status.GetsPerSecond),
            SendQueueSize = OptionModule.ToNullable(status.SendQueueSize),
            PullQueueSize = OptionModule.ToNullable(status.PullQueueSize),
            EarliestMessageTime = Values.Time(status.EarliestMessageMillis),
            DiskRatio = OptionModule.ToNullable(status.DiskRatio),
            DispatchBehindBytes = OptionModule.ToNullable(status.DispatchBehindBytes),
            PutsToday = OptionModule.ToNullable(status.PutsToday),
            GetsToday = OptionModule.ToNullable(status.GetsToday),
            Figures = status.Figures.ToDictionary(StringComparer.Ordinal),
        };
    }
}
