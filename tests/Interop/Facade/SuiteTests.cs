using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Interop;

/// <summary>What holds for the tests themselves.</summary>
public sealed partial class SuiteTests
{
    private static string Folder([CallerFilePath] string file = "") => Path.Combine(Path.GetDirectoryName(file)!, "..");

    /// <summary>A client of the tests' own server, by its kind.</summary>
    [GeneratedRegex(@"(?<!AsTheClusterWants\()\b(Producer|TransactionProducer|PushConsumer|PullConsumer|PopConsumer|SimpleConsumer|NameServerClient|RemotingClient|RemotingClients)\.(Create|Connect)\((?!""127\.0\.0\.1:1"")")]
    private static partial Regex OwnClient();

    [Test]
    public void Every_client_of_a_cluster_signs_when_credentials_are_set()
    {
        var suites = Directory.GetFiles(Folder(), "*.cs", SearchOption.AllDirectories)
            .Where(file => File.ReadAllText(file).Contains(": ServerTests(kind)", StringComparison.Ordinal))
            .ToList();
        Assert.That(suites, Has.Count.GreaterThan(10));

        var unsigned =
            from file in suites
            from line in File.ReadAllLines(file)
            where OwnClient().IsMatch(line) && !line.Contains("Assert.Throws<Argument", StringComparison.Ordinal)
            select $"{Path.GetFileName(file)}: {line.Trim()}";
        Assert.That(unsigned, Is.Empty);
    }
}
