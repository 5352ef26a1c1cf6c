using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RocketMq.Embedded;

namespace Interop;

/// <summary>Builders and the texts of their settings know the same settings, by the same names: first-use.md 13.</summary>
public sealed class SettingNameTests
{
    private static readonly object[] Builders =
    [
        RemotingClient.Connect("h:1"),
        RemotingClients.Create(),
        NameServerClient.Create(),
        Producer.Create("g"),
        TransactionProducer.Create("g"),
        PushConsumer.Create("g"),
        PullConsumer.Create("g"),
        SimpleConsumer.Create("g"),
        PopConsumer.Create("g"),
        RocketMqClient.Create(),
    ];

    /// <summary>Settings with a text whose builder has another name for them, and that name.</summary>
    private static readonly Dictionary<string, string> Renamed = new(StringComparer.OrdinalIgnoreCase)
    {
        ["header"] = "BinaryHeaders",
        ["batchSize"] = "OnMessages",               // with the handler
        ["accessKey"] = "Credentials",
        ["secretKey"] = "Credentials",
        ["securityToken"] = "Credentials",
        ["maxWaitingCalls"] = "MaxWaiting",
        ["maxWaitingBytes"] = "MaxWaiting",
        ["socksUserName"] = "SocksProxy",
        ["socksPassword"] = "SocksProxy",
        ["tls"] = "Tls",
        ["tlsServerName"] = "Tls",
        ["tlsTrustedRootsFile"] = "Tls",
        ["tlsClientCertificateFile"] = "Tls",
        ["tlsCheckRevocation"] = "Tls",
        ["tlsAcceptAnyCertificate"] = "Tls",
    };

    /// <summary>
    /// What builders set up that has no text: functions and objects of the program, what is wanted of topics, and what is several values
    /// together.
    /// </summary>
    private static readonly HashSet<string> WithoutText =
    [
        "Settings", "SettingsFromEnvironment", "Logger", "MapAddress", "OnRequest", "Codec", "AddInterceptor", "OnMessage", "OnMessages", "OnMessagesWithVerdicts", "OnCheck", "StartAt",
        "Subscribe", "SubscribeSql92", "AssignQueues", "Topics", "AllocationStrategy",
        "AddressServer", "AutoCreateTopic", "Batching", "FlowControl", "TopicFlowControl",
    ];

    /// <summary>The names that a builder's text form knows, as it tells them.</summary>
    private static string[] TextNames(object builder)
    {
        var settings = builder.GetType().GetMethod("Settings", [typeof(string)])!;
        var error = Assert.Throws<TargetInvocationException>(() => settings.Invoke(builder, ["nonsense=1"]))!.InnerException!;
        return Regex.Match(error.Message, "there are ([A-Za-z0-9]+(, [A-Za-z0-9]+)*)").Groups[1].Value.Split(", ");
    }

    private static IEnumerable<MethodInfo> MethodsOf(object builder) =>
        builder.GetType().GetMethods().Where(method => method.ReturnType == builder.GetType());

    /// <summary>Method, parameter, or both together: KeepAlive(probeAfter), Backoff(first).</summary>
    private static IEnumerable<string> NamesOf(MethodInfo method) =>
        [method.Name, .. method.GetParameters().SelectMany(parameter => new[] { parameter.Name!, method.Name + parameter.Name })];

    [TestCaseSource(nameof(Builders))]
    public void Every_setting_with_a_text_has_a_method_of_its_builder(object builder)
    {
        var texts = TextNames(builder);
        var names = MethodsOf(builder).SelectMany(NamesOf).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.That(texts, Has.Length.GreaterThan(20));
        Assert.That(texts.Where(text => !names.Contains(Renamed.GetValueOrDefault(text, text)) && text != "nameServers"), Is.Empty);
    }

