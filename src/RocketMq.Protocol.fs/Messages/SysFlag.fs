namespace RocketMq.Protocol

open RocketMq

/// How a body is compressed, as the flag word of its message says. Source: MessageSysFlag.java, CompressionType.java.
[<RequireQualifiedAccess>]
type Compression =
    | Uncompressed
    | Lz4
    | Zstandard
    | Zlib
    /// A number that no version of the protocol knows.
    | UnknownCompression of number: int

    override one.ToString() =
        match one with
        | Uncompressed -> "Uncompressed"
        | Lz4 -> "Lz4"
        | Zstandard -> "Zstandard"
        | Zlib -> "Zlib"
        | UnknownCompression number -> invariant $"UnknownCompression {number}"

/// The flag word of a message. Source: MessageSysFlag.java.
module SysFlag =
    let private compressed = 0x1
    let private compressionMask = 0x700
    let private compressionShift = 8
    /// The message is the half of a transaction.
    let transactionHalf = 0x4

    let private unwrapFlag = 0x40
    let private innerBatchFlag = 0x80
    let private bornHostV6 = 0x10
    let private storeHostV6 = 0x20

    /// Whether the producer's address has IP version 6.
    let isBornHostV6 sysFlag = sysFlag &&& bornHostV6 <> 0
    /// Whether the broker's address has IP version 6.
    let isStoreHostV6 sysFlag = sysFlag &&& storeHostV6 <> 0

    /// The message is a batch that its broker keeps as one, or was part of one.
    let isInnerBatch sysFlag = sysFlag &&& innerBatchFlag <> 0

    /// Whoever reads the batch is to take it apart.
    let needsUnwrap sysFlag = sysFlag &&& unwrapFlag <> 0

    /// Without the mark that a batch is to be unpacked.
    let withoutUnwrap sysFlag = sysFlag &&& ~~~unwrapFlag

    /// Sets the IP versions of the producer's and the broker's addresses.
    let withHosts (isBornV6: bool) (isStoreV6: bool) sysFlag =
        sysFlag &&& ~~~(bornHostV6 ||| storeHostV6)
        ||| (if isBornV6 then bornHostV6 else 0)
        ||| (if isStoreV6 then storeHostV6 else 0)

    /// Senders before 4.9.3 set no number: theirs is zlib.
    let compression sysFlag =
        match sysFlag &&& compressed, (sysFlag &&& compressionMask) >>> compressionShift with
        | 0, _ -> Compression.Uncompressed
        | _, 0
        | _, 3 -> Compression.Zlib
        | _, 1 -> Compression.Lz4
        | _, 2 -> Compression.Zstandard
        | _, number -> Compression.UnknownCompression number

    /// Sets how the body is compressed.
    let withCompression compression sysFlag =
        let cleared = sysFlag &&& ~~~(compressed ||| compressionMask)

        match compression with
        | Compression.Uncompressed -> cleared
        | Compression.Lz4 -> cleared ||| compressed ||| (1 <<< compressionShift)
        | Compression.Zstandard -> cleared ||| compressed ||| (2 <<< compressionShift)
        | Compression.Zlib -> cleared ||| compressed ||| (3 <<< compressionShift)
        | Compression.UnknownCompression number ->
            cleared ||| compressed ||| ((number <<< compressionShift) &&& compressionMask)
