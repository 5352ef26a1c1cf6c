using System.Buffers;
using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace RocketMq.Client;

/// <summary>LZ4 frames, as Java's clients write and read them.</summary>
internal static class Lz4Frame
{
    private const int WordBytes = 4;

    /// <summary>The mark of a block whose bytes stand as they are.</summary>
    private const uint StoredMark = 0x80000000;

    /// <summary>How far back a block that is linked to those before it may look.</summary>
    private const int Window = 64 * 1024;

    internal static FrameResult Compress(ReadOnlySpan<byte> body)
    {
        var (largest, header) = Lz4Header.For(body.Length);
        var blocks = (body.Length / largest) + 1;
        var most = (long)header.Length + ((blocks + 1L) * WordBytes) + body.Length;

        if (most > Array.MaxLength)
        {
            return FrameResult.TooLarge;
        }

        var frame = ArrayPool<byte>.Shared.Rent((int)most);

        try
        {
            header.CopyTo(frame, 0);
            var written = header.Length;

            for (var rest = body; !rest.IsEmpty; rest = rest[Math.Min(largest, rest.Length)..])
            {
                written += WriteBlock(rest[..Math.Min(largest, rest.Length)], frame.AsSpan(written));
            }

            BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(written), 0);
            return FrameResult.Done(frame.AsSpan(0, written + WordBytes).ToArray());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    internal static FrameResult Inflate(ReadOnlySpan<byte> frame, int limitBytes)
    {
        if (!Lz4Header.TryRead(frame, out var header, out var reason))
        {
            return FrameResult.Failed(reason);
        }

        var measured = Measure(frame, header, limitBytes, out var size);

        if (measured is { } problem)
        {
            return problem;
        }

        // Owned by the application from here on, so it is no array of a pool.
        var body = GC.AllocateUninitializedArray<byte>(size);

        if (!TryInflate(frame, header, body))
        {
            return FrameResult.Failed("a block of it is damaged");
        }

        return header.HasChecksum && BinaryPrimitives.ReadUInt32LittleEndian(frame[^WordBytes..]) != XxHash32.Of(body)
            ? FrameResult.Failed("its checksum is wrong")
            : FrameResult.Done(body);
    }

    private static int WriteBlock(ReadOnlySpan<byte> block, Span<byte> target)
    {
        // One byte less than it has now: a block that does not shrink stands as it is.
        var size = LZ4Codec.Encode(block, target.Slice(WordBytes, block.Length - 1), LZ4Level.L00_FAST);

        if (size > 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)size);
            return WordBytes + size;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)block.Length | StoredMark);
        block.CopyTo(target[WordBytes..]);
        return WordBytes + block.Length;
    }

    /// <summary>Looks through the whole frame before any memory is taken. Gives what is wrong with it, or its size.</summary>
    private static FrameResult? Measure(ReadOnlySpan<byte> frame, in Lz4Header header, int limitBytes, out int size)
    {
        size = 0;
        var total = 0L;
        var rest = frame[header.Bytes..];

        while (true)
        {
            if (!TryReadBlock(header, ref rest, out var block, out var isStored, out var problem))
            {
                return problem;
            }

            if (block.IsEmpty && !isStored)
            {
                break;
            }

            var inflated = isStored ? block.Length : Lz4Block.InflatedSize(block);

            if (inflated < 0 || inflated > header.LargestBlock)
            {
                return FrameResult.Failed("a block of it is damaged");
            }

            total += inflated;

            if (total > limitBytes)
            {
                return FrameResult.TooLarge;
            }
        }

        var tail = header.HasChecksum ? WordBytes : 0;

        if (rest.Length != tail)
        {
            return rest.Length < tail ? FrameResult.CutShort : FrameResult.Followed;
        }

        if (header.ContentSize is { } declared && declared != (ulong)total)
        {
            return FrameResult.Failed("it does not have the size that it declares");
        }

        size = (int)total;
        return null;
    }

    /// <summary>The next block; an empty one that is not stored is the end of the frame.</summary>
    private static bool TryReadBlock(
        in Lz4Header header, ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> block, out bool isStored, out FrameResult problem)
    {
        block = default;
        isStored = false;
        problem = FrameResult.CutShort;

        if (rest.Length < WordBytes)
        {
            return false;
        }

        var word = BinaryPrimitives.ReadUInt32LittleEndian(rest);
        rest = rest[WordBytes..];

        if (word == 0)
        {
            return true;
        }

        isStored = (word & StoredMark) != 0;
        var size = word & ~StoredMark;
        var checksum = header.HasBlockChecksums ? WordBytes : 0;

        if (size > (uint)header.LargestBlock)
        {
            problem = FrameResult.Failed("a block of it is larger than it declares");
            return false;
        }

        if (rest.Length < size + checksum)
        {
            return false;
        }

        block = rest[..(int)size];
        rest = rest[(int)size..];

        if (header.HasBlockChecksums && BinaryPrimitives.ReadUInt32LittleEndian(rest) != XxHash32.Of(block))
        {
            problem = FrameResult.Failed("the checksum of a block is wrong");
            return false;
        }

        rest = rest[checksum..];
        return true;
    }

    /// <summary>Into an array of the size that was measured.</summary>
    private static bool TryInflate(ReadOnlySpan<byte> frame, in Lz4Header header, byte[] body)
    {
        var rest = frame[header.Bytes..];
        var written = 0;

        while (TryReadBlock(header, ref rest, out var block, out var isStored, out _) && (isStored || !block.IsEmpty))
        {
            var target = body.AsSpan(written);

            if (isStored)
            {
                block.CopyTo(target);
                written += block.Length;
                continue;
            }

            var expected = (int)Lz4Block.InflatedSize(block);

            if (expected > 0 && InflateBlock(header, block, body, written, expected) != expected)
            {
                return false;
            }

            written += expected;
        }

        return written == body.Length;
    }

    private static int InflateBlock(in Lz4Header header, ReadOnlySpan<byte> block, byte[] body, int written, int expected)
    {
        var target = body.AsSpan(written, expected);

        if (!header.IsLinked || written == 0)
        {
            return LZ4Codec.Decode(block, target);
        }

        var back = Math.Min(written, Window);
        return LZ4Codec.Decode(block, target, body.AsSpan(written - back, back));
    }
}
