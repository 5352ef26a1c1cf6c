using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Hosting.Support;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;
using OrderService;
using RocketMq.Client;
using RocketMq.Hosting;
using RocketMq.Testing;

namespace SampleTests;

/// <summary>The order service, as its users and its operators meet it.</summary>
[TestFixture]
internal sealed partial class OrderServiceTests() : HarnessFixture("Orders", queues: 4)
{
    private WebApplicationFactory<Program> _service = null!;
    private string _database = "";

    [SetUp]
    public void CreateService()
    {
        _database = Path.Combine(Path.GetTempPath(), $"orders-{Guid.NewGuid():N}.db");
        _service = new WebApplicationFactory<Program>().WithWebHostBuilder(host => host
            .UseEnvironment("Testing")
            .UseSetting("ConnectionStrings:Orders", $"Data Source={_database};Pooling=False")
            .UseSetting("RocketMq:Start:Wait", "true")
            .ConfigureTestServices(services => services.AddRocketMqTestHarness(Harness)));
    }

    [TearDown]
    public async Task StopServiceAsync()
    {
        await _service.DisposeAsync();
        File.Delete(_database);
    }

    [Test]
    public async Task An_order_is_stored_sent_and_billed()
    {
        using var client = _service.CreateClient();

        using var placed = await client.PostAsJsonAsync("/orders", new Order("o-1", "coffee", 2));
        var consumed = await Harness.Consumed<Order>(order => order.Id == "o-1");
        var state = await client.GetFromJsonAsync<OrderState>("/orders/o-1");

        Assert.That(placed.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(consumed.Group, Is.EqualTo("billing"));
        Assert.That(consumed.Message.Tag, Is.EqualTo("placed"));
        Assert.That(state, Is.EqualTo(new OrderState("o-1", "coffee", 2, true)));
    }

    [Test]
    public async Task An_order_that_is_there_already_is_refused_and_nothing_is_sent()
    {
        using var client = _service.CreateClient();

        using var first = await client.PostAsJsonAsync("/orders", new Order("o-1", "coffee", 2));
        await Harness.Consumed<Order>();
        using var second = await client.PostAsJsonAsync("/orders", new Order("o-1", "tea", 1));

        Assert.That(second.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await Harness.StoredAsync("Orders"), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_message_that_has_been_billed_is_completed_in_the_inbox_and_others_are_begun_once()
    {
        using var client = _service.CreateClient();
        using var placed = await client.PostAsJsonAsync("/orders", new Order("o-1", "coffee", 2));
        await Harness.Consumed<Order>();

        var first = Harness.Handled[0].Message;
        var inbox = _service.Services.CreateAsyncScope().ServiceProvider.GetRequiredService<OrderInbox>();

        Assert.That(
            await inbox.BeginAsync("billing", first.MessageId, TimeSpan.FromMinutes(1), default), Is.EqualTo(InboxState.Completed));
        Assert.That(
            await inbox.BeginAsync("billing", "other", TimeSpan.FromMinutes(1), default), Is.EqualTo(InboxState.Begun));
        Assert.That(
            await inbox.BeginAsync("billing", "other", TimeSpan.FromMinutes(1), default), Is.EqualTo(InboxState.Busy));
        await inbox.AbandonAsync("billing", "other", default);
        Assert.That(
            await inbox.BeginAsync("billing", "other", TimeSpan.Zero, default), Is.EqualTo(InboxState.Begun));
        Assert.That(
            await inbox.BeginAsync("billing", "other", TimeSpan.Zero, default), Is.EqualTo(InboxState.Begun), "its lease is over");
    }

    [Test]
    public async Task The_service_is_alive_and_ready()
    {
        using var client = _service.CreateClient();
        await Harness.SendAsync(Message.To("Orders").Tag("placed").Keys("o-0").Json(new("o-0", "coffee", 1), Json.Default.Order));
        await Harness.Consumed<Order>();

        Assert.That(await client.GetStringAsync(new Uri("/live", UriKind.Relative)), Is.EqualTo("Healthy"));
        Assert.That(await client.GetStringAsync(new Uri("/ready", UriKind.Relative)), Is.EqualTo("Healthy"));
    }

    [Test]
    public async Task A_request_its_message_and_its_handling_are_one_trace()
    {
        var activities = new System.Collections.Concurrent.ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "RocketMq.Client" or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activities.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using var client = _service.CreateClient();

        using var placed = await client.PostAsJsonAsync("/orders", new Order("o-1", "coffee", 2));
        await Harness.Consumed<Order>();
        await Harness.AllCommitted("billing", "Orders");

        var request = activities.Single(activity => activity.Source.Name == "Microsoft.AspNetCore");
        var send = activities.Single(activity => activity.OperationName == "send Orders" || activity.DisplayName == "send Orders");
        var process = activities.Single(activity => activity.DisplayName == "process Orders");

        Assert.That(send.ParentSpanId, Is.EqualTo(request.SpanId));
        Assert.That(process.ParentSpanId, Is.EqualTo(send.SpanId));
        Assert.That(new[] { send.TraceId, process.TraceId }, Is.All.EqualTo(request.TraceId));
    }

    [System.Text.Json.Serialization.JsonSerializable(typeof(Order))]
    internal sealed partial class Json : System.Text.Json.Serialization.JsonSerializerContext;
}
