using Hosting.Support;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hosting;

/// <summary>The schema by which editors complete appsettings.json.</summary>
[TestFixture]
internal sealed partial class SchemaTests
{
    [Test]
    public void The_schema_has_all_settings_of_the_documents_and_no_other()
    {
        using var schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "src", "RocketMq.Extensions.Hosting", "ConfigurationSchema.json")));
        var section = schema.RootElement.GetProperty("properties").GetProperty("RocketMq").GetProperty("properties");
        var names = Names(section)
            .Concat(Names(section.GetProperty("Producers").GetProperty("additionalProperties").GetProperty("properties")))
            .Concat(Names(section.GetProperty("Consumers").GetProperty("additionalProperties").GetProperty("properties")))
            .Except(["Producers", "Consumers", "Start", "Credentials", "Group", "Topics", "Enabled", "Subscriptions"])
            .Order(StringComparer.OrdinalIgnoreCase)
            .Distinct(StringComparer.OrdinalIgnoreCase);

        var settings = File.ReadLines(Path.Combine(Repository.Root, "docs", "production.md"))
            .SkipWhile(line => line != "## Settings")
            .Skip(1)
            .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Select(line => Row().Match(line))
            .Where(match => match.Success)
            .SelectMany(match => match.Groups["name"].Captures.Select(capture => capture.Value))
            .Order(StringComparer.OrdinalIgnoreCase)
            .Distinct(StringComparer.OrdinalIgnoreCase)
            .ToList();

        Assert.That(settings, Has.Count.GreaterThan(50));
        Assert.That(names.Select(name => name.ToUpperInvariant()), Is.EqualTo(settings.Select(name => name.ToUpperInvariant())));
    }

    [Test]
    public void The_documents_have_all_events_that_the_package_logs()
    {
        var source = File.ReadAllText(Path.Combine(Repository.Root, "src", "RocketMq.Extensions.Hosting", "HostingLog.cs"));
        var logged = Event().Matches(source)
            .Select(match => $"{match.Groups["id"].Value} {match.Groups["name"].Value} {match.Groups["level"].Value}".ToUpperInvariant())
            .Order(StringComparer.Ordinal)
            .ToList();
        var documented = File.ReadLines(Path.Combine(Repository.Root, "docs", "troubleshooting.md"))
            .Select(line => EventRow().Match(line))
            .Where(match => match.Success)
            .Select(match => $"{match.Groups["id"].Value} {match.Groups["name"].Value} {match.Groups["level"].Value}".ToUpperInvariant())
            .ToList();

        Assert.That(logged, Has.Count.GreaterThan(10));
        Assert.That(documented, Is.EqualTo(logged));
    }

    private static IEnumerable<string> Names(JsonElement properties) => properties.EnumerateObject().Select(property => property.Name);

    [GeneratedRegex(@"LoggerMessage\((?<id>\d+), LogLevel\.(?<level>\w+), [^\n]*\n\s+internal static partial void (?<name>\w+)\(")]
    private static partial Regex Event();

    [GeneratedRegex(@"^\| (?<id>14\d\d) \| (?<name>\w+) \| (?<level>\w+) \|")]
    private static partial Regex EventRow();

    [GeneratedRegex(@"^\| (?:`(?<name>\w+)`(?:, )?)+ \|")]
    private static partial Regex Row();
}
