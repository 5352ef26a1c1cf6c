using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Interop;

/// <summary>What the facade shows, and what it needs.</summary>
public sealed class SurfaceTests
{
    private const BindingFlags Visible =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Assembly Facade = typeof(RemotingClient).Assembly;
    private static readonly Assembly[] Core =
        [typeof(RocketMq.Protocol.RemotingCommand).Assembly, typeof(RocketMq.RemotingClient).Assembly];
    private static readonly Assembly Broker = typeof(RocketMq.Embedded.EmbeddedBroker).Assembly;

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static IEnumerable<Type> TypesOf(MemberInfo member) => member switch
    {
        MethodInfo method when IsVisible(method) =>
            [method.ReturnType, .. method.GetParameters().Select(p => p.ParameterType), .. method.GetGenericArguments()],
        ConstructorInfo constructor when IsVisible(constructor) => constructor.GetParameters().Select(p => p.ParameterType),
        FieldInfo { IsPublic: true } or FieldInfo { IsFamily: true } => [((FieldInfo)member).FieldType],
        EventInfo @event when IsVisible(@event.AddMethod!) => [@event.EventHandlerType!],
        _ => [],
    };

    private static IEnumerable<Type> PartsOf(Type type) =>
        [
            type,
            .. type.IsGenericType ? type.GetGenericArguments().SelectMany(PartsOf) : [],
            .. type.HasElementType ? PartsOf(type.GetElementType()!) : [],
        ];

    /// <summary>The public signatures of an assembly that show a type that is not wanted there, and how many there are in all.</summary>
    private static (int Seen, List<string> Found) Signatures(Assembly assembly, Func<Type, bool> isUnwanted)
    {
        var seen = 0;
        var found = new List<string>();

        foreach (var type in assembly.GetExportedTypes())
        {
            var signatures = type.GetMembers(Visible).Select(member => (Name: $"{type.Name}.{member.Name}", Types: TypesOf(member)))
                .Append((type.Name, type.GetInterfaces().Append(type.BaseType ?? typeof(object))));

            foreach (var (name, types) in signatures)
            {
                foreach (var part in types.SelectMany(PartsOf))
                {
                    seen++;

                    if (isUnwanted(part))
                    {
                        found.Add($"{name}: {part}");
                    }
                }
            }
        }

        return (seen, found);
    }

    private static bool IsFSharp(Type type) => type.Assembly.GetName().Name == "FSharp.Core";

    [Test]
    public void No_public_signature_shows_a_type_of_F_sharp_or_of_the_core()
    {
        var (seen, found) = Signatures(Facade, type => Core.Contains(type.Assembly) || IsFSharp(type));
        Assert.That(seen, Is.GreaterThan(200));
        Assert.That(found, Is.Empty);
    }

    [Test]
    public void The_embedded_broker_shows_no_type_of_F_sharp_and_nothing_but_codes_of_the_core()
    {
        var (seen, found) = Signatures(Broker, type => (Core.Contains(type.Assembly) && !type.IsEnum) || IsFSharp(type));
        Assert.That(seen, Is.GreaterThan(50));
        Assert.That(found, Is.Empty);
    }

    [Test]
    public void The_libraries_need_nothing_but_FSharp_Core_and_the_logging_abstractions()
    {
        // netstandard is the framework under the name that FSharp.Core was built against.
        string[] allowed = ["netstandard", "FSharp.Core", "Microsoft.Extensions.Logging.Abstractions", "RocketMq.Protocol", "RocketMq.Client.FSharp"];

        var others = new[] { Facade, Core[0], Core[1], Broker }
            .SelectMany(assembly => assembly.GetReferencedAssemblies())
            .Select(name => name.Name!)
            .Where(name => !name.StartsWith("System.", StringComparison.Ordinal) && !allowed.Contains(name));

        Assert.That(others, Is.Empty);
    }

    private static Dictionary<string, int> Names<TEnum>() where TEnum : struct, Enum =>
        Enum.GetNames<TEnum>().ToDictionary(name => name, name => Convert.ToInt32(Enum.Parse<TEnum>(name), CultureInfo.InvariantCulture));

    [Test]
    public void Codes_have_the_names_and_numbers_of_the_core()
    {
        Assert.That(Names<RequestCode>(), Is.EquivalentTo(Names<RocketMq.Protocol.RequestCode>()));
        Assert.That(Names<ResponseCode>(), Is.EquivalentTo(Names<RocketMq.Protocol.ResponseCode>()));
        Assert.That(Names<RequestCode>(), Has.Count.EqualTo(157));
    }

    [Test]
    public void Every_asynchronous_method_takes_a_cancellation_token_last()
    {
        var without = Facade.GetExportedTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
            .Where(method => method.Name.EndsWith("Async", StringComparison.Ordinal) && method.Name != "DisposeAsync")
            .Where(method => method.GetParameters().LastOrDefault()?.ParameterType != typeof(CancellationToken))
            .Where(method => !method.IsDefined(typeof(CompilerGeneratedAttribute)))
            .Select(method => $"{method.DeclaringType!.Name}.{method.Name}");

        Assert.That(without, Is.Empty);
    }
}
