using System.Buffers.Binary;
using System.Numerics;

namespace RocketMq.Client;

/// <summary>xxHash of 32 bits with seed 0, the checksum of LZ4 frames.</summary>
internal static class XxHash32
{
    private const uint Prime1 = 2_654_435_761;
    private const uint Prime2 = 2_246_822_519;
    private const uint Prime3 = 3_266_489_917;
    private const uint Prime4 = 668_265_263;
    private const uint Prime5 = 374_761_393;
    private const int StripeBytes = 16;

    internal static uint Of(ReadOnlySpan<byte> bytes)
    {
        var rest = bytes;
        var hash = bytes.Length < StripeBytes ? Prime5 : Stripes(ref rest);
        hash += (uint)bytes.Length;

        for (; rest.Length >= 4; rest = rest[4..])
        {
            hash = BitOperations.RotateLeft(hash + (Word(rest) * Prime3), 17) * Prime4;
        }

        foreach (var last in rest)
        {
            hash = BitOperations.RotateLeft(hash + (last * Prime5), 11) * Prime1;
        }

        hash = (hash ^ (hash >> 15)) * Prime2;
        hash = (hash ^ (hash >> 13)) * Prime3;
        return hash ^ (hash >> 16);
    }

    /// <summary>Of the whole stripes; leaves what comes after them.</summary>
    private static uint Stripes(ref ReadOnlySpan<byte> rest)
    {
        var first = unchecked(Prime1 + Prime2);
        var second = Prime2;
        var third = 0u;
        var fourth = unchecked(0u - Prime1);

        for (; rest.Length >= StripeBytes; rest = rest[StripeBytes..])
        {
            first = Round(first, Word(rest));
            second = Round(second, Word(rest[4..]));
            third = Round(third, Word(rest[8..]));
            fourth = Round(fourth, Word(rest[12..]));
        }

        return BitOperations.RotateLeft(first, 1) + BitOperations.RotateLeft(second, 7)
            + BitOperations.RotateLeft(third, 12) + BitOperations.RotateLeft(fourth, 18);
    }

    private static uint Round(uint lane, uint word) => BitOperations.RotateLeft(lane + (word * Prime2), 13) * Prime1;

    private static uint Word(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
