using System.Globalization;

namespace Quickstart;

/// <summary>What the command line says.</summary>
internal sealed record Options
{
    internal const string Usage =
        "usage: Quickstart [--nameserver HOST:PORT] [--messages N] [--senders N] [--topic NAME] [--help]";

    internal const string Help = $"""
        {Usage}

          --nameserver HOST:PORT   name servers of a real cluster; without it an embedded broker in this process
          --messages N             how many messages to send and read back, 10,000 by default
          --senders N              how many callers send at a time, 64 by default
          --topic NAME             the topic, a new one for each run by default
          --help                   this text

        The exit code is 0 if every message arrived once, 1 if not, and 2 for a wrong command line.
        """;

    internal bool IsHelp { get; private init; }

    internal string? NameServer { get; private init; }

    internal int Messages { get; private init; } = 10_000;

    internal int Senders { get; private init; } = 64;

    /// <summary>One of its own each run, so that earlier runs on a real cluster do not show.</summary>
    internal string Topic { get; private init; } =
        "Quickstart_" + DateTime.UtcNow.ToString("yyyyMMddHHmmssfff", CultureInfo.InvariantCulture);

    internal static Options Parse(string[] args)
    {
        if (args.Any(argument => argument is "--help" or "-h"))
        {
            return new Options { IsHelp = true };
        }

        var options = new Options();

        for (var index = 0; index < args.Length; index += 2)
        {
            var value = index + 1 < args.Length ? args[index + 1] : throw new ArgumentException($"{args[index]} needs a value.");
            options = args[index] switch
            {
                "--nameserver" => options with { NameServer = value },
                "--messages" => options with { Messages = Number(args[index], value) },
                "--senders" => options with { Senders = Number(args[index], value) },
                "--topic" => options with { Topic = value },
                _ => throw new ArgumentException($"{args[index]} is unknown."),
            };
        }

        return options;
    }

    private static int Number(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new ArgumentException($"{name} needs a number above 0, not '{value}'.");
}
