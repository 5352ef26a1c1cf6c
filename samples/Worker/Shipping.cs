using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using RocketMq.Client;
using RocketMq.Hosting;

namespace Worker;

/// <summary>A step of a shipment. The steps of one shipment come in their order.</summary>
public sealed record Step(string Shipment, int Number, string Place);

[JsonSerializable(typeof(Step))]
internal sealed partial class ShippingJson : JsonSerializerContext;

/// <summary>Registers the worker, for its program and for tests.</summary>
public static class Shipping
{
    /// <summary>A step that no retry helps is a dead letter at once; others are tried as often as the configuration says.</summary>
    public static IServiceCollection Register(IServiceCollection services)
    {
        services.AddSingleton<Places>();
        services.AddRocketMq()
            .UseSerializer(new JsonMessageSerializer(ShippingJson.Default))
            .UseLogScope()
            .UseRetryMap(map => map.On<ArgumentException>(ConsumeResult.DeadLetter))
            .AddConsumer<StepHandler, Step>("shipping");
        return services;
    }

    /// <summary>A step as a message: those of one shipment go to one queue.</summary>
    public static Message ToMessage(this Step step)
    {
        ArgumentNullException.ThrowIfNull(step);
        return Message.To("Shipments").ShardingKey(step.Shipment).Keys($"{step.Shipment}-{step.Number}").Json(step, ShippingJson.Default.Step);
    }
}

/// <summary>Where each shipment is.</summary>
public sealed class Places
{
    private readonly Dictionary<string, List<string>> _places = [];

    /// <summary>The places that a shipment has come to, in order.</summary>
    public IReadOnlyList<string> Of(string shipment)
    {
        lock (_places)
        {
            return _places.TryGetValue(shipment, out var places) ? [.. places] : [];
        }
    }

    internal void Add(Step step)
    {
        lock (_places)
        {
            if (!_places.TryGetValue(step.Shipment, out var places))
            {
                _places.Add(step.Shipment, places = []);
            }

            // One that comes twice is there already.
            if (places.Count < step.Number)
            {
                places.Add(step.Place);
            }
        }
    }
}

internal sealed partial class StepHandler(Places places, ILogger<StepHandler> logger) : IMessageHandler<Step>
{
    public Task<ConsumeResult> HandleAsync(Step value, ReceivedMessage message, CancellationToken cancellationToken)
    {
        if (value.Place.Length == 0)
        {
            throw new ArgumentException("A step needs a place.");
        }

        places.Add(value);
        LogStep(value.Shipment, value.Place);
        return Task.FromResult(ConsumeResult.Success);
    }

    [LoggerMessage(LogLevel.Information, "Shipment {Shipment} has come to {Place}")]
    private partial void LogStep(string shipment, string place);
}
