namespace RocketMq.Client;

/// <summary>One block of LZ4: sequences of literal bytes and copies of what came before them.</summary>
internal static class Lz4Block
{
    private const int LeastCopy = 4;
    private const int Extended = 15;

    /// <summary>
    /// How many bytes it inflates to, found by reading its lengths alone, so that memory is taken once and for no more than there is.
    /// Below 0: it is damaged.
    /// </summary>
    internal static long InflatedSize(ReadOnlySpan<byte> block)
    {
        var total = 0L;
        var at = 0;

        while (at < block.Length)
        {
            var token = block[at++];
            var literals = Length(block, token >> 4, ref at);

            if (literals < 0 || literals > block.Length - at)
            {
                return -1;
            }

            at += (int)literals;
            total += literals;

            // The last sequence has no copy.
            if (at == block.Length)
            {
                return total;
            }

            if (block.Length - at < 2)
            {
                return -1;
            }

            at += 2;
            var copied = Length(block, token & Extended, ref at);

            if (copied < 0)
            {
                return -1;
            }

            total += copied + LeastCopy;
        }

        return -1;
    }

    /// <summary>A length that goes on in further bytes if there is no room for it in the token. Below 0: they are missing.</summary>
    private static long Length(ReadOnlySpan<byte> block, int first, ref int at)
    {
        if (first < Extended)
        {
            return first;
        }

        long length = first;

        while (at < block.Length)
        {
            var next = block[at++];
            length += next;

            if (next < byte.MaxValue)
            {
                return length;
            }
        }

        return -1;
    }
}
