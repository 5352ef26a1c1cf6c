using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Interop;

/// <summary>Compares the code of a page in docs with the code that runs here, block by block.</summary>
internal static partial class PageCode
{
    /// <summary>
    /// Each block of C# of the page stands in the calling file, in the same order, after a line "// docs/page.md" and before a line
    /// "// end". Left out are blocks that a comment says are not run or not compiled, with the reason, and whole programs, which another
    /// test runs.
    /// </summary>
    /// <param name="page">Such as "producing.md".</param>
    /// <param name="blocks">How many there must be.</param>
    /// <param name="path">The calling file.</param>
    internal static void ShouldRunIn(string page, int blocks, [CallerFilePath] string path = "")
    {
        var text = File.ReadAllText(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "..", "docs", page)).ReplaceLineEndings("\n");

        var shown = Block().Matches(text)
            .Where(block => !NotHere().IsMatch(block.Groups["notes"].Value))
            .Select(block => Plain(block.Groups["code"].Value))
            .ToArray();

        var run = Region().Matches(File.ReadAllText(path).ReplaceLineEndings("\n"))
            .Where(region => region.Groups["page"].Value == page)
            .Select(region => Plain(region.Groups["code"].Value))
            .ToArray();

        Assert.That(run, Has.Length.EqualTo(blocks));
        Assert.That(shown, Is.EqualTo(run));
    }

    private static string Plain(string code) => Blanks().Replace(code, " ").Trim();

    [GeneratedRegex(@"(?<notes>(?:^<!--[^\n]*-->\n)*)^```csharp\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"<!-- (not run: \S|not compiled: \S|program -->)")]
    private static partial Regex NotHere();

    [GeneratedRegex(@"^ *// docs/(?<page>[\w-]+\.md)$(?<code>.*?)^ *// end$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Region();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
