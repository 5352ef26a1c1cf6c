using System.Diagnostics;
using System.Globalization;
using System.Text;
using NUnit.Framework;

namespace SampleTests.Documents;

/// <summary>The F# of the README and of docs: one script of all blocks, which F# Interactive checks and does not run.</summary>
[TestFixture]
[CancelAfter(120_000)]
internal sealed class FSharpBlockTests
{
    private static readonly string[] Libraries =
    [
        "Microsoft.Extensions.Logging.Abstractions", "RocketMq.Protocol", "RocketMq.Client.FSharp", "RocketMq.Client.CSharp",
        "RocketMq.EmbeddedBroker", "RocketMq.Compression", "RocketMq.Administration.FSharp", "FsCheck",
    ];

    /// <summary>Comes last in the script, so that a check that finds nothing is known for what it is.</summary>
    private static readonly CodeBlock Wrong = new("wrong", 7, "fsharp", "let count: int = \"one coffee\"", []);

    [Test]
    public async Task Each_block_compiles_or_says_why_not(CancellationToken cancellation)
    {
        var all = MarkdownPage.All.SelectMany(page => page.Blocks).Where(block => block.Language == "fsharp").ToArray();
        var compiled = all.Where(block => block.NotCompiled is null).ToArray();
        var errors = await CheckAsync(Script([.. compiled, Wrong]), cancellation);
        TestContext.Out.WriteLine($"{compiled.Length} blocks of F# compiled, {all.Length - compiled.Length} marked as not to be compiled");
        Assert.That(errors.Where(error => !error.Contains("wrong(7,", StringComparison.Ordinal)), Is.Empty);
        Assert.That(errors, Has.Length.EqualTo(1));
        Assert.That(compiled, Is.Not.Empty);
    }

    /// <summary>A module for each block; each opens those above it on its page.</summary>
    private static string Script(CodeBlock[] blocks)
    {
        var script = new StringBuilder();

        foreach (var library in Libraries)
        {
            script.AppendLine(CultureInfo.InvariantCulture, $"#r @\"{PathOf(library)}\"");
        }

        for (var index = 0; index < blocks.Length; index++)
        {
            var block = blocks[index];
            script.AppendLine(CultureInfo.InvariantCulture, $"module Block{index} =");

            foreach (var space in new[] { "System", "System.Text", "System.Threading", "RocketMq.Protocol", "RocketMq" })
            {
                script.AppendLine(CultureInfo.InvariantCulture, $"    open {space}");
            }

            for (var above = 0; above < index; above++)
            {
                if (blocks[above].Page == block.Page)
                {
                    script.AppendLine(CultureInfo.InvariantCulture, $"    open Block{above}");
                }
            }

            foreach (var declared in (block.With ?? "").Split("; ", StringSplitOptions.RemoveEmptyEntries))
            {
                script.AppendLine(CultureInfo.InvariantCulture, $"    let {declared} = Unchecked.defaultof<_>");
            }

            script.AppendLine(CultureInfo.InvariantCulture, $"# {block.Line} \"{block.Page}\"");

            foreach (var line in block.Code.Split('\n'))
            {
                // Scripts name the libraries, which are named above.
                script.AppendLine(line.StartsWith('#') ? "" : "    " + line);
            }

            script.AppendLine("    ()");
        }

        return script.ToString();
    }

    private static string PathOf(string library) => ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
        .Split(Path.PathSeparator)
        .Single(path => Path.GetFileNameWithoutExtension(path) == library);

    /// <summary>The lines in which F# Interactive reports errors.</summary>
    private static async Task<string[]> CheckAsync(string script, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("rocketmq-blocks-");

        try
        {
            var path = Path.Combine(folder.FullName, "blocks.fsx");
            await File.WriteAllTextAsync(path, script, cancellation);
            var start = new ProcessStartInfo("dotnet", ["fsi", "--nologo", "--quiet", "--nowarn:20", "--typecheck-only", path])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = folder.FullName,
            };
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var error = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return [.. (await output + await error).Split('\n').Where(line => line.Contains(": error ", StringComparison.Ordinal))];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
