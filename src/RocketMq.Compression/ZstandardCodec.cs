namespace RocketMq.Client;

/// <summary>
/// Message bodies in Zstandard frames, as Java's clients write and read them since 5.0. Frames whose window is larger than both the limit
/// of bodies and 8 MiB are refused. It may be used from many threads at once.
/// </summary>
public sealed class ZstandardCodec : IBodyCodec, Core.IBodyCodec
{
    /// <summary>The level that Java's clients use, 5.</summary>
    public const int DefaultLevel = 5;

    private const int LargestLevel = 22;

    private readonly int _level;

    /// <summary>Compresses at <see cref="DefaultLevel"/>.</summary>
    public ZstandardCodec() : this(DefaultLevel) { }

    /// <summary>Compresses at a level. Bodies of all levels are read.</summary>
    /// <param name="level">From 1 (fast) to 22 (small).</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such level.</exception>
    public ZstandardCodec(int level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(level, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, LargestLevel);
        _level = level;
    }

    /// <inheritdoc/>
    public BodyCompression Compression => BodyCompression.Zstandard;

    Core.BodyCompression Core.IBodyCodec.Compression => Core.BodyCompression.Zstandard;

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">It is too large for a frame.</exception>
    public ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> body) => ZstandardFrame.Compress(body.Span, _level).OrThrow();

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The bytes are no frame of Zstandard, or it is damaged, or needs too much memory.</exception>
    public ReadOnlyMemory<byte>? Inflate(ReadOnlyMemory<byte> compressed, int limitBytes) =>
        ZstandardFrame.Inflate(compressed.Span, limitBytes).OrNull();

    Core.CodecResult Core.IBodyCodec.Compress(ReadOnlyMemory<byte> body) => ZstandardFrame.Compress(body.Span, _level).ToCore();

    Core.CodecResult Core.IBodyCodec.Inflate(ReadOnlyMemory<byte> compressed, int limitBytes) =>
        ZstandardFrame.Inflate(compressed.Span, limitBytes).ToCore();
}
