using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Interop;

/// <summary>Compares a chapter of the README with the code that runs here, block by block.</summary>
internal static partial class ReadmeChapter
{
    /// <summary>
    /// The blocks of C# of a chapter must stand between two "readme" marks of the calling file, in the same order, and there
    /// must be so many.
    /// </summary>
    internal static void ShouldRunIn(string title, int blocks, [CallerFilePath] string path = "")
    {
        var readme = File.ReadAllText(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "..", "README.md"));
        var chapter = Regex.Match(
            readme, $"^## {Regex.Escape(title)}$.*?(?=^## )", RegexOptions.Multiline | RegexOptions.Singleline).Value;
        var shown = Block().Matches(chapter).Select(block => Plain(block.Groups[1].Value)).ToArray();
        var run = Region().Matches(File.ReadAllText(path)).Select(region => Plain(region.Groups[1].Value)).ToArray();
        Assert.That(run, Has.Length.EqualTo(blocks));
        Assert.That(shown, Is.EqualTo(run));
    }

    private static string Plain(string code) => Blanks().Replace(code, " ").Trim();

    [GeneratedRegex(@"^```csharp$(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^ *// readme[a-z ]*$(.*?)^ *// readme$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Region();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
