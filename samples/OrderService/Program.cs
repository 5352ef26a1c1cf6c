using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using OrderService;
using RocketMq.Client;

var builder = WebApplication.CreateBuilder(args);

// A developer's machine needs no cluster: a broker in this process answers at the ports of one.
await using var broker = builder.Environment.IsDevelopment()
    ? await RocketMq.Embedded.EmbeddedBroker.StartAsync(new() { NameServerPort = 9876, BrokerPort = 10911 })
    : null;

builder.Services.AddSingleton<OrderStore>().AddSingleton<OrderPlacement>();
builder.Services.AddRocketMq()
    .UseSerializer(new JsonMessageSerializer(OrdersJson.Default))
    .UseLogScope()
    .UseInbox<OrderInbox>()
    .AddTransactionProducer<OrderChecker>("Orders")
    .AddConsumer<BillingHandler, Order>("billing");
builder.Services.AddHealthChecks().AddRocketMq();
builder.Services.AddOpenTelemetry()
    .WithTracing(traces => traces.AddAspNetCoreInstrumentation().AddRocketMqInstrumentation().AddConsoleExporter())
    .WithMetrics(metrics => metrics.AddRocketMqInstrumentation());
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, OrdersJson.Default));

var app = builder.Build();
app.MapHealthChecks("/live", new() { Predicate = check => check.Tags.Contains("live") });
app.MapHealthChecks("/ready", new() { Predicate = check => check.Tags.Contains("ready") });
app.MapPost("/orders", (Order order, OrderPlacement placement, CancellationToken cancellation) => placement.PlaceAsync(order, cancellation));
app.MapGet("/orders/{id}", async (string id, OrderStore store) =>
    await store.FindAsync(id) is { } state ? Results.Ok(state) : Results.NotFound());
await app.RunAsync();

/// <summary>Tests start it.</summary>
public partial class Program;
