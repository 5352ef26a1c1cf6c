using System.Diagnostics;

namespace Quickstart;

/// <summary>Latencies in milliseconds.</summary>
internal sealed class Latencies
{
    private static readonly double[] Edges = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128];

    private readonly double[] _sorted;

    internal Latencies(IEnumerable<double> millis) => _sorted = [.. millis.Order()];

    internal bool IsEmpty => _sorted.Length == 0;

    internal static double Millis(long fromTicks, long toTicks) => (toTicks - fromTicks) * 1000.0 / Stopwatch.Frequency;

    internal double Percentile(double percent) =>
        _sorted[Math.Min(_sorted.Length - 1, (int)(_sorted.Length * percent / 100))];

    /// <summary>How many lie below each edge and not below the one before it, from the first to the last that has any.</summary>
    internal IReadOnlyList<(string Label, int Count)> Histogram()
    {
        var labels = Edges.Select(edge => $"< {edge:0.##} ms").Append($">= {Edges[^1]:0} ms").ToArray();
        var counts = new int[labels.Length];

        foreach (var millis in _sorted)
        {
            var bucket = Array.FindIndex(Edges, edge => millis < edge);
            counts[bucket < 0 ? Edges.Length : bucket]++;
        }

        var first = Array.FindIndex(counts, count => count > 0);
        var last = Array.FindLastIndex(counts, count => count > 0);
        return [.. labels.Zip(counts).Take(last + 1).Skip(Math.Max(0, first))];
    }
}
