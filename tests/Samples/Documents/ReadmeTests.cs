using System.Text.RegularExpressions;
using Hosting.Support;
using NUnit.Framework;

namespace SampleTests.Documents;

/// <summary>The README is short, and says the same in both languages; no link of it or of docs leads nowhere.</summary>
[TestFixture]
internal sealed partial class ReadmeTests
{
    private static readonly MarkdownPage English = MarkdownPage.Read("README.md");
    private static readonly MarkdownPage Chinese = MarkdownPage.Read("README.zh-CN.md");

    [Test]
    public void Each_has_150_lines_at_most()
    {
        Assert.That(English.Lines, Has.Length.LessThanOrEqualTo(150));
        Assert.That(Chinese.Lines, Has.Length.LessThanOrEqualTo(150));
    }

    [Test]
    public void Both_have_the_same_code_in_the_same_order()
    {
        static object[] Code(MarkdownPage page) => [.. page.Blocks.Select(block => (block.Language, block.Code, string.Join('\n', block.Notes)))];

        Assert.That(Code(English), Is.Not.Empty);
        Assert.That(Code(Chinese), Is.EqualTo(Code(English)));
    }

    [Test]
    public void Both_have_the_same_headings_by_level()
    {
        static int[] Levels(MarkdownPage page) => [.. Prose(page).Select(line => line.TakeWhile(letter => letter == '#').Count()).Where(level => level > 0)];

        Assert.That(Levels(English), Has.Length.GreaterThan(4));
        Assert.That(Levels(Chinese), Is.EqualTo(Levels(English)));
    }

    [Test]
    public void Both_have_tables_of_the_same_shape()
    {
        // Rows and columns of each table, and how long each list is.
        static string[] Shapes(MarkdownPage page) =>
        [
            .. Regex.Matches(string.Join('\n', Prose(page)) + "\n", @"(?:^\|.*\|\n)+", RegexOptions.Multiline)
                .Select(table => string.Join(' ', table.Value.TrimEnd('\n').Split('\n').Select(row => row.Count(letter => letter == '|')))),
            $"{Prose(page).Count(line => line.StartsWith("- ", StringComparison.Ordinal))} items",
        ];

        Assert.That(Shapes(English), Has.Length.GreaterThan(1));
        Assert.That(Shapes(Chinese), Is.EqualTo(Shapes(English)));
    }

    [Test]
    public void Both_name_the_same_code_and_pages()
    {
        static string[] Targets(MarkdownPage page) =>
            [.. Link().Matches(string.Join('\n', Prose(page))).Select(link => link.Groups["target"].Value).Where(target => !target.StartsWith("README", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

        static string[] Names(MarkdownPage page) => [.. Code().Matches(string.Join('\n', Prose(page))).Select(name => name.Value).Order(StringComparer.Ordinal)];

        Assert.That(Targets(Chinese), Is.EqualTo(Targets(English)));
        Assert.That(Names(Chinese), Is.EqualTo(Names(English)));
    }

    [Test]
    public void Each_links_to_the_other()
    {
        Assert.That(English.Text, Does.Contain("](README.zh-CN.md)"));
        Assert.That(Chinese.Text, Does.Contain("](README.md)"));
    }

    [Test]
    public void The_Chinese_one_is_in_Chinese()
    {
        // A paragraph that was forgotten is one in Latin letters alone.
        var forgotten = Prose(Chinese).Where(line => line.Count(char.IsAsciiLetter) > 60 && !line.Any(letter => letter is >= '\u4e00' and <= '\u9fff'));
        Assert.That(forgotten.Where(line => !line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith('[')), Is.Empty);
    }

    [Test]
    public void Each_page_and_each_heading_that_is_linked_exists()
    {
        var missing =
            from page in MarkdownPage.All
            from Match link in Link().Matches(string.Join('\n', Prose(page)))
            let target = link.Groups["target"].Value
            where !target.Contains(':', StringComparison.Ordinal) && !Exists(page, target)
            select $"{page.Name}: {target}";

        Assert.That(missing, Is.Empty);
    }

    /// <summary>Whether a link of a page leads to a file or a folder and, with "#", to one of its headings.</summary>
    private static bool Exists(MarkdownPage page, string target)
    {
        var parts = target.Split('#');
        var name = parts[0].Length == 0 ? page.Name : Path.Combine(Path.GetDirectoryName(page.Name)!, parts[0]);
        var isThere = Path.Exists(Path.Combine(Repository.Root, name));
        return isThere && (parts.Length == 1 || Prose(MarkdownPage.Read(name)).Any(line => line.StartsWith('#') && Anchor(line) == parts[1]));
    }

    /// <summary>The anchor that GitHub and docfx give a heading.</summary>
    private static string Anchor(string heading) =>
        new([.. heading.TrimStart('#').Trim().ToLowerInvariant().Where(letter => char.IsLetterOrDigit(letter) || letter is ' ' or '-' or '_')
            .Select(letter => letter == ' ' ? '-' : letter)]);

    /// <summary>All lines but those of code.</summary>
    private static IEnumerable<string> Prose(MarkdownPage page)
    {
        var isCode = false;

        foreach (var line in page.Lines)
        {
            var isFence = line.TrimStart().StartsWith("```", StringComparison.Ordinal);
            isCode ^= isFence;

            if (!isCode && !isFence)
            {
                yield return line;
            }
        }
    }

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("`[^`]+`")]
    private static partial Regex Code();
}
