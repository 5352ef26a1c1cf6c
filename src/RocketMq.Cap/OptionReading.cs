using Microsoft.Extensions.Options;

namespace RocketMq.Cap;

/// <summary>Options as builders take them, and all that is wrong with them.</summary>
internal sealed class OptionReading : IValidateOptions<RocketMqCapOptions>
{
    private static readonly TimeSpan LongestRedelivery = TimeSpan.FromHours(2);

    public ValidateOptionsResult Validate(string? name, RocketMqCapOptions options)
    {
        var mistakes = new List<string>();
        ClientOf(options, mistakes);

        if (string.IsNullOrWhiteSpace(options.NameServers) && options.Settings is null && options.ConfigureClient is null
            && string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable("NAMESRV_ADDR")))
        {
            mistakes.Add("NameServers is missing: name at least one, \"host:port;host:port\".");
        }

        // What the application changes is tried on builders that start nothing.
        var producer = Apply(
            Producer.Create("check"), options.ProducerGroup ?? "", (_, group) => Producer.Create(group), nameof(options.ProducerGroup), mistakes);
        ProducerOf(options, producer, mistakes);
        ConsumerOf(options, PushConsumer.Create("check").OnMessage((_, _) => Task.CompletedTask), mistakes);

        if (options.RedeliveryDelay <= TimeSpan.Zero || options.RedeliveryDelay > LongestRedelivery)
        {
            mistakes.Add($"RedeliveryDelay is {options.RedeliveryDelay}: it is above 0, and at most {LongestRedelivery}.");
        }

        if (options.MaxBrokerDelay <= TimeSpan.Zero)
        {
            mistakes.Add($"MaxBrokerDelay is {options.MaxBrokerDelay}: it is above 0.");
        }

        if (!Enum.IsDefined(options.DelayedDelivery))
        {
            mistakes.Add($"DelayedDelivery is {(int)options.DelayedDelivery}: it is one of {string.Join(", ", Enum.GetNames<DelayedDelivery>())}.");
        }

        return mistakes.Count == 0
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(mistakes.Select(mistake => $"{nameof(RocketMqCapOptions)}: {mistake}"));
    }

    /// <summary>The client's builder. What cannot be taken goes to the mistakes and, if they are not collected, is thrown.</summary>
    internal static RocketMqClientBuilder ClientOf(RocketMqCapOptions options, List<string>? mistakes = null)
    {
        var builder = RocketMqClient.Create();
        builder = Apply(builder, options.Settings, (to, text) => to.Settings(text), nameof(options.Settings), mistakes);
        builder = Apply(builder, options.NameServers, (to, text) => to.NameServers(text), nameof(options.NameServers), mistakes);
        builder = Apply(builder, options.Namespace, (to, text) => to.Namespace(text), nameof(options.Namespace), mistakes);
        builder = Apply(builder, options.Credentials, (to, keys) => to.Credentials(() => keys), nameof(options.Credentials), mistakes);
        builder = Apply(builder, options.Tls, (to, tls) => to.Tls(tls), nameof(options.Tls), mistakes);
        return Configure(builder, options.ConfigureClient, nameof(options.ConfigureClient), mistakes);
    }

    internal static ProducerBuilder ProducerOf(RocketMqCapOptions options, ProducerBuilder builder, List<string>? mistakes = null) =>
        Configure(builder, options.ConfigureProducer, nameof(options.ConfigureProducer), mistakes);

    internal static PushConsumerBuilder ConsumerOf(RocketMqCapOptions options, PushConsumerBuilder builder, List<string>? mistakes = null) =>
        Configure(builder, options.ConfigureConsumer, nameof(options.ConfigureConsumer), mistakes);

    private static T Configure<T>(T builder, Func<T, T>? change, string option, List<string>? mistakes) where T : class =>
        Apply(
            builder, change, (to, function) => function(to) ?? throw new InvalidOperationException("it returned null"), option, mistakes);

    /// <summary>Functions of the application may throw anything.</summary>
    private static TBuilder Apply<TBuilder, T>(
        TBuilder builder, T? value, Func<TBuilder, T, TBuilder> apply, string option, List<string>? mistakes) where T : class
    {
        if (value is null)
        {
            return builder;
        }

        try
        {
            return apply(builder, value);
        }
        catch (Exception error) when (mistakes is not null)
        {
            mistakes.Add($"{option}: {error.Message}");
            return builder;
        }
    }
}
