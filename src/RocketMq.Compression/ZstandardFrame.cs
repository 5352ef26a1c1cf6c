using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using ZstdSharp.Unsafe;

namespace RocketMq.Client;

/// <summary>Zstandard frames, as Java's clients write and read them.</summary>
internal static unsafe class ZstandardFrame
{
    private const uint Magic = 0xFD2FB528;
    private const ulong UnknownSize = ulong.MaxValue;
    private const ulong NoSize = ulong.MaxValue - 1;

    /// <summary>Frames of all levels up to 19 get by with a window of 8 MiB.</summary>
    private const int UsualWindowLog = 23;

    private const int LargestWindowLog = 27;

    /// <summary>So much memory is taken on the word of a frame alone.</summary>
    private const ulong TrustedBytes = 1024 * 1024;

    /// <summary>And for each byte that there is of it so much more.</summary>
    private const ulong TrustedRatio = 64;

    private const int FirstBufferBytes = 64 * 1024;

    internal static FrameResult Compress(ReadOnlySpan<byte> body, int level)
    {
        var bound = Methods.ZSTD_compressBound((nuint)body.Length);

        if (bound > (nuint)Array.MaxLength)
        {
            return FrameResult.TooLarge;
        }

        var frame = ArrayPool<byte>.Shared.Rent((int)bound);
        var context = ZstandardContexts.RentCompressing();

        try
        {
            fixed (byte* source = body, target = frame)
            {
                var size = Methods.ZSTD_compressCCtx(context, target, (nuint)frame.Length, source, (nuint)body.Length, level);
                return IsError(size) ? DecoderFailed(size) : FrameResult.Done(frame.AsSpan(0, (int)size).ToArray());
            }
        }
        finally
        {
            ZstandardContexts.Return(context);
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    internal static FrameResult Inflate(ReadOnlySpan<byte> frame, int limitBytes)
    {
        if (frame.Length >= sizeof(uint) && BinaryPrimitives.ReadUInt32LittleEndian(frame) != Magic)
        {
            return FrameResult.Failed("it is no Zstandard frame");
        }

        fixed (byte* source = frame)
        {
            var whole = Methods.ZSTD_findFrameCompressedSize(source, (nuint)frame.Length);

            if (IsError(whole))
            {
                return FrameResult.Failed($"it is cut short or damaged: {Methods.ZSTD_getErrorName(whole)}");
            }

            if (whole != (nuint)frame.Length)
            {
                return FrameResult.Followed;
            }

            var declared = Methods.ZSTD_getFrameContentSize(source, (nuint)frame.Length);

            if (declared == NoSize)
            {
                return FrameResult.Failed("its header is damaged");
            }

            if (declared != UnknownSize && declared > (ulong)limitBytes)
            {
                return FrameResult.TooLarge;
            }

            var context = ZstandardContexts.RentInflating();

            try
            {
                return declared != UnknownSize && declared <= TrustedBytes + (TrustedRatio * (ulong)frame.Length)
                    ? InflateWhole(context, source, frame.Length, (int)declared)
                    : InflateByParts(context, source, frame.Length, limitBytes);
            }
            finally
            {
                ZstandardContexts.Return(context);
            }
        }
    }

    /// <summary>In one go, into the array that the application gets.</summary>
    private static FrameResult InflateWhole(ZSTD_DCtx_s* context, byte* source, int length, int size)
    {
        var body = GC.AllocateUninitializedArray<byte>(size);

        fixed (byte* target = body)
        {
            var inflated = Methods.ZSTD_decompressDCtx(context, target, (nuint)size, source, (nuint)length);

            if (IsError(inflated))
            {
                return DecoderFailed(inflated);
            }

            return inflated == (nuint)size ? FrameResult.Done(body) : FrameResult.Failed("it does not have the size that it declares");
        }
    }

    /// <summary>
    /// A frame that does not say how large it is, or whose word is not to be trusted: into an array of the pool that grows with what is
    /// there, and at the end into one of the right size.
    /// </summary>
    private static FrameResult InflateByParts(ZSTD_DCtx_s* context, byte* source, int length, int limitBytes)
    {
        var set = Methods.ZSTD_DCtx_setParameter(context, ZSTD_dParameter.ZSTD_d_windowLogMax, WindowLog(limitBytes));

        if (IsError(set))
        {
            return DecoderFailed(set);
        }

        var buffer = ArrayPool<byte>.Shared.Rent(FirstBufferBytes);
        var input = new ZSTD_inBuffer_s { src = source, size = (nuint)length, pos = 0 };
        var written = 0;

        try
        {
            while (true)
            {
                nuint hint;
                var before = input.pos;
                int added;

                fixed (byte* target = buffer)
                {
                    var output = new ZSTD_outBuffer_s { dst = target + written, size = (nuint)(buffer.Length - written), pos = 0 };
                    hint = Methods.ZSTD_decompressStream(context, &output, &input);
                    added = (int)output.pos;
                }

                if (IsError(hint))
                {
                    return DecoderFailed(hint);
                }

                written += added;

                if (written > limitBytes)
                {
                    return FrameResult.TooLarge;
                }

                if (hint == 0)
                {
                    return input.pos == input.size ? FrameResult.Done(buffer.AsSpan(0, written).ToArray()) : FrameResult.Followed;
                }

                if (written == buffer.Length)
                {
                    buffer = Grown(buffer, limitBytes);
                }
                else if (added == 0 && input.pos == before)
                {
                    return FrameResult.CutShort;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Twice as large, but for no more than the limit and one byte, by which a body shows that it is over it.</summary>
    private static byte[] Grown(byte[] full, int limitBytes)
    {
        var most = Math.Min(Array.MaxLength, limitBytes + 1L);
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(most, 2L * full.Length));
        full.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(full);
        return larger;
    }

    /// <summary>A frame declares how much memory its reader needs. No body up to the limit needs more than the limit itself.</summary>
    private static int WindowLog(int limitBytes) =>
        Math.Clamp(32 - BitOperations.LeadingZeroCount((uint)Math.Max(1, limitBytes) - 1), UsualWindowLog, LargestWindowLog);

    private static bool IsError(nuint size) => Methods.ZSTD_isError(size);

    private static FrameResult DecoderFailed(nuint error) => FrameResult.Failed($"the decoder says {Methods.ZSTD_getErrorName(error)}");
}
