using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace RocketMq.Testing;

// Within the namespace, so that these names come before those of the F# core, RocketMq.
using RocketMq.Client;

/// <summary>How a test harness is set up.</summary>
public sealed class RocketMqTestHarnessOptions
{
    /// <summary>
    /// Whether the broker's clock goes on by itself. Default false: delays, retries and invisible times pass only by
    /// <see cref="RocketMqTestHarness.Advance"/>, so that a test is the same each time.
    /// </summary>
    public bool ClockRuns { get; init; }

    /// <summary>How long a call waits for what a test expects, in real time, before it fails and says what there was instead. Default 30 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Reads bodies for calls that take a type. Default JSON by reflection, with the names of the web.</summary>
    public IMessageSerializer Serializer { get; init; } = new ReflectionJson();

    /// <summary>
    /// What stored bodies are read with, beside zlib and the codecs of the clients of a service that has the harness: those of clients that the
    /// test sets up itself, such as <c>[new Lz4Codec(), new ZstandardCodec()]</c> of the package RocketMq.Compression. Default none.
    /// </summary>
    public IReadOnlyList<IBodyCodec> Codecs { get; init; } = [];

    /// <summary>Where the broker logs. Default nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    private sealed class ReflectionJson : IMessageSerializer
    {
        public string ContentType => "application/json";

        public ReadOnlyMemory<byte> Serialize<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, JsonSerializerOptions.Web);

        public T Deserialize<T>(ReadOnlyMemory<byte> body) =>
            JsonSerializer.Deserialize<T>(body.Span, JsonSerializerOptions.Web) ?? throw new JsonException("It is null.");
    }
}
