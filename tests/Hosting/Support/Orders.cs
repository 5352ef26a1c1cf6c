using System.Text.Json.Serialization;

namespace Hosting.Support;

/// <summary>What the messages of the tests are about.</summary>
internal sealed record Order(string Id, int Cups);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Order))]
internal sealed partial class OrdersJson : JsonSerializerContext;

internal static class Orders
{
    internal const string Topic = "Orders";

    internal static IMessageSerializer Serializer { get; } = new JsonMessageSerializer(OrdersJson.Default);

    /// <summary>Subscribes to the topic, from its first message on.</summary>
    internal static PushConsumerBuilder Subscribe(PushConsumerBuilder consumer) =>
        consumer.Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset);

    internal static Message Message(string id, int cups = 1) =>
        RocketMq.Client.Message.To(Topic).Keys(id).Json(new Order(id, cups), OrdersJson.Default.Order);
}
