using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using RocketMq.Client;

namespace Quickstart;

/// <summary>What a run came to.</summary>
internal sealed record Result(
    int Expected,
    int Sent,
    int Received,
    int Lost,
    int Duplicated,
    TimeSpan SendTime,
    TimeSpan ReceiveTime,
    Latencies SendLatency,
    Latencies DeliveryLatency,
    IReadOnlyList<string> Errors)
{
    internal bool IsComplete => Sent == Expected && Lost == 0 && Duplicated == 0;
}

/// <summary>Sends messages with tags, keys and properties from many callers at a time, and reads them all back.</summary>
internal sealed class RoundTrip(string nameServer, Options options)
{
    /// <summary>Without a message for this long, what is missing counts as lost.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly string[] Tags = ["created", "paid", "shipped"];

    private readonly ConcurrentDictionary<string, long> _sentAt = new();
    private readonly ConcurrentBag<double> _sendMillis = [];
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private int _sent;
    private int _received;

    internal async Task<Result> RunAsync()
    {
        // More than the usual 3 s: the demo also runs where a build takes all the processor.
        await using var producer = await Producer.Create("quickstart-producer")
            .NameServers(nameServer)
            .SendTimeout(TimeSpan.FromSeconds(30))
            .StartAsync();

        // The first message makes the topic, so that there is something to subscribe to. If it cannot be sent, no other can.
        await SendAsync(producer, 0);

        await using var consumer = await PullConsumer.Create("quickstart-consumer")
            .NameServers(nameServer)
            .Subscribe(options.Topic, string.Join(" || ", Tags))
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .StartAsync();

        using var progress = new Progress(options.Messages, () => (Volatile.Read(ref _sent), Volatile.Read(ref _received)));
        var receiving = ReceiveAllAsync(consumer);
        var started = _clock.Elapsed;
        await Task.WhenAll(Enumerable.Range(0, options.Senders).Select(sender => SendManyAsync(producer, sender)));
        var sendTime = _clock.Elapsed - started;
        var (seen, deliveryMillis) = await receiving;
        var receiveTime = _clock.Elapsed - started;
        progress.Finish();

        return new Result(
            options.Messages,
            _sent,
            _received,
            Lost: _sentAt.Keys.Count(key => !seen.ContainsKey(key)),
            Duplicated: seen.Values.Sum(times => times - 1),
            sendTime,
            receiveTime,
            new Latencies(_sendMillis),
            new Latencies(deliveryMillis),
            [.. _errors]);
    }

    private async Task SendManyAsync(Producer producer, int sender)
    {
        // Number 0 has been sent already.
        for (var number = sender == 0 ? options.Senders : sender; number < options.Messages; number += options.Senders)
        {
            await TrySendAsync(producer, number);
        }
    }

    private async Task TrySendAsync(Producer producer, int number)
    {
        try
        {
            await SendAsync(producer, number);
        }
        catch (RocketMqException error)
        {
            _sentAt.TryRemove(KeyOf(number), out _);
            _errors.Enqueue(error.Message);
        }
    }

    private static string KeyOf(int number) => $"order-{number}";

    private async Task SendAsync(Producer producer, int number)
    {
        var key = KeyOf(number);
        var message = Message.To(options.Topic)
            .Tag(Tags[number % Tags.Length])
            .Keys(key)
            .Property("region", number % 2 == 0 ? "eu" : "us")
            .Body($"order {number.ToString(CultureInfo.InvariantCulture)} of {options.Messages}");

        var before = _clock.ElapsedTicks;
        _sentAt[key] = before;

        await producer.SendAsync(message);
        _sendMillis.Add(Latencies.Millis(before, _clock.ElapsedTicks));
        Interlocked.Increment(ref _sent);
    }

    private async Task<(Dictionary<string, int> Seen, List<double> Millis)> ReceiveAllAsync(PullConsumer consumer)
    {
        var seen = new Dictionary<string, int>();
        var millis = new List<double>(options.Messages);
        using var patience = new CancellationTokenSource(Patience);

        try
        {
            while (seen.Count + _errors.Count < options.Messages)
            {
                var message = await consumer.ReceiveAsync(patience.Token);
                patience.CancelAfter(Patience);
                var key = message.Keys[0];
                seen[key] = seen.GetValueOrDefault(key) + 1;
                _received++;

                if (_sentAt.TryGetValue(key, out var sentAt))
                {
                    millis.Add(Latencies.Millis(sentAt, _clock.ElapsedTicks));
                }
            }

            await consumer.CommitAsync();
        }
        catch (OperationCanceledException)
        {
            _errors.Enqueue($"No message came for {Patience.TotalSeconds} s; what is missing counts as lost.");
        }

        return (seen, millis);
    }
}
