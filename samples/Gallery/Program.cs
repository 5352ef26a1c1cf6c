using Gallery;
using RocketMq.Client;
using RocketMq.Embedded;

// Runs one sample: on a broker in this process or, with the address of a name server, on a cluster.
if (args is not [var name, ..] || Samples.Find(name) is not { } sample)
{
    Console.WriteLine("Usage: dotnet run --project samples/Gallery -- SAMPLE [HOST:PORT]");
    Console.WriteLine($"Samples: {string.Join(", ", Samples.All.Select(one => one.Name))}");
    return args.Length == 0 ? 0 : 2;
}

using var enough = new CancellationTokenSource(TimeSpan.FromMinutes(1));

try
{
    if (args.Length > 1)
    {
        await sample.RunAsync(args[1], Console.Out, enough.Token);
        return 0;
    }

    await using var broker = await EmbeddedBroker.StartAsync();
    await sample.RunAsync(broker.NameServer, Console.Out, enough.Token);
    return 0;
}
catch (RocketMqException error)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
