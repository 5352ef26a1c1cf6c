namespace Gallery;

/// <summary>A sample: it works on the cluster of these name servers, and writes what it finds out.</summary>
internal delegate Task SampleBody(string nameServers, TextWriter output, CancellationToken cancellation);

/// <summary>A sample and its name on the command line.</summary>
internal sealed record Sample(string Name, SampleBody RunAsync);

/// <summary>All samples.</summary>
internal static class Samples
{
    public static IReadOnlyList<Sample> All { get; } =
    [
        new("ordered", Ordered.RunAsync),
        new("transactional", Transactional.RunAsync),
        new("delayed", Delayed.RunAsync),
        new("request-reply", RequestReply.RunAsync),
        new("pop", Pop.RunAsync),
        new("broadcasting", Broadcasting.RunAsync),
        new("retries", Retries.RunAsync),
        new("tls-and-acl", TlsAndAcl.RunAsync),
        new("tracing", Tracing.RunAsync),
        new("testing", Testing.RunAsync),
    ];

    public static Sample? Find(string name) => All.FirstOrDefault(sample => sample.Name == name);
}
