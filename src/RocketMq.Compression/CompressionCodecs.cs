namespace RocketMq.Client;

/// <summary>Registers the codecs of this package with clients.</summary>
public static class CompressionCodecs
{
    /// <summary>
    /// Has clients read bodies in LZ4 and Zstandard, and write them where <c>Compression</c> of a producer says so. What is sent stays as
    /// it is otherwise.
    /// </summary>
    /// <param name="builder">Of a client of any kind.</param>
    public static TSelf AddCompressionCodecs<TSelf>(this ClientBuilder<TSelf> builder)
        where TSelf : ClientBuilder<TSelf>
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Codec(new Lz4Codec()).Codec(new ZstandardCodec());
    }

    /// <summary>The same for the options of a client in F#: <c>{ options with Client.Codecs = CompressionCodecs.AddTo options.Client.Codecs }</c>.</summary>
    /// <param name="codecs">Those that there are; codecs for the same compressions are replaced.</param>
    public static Core.BodyCodecs AddTo(Core.BodyCodecs codecs)
    {
        ArgumentNullException.ThrowIfNull(codecs);
        return With(new ZstandardCodec(), With(new Lz4Codec(), codecs));
    }

    private static Core.BodyCodecs With(Core.IBodyCodec codec, Core.BodyCodecs codecs) =>
        // Numbers of the protocol always fit.
        Core.BodyCodecsModule.add(codec, codecs).ResultValue;
}
