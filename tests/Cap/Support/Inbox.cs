using System.Collections.Concurrent;
using System.Threading.Channels;
using DotNetCore.CAP;
using DotNetCore.CAP.Messages;

namespace CapTests;

/// <summary>A message that a subscriber got.</summary>
internal sealed record Taken(string Group, string? Body, IReadOnlyDictionary<string, string?> Headers)
{
    internal string Id => Headers[DotNetCore.CAP.Messages.Headers.MessageId]!;
}

/// <summary>What the subscribers of one host got, in order.</summary>
public sealed class Inbox
{
    private readonly Channel<Taken> _taken = Channel.CreateUnbounded<Taken>();
    private readonly ConcurrentDictionary<string, int> _attempts = new(StringComparer.Ordinal);

    /// <summary>What a subscriber does with a message, by the number of the attempt from 1 on, before it counts as taken.</summary>
    internal Func<Taken, int, Task>? Work { get; set; }

    internal int Attempts(Taken message) => _attempts[message.Group + message.Id];

    internal async Task TakeAsync(string group, string? body, CapHeader headers)
    {
        var taken = new Taken(group, body, headers.ToDictionary());
        var attempt = _attempts.AddOrUpdate(taken.Group + taken.Id, 1, (_, count) => count + 1);

        if (Work is { } work)
        {
            await work(taken, attempt);
        }

        _taken.Writer.TryWrite(taken);
    }

    internal ValueTask<Taken> NextAsync(CancellationToken cancellation) => _taken.Reader.ReadAsync(cancellation);

    internal async Task<List<Taken>> NextAsync(int count, CancellationToken cancellation)
    {
        var all = new List<Taken>();

        while (all.Count < count)
        {
            all.Add(await NextAsync(cancellation));
        }

        return all;
    }
}

/// <summary>Two groups, one of them with two names.</summary>
public sealed class Subscribers(Inbox inbox) : ICapSubscribe
{
    internal const string Created = "orders.created";
    internal const string Paid = "orders.paid";
    internal const string Billing = "billing";
    internal const string Shipping = "shipping.eu";

    [CapSubscribe(Created, Group = Billing)]
    public Task BillCreated(string? body, [FromCap] CapHeader headers) => inbox.TakeAsync(Billing, body, headers);

    [CapSubscribe(Paid, Group = Billing)]
    public Task BillPaid(string? body, [FromCap] CapHeader headers) => inbox.TakeAsync(Billing, body, headers);

    [CapSubscribe(Created, Group = Shipping)]
    public Task Ship(string? body, [FromCap] CapHeader headers) => inbox.TakeAsync(Shipping, body, headers);
}

/// <summary>One group with one name.</summary>
public sealed class OneSubscriber(Inbox inbox) : ICapSubscribe
{
    [CapSubscribe(Subscribers.Created, Group = Subscribers.Billing)]
    public Task Bill(string? body, [FromCap] CapHeader headers) => inbox.TakeAsync(Subscribers.Billing, body, headers);
}

/// <summary>Publishes only.</summary>
public sealed class NoSubscriber;
