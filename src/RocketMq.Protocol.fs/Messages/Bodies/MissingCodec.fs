namespace RocketMq

open RocketMq.Protocol

/// What people read where a client has no codec for a compression, the same words everywhere.
module internal MissingCodec =
    let nameOf (compression: Compression) : string =
        match compression with
        | Compression.Uncompressed -> "no compression"
        | Compression.Lz4 -> "LZ4"
        | Compression.Zstandard -> "Zstandard"
        | Compression.Zlib -> "zlib"
        | Compression.UnknownCompression number -> invariant $"compression {number}"

    /// Why there is none, and what to do.
    let reason (compression: Compression) : string =
        let missing = $"no codec for {nameOf compression} is registered with this client"

        match compression with
        | Compression.Lz4
        | Compression.Zstandard ->
            $"{missing}; add the package RocketMq.Compression and register its codecs with AddCompressionCodecs()"
        | _ -> $"{missing}; register the application's own"
