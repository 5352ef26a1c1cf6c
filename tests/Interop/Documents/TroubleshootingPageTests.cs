using System.Reflection;
using System.Runtime.CompilerServices;
using RocketMq.Client.Administration;

namespace Interop;

/// <summary>docs/troubleshooting.md has a chapter for each exception of the facade.</summary>
public sealed class TroubleshootingPageTests
{
    private static readonly Assembly[] Libraries = [typeof(RocketMqException).Assembly, typeof(AdministrationException).Assembly];

    private static string Page([CallerFilePath] string path = "") =>
        Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "..", "docs", "troubleshooting.md");

    [Test]
    public void Every_exception_that_callers_can_catch_has_a_chapter()
    {
        const string Heading = "### ";
        var chapters = File.ReadLines(Page())
            .Where(line => line.StartsWith(Heading, StringComparison.Ordinal))
            .Select(line => line[Heading.Length..])
            .ToList();
        var exceptions = Libraries
            .SelectMany(library => library.GetExportedTypes())
            .Where(type => type.IsSubclassOf(typeof(Exception)) && !type.IsAbstract)
            .Select(type => type.Name)
            .ToList();

        Assert.That(exceptions, Has.Count.GreaterThan(15));
        Assert.That(chapters, Is.Unique);
        Assert.That(exceptions.Except(chapters), Is.Empty);
        Assert.That(chapters.Except(exceptions), Is.EquivalentTo(new[] { nameof(OperationCanceledException), nameof(ArgumentException) }));
    }
}
