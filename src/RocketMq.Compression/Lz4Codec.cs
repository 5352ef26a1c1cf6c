namespace RocketMq.Client;

/// <summary>
/// Message bodies in LZ4 frames, as Java's clients write and read them since 5.0: independent blocks without checksums. Frames with
/// checksums, sizes and blocks that depend on each other are read too. It may be used from many threads at once.
/// </summary>
public sealed class Lz4Codec : IBodyCodec, Core.IBodyCodec
{
    /// <inheritdoc/>
    public BodyCompression Compression => BodyCompression.Lz4;

    Core.BodyCompression Core.IBodyCodec.Compression => Core.BodyCompression.Lz4;

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">It is too large for a frame.</exception>
    public ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> body) => Lz4Frame.Compress(body.Span).OrThrow();

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The bytes are no frame of LZ4, or it is damaged.</exception>
    public ReadOnlyMemory<byte>? Inflate(ReadOnlyMemory<byte> compressed, int limitBytes) =>
        Lz4Frame.Inflate(compressed.Span, limitBytes).OrNull();

    Core.CodecResult Core.IBodyCodec.Compress(ReadOnlyMemory<byte> body) => Lz4Frame.Compress(body.Span).ToCore();

    Core.CodecResult Core.IBodyCodec.Inflate(ReadOnlyMemory<byte> compressed, int limitBytes) =>
        Lz4Frame.Inflate(compressed.Span, limitBytes).ToCore();
}
