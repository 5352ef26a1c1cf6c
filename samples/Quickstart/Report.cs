namespace Quickstart;

/// <summary>Prints the summary of a run.</summary>
internal static class Report
{
    private const int BarWidth = 40;

    internal static void Print(Result result)
    {
        Console.WriteLine($"""

              sent        {result.Sent,9:N0}   {PerSecond(result.Sent, result.SendTime)} messages a second
              received    {result.Received,9:N0}   {PerSecond(result.Received, result.ReceiveTime)} messages a second
              lost        {result.Lost,9:N0}
              duplicated  {result.Duplicated,9:N0}

            """);
        PrintLatencies(result);

        foreach (var group in result.Errors.GroupBy(error => error).Take(5))
        {
            Console.WriteLine($"  {group.Count():N0} x {group.Key}");
        }

        Console.WriteLine(result.IsComplete ? "  Every message arrived, once." : "  Not every message arrived exactly once.");
    }

    private static void PrintLatencies(Result result)
    {
        if (result.SendLatency.IsEmpty || result.DeliveryLatency.IsEmpty)
        {
            return;
        }

        Console.WriteLine("  latency in ms          p50       p90       p99       max");
        PrintPercentiles("send to answer", result.SendLatency);
        PrintPercentiles("send to delivery", result.DeliveryLatency);
        Console.WriteLine();
        Console.WriteLine("  send to answer");
        var histogram = result.SendLatency.Histogram();
        var most = histogram.Max(bucket => bucket.Count);

        foreach (var (label, count) in histogram)
        {
            var bar = new string('█', (int)Math.Ceiling((double)count * BarWidth / most));
            Console.WriteLine($"  {label,10}  {bar} {count:N0}");
        }

        Console.WriteLine();
    }

    private static void PrintPercentiles(string name, Latencies latencies) =>
        Console.WriteLine(
            $"  {name,-17}{latencies.Percentile(50),9:0.00} {latencies.Percentile(90),9:0.00} "
            + $"{latencies.Percentile(99),9:0.00} {latencies.Percentile(100),9:0.00}");

    private static string PerSecond(int count, TimeSpan time) => $"{count / Math.Max(time.TotalSeconds, 0.001),9:N0}";
}
