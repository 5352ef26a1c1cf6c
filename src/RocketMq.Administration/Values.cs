namespace RocketMq.Client.Administration;

/// <summary>Values of the core as .NET has them.</summary>
internal static class Values
{
    internal static DateTimeOffset? Time(FSharpOption<long>? millis) =>
        OptionModule.ToNullable(millis) is { } value ? DateTimeOffset.FromUnixTimeMilliseconds(value) : null;

    internal static DateTimeOffset? TimeIfAny(long millis) =>
        millis > 0 ? DateTimeOffset.FromUnixTimeMilliseconds(millis) : null;

    internal static TimeSpan? Span(FSharpOption<long>? millis) =>
        OptionModule.ToNullable(millis) is { } value ? TimeSpan.FromMilliseconds(value, 0) : null;

    internal static FSharpOption<T>? Option<T>(T? value) where T : struct => OptionModule.OfNullable(value);

    internal static FSharpOption<string>? Option(string? value) => value is null ? null : FSharpOption<string>.Some(value);
}
