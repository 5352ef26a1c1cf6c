namespace RocketMq.Client;

/// <summary>What became of a frame, as those say it who call codecs.</summary>
internal static class FrameResults
{
    /// <summary>For the core, where errors are values.</summary>
    internal static Core.CodecResult ToCore(this in FrameResult result) => result switch
    {
        { IsTooLarge: true } => Core.CodecResult.TooLarge,
        { Reason: { } reason } => Core.CodecResult.Failed(reason),
        _ => Core.CodecResult.Done(result.Bytes),
    };

    /// <summary>Null if it is over the limit.</summary>
    internal static ReadOnlyMemory<byte>? OrNull(this in FrameResult result) => result.IsTooLarge ? null : result.OrThrow();

    internal static ReadOnlyMemory<byte> OrThrow(this in FrameResult result) => result switch
    {
        { IsTooLarge: true } => throw new InvalidDataException("it is too large"),
        { Reason: { } reason } => throw new InvalidDataException(reason),
        _ => result.Bytes,
    };
}
