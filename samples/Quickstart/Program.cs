using Quickstart;
using RocketMq.Embedded;

// Sends messages and reads them back: through a broker in this process or, with --nameserver HOST:PORT, a real cluster.
Options options;

try
{
    options = Options.Parse(args);
}
catch (ArgumentException error)
{
    Console.Error.WriteLine(error.Message);
    Console.Error.WriteLine(Options.Usage);
    return 2;
}

if (options.NameServer is { } nameServer)
{
    return await RunAsync(nameServer, "a real cluster");
}

await using var broker = await EmbeddedBroker.StartAsync();
return await RunAsync(broker.NameServer, "the embedded broker, in this process");

async Task<int> RunAsync(string address, string what)
{
    Console.WriteLine($"RocketMQ for .NET: {options.Messages:N0} messages through {what}, name server {address}");
    var result = await new RoundTrip(address, options).RunAsync();
    Report.Print(result);
    return result.IsComplete ? 0 : 1;
}
