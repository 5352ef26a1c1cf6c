using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using RocketMq.Embedded;

namespace Interop;

/// <summary>docs/migration/from-pyrocketmq.md names what there is: each name of ours in it is a type or a member of the libraries.</summary>
public sealed partial class PyrocketmqPageTests
{
    private static readonly Assembly[] Libraries =
    [
        typeof(RemotingClient).Assembly,
        typeof(RocketMq.Protocol.RemotingCommand).Assembly,
        typeof(RocketMq.RemotingClient).Assembly,
        typeof(EmbeddedBroker).Assembly,
    ];

    /// <summary>Names of F# itself, of .NET, and of the fields of commands, which are data.</summary>
    private static readonly HashSet<string> Others =
    [
        "hash", "string", "FormatException", "ArgumentException", "ToString", "ILogger", "address",
    ];

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*(\(.*\))?$")]
    private static partial Regex Name();

    [GeneratedRegex(@"^\| [SRBW]\d+ \|")]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    private static string Page([CallerFilePath] string path = "") =>
        Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "..", "docs", "migration", "from-pyrocketmq.md");

    private static HashSet<string> KnownNames()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);

        foreach (var type in Libraries.SelectMany(library => library.GetExportedTypes()))
        {
            var name = type.Name.Split('`')[0];
            names.Add(name);
            names.Add(name.EndsWith("Module", StringComparison.Ordinal) ? name[..^"Module".Length] : name);
            names.UnionWith(type.GetMembers().Select(member => member.Name));
            names.UnionWith(type.GetMembers().Where(member => member.Name.StartsWith("New", StringComparison.Ordinal)).Select(member => member.Name[3..]));
        }

        return names;
    }

    [Test]
    public void Every_name_of_ours_on_the_page_is_one_of_the_libraries()
    {
        var named = File.ReadLines(Page())
            .Where(line => Row().IsMatch(line))
            .SelectMany(line => line.Split('|')[3..])
            .SelectMany(cell => Quoted().Matches(cell).Select(hit => hit.Groups[1].Value))
            .Where(token => Name().IsMatch(token))
            .SelectMany(token => Regex.Replace(token, @"\(.*?\)", "").Split('.'))
            .ToHashSet(StringComparer.Ordinal);

        var known = KnownNames();
        Assert.That(named, Has.Count.GreaterThan(150));
        Assert.That(named.Where(name => !known.Contains(name) && !Others.Contains(name)), Is.Empty);
    }
}
