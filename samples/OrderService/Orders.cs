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

/// <summary>Bills each order that has been placed, once: the bill and the inbox's entry are made in one transaction.</summary>
internal sealed partial class BillingHandler(OrderStore store, ILogger<BillingHandler> logger) : IMessageHandler<Order>
{
    public async Task<ConsumeResult> HandleAsync(Order value, ReceivedMessage message, CancellationToken cancellationToken)
    {
        await store.BillAsync(value.Id, group: "billing", key: message.MessageId);
        LogBilled(value.Id);
        return ConsumeResult.Success;
    }

    [LoggerMessage(LogLevel.Information, "Order {Id} is billed")]
    private partial void LogBilled(string id);
}

/// <summary>Which messages have been handled, in the database that the handlers write to.</summary>
internal sealed class OrderInbox(OrderStore store) : IInbox
{
    public Task<InboxState> BeginAsync(string group, string key, TimeSpan lease, CancellationToken cancellationToken) =>
        store.BeginAsync(group, key, lease);

    public Task CompleteAsync(string group, string key, CancellationToken cancellationToken) => store.CompleteAsync(group, key);

    public Task AbandonAsync(string group, string key, CancellationToken cancellationToken) => store.AbandonAsync(group, key);
}

/// <summary>Orders in a table, and the inbox in another.</summary>
internal sealed class OrderStore
{
    private readonly string _connection;

    public OrderStore(IConfiguration configuration)
    {
        _connection = configuration.GetConnectionString("Orders") ?? throw new InvalidOperationException("ConnectionStrings:Orders is missing.");
        using var connection = new SqliteConnection(_connection);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = """
            create table if not exists orders (id text primary key, item text not null, count integer not null, billed integer not null);
            create table if not exists inbox (consumers text not null, key text not null, lease integer, primary key (consumers, key));
            """;
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

    /// <summary>Bills an order and completes its message, both or neither.</summary>
    public async Task BillAsync(string id, string group, string key)
    {
        await using var connection = new SqliteConnection(_connection);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await ExecuteAsync(connection, "update orders set billed = billed + 1 where id = $id", ("$id", id));
        await CompleteAsync(connection, group, key);
        await transaction.CommitAsync();
    }

    /// <summary>Takes a key for the time of a lease, unless it is completed, or taken and the lease is not over.</summary>
    public async Task<InboxState> BeginAsync(string group, string key, TimeSpan lease)
    {
        await using var connection = new SqliteConnection(_connection);
        await connection.OpenAsync();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var taken = await ExecuteAsync(
            connection,
            """
            insert into inbox values ($group, $key, $until)
            on conflict do update set lease = $until where lease is not null and lease <= $now
            """,
            ("$group", group), ("$key", key), ("$until", now + (long)lease.TotalMilliseconds), ("$now", now));

        if (taken == 1)
        {
            return InboxState.Begun;
        }

        await using var command = connection.CreateCommand();
        command.CommandText = "select lease from inbox where consumers = $group and key = $key";
        command.Parameters.AddWithValue("$group", group);
        command.Parameters.AddWithValue("$key", key);
        return await command.ExecuteScalarAsync() is long ? InboxState.Busy : InboxState.Completed;
    }

    public async Task CompleteAsync(string group, string key)
    {
        await using var connection = new SqliteConnection(_connection);
        await connection.OpenAsync();
        await CompleteAsync(connection, group, key);
    }

    public async Task AbandonAsync(string group, string key)
    {
        await using var connection = new SqliteConnection(_connection);
        await connection.OpenAsync();
        await ExecuteAsync(
            connection,
            "delete from inbox where consumers = $group and key = $key and lease is not null",
            ("$group", group), ("$key", key));
    }

    private static Task<int> CompleteAsync(SqliteConnection connection, string group, string key) => ExecuteAsync(
        connection,
        "insert into inbox values ($group, $key, null) on conflict do update set lease = null",
        ("$group", group), ("$key", key));

    private static async Task<int> ExecuteAsync(SqliteConnection connection, string sql, params (string Name, object Value)[] parameters)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;

        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return await command.ExecuteNonQueryAsync();
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
