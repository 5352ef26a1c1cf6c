using Hosting.Support;
using Microsoft.Extensions.Options;

namespace Hosting;

/// <summary>What configurations mean, and what is said of those that mean nothing.</summary>
[TestFixture]
internal sealed class ConfigurationTests
{
    private static void Standard(IServiceCollection services) => services.AddRocketMq()
        .AddProducer("orders")
        .MapConsumer("billing", _ => Task.FromResult(ConsumeResult.Success));

    private const string Subscribed = "\"Subscriptions\": [ \"Orders\" ]";

    [TestCase("""{ "RequestTimeout": "soon" }""", "RocketMq:RequestTimeout", "'soon'", "500ms, 3s or 2m")]
    [TestCase("""{ "NameServers": "here" }""", "RocketMq:NameServers", "'here'", "host:port")]
    [TestCase("""{ "RequestTimout": "3s" }""", "RocketMq:RequestTimout", "RequestTimout", "requestTimeout")]
    [TestCase("""{ "Consumers": { "billing": { "Concurrency": 0, #S } } }""", "RocketMq:Consumers:billing:Concurrency", "'0'", "from 1 to 10000")]
    [TestCase("""{ "Consumers": { "billing": { "MaxRetries": "many", #S } } }""", "RocketMq:Consumers:billing:MaxRetries", "'many'", "number")]
    [TestCase("""{ "Consumers": { "billing": { "Orderly": "perhaps", #S } } }""", "RocketMq:Consumers:billing:Orderly", "'perhaps'", "true nor false")]
    [TestCase("""{ "Consumers": { "biling": { "Concurrency": 3 } } }""", "RocketMq:Consumers:biling", "no such consumer", "billing")]
    [TestCase("""{ "Consumers": { "billing": { "Subscriptions": [ { "Topics": "Orders" } ] } } }""", "RocketMq:Consumers:billing:Subscriptions:0:Topics", "not known", "Topic, and Tags or Sql92")]
    [TestCase("""{ "Consumers": { "billing": { "Subscriptions": [ { "Topic": "Orders", "Tags": "a", "Sql92": "b > 1" } ] } } }""", "RocketMq:Consumers:billing:Subscriptions:0", "both Tags and Sql92", "one of them")]
    [TestCase("""{ "Producers": { "orders": { "Attempts": 1000 } } }""", "RocketMq:Producers:orders:Attempts", "'1000'", "from 1 to 100")]
    [TestCase("""{ "Producers": { "orders": { "Compression": "brotli" } } }""", "RocketMq:Producers:orders:Compression", "'brotli'", "zstandard")]
    [TestCase("""{ "Start": { "Wait": "yes" } }""", "RocketMq:Start:Wait", "'yes'", "true nor false")]
    [TestCase("""{ "Start": { "Timeout": "long" } }""", "RocketMq:Start:Timeout", "'long'", "500ms, 3s, 2m")]
    [TestCase("""{ "AccessKey": "alone" }""", "accessKey", "secretKey", "")]
    [TestCase("""{ "Consumers": { "billing": { } } }""", "RocketMq:Consumers:billing", "subscri", "")]
    public async Task A_wrong_configuration_is_refused_at_start_with_path_value_and_what_is_allowed(
        string section, string path, string value, string allowed)
    {
        var problems = await ProblemsOfAsync(section);

        Assert.That(problems, Has.Some.Contains(path).And.Contains(value).And.Contains(allowed));
    }

    [Test]
    public async Task All_mistakes_are_told_at_once()
    {
        var problems = await ProblemsOfAsync("""
            { "RequestTimeout": "soon", "Producers": { "orders": { "Attempts": 1000, "SendTimeout": "-1s" } },
              "Consumers": { "billing": { "Concurrency": 0, #S } }, "Start": { "Wait": "yes" } }
            """);

        Assert.That(problems, Has.Count.EqualTo(5), string.Join("\n", problems));
    }

