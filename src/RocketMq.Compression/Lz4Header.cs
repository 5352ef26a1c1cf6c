using System.Buffers.Binary;

namespace RocketMq.Client;

/// <summary>The descriptor at the start of an LZ4 frame.</summary>
internal readonly record struct Lz4Header(
    int Bytes, int LargestBlock, bool IsLinked, bool HasBlockChecksums, bool HasChecksum, ulong? ContentSize)
{
    internal const uint Magic = 0x184D2204;
    private const int Version = 0x40;
    private const int VersionMask = 0xC0;
    private const int IndependentFlag = 0x20;
    private const int BlockChecksumFlag = 0x10;
    private const int ContentSizeFlag = 0x08;
    private const int ChecksumFlag = 0x04;
    private const int ReservedFlag = 0x02;
    private const int DictionaryFlag = 0x01;

    /// <summary>Magic number, flags, block size and the checksum of the latter two.</summary>
    private const int LeastBytes = 7;

    /// <summary>
    /// Headers that are written, by the sizes of blocks: independent blocks, which are all that Java's clients read, no checksums and no
    /// size, as they write them.
    /// </summary>
    private static readonly (int Block, byte[] Bytes)[] s_written = [.. Enumerable.Range(4, 4).Select(id => (BlockOf(id), Written(id)))];

    /// <summary>The header for a body: with the smallest blocks that have room for it, as readers reserve memory for a whole one.</summary>
    internal static (int Block, byte[] Bytes) For(int bodyBytes)
    {
        foreach (var written in s_written)
        {
            if (bodyBytes <= written.Block)
            {
                return written;
            }
        }

        return s_written[^1];
    }

    /// <summary>Reads a header. The reason says why it is none that can be read.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> frame, out Lz4Header header, out string reason)
    {
        header = default;
        reason = "it is cut short";

        if (frame.Length < LeastBytes)
        {
            return false;
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(frame) != Magic)
        {
            reason = "it is no LZ4 frame";
            return false;
        }

        int flags = frame[4];
        var blockId = (frame[5] >> 4) & 7;

        if ((flags & (VersionMask | ReservedFlag | DictionaryFlag)) != Version || (frame[5] & 0x8F) != 0 || blockId < 4)
        {
            reason = "its header asks for what nobody reads";
            return false;
        }

        var hasSize = (flags & ContentSizeFlag) != 0;
        var bytes = hasSize ? LeastBytes + 8 : LeastBytes;

        if (frame.Length < bytes)
        {
            return false;
        }

        if (frame[bytes - 1] != Checksum(frame[4..(bytes - 1)]))
        {
            reason = "the checksum of its header is wrong";
            return false;
        }

        header = new(
            bytes,
            BlockOf(blockId),
            (flags & IndependentFlag) == 0,
            (flags & BlockChecksumFlag) != 0,
            (flags & ChecksumFlag) != 0,
            hasSize ? BinaryPrimitives.ReadUInt64LittleEndian(frame[6..]) : null);
        return true;
    }

    private static int BlockOf(int id) => 1 << (8 + (2 * id));

    private static byte Checksum(ReadOnlySpan<byte> descriptor) => (byte)(XxHash32.Of(descriptor) >> 8);

    private static byte[] Written(int blockId)
    {
        var header = new byte[LeastBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        header[4] = Version | IndependentFlag;
        header[5] = (byte)(blockId << 4);
        header[6] = Checksum(header.AsSpan(4, 2));
        return header;
    }
}
