using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace RocketMq.Client;

/// <summary>
/// JSON by System.Text.Json, for types that the compiler has prepared: a class derived from
/// <see cref="System.Text.Json.Serialization.JsonSerializerContext"/> names them. Nothing is looked up by reflection.
/// </summary>
public sealed class JsonMessageSerializer : IMessageSerializer
{
    internal const string JsonContentType = "application/json";

    private readonly JsonSerializerOptions _options;

    /// <param name="types">
    /// The context that names the types, <c>OrdersJson.Default</c> for instance, or several joined by
    /// <see cref="JsonTypeInfoResolver.Combine(IJsonTypeInfoResolver[])"/>. Its options count.
    /// </param>
    public JsonMessageSerializer(IJsonTypeInfoResolver types)
    {
        ArgumentNullException.ThrowIfNull(types);
        _options = types is System.Text.Json.Serialization.JsonSerializerContext context
            ? context.Options
            : new JsonSerializerOptions { TypeInfoResolver = types };
    }

    /// <inheritdoc/>
    public string ContentType => JsonContentType;

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The context does not name the type.</exception>
    public ReadOnlyMemory<byte> Serialize<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, TypeInfo<T>());

    /// <inheritdoc/>
    /// <exception cref="JsonException">The body is no JSON, or not of such a value; or it is null.</exception>
    /// <exception cref="NotSupportedException">The context does not name the type.</exception>
    public T Deserialize<T>(ReadOnlyMemory<byte> body) => Read(body, TypeInfo<T>());

    internal static T Read<T>(ReadOnlyMemory<byte> body, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(body.Span, type) ?? throw new JsonException("It is null.");

    private JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)_options.GetTypeInfo(typeof(T));
}
