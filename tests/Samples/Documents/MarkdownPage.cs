using System.Text.RegularExpressions;
using Hosting.Support;

namespace SampleTests.Documents;

/// <summary>A block of code in a document.</summary>
/// <param name="Page">The document, from the root of the repository, with "/" between folders.</param>
/// <param name="Line">The line of the first line of code, from 1.</param>
/// <param name="Language">What stands behind the fence, such as "csharp"; empty without it.</param>
/// <param name="Code">Without the fences and without the indentation of a list.</param>
/// <param name="Notes">The HTML comments right before it, without their marks.</param>
internal sealed record CodeBlock(string Page, int Line, string Language, string Code, IReadOnlyList<string> Notes)
{
    /// <summary>Why it is not compiled; null if it is.</summary>
    internal string? NotCompiled => Note("not compiled:");

    /// <summary>Names that the block uses and does not declare, as declarations: "PullConsumer consumer; int count".</summary>
    internal string? With => Note("with:");

    /// <summary>A whole program, which is run.</summary>
    internal bool IsProgram => Notes.Contains("program");

    private string? Note(string beginning) =>
        Notes.Where(note => note.StartsWith(beginning, StringComparison.Ordinal)).Select(note => note[beginning.Length..].Trim()).FirstOrDefault();
}

/// <summary>A document in Markdown, as far as tests look at it.</summary>
internal sealed partial record MarkdownPage(string Name, string Text)
{
    /// <summary>Pages of the documentation that are generated, or copies.</summary>
    private static readonly string[] Generated = ["docs/_site/", "docs/api/", "docs/obj/"];

    internal string[] Lines { get; } = Text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');

    /// <summary>The README in both languages, those of packages, and all documents below docs.</summary>
    internal static IReadOnlyList<MarkdownPage> All { get; } =
    [
        Read("README.md"),
        Read("README.zh-CN.md"),
        .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Concat(Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(folder => Path.Combine(folder, "README.md")).Where(File.Exists))
            .Select(path => Path.GetRelativePath(Repository.Root, path).Replace('\\', '/'))
            .Where(name => !Generated.Any(folder => name.StartsWith(folder, StringComparison.Ordinal)))
            .Order(StringComparer.Ordinal)
            .Select(Read),
    ];

    internal static MarkdownPage Read(string name) => new(name, File.ReadAllText(Path.Combine(Repository.Root, name)));

    internal IReadOnlyList<CodeBlock> Blocks
    {
        get
        {
            var blocks = new List<CodeBlock>();
            var notes = new List<string>();

            for (var index = 0; index < Lines.Length; index++)
            {
                if (Fence().Match(Lines[index]) is { Success: true } fence)
                {
                    var indent = fence.Groups["indent"].Value;
                    var first = index + 1;
                    var last = Array.FindIndex(Lines, first, line => line.TrimEnd() == indent + "```");
                    var end = last < 0 ? Lines.Length : last;
                    var code = Lines[first..end].Select(line => line.StartsWith(indent, StringComparison.Ordinal) ? line[indent.Length..] : line);
                    blocks.Add(new CodeBlock(Name, first + 1, fence.Groups["language"].Value, string.Join('\n', code), [.. notes]));
                    notes.Clear();
                    index = end;
                }
                else if (Comment().Match(Lines[index]) is { Success: true } comment)
                {
                    notes.Add(comment.Groups["note"].Value);
                }
                else if (Lines[index].Trim().Length > 0)
                {
                    notes.Clear();
                }
            }

            return blocks;
        }
    }

    [GeneratedRegex(@"^(?<indent> *)```(?<language>\w*)\s*$")]
    private static partial Regex Fence();

    [GeneratedRegex(@"^ *<!-- *(?<note>.*?) *-->\s*$")]
    private static partial Regex Comment();
}
