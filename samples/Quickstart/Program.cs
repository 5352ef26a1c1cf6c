using Quickstart;
using RocketMq.Client;
using RocketMq.Embedded;

// Sends messages and reads them back: through a broker in this process or, with --nameserver HOST:PORT, a real cluster.
try
{
    var options = Options.Parse(args);

    if (options.IsHelp)
    {
        Console.WriteLine(Options.Help);
        return 0;
    }

    if (options.NameServer is { } nameServer)
    {
        return await RunAsync(options, nameServer, "a real cluster");
    }

    await using var broker = await EmbeddedBroker.StartAsync();
    return await RunAsync(options, broker.NameServer, "the embedded broker, in this process");
}
catch (ArgumentException error)
{
    Console.Error.WriteLine(error.Message);
    Console.Error.WriteLine(Options.Usage);
    return 2;
}
catch (RocketMqException error)
{
    Console.Error.WriteLine($"{error.Message} Without --nameserver the demo runs on a broker of its own.");
    return 1;
}

static async Task<int> RunAsync(Options options, string address, string what)
{
    Console.WriteLine($"RocketMQ for .NET: {options.Messages:N0} messages through {what}, name server {address}");
    var result = await new RoundTrip(address, options).RunAsync();
    Report.Print(result);
    return result.IsComplete ? 0 : 1;
}
