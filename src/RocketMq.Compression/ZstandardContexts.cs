using System.Collections.Concurrent;
using ZstdSharp.Unsafe;

namespace RocketMq.Client;

/// <summary>
/// Contexts of the library that wait to be used again: making one costs more than a small body. At most one for each processor waits, and
/// none that is large.
/// </summary>
internal static unsafe class ZstandardContexts
{
    private const int LargestBytes = 8 * 1024 * 1024;

    private static readonly Waiting s_compressing = new();
    private static readonly Waiting s_inflating = new();

    internal static ZSTD_CCtx_s* RentCompressing() =>
        s_compressing.TryTake(out var context) ? (ZSTD_CCtx_s*)context : Methods.ZSTD_createCCtx();

    internal static ZSTD_DCtx_s* RentInflating() =>
        s_inflating.TryTake(out var context) ? (ZSTD_DCtx_s*)context : Methods.ZSTD_createDCtx();

    internal static void Return(ZSTD_CCtx_s* context)
    {
        if (context is null)
        {
            return;
        }

        if (Methods.ZSTD_sizeof_CCtx(context) > LargestBytes || !s_compressing.TryAdd((nint)context))
        {
            _ = Methods.ZSTD_freeCCtx(context);
        }
    }

    internal static void Return(ZSTD_DCtx_s* context)
    {
        if (context is null)
        {
            return;
        }

        _ = Methods.ZSTD_DCtx_reset(context, ZSTD_ResetDirective.ZSTD_reset_session_and_parameters);

        if (Methods.ZSTD_sizeof_DCtx(context) > LargestBytes || !s_inflating.TryAdd((nint)context))
        {
            _ = Methods.ZSTD_freeDCtx(context);
        }
    }

    /// <summary>How many wait now, of both kinds.</summary>
    internal static int Count => s_compressing.Count + s_inflating.Count;

    /// <summary>The most that may wait.</summary>
    internal static int Most => 2 * Environment.ProcessorCount;

    private sealed class Waiting
    {
        private readonly ConcurrentQueue<nint> _contexts = new();
        private int _count;

        internal int Count => Volatile.Read(ref _count);

        internal bool TryTake(out nint context)
        {
            if (!_contexts.TryDequeue(out context))
            {
                return false;
            }

            Interlocked.Decrement(ref _count);
            return true;
        }

        internal bool TryAdd(nint context)
        {
            if (Interlocked.Increment(ref _count) > Environment.ProcessorCount)
            {
                Interlocked.Decrement(ref _count);
                return false;
            }

            _contexts.Enqueue(context);
            return true;
        }
    }
}
