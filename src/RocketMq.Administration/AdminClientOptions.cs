namespace RocketMq.Client.Administration;

/// <summary>
/// How actions are carried out. How long one request may take is a setting of the client (<c>RequestTimeout</c>).
/// </summary>
public sealed record AdminClientOptions
{
    /// <summary>How many requests are under way at once. Default 16.</summary>
    public int MostAtOnce { get; init; } = 16;

    /// <summary>How long what was written may take to be seen when it is read again. Default 5 seconds.</summary>
    public TimeSpan VerifyWithin { get; init; } = TimeSpan.FromSeconds(5L);
}