    [TestCaseSource(nameof(Builders))]
    public void Every_method_of_a_builder_that_takes_values_has_a_text(object builder)
    {
        var texts = TextNames(builder).Select(text => Renamed.GetValueOrDefault(text, text)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var missing = MethodsOf(builder).Where(method => !WithoutText.Contains(method.Name) && !NamesOf(method).Any(texts.Contains));
        Assert.That(missing.Select(method => method.Name), Is.Empty);
    }

    /// <summary>Something that makes sense, for a parameter of each type; null where a method may leave it out.</summary>
    private static object? SampleOf(ParameterInfo parameter) => parameter.ParameterType switch
    {
        var type when Nullable.GetUnderlyingType(type) is { } inner => SampleOf(inner),
        var type => SampleOf(type),
    };

    private static object? SampleOf(Type type) => type switch
    {
        _ when type == typeof(TimeSpan) => TimeSpan.FromSeconds(5),
        _ when type == typeof(int) => 5_000,
        _ when type == typeof(long) => 5L,
        _ when type == typeof(string) => "host:1",
        _ when type == typeof(IEnumerable<string>) => new[] { "*.example.com" },
        _ when type == typeof(ConsumeFrom) => ConsumeFrom.FirstOffset,
        _ when type == typeof(AllocationStrategy) => AllocationStrategy.Averagely,
        _ when type == typeof(RetryPolicy) => RetryPolicy.Safe,
        _ when type == typeof(TlsSettings) => new TlsSettings(),
        _ when type == typeof(Func<Credentials>) => () => new Credentials("a", "b"),
        _ when type == typeof(Func<string, string>) => (string address) => address,
        _ when type == typeof(ILogger) => NullLogger.Instance,
        _ when type == typeof(CommandHandler) => new CommandHandler(_ => Task.FromResult<Command?>(null)),
        _ when type == typeof(Func<MessageQueue, CancellationToken, Task<long?>>) =>
            (MessageQueue _, CancellationToken _) => Task.FromResult<long?>(1),
        { IsEnum: true } => Enum.GetValues(type).GetValue(1),
        _ => null,
    };

    /// <summary>The builders find settings in the core by name and type; what the core refuses is an argument, a mistake of ours is not.</summary>
    [TestCaseSource(nameof(Builders))]
    public void Every_method_of_a_builder_changes_a_setting_that_the_core_has(object builder)
    {
        var tried = 0;

        foreach (var method in MethodsOf(builder).Where(method => !method.IsGenericMethod && method.Name != "Settings"))
        {
            var arguments = Array.ConvertAll(method.GetParameters(), SampleOf);

            if (!arguments.Contains(null))
            {
                tried++;

                try
                {
                    Assert.That(method.Invoke(builder, arguments), Is.InstanceOf(builder.GetType()), method.Name);
                }
                catch (TargetInvocationException error) when (error.InnerException is ArgumentException)
                {
                }
            }
        }

        Assert.That(tried, Is.GreaterThan(17));
    }

    [TestCaseSource(nameof(Builders))]
    public void No_method_of_a_builder_has_a_default_of_its_own(object builder)
    {
        var own = MethodsOf(builder).SelectMany(method => method.GetParameters())
            .Where(parameter => parameter.HasDefaultValue && parameter.DefaultValue is not (null or "*"));
        Assert.That(own.Select(parameter => $"{parameter.Member.Name}({parameter.Name})"), Is.Empty);
    }

    [Test]
    public async Task Consumers_that_pop_refuse_to_begin_at_a_time(CancellationToken cancellation)
    {
        foreach (var start in new Func<Task>[]
        {
            () => SimpleConsumer.Create("g").NameServers("h:1").Subscribe("T").ConsumeFromWhere(ConsumeFrom.Time(DateTimeOffset.UnixEpoch))
                .StartAsync(cancellation),
            () => PopConsumer.Create("g").NameServers("h:1").Subscribe("T").ConsumeFromWhere(ConsumeFrom.Time(DateTimeOffset.UnixEpoch))
                .OnMessage((_, _) => Task.CompletedTask).StartAsync(cancellation),
        })
        {
            await Assert.ThatAsync(start, Throws.InstanceOf<InvalidRequestException>().With.Message.Contains("consumeFromWhere: it is a time"));
        }
    }

    [Test]
    public void Settings_of_a_kind_of_client_are_read_from_a_text_with_those_of_its_connections()
    {
        Assert.That(
            () => Producer.Create("g").Settings("nameServers=h:1;sendTimeout=5s;attempts=2;compression=zstandard;orderly=true"),
            Throws.TypeOf<SettingsException>().With.Message.Contains("orderly: there is no such setting").And.Message.Contains("sendTimeout"));
        Assert.That(
            () => PushConsumer.Create("g").Settings("concurrency=0;consumeTimeout=3;requestTimeout=x"),
            Throws.TypeOf<SettingsException>().With.Message.Contains("concurrency").And.Message.Contains("consumeTimeout").And.Message.Contains("requestTimeout"));
    }

    [Test]
    public async Task A_send_ends_after_the_time_that_a_text_gave_it(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var producer = await Producer.Create("g")
            .Settings($"nameServers={broker.NameServer};sendTimeout=20m;attempts=1;maxInFlight=77").StartAsync(cancellation);
        Assert.That((await producer.SendAsync(Message.To("T").Body("x"), cancellation)).QueueOffset, Is.Zero);
    }

    [Test]
    public void The_same_subscription_twice_is_one_and_another_expression_is_refused()
    {
        Assert.That(() => PushConsumer.Create("g").Subscribe("T", "a").Subscribe("T", "a"), Throws.Nothing);
        Assert.That(() => SimpleConsumer.Create("g").Subscribe("T").Subscribe("T"), Throws.Nothing);
        Assert.That(
            () => PullConsumer.Create("g").Subscribe("T", "a").SubscribeSql92("T", "a = 1"),
            Throws.InvalidOperationException.With.Message.Contains("subscribed to before"));
    }

    [Test]
    public async Task Sends_over_the_in_flight_limit_wait(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var producer = await Producer.Create("g").NameServers(broker.NameServer).Preset(RemotingPreset.Testing)
            .MaxInFlight(4).SendTimeout(TimeSpan.FromMinutes(10)).StartAsync(cancellation);
        var receipts = await Task.WhenAll(
            Enumerable.Range(0, 2_000).Select(number => producer.SendAsync(Message.To("T").Body($"{number}"), cancellation)));
        Assert.That(receipts.Select(receipt => receipt.MessageId).Distinct().Count(), Is.EqualTo(2_000));

        await using var failing = await Producer.Create("g2").NameServers(broker.NameServer)
            .MaxInFlight(1).MaxWaiting(calls: 1).SendTimeout(TimeSpan.FromMinutes(10)).StartAsync(cancellation);
        await failing.SendAsync(Message.To("T").Body("warm"), cancellation);
        var sends = Enumerable.Range(0, 200).Select(number => failing.SendAsync(Message.To("T").Body($"{number}"), cancellation)).ToArray();
        var error = await Assert.ThrowsAsync<TooManyRequestsException>(() => Task.WhenAll(sends));
        Assert.That(error!.Message, Does.Contain("Nothing was sent"));
        Assert.That(error.MayHaveBeenExecuted, Is.False);
    }
}
