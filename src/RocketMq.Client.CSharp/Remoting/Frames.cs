namespace RocketMq.Client;

/// <summary>How the header of a frame is written.</summary>
public enum HeaderFormat
{
    /// <summary>A JSON object, which every server reads.</summary>
    Json,

    /// <summary>Java's ROCKETMQ form. Codes above 32,767 do not fit: they are written as JSON.</summary>
    Binary,
}

/// <summary>What the first eight bytes of a frame say.</summary>
/// <param name="FrameBytes">The size of the frame, its length field included.</param>
/// <param name="HeaderBytes">The size of its header.</param>
/// <param name="Header">How the header is written.</param>
public sealed record FrameInfo(int FrameBytes, int HeaderBytes, HeaderFormat Header);

/// <summary>Commands as the bytes that travel.</summary>
public static class Frames
{
    /// <summary>The largest frame that is read, in bytes.</summary>
    public static int MaxReceivedBytes => Core.Protocol.FrameLimits.Default.ReceiveFrameBytes;

    /// <summary>The largest frame that is written, in bytes: Java peers take no larger one.</summary>
    public static int MaxSentBytes => Core.Protocol.FrameLimits.Default.SendFrameBytes;

    /// <summary>A command as one frame.</summary>
    /// <exception cref="ArgumentException">It has no form on the wire, or is larger than <see cref="MaxSentBytes"/>.</exception>
    public static byte[] Encode(Command command, HeaderFormat header = HeaderFormat.Json)
    {
        ArgumentNullException.ThrowIfNull(command);
        var result = Core.Protocol.FrameModule.encode(header == HeaderFormat.Binary ? Core.Protocol.Header.Binary : Core.Protocol.Header.Json, command.Inner);
        return result.IsOk ? result.ResultValue : throw new ArgumentException(result.ErrorValue.Message, nameof(command));
    }

    /// <summary>Reads one whole frame.</summary>
    /// <exception cref="FormatException">The bytes are none, or not all of one, or more than one.</exception>
    public static Command Decode(byte[] frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return Read(Core.Protocol.FrameModule.decodeWhole(frame));
    }

    /// <summary>Reads a frame without its first four bytes, the length.</summary>
    /// <exception cref="FormatException">The bytes are none.</exception>
    public static Command DecodeStripped(byte[] frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return Read(Core.Protocol.FrameModule.decodeStripped(frame));
    }

    private static Command Read(Microsoft.FSharp.Core.FSharpResult<Core.Protocol.Frame, Core.Protocol.DecodeError> result) =>
        result.IsOk ? new(result.ResultValue.Command) : throw new FormatException(result.ErrorValue.Message);

    /// <summary>Whether the bytes begin as one frame that they fill. The header itself is not read.</summary>
    public static bool IsWhole(byte[] frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return Core.Protocol.FrameModule.isWhole(frame);
    }

    /// <summary>What the first bytes of a frame say.</summary>
    /// <exception cref="FormatException">They cannot begin a frame.</exception>
    public static FrameInfo Inspect(byte[] frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var result = Core.Protocol.FrameModule.tryInfo(frame);

        if (result.IsError)
        {
            throw new FormatException(result.ErrorValue.Message);
        }

        var info = result.ResultValue;
        return new(info.FrameBytes, info.HeaderBytes, info.Header.IsBinary ? HeaderFormat.Binary : HeaderFormat.Json);
    }
}
