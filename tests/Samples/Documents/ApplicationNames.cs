using System.Text.Json.Serialization;
using RocketMq.Client;

// What the code of documents takes from the application that it would stand in. Nothing here runs.
#pragma warning disable CS1591
namespace DocumentNames;

public sealed record Order(string Id, string Item, int Count);

[JsonSerializable(typeof(Order))]
public sealed partial class OrdersJson : JsonSerializerContext;

public enum Booking { Done, NotNow, Never }

public interface IBilling
{
    Task BookAsync(string id, string text, CancellationToken cancellationToken);

    Task<Booking> TryBookAsync(ReceivedMessage message, CancellationToken cancellationToken);
}

public interface IOrderTable
{
    Task<bool> HasAsync(string key);

    Task SaveAsync(string key);
}

public interface IBills
{
    Task AddAsync(Order order, CancellationToken cancellationToken);
}

public sealed class InvalidOrderException : Exception;
#pragma warning restore CS1591
