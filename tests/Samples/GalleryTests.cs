extern alias CSharpGallery;

using System.Globalization;
using Gallery.FSharp;
using Hosting.Support;
using NUnit.Framework;
using RocketMq.Embedded;

namespace SampleTests;

/// <summary>The gallery: each sample runs to its end and finds out the same in both languages.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
internal sealed class GalleryTests
{
    private static readonly Dictionary<string, string[]> Printed = new()
    {
        ["ordered"] = ["o-1: created, paid, shipped", "o-2: created, paid, shipped"],
        ["transactional"] = ["o-1: Commit", "o-2: Rollback", "o-3: Commit", "delivered: o-1, o-3"],
        ["delayed"] = ["stored: True", "taken back: tomorrow", "due: after a time, one second", "due: by level 1, one second"],
        ["request-reply"] = ["coffee: 3.20", "petrol: not on the menu", "no reply from Weather"],
        ["pop"] = ["grind: received 1 times", "grind: received 2 times", "handled: grind"],
        ["broadcasting"] = ["shop-1: coffee, tea", "shop-2: coffee, tea"],
        ["retries"] = ["attempts: o-1 2, o-2 2, o-3 1", "dead letters: o-2, o-3"],
        ["tls-and-acl"] = ["over TLS: one coffee", "refused: the system does not trust that certificate"],
        ["tracing"] = ["bill", "process Orders", "send Orders", "order"],
        ["testing"] = ["o-1: Retry", "o-1: Success", "dead letter: one petrol"],
    };

    private static IEnumerable<string> Names => Printed.Keys;

    [TestCaseSource(nameof(Names))]
    public async Task A_sample_in_CSharp_prints_what_it_finds_out(string name, CancellationToken cancellation)
    {
        var sample = CSharpGallery::Gallery.Samples.Find(name)!;
        Assert.That(await RunAsync((broker, output) => sample.RunAsync(broker.NameServer, output, cancellation)), Is.EqualTo(Printed[name]));
    }

    [TestCaseSource(nameof(Names))]
    public async Task A_sample_in_FSharp_prints_the_same(string name, CancellationToken cancellation)
    {
        var sample = Samples.tryFind(name)!.Value;
        Assert.That(
            await RunAsync((broker, output) => sample.Invoke(RocketMq.EndpointModule.parseList(broker.NameServer).ResultValue).Invoke(output).Invoke(cancellation)),
            Is.EqualTo(Printed[name]));
    }

    [Test]
    public void All_samples_are_run()
    {
        Assert.That(CSharpGallery::Gallery.Samples.All.Select(sample => sample.Name), Is.EqualTo(Names));
        Assert.That(Samples.all.Select(sample => sample.Item1), Is.EqualTo(Names));
    }

    [Test]
    public void A_sample_has_fewer_than_80_lines_and_a_line_in_the_README()
    {
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "samples/README.md"));

        foreach (var name in Names)
        {
            var file = string.Concat(name.Split('-').Select(word => CultureInfo.InvariantCulture.TextInfo.ToTitleCase(word)));

            foreach (var path in new[] { $"Gallery/{file}.cs", $"Gallery.FSharp/{file}.fs" })
            {
                Assert.That(File.ReadLines(Path.Combine(Repository.Root, "samples", path)).Count(), Is.LessThan(80), path);
                Assert.That(readme, Does.Contain($"]({path})"));
            }
        }
    }

    private static async Task<string[]> RunAsync(Func<EmbeddedBroker, TextWriter, Task> run)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var output = new StringWriter();
        await run(broker, output);
        return output.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
    }
}
