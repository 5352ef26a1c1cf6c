using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using RocketMq.Client;
using RocketMq.Hosting;

namespace Worker;

/// <summary>A leg of a shipment. The legs of one shipment come in their order.</summary>
public sealed record Leg(string Shipment, int Number, string Place);

[JsonSerializable(typeof(Leg))]
internal sealed partial class ShippingJson : JsonSerializerContext;

/// <summary>Registers the worker, for its program and for tests.</summary>
public static class Shipping
{
    /// <summary>A leg that no retry helps is a dead letter at once; others are tried as often as the configuration says.</summary>
    public static IServiceCollection Register(IServiceCollection services)
    {
        services.AddSingleton<Places>();
        services.AddRocketMq()
            .UseSerializer(new JsonMessageSerializer(ShippingJson.Default))
            .UseLogScope()
            .UseRetryMap(map => map.On<ArgumentException>(ConsumeResult.DeadLetter))
            .AddConsumer<LegHandler, Leg>("shipping");
        return services;
    }

    /// <summary>A leg as a message: those of one shipment go to one queue.</summary>
    public static Message ToMessage(this Leg leg)
    {
        ArgumentNullException.ThrowIfNull(leg);
        return Message.To("Shipments").ShardingKey(leg.Shipment).Keys($"{leg.Shipment}-{leg.Number}").Json(leg, ShippingJson.Default.Leg);
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

    internal void Add(Leg leg)
    {
        lock (_places)
        {
            if (!_places.TryGetValue(leg.Shipment, out var places))
            {
                _places.Add(leg.Shipment, places = []);
            }

            // One that comes twice is there already.
            if (places.Count < leg.Number)
            {
                places.Add(leg.Place);
            }
        }
    }
}

internal sealed partial class LegHandler(Places places, ILogger<LegHandler> logger) : IMessageHandler<Leg>
{
    public Task<ConsumeResult> HandleAsync(Leg value, ReceivedMessage message, CancellationToken cancellationToken)
    {
        if (value.Place.Length == 0)
        {
            throw new ArgumentException("A leg needs a place.");
        }

        places.Add(value);
        LogLeg(value.Shipment, value.Place);
        return Task.FromResult(ConsumeResult.Success);
    }

    [LoggerMessage(LogLevel.Information, "Shipment {Shipment} has come to {Place}")]
    private partial void LogLeg(string shipment, string place);
}