    [Test]
    public async Task Secrets_are_not_shown()
    {
        var problems = await ProblemsOfAsync("""{ "AccessKey": "key-1234", "SecretKey": "secret-5678", "NameServers": "here" }""");

        Assert.That(problems, Has.None.Contains("key-1234").And.None.Contains("secret-5678"));
    }

    [Test]
    public async Task A_right_one_is_taken_over_from_section_named_section_connection_string_and_function_in_this_order()
    {
        const string Json = """
            {
              "RocketMq": {
                "NameServers": "section:1", "RequestTimeout": "5s", "ConnectTimeout": "00:00:02", "MaxInFlight": 7, "Namespace": "section",
                "eu": { "RequestTimeout": "6s", "MaxInFlight": 8, "Namespace": "named" }
              },
              "ConnectionStrings": { "eu": "nameServers=string:1;maxInFlight=9;namespace=\"string\"" }
            }
            """;
        using var host = TestHosts.Create(Json, services => services.AddRocketMq("eu", options => options.Settings["namespace"] = "code"));
        var settings = host.Services.GetRequiredService<IOptionsMonitor<RocketMqOptions>>().Get("eu").Settings;
        await Task.CompletedTask;

        Assert.That(settings["connectTimeout"], Is.EqualTo("2000ms"));
        Assert.That(settings["requestTimeout"], Is.EqualTo("6s"));
        Assert.That(settings["nameServers"], Is.EqualTo("string:1"));
        Assert.That(settings["maxInFlight"], Is.EqualTo("9"));
        Assert.That(settings["namespace"], Is.EqualTo("code"));
    }

    [TestCase("""nameServers=a:1,b:2;requestTimeout=5s""")]
    [TestCase("""nameServers=a:1;b:2;namespace=n""")]
    [TestCase(""" NameServers = "a:1;b:2" ; accessKey=k; secretKey=" s "; """)]
    [TestCase("""nameServers=a:1;accessKey=a"b";secretKey="s;""t"" = 5";namespace=n""")]
    [TestCase("""nameServers=a:1;namespace=;namespace=twice""")]
    [TestCase("nameServers=a:1;accessKey=k;secretKey=\"two\nlines\";\n requestTimeout=5s\n")]
    [TestCase("")]
    public void A_connection_string_is_taken_apart_as_builders_take_texts_of_settings(string text)
    {
        using var host = TestHosts.Create("{}", services =>
        {
            services.AddSingleton(WithConnection(text));
            services.AddRocketMq(options => options.NameServers ??= "none:1");
        });
        var options = host.Services.GetRequiredService<IOptionsMonitor<RocketMqOptions>>().CurrentValue;
        var expected = SettingsText.Split(text).GroupBy(setting => setting.Key, StringComparer.OrdinalIgnoreCase).ToDictionary(
            settings => settings.Key, settings => settings.Last().Value, StringComparer.OrdinalIgnoreCase);
        expected.TryAdd("nameServers", "none:1");

        Assert.That(
            options.Settings.ToDictionary(setting => setting.Key, setting => setting.Value, StringComparer.OrdinalIgnoreCase),
            Is.EquivalentTo(expected));
    }

    [TestCase("nameServers", "setting 1: it has no '='")]
    [TestCase("nameServers=a:1;requestTimeout=5s;alone", "setting 3: it has no '='")]
    [TestCase("nameServers=a:1;secretKey=\"s3cret", "setting 2: its quote is not closed")]
    [TestCase("secretKey=\"s3cret\" more;nameServers=a:1", "setting 1: there is text behind its closing quote")]
    public async Task A_connection_string_that_cannot_be_taken_apart_is_refused_as_builders_refuse_it(string text, string problem)
    {
        var byBuilder = Assert.Throws<SettingsException>(() => RocketMqClient.Create().Settings(text))!.Problems;
        using var host = TestHosts.Create("{}", services =>
        {
            services.AddSingleton(WithConnection(text));
            services.AddRocketMq().AddProducer();
        });
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());

