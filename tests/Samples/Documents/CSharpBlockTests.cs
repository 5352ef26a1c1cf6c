using System.Reflection;
using NUnit.Framework;

namespace SampleTests.Documents;

/// <summary>The C# of READMEs and of docs: every block compiles, and whole programs run.</summary>
[TestFixture]
[CancelAfter(60_000)]
internal sealed class CSharpBlockTests
{
    /// <summary>All but those of CAP's package, which a test of tests/Cap compares with code that runs.</summary>
    private static IEnumerable<CodeBlock> Blocks => MarkdownPage.All
        .Where(page => page.Name != "src/RocketMq.Cap/README.md")
        .SelectMany(page => page.Blocks)
        .Where(block => block.Language == "csharp");

    [Test]
    public void Each_block_compiles_or_says_why_not()
    {
        var faults = new List<string>();
        var compiled = 0;

        foreach (var page in Blocks.Where(block => block.NotCompiled is null).GroupBy(block => block.Page))
        {
            var compiler = new CSharpCompiler();

            foreach (var block in page)
            {
                faults.AddRange(compiler.Compile(block, out _));
                compiled++;
            }
        }

        TestContext.Out.WriteLine($"{compiled} blocks of C# compiled, {Blocks.Count() - compiled} marked as not to be compiled");
        Assert.That(faults, Is.Empty);
        Assert.That(compiled, Is.GreaterThan(20));
    }

    [Test]
    public void Code_that_is_wrong_is_found()
    {
        string[] wrong =
        [
            "await using var producer = await Producer.Create(\"orders\").NoSuchSetting(3).StartAsync();",
            "int count = nameServers;",
            "Message.To(\"Orders\").Body(\"one coffee\")",
        ];

        foreach (var code in wrong)
        {
            Assert.That(new CSharpCompiler().Compile(new CodeBlock("page", 1, "csharp", code, []), out _), Is.Not.Empty, code);
        }
    }

    [Test]
    public void Blocks_see_what_those_above_them_declare()
    {
        var compiler = new CSharpCompiler();
        Assert.That(compiler.Compile(new CodeBlock("page", 1, "csharp", "var count = nameServers.Length; record Tea(int Cups);", []), out _), Is.Empty);
        Assert.That(compiler.Compile(new CodeBlock("page", 9, "csharp", "var tea = new Tea(count);", []), out _), Is.Empty);
    }

    /// <summary>The page, the line, and what a program must print.</summary>
    private static readonly (string Page, string Printed)[] Programs =
    [
        ("README.md", "o-17: one coffee\n"),
        ("README.zh-CN.md", "o-17: one coffee\n"),
        ("docs/getting-started.md", "o-17: one coffee\n"),
        ("docs/testing.md", "one coffee\n"),
    ];

    [TestCaseSource(nameof(Programs))]
    public async Task A_program_runs_and_ends((string Page, string Printed) expected, CancellationToken cancellation)
    {
        var program = Blocks.Single(block => block.Page == expected.Page && block.IsProgram);
        Assert.That(new CSharpCompiler().Compile(program, out var compilation), Is.Empty);
        using var image = new MemoryStream();
        Assert.That(compilation.Emit(image, cancellationToken: cancellation).Success);
        var main = Assembly.Load(image.ToArray()).EntryPoint!;
        var before = Console.Out;
        var printed = new StringWriter();
        Console.SetOut(printed);

        try
        {
            await Task.Run(() => main.Invoke(null, [Array.Empty<string>()]), cancellation).WaitAsync(cancellation);
        }
        finally
        {
            Console.SetOut(before);
        }

        Assert.That(printed.ToString().ReplaceLineEndings("\n"), Is.EqualTo(expected.Printed));
    }

    [Test]
    public void All_programs_are_run() =>
        Assert.That(Blocks.Where(block => block.IsProgram).Select(block => block.Page), Is.EquivalentTo(Programs.Select(one => one.Page)));
}
