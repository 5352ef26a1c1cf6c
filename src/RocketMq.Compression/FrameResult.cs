namespace RocketMq.Client;

/// <summary>What became of a frame: bytes, or why there are none.</summary>
internal readonly record struct FrameResult(ReadOnlyMemory<byte> Bytes, bool IsTooLarge, string? Reason)
{
    internal static FrameResult TooLarge => new(default, true, null);

    internal static FrameResult CutShort => Failed("it is cut short");

    internal static FrameResult Followed => Failed("something follows it");

    internal static FrameResult Done(ReadOnlyMemory<byte> bytes) => new(bytes, false, null);

    internal static FrameResult Failed(string reason) => new(default, false, reason);
}
