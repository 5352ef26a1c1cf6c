using System.Collections.Concurrent;
using DotNetCore.CAP;
using DotNetCore.CAP.Internal;
using DotNetCore.CAP.Monitoring;
using DotNetCore.CAP.Persistence;
using DotNetCore.CAP.Serialization;
using Microsoft.Extensions.DependencyInjection;
using CapMessage = DotNetCore.CAP.Messages.Message;

namespace CapTests;

/// <summary>A message as the storage has it.</summary>
internal sealed record StoredRow(string Id, string Name, string Content, DateTime Added, StatusName State, DateTime? ExpiresAt, int Retries);

/// <summary>CAP's storage in memory, as much of it as tests need. It outlives the host that uses it, as a database does.</summary>
internal sealed class MemoryStorage
{
    /// <summary>How often CAP tries at once; a failed message with fewer attempts is still being tried.</summary>
    private const int ImmediateAttempts = 3;

    private readonly ConcurrentDictionary<string, StoredRow> _published = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, StoredRow> _received = new(StringComparer.Ordinal);
    private long _lastId;
    private int _polls;

    /// <summary>Called before a received message is stored; what it throws is the storage's failure.</summary>
    internal Action? BeforeReceived { get; set; }

    /// <summary>
    /// How often CAP has looked for what to publish again. It does so when the rest of it has started: what is published before that waits in
    /// the storage for minutes.
    /// </summary>
    internal int Polls => Volatile.Read(ref _polls);

    internal IReadOnlyCollection<StoredRow> Published => [.. _published.Values];

    internal IReadOnlyCollection<StoredRow> Received => [.. _received.Values];

    internal void AddTo(CapOptions options) => options.RegisterExtension(new Extension(this));

    private static MediumMessage Store(ConcurrentDictionary<string, StoredRow> rows, string id, string name, CapMessage message, string content)
    {
        var row = new StoredRow(id, name, content, DateTime.Now, StatusName.Scheduled, null, 0);
        rows[id] = row;
        return ToMessage(row, message);
    }

    private string NextId() => Interlocked.Increment(ref _lastId).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static MediumMessage ToMessage(StoredRow row, CapMessage origin) => new()
    {
        DbId = row.Id,
        Origin = origin,
        Content = row.Content,
        Added = row.Added,
        ExpiresAt = row.ExpiresAt,
        Retries = row.Retries,
    };

    private sealed class Extension(MemoryStorage rows) : ICapOptionsExtension
    {
        public void AddServices(IServiceCollection services)
        {
            services.AddSingleton(new CapStorageMarkerService("Memory"));
            services.AddSingleton<IStorageInitializer, Tables>();
            services.AddSingleton<IDataStorage>(provider => new DataStorage(rows, provider.GetRequiredService<ISerializer>()));
        }
    }

    private sealed class Tables : IStorageInitializer
    {
        public Task InitializeAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public string GetPublishedTableName() => "published";

        public string GetReceivedTableName() => "received";

        public string GetLockTableName() => "locks";
    }

    private sealed class DataStorage(MemoryStorage rows, ISerializer serializer) : IDataStorage
    {
        public Task<bool> AcquireLockAsync(string key, TimeSpan ttl, string instance, CancellationToken token = default) =>
            Task.FromResult(true);

        public Task ReleaseLockAsync(string key, string instance, CancellationToken token = default) => Task.CompletedTask;

        public Task RenewLockAsync(string key, TimeSpan ttl, string instance, CancellationToken token = default) => Task.CompletedTask;

        public Task ChangePublishStateToDelayedAsync(string[] ids)
        {
            foreach (var id in ids)
            {
                rows._published[id] = rows._published[id] with { State = StatusName.Delayed };
            }

            return Task.CompletedTask;
        }

        public Task ChangePublishStateAsync(MediumMessage message, StatusName state, object? transaction = null) =>
            Change(rows._published, message, state);

        public Task ChangeReceiveStateAsync(MediumMessage message, StatusName state) => Change(rows._received, message, state);

        public Task<MediumMessage> StoreMessageAsync(string name, CapMessage content, object? transaction = null) =>
            Task.FromResult(Store(rows._published, rows.NextId(), name, content, serializer.Serialize(content)));

        public Task StoreReceivedExceptionMessageAsync(string name, string group, string content)
        {
            var id = rows.NextId();
            rows._received[id] = new(id, name, content, DateTime.Now, StatusName.Failed, null, int.MaxValue);
            return Task.CompletedTask;
        }

        public Task<MediumMessage> StoreReceivedMessageAsync(string name, string group, CapMessage content)
        {
            rows.BeforeReceived?.Invoke();
            return Task.FromResult(Store(rows._received, rows.NextId(), name, content, serializer.Serialize(content)));
        }

        public Task<int> DeleteExpiresAsync(string table, DateTime timeout, int batchCount = 1000, CancellationToken token = default) =>
            Task.FromResult(0);

        public Task<IEnumerable<MediumMessage>> GetPublishedMessagesOfNeedRetry(TimeSpan lookbackSeconds)
        {
            Interlocked.Increment(ref rows._polls);
            return Task.FromResult<IEnumerable<MediumMessage>>(ToRetry(rows._published, lookbackSeconds));
        }

        public Task<IEnumerable<MediumMessage>> GetReceivedMessagesOfNeedRetry(TimeSpan lookbackSeconds) =>
            Task.FromResult<IEnumerable<MediumMessage>>(ToRetry(rows._received, lookbackSeconds));

        public Task ScheduleMessagesOfDelayedAsync(
            Func<object, IEnumerable<MediumMessage>, Task> scheduleTask, CancellationToken token = default) =>
            scheduleTask(
                new object(),
                Loaded(rows._published.Values.Where(row => row.State == StatusName.Delayed && row.ExpiresAt < DateTime.Now.AddMinutes(2))));

        public Task<int> DeleteReceivedMessageAsync(long id) => throw new NotSupportedException();

        public Task<int> DeletePublishedMessageAsync(long id) => throw new NotSupportedException();

        public IMonitoringApi GetMonitoringApi() => throw new NotSupportedException();

        private Task Change(ConcurrentDictionary<string, StoredRow> table, MediumMessage message, StatusName state)
        {
            table[message.DbId] = table[message.DbId] with
            {
                Content = serializer.Serialize(message.Origin),
                State = state,
                ExpiresAt = message.ExpiresAt,
                Retries = message.Retries,
            };
            return Task.CompletedTask;
        }

        private List<MediumMessage> Loaded(IEnumerable<StoredRow> found) =>
            [.. found.Select(row => ToMessage(row, serializer.Deserialize(row.Content)!))];

        private List<MediumMessage> Loaded(ConcurrentDictionary<string, StoredRow> table, Func<StoredRow, bool> isDue) =>
            Loaded(table.Values.Where(isDue));

        private List<MediumMessage> ToRetry(ConcurrentDictionary<string, StoredRow> table, TimeSpan lookback) =>
            Loaded(table, row =>
                row.Retries < int.MaxValue
                && (row is { State: StatusName.Failed, Retries: >= ImmediateAttempts }
                    || (row.State == StatusName.Scheduled && row.Added < DateTime.Now - lookback)));
    }
}