        Assert.That(refused!.Failures, Is.EqualTo(byBuilder.Select(one => $"ConnectionStrings:RocketMq, {one}")));
        Assert.That(byBuilder, Has.Count.EqualTo(1));
        Assert.That(byBuilder[0], Does.StartWith(problem).And.Not.Contain("s3cret"));
    }

    private static IConfiguration WithConnection(string text) =>
        new ConfigurationBuilder().AddInMemoryCollection([new("ConnectionStrings:RocketMq", text)]).Build();

    [Test]
    public void Sections_within_put_their_names_before_settings_and_lists_are_joined()
    {
        using var host = TestHosts.Create(
            """
            { "RocketMq": { "NameServers": [ "a:1", "b:2" ], "Tls": { "ServerName": "mq" },
              "Credentials": { "AccessKey": "k", "SecretKey": "s;\"t\"" } } }
            """,
            services => services.AddRocketMq());
        var options = host.Services.GetRequiredService<IOptionsMonitor<RocketMqOptions>>().CurrentValue;

        Assert.That(options.NameServers, Is.EqualTo("a:1,b:2"));
        Assert.That(options.Settings["tls"], Is.EqualTo("true"));
        Assert.That(options.Settings["tlsServerName"], Is.EqualTo("mq"));
        Assert.That(options.Settings["secretKey"], Is.EqualTo("s;\"t\""));
        Assert.That(options.Settings.ToString(), Does.Not.Contain("s;"));
    }

    [Test]
    public void Clusters_share_no_options()
    {
        using var host = TestHosts.Create(
            """{ "RocketMq": { "NameServers": "a:1", "us": { "NameServers": "b:1" }, "Producers": { "orders": { "Attempts": 2 } } } }""",
            services =>
            {
                services.AddRocketMq(options => options.Settings["maxInFlight"] = "5").AddProducer("orders");
                services.AddRocketMq("us").AddProducer();
            });
        var monitor = host.Services.GetRequiredService<IOptionsMonitor<RocketMqOptions>>();

        Assert.That(monitor.Get("us").Settings["maxInFlight"], Is.Null);
        Assert.That(monitor.Get("us").Producers, Is.Empty);
        Assert.That(monitor.CurrentValue.NameServers, Is.EqualTo("a:1"));
        Assert.That(monitor.Get("us").NameServers, Is.EqualTo("b:1"));
        Assert.That(host.Services.GetRequiredKeyedService<RocketMqClient>("us").NameServers, Is.EqualTo(new[] { "b:1" }));
        Assert.That(host.Services.GetRequiredKeyedService<IProducer>("us"), Is.Not.SameAs(host.Services.GetRequiredKeyedService<IProducer>("orders")));
    }

    [Test]
    public void Two_consumers_of_one_group_are_refused_where_they_are_registered()
    {
        var rocketMq = new ServiceCollection().AddRocketMq().MapConsumer("billing", _ => Task.FromResult(ConsumeResult.Success));

        Assert.That(
            () => rocketMq.AddSimpleConsumer("billing"),
            Throws.InvalidOperationException.With.Message.Contains("billing").And.Message.Contains("consumer"));
    }

    /// <summary>What the start of a host with such a section says.</summary>
    private static async Task<IReadOnlyList<string>> ProblemsOfAsync(string section)
    {
        var withServers = section.Contains("NameServers", StringComparison.Ordinal)
            ? section
            : string.Concat("{ \"NameServers\": \"127.0.0.1:9876\", ", section.AsSpan(1));
        using var host = TestHosts.Create(
            $$"""{ "RocketMq": {{withServers.Replace("#S", Subscribed, StringComparison.Ordinal)}} }""", Standard);
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        return [.. refused!.Failures];
    }
}
