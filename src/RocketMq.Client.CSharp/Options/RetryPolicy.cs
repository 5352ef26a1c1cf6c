namespace RocketMq.Client;

/// <summary>When and how often a call is tried again by itself. All attempts share the call's timeout.</summary>
public sealed record RetryPolicy
{
    /// <summary>Each call is tried once.</summary>
    public static RetryPolicy Never { get; } = new() { Attempts = 1 };

    /// <summary>Up to three attempts after what was certainly not carried out.</summary>
    public static RetryPolicy Safe { get; } = new();

    /// <summary>
    /// As <see cref="Safe"/>, and after what may have been carried out: for requests that only look, or that set a value.
    /// </summary>
    public static RetryPolicy Repeatable { get; } = new() { AfterUnknownOutcome = true };

    /// <summary>How often a call is tried, the first time included: from 1 to 1,000. Default 3.</summary>
    public int Attempts { get; init => field = Checked.Count(value, 1000); } = 3;

    /// <summary>The wait before the second attempt at most; it doubles each time. Default 10 ms.</summary>
    public TimeSpan FirstWait { get; init => field = Checked.Span(value); } = TimeSpan.FromMilliseconds(10);

    /// <summary>The wait before any attempt at most. Default 100 ms.</summary>
    public TimeSpan LongestWait { get; init => field = Checked.Span(value); } = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether a call is tried again that the server may have carried out. Default false.</summary>
    public bool AfterUnknownOutcome { get; init; }

    internal Core.RetryPolicy ToCore()
    {
        Core.RetriedFailure[] failures = AfterUnknownOutcome
            ? [Core.RetriedFailure.NotSent, Core.RetriedFailure.Overload, Core.RetriedFailure.UnknownEnd]
            : [Core.RetriedFailure.NotSent, Core.RetriedFailure.Overload];
        return new(
            Attempts,
            new Core.Backoff(FirstWait, LongestWait < FirstWait ? FirstWait : LongestWait, TimeSpan.Zero),
            ListModule.OfSeq(failures));
    }
}
