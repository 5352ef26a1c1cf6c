using System.Text.Json.Serialization;
using Microsoft.Data.Sqlite;
using RocketMq.Client;
using RocketMq.Hosting;

namespace OrderService;

/// <summary>What a customer orders.</summary>
public sealed record Order(string Id, string Item, int Count);

/// <summary>What the service knows of an order.</summary>
public sealed record OrderState(string Id, string Item, int Count, bool IsBilled);

[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(OrderState))]
internal sealed partial class OrdersJson : JsonSerializerContext;

/// <summary>Stores an order and tells others of it: both, or neither.</summary>
internal sealed class OrderPlacement([FromKeyedServices("Orders")] ITransactionProducer producer, OrderStore store)
{
    public async Task<IResult> PlaceAsync(Order order, CancellationToken cancellationToken)
    {
        var message = Message.To("Orders").Tag("placed").Keys(order.Id).Json(order, OrdersJson.Default.Order);

        var sent = await producer.SendAsync(
            message,
            async _ => await store.TryAddAsync(order) ? TransactionDecision.Commit : TransactionDecision.Rollback,
            cancellationToken);

        return sent switch
        {
            { LocalFailure: not null } => Results.Problem("The order could not be stored."),
            { Decision: TransactionDecision.Rollback } => Results.Conflict(),
            _ => Results.Created($"/orders/{order.Id}", order),
        };
    }
}

/// <summary>Answers the broker when it does not know how a transaction ended: the table does.</summary>
internal sealed class OrderChecker(OrderStore store) : ITransactionChecker
{
    public async Task<TransactionDecision> CheckAsync(ReceivedMessage message) =>
        await store.FindAsync(message.Keys[0]) is null ? TransactionDecision.Rollback : TransactionDecision.Commit;
}

/// <summary>Bills each order that has been placed. One that comes twice is billed once.</summary>
internal sealed partial class BillingHandler(OrderStore store, ILogger<BillingHandler> logger) : IMessageHandler<Order>
{
    public async Task<ConsumeResult> HandleAsync(Order value, ReceivedMessage message, CancellationToken cancellationToken)
    {
        await store.BillAsync(value.Id);
        LogBilled(value.Id);
        return ConsumeResult.Success;
    }

    [LoggerMessage(LogLevel.Information, "Order {Id} is billed")]
    private partial void LogBilled(string id);
}

/// <summary>Orders in a table.</summary>
internal sealed class OrderStore
{
    private readonly string _connection;

    public OrderStore(IConfiguration configuration)
    {
        _connection = configuration.GetConnectionString("Orders") ?? throw new InvalidOperationException("ConnectionStrings:Orders is missing.");
        using var connection = new SqliteConnection(_connection);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "create table if not exists orders (id text primary key, item text not null, count integer not null, billed integer not null)";
        command.ExecuteNonQuery();
    }

    /// <summary>False if there is such an order already.</summary>
    public async Task<bool> TryAddAsync(Order order)
    {
        await using var connection = new SqliteConnection(_connection);
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "insert or ignore into orders values ($id, $item, $count, 0)";
        command.Parameters.AddWithValue("$id", order.Id);
        command.Parameters.AddWithValue("$item", order.Item);
        command.Parameters.AddWithValue("$count", order.Count);
        return await command.ExecuteNonQueryAsync() == 1;
    }

    public async Task BillAsync(string id)
    {
        await using var connection = new SqliteConnection(_connection);
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "update orders set billed = 1 where id = $id";
        command.Parameters.AddWithValue("$id", id);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<OrderState?> FindAsync(string id)
    {
        await using var connection = new SqliteConnection(_connection);
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "select item, count, billed from orders where id = $id";
        command.Parameters.AddWithValue("$id", id);
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync()
            ? new(id, reader.GetString(0), reader.GetInt32(1), reader.GetBoolean(2))
            : null;
    }
}
