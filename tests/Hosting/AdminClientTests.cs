using Hosting.Support;
using RocketMq.Client.Administration;

namespace Hosting;

/// <summary>Administration in a host: over the connections of its cluster, and no longer than these.</summary>
[TestFixture]
internal sealed class AdminClientTests() : HarnessFixture(Orders.Topic)
{
    [Test]
    public async Task It_works_over_the_client_of_the_cluster_and_ends_with_the_host()
    {
        using var host = await TestHosts.StartAsync(Harness, services => services.AddRocketMq().AddAdminClient());
        var admin = host.Services.GetRequiredService<AdminClient>();
        var topics = await admin.ListTopicsAsync();

        Assert.That(topics.Topics.Select(topic => topic.Topic), Does.Contain(Orders.Topic));
        Assert.That(host.Services.GetRequiredService<AdminClient>(), Is.SameAs(admin), "one for all");

        await host.StopAsync();
        Assert.That(async () => await admin.ListTopicsAsync(), Throws.InstanceOf<RocketMqException>());
    }

    [Test]
    public void Nothing_connects_before_the_first_call()
    {
        using var host = TestHosts.Create(
            """{ "RocketMq": { "NameServers": "127.0.0.1:1" } }""", services => services.AddRocketMq().AddAdminClient());

        Assert.That(host.Services.GetRequiredService<AdminClient>(), Is.Not.Null);
        Assert.That(host.Services.GetRequiredService<RocketMqClient>().Connections, Is.Empty);
    }

    [Test]
    public async Task Each_cluster_has_its_own_under_its_name_and_others_under_theirs()
    {
        await using var other = await RocketMqTestHarness.StartAsync();
        await other.CreateTopicAsync("Elsewhere");

        using var host = TestHosts.Create(
            $$"""
            { "RocketMq": { "NameServers": "{{Harness.NameServers}}", "eu": { "NameServers": "{{other.NameServers}}" } } }
            """,
            services =>
            {
                services.AddRocketMq().AddAdminClient("ops", new AdminClientOptions { MostAtOnce = 2 });
                services.AddRocketMq("eu").AddAdminClient();
            });

        var here = await host.Services.GetRequiredKeyedService<AdminClient>("ops").ListTopicsAsync();
        var there = await host.Services.GetRequiredKeyedService<AdminClient>("eu").ListTopicsAsync();

        Assert.Multiple(() =>
        {
            Assert.That(here.Topics.Select(topic => topic.Topic), Does.Contain(Orders.Topic).And.Not.Contain("Elsewhere"));
            Assert.That(there.Topics.Select(topic => topic.Topic), Does.Contain("Elsewhere").And.Not.Contain(Orders.Topic));
            Assert.That(host.Services.GetService<AdminClient>(), Is.Null);
        });
    }

    [Test]
    public void A_second_one_of_a_name_and_a_blank_name_are_refused()
    {
        var services = new ServiceCollection();
        var cluster = services.AddRocketMq().AddAdminClient().AddAdminClient("ops");

        Assert.That(() => cluster.AddAdminClient(), Throws.InvalidOperationException.With.Message.Contains("another name"));
        Assert.That(
            () => services.AddRocketMq("eu").AddAdminClient("ops"),
            Throws.InvalidOperationException.With.Message.Contains("another name"));
        Assert.That(() => cluster.AddAdminClient(" "), Throws.ArgumentException);
    }

    [Test]
    public void Options_that_make_no_sense_are_found_when_it_is_resolved()
    {
        using var host = TestHosts.Create(
            """{ "RocketMq": { "NameServers": "127.0.0.1:1" } }""",
            services => services.AddRocketMq().AddAdminClient(options: new AdminClientOptions { MostAtOnce = 0 }));

        Assert.That(
            () => host.Services.GetRequiredService<AdminClient>(),
            Throws.InstanceOf<AdministrationException>().With.Message.Contains("MostAtOnce"));
    }
}
