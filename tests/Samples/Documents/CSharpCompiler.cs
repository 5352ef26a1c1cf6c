using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SampleTests.Documents;

/// <summary>
/// Compiles the blocks of one page in order. A block is a file with top-level statements. It sees the names that the blocks above it on
/// the page have declared, as it would in an interactive session, and those of <see cref="CodeBlock.With"/>.
/// </summary>
internal sealed partial class CSharpCompiler
{
    /// <summary>What a project of .NET has without a line of code.</summary>
    private const string ImplicitUsings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;

        """;

    /// <summary>What blocks have besides that are no whole programs.</summary>
    private const string PageUsings = """
        global using System.Diagnostics; global using System.Net.Http.Json; global using System.Text;
        global using System.Security.Cryptography.X509Certificates; global using Microsoft.Extensions.Configuration;
        global using Microsoft.Extensions.DependencyInjection; global using Microsoft.Extensions.Hosting;
        global using Microsoft.Extensions.Logging; global using Microsoft.AspNetCore.Builder; global using Microsoft.AspNetCore.Mvc.Testing;
        global using Microsoft.AspNetCore.TestHost; global using Microsoft.AspNetCore.Hosting; global using OpenTelemetry.Metrics;
        global using OpenTelemetry.Trace; global using RocketMq.Client; global using RocketMq.Client.Administration;
        global using RocketMq.Embedded; global using RocketMq.Hosting; global using RocketMq.Testing; global using DocumentNames;

        """;

    /// <summary>Names that all pages use in one sense.</summary>
    private static readonly IReadOnlyDictionary<string, string> CommonNames = new Dictionary<string, string>
    {
        ["nameServers"] = "string",
        ["builder"] = "HostApplicationBuilder",
        ["metrics"] = "MeterProviderBuilder",
        ["billing"] = "IBilling",
        ["cancellation"] = "CancellationToken",
        ["cancellationToken"] = "CancellationToken",
    };

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileNameWithoutExtension(path) is not ("OrderService" or "Worker" or "testhost"))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>Warnings of code that is only shown: what is declared is not used, what is awaited is nothing.</summary>
    private static readonly string[] Ignored = ["CS0168", "CS0219", "CS1998", "CS8321", "CS0436", "CS1591"];

    private readonly Dictionary<string, string> _names = new(CommonNames);
    private readonly Dictionary<string, string> _types = [];

    /// <summary>What the compiler reports of a block, with page and line.</summary>
    internal IReadOnlyList<string> Compile(CodeBlock block, out CSharpCompilation compilation)
    {
        foreach (var declared in (block.With ?? "").Split("; ", StringSplitOptions.RemoveEmptyEntries))
        {
            var space = declared.LastIndexOf(' ');
            _names[declared[(space + 1)..]] = declared[..space];
        }

        var file = CSharpSyntaxTree.ParseText(block.Code, path: block.Page);
        var root = file.GetCompilationUnitRoot();
        var types = root.Members.OfType<BaseTypeDeclarationSyntax>().ToDictionary(type => type.Identifier.Text, type => type.ToFullString());
        var others = _types.Where(type => !types.ContainsKey(type.Key)).Select(type => type.Value);

        var scope = block.IsProgram
            ? ImplicitUsings
            : $$"""
              {{ImplicitUsings}}
              {{PageUsings}}
              global using static PageNames;
              public static class PageNames
              {
                  {{string.Join("\n    ", _names.Select(name => $"public static {name.Value} {name.Key} = default!;"))}}
              }
              {{string.Join("\n", others)}}
              """;

        var kind = root.Members.OfType<GlobalStatementSyntax>().Any() ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
        compilation = CSharpCompilation.Create(
            $"Block{Guid.NewGuid():N}",
            [file, CSharpSyntaxTree.ParseText(scope, path: "names")],
            References,
            new CSharpCompilationOptions(kind, nullableContextOptions: NullableContextOptions.Enable));

        var faults = compilation.GetDiagnostics()
            .Where(fault => fault.Severity >= DiagnosticSeverity.Warning && !Ignored.Contains(fault.Id))
            .Select(fault => Describe(block, fault))
            .ToList();

        Remember(root, compilation.GetSemanticModel(file));

        foreach (var (name, text) in types)
        {
            _types[name] = text;
        }

        return faults;
    }

    private void Remember(CompilationUnitSyntax root, SemanticModel model)
    {
        foreach (var statement in root.Members.OfType<GlobalStatementSyntax>())
        {
            foreach (var declarator in statement.Statement.ChildNodes().OfType<VariableDeclarationSyntax>().SelectMany(one => one.Variables))
            {
                if (model.GetDeclaredSymbol(declarator) is ILocalSymbol { Type: { IsAnonymousType: false } type and not IErrorTypeSymbol } local)
                {
                    _names[local.Name] = Trailing().Replace(
                        type.ToDisplayString(NullableFlowState.NotNull, SymbolDisplayFormat.FullyQualifiedFormat), "");
                }
            }
        }
    }

    private static string Describe(CodeBlock block, Diagnostic fault)
    {
        var place = fault.Location.GetLineSpan();
        var line = place.Path == block.Page ? block.Line + place.StartLinePosition.Line : block.Line;
        return $"{block.Page}:{line}: {fault.Id} {fault.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}";
    }

    [GeneratedRegex(@"\?$")]
    private static partial Regex Trailing();
}
