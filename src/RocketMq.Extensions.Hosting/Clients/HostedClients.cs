using Microsoft.Extensions.DependencyInjection;

namespace RocketMq.Hosting;

/// <summary>How clients of each kind are made of options, settings and what the code adds.</summary>
internal static class HostedClients
{
    internal static HostedClient Producer(
        ClientRegistration self, ClientParts parts, string? name, Func<ProducerBuilder, ProducerBuilder>? configure)
    {
        var options = parts.Options.Producers.Find(self.Name);
        var builder = parts.Client.Producer(options?.Group ?? name ?? ClientDefaults.GroupOf(parts.Services));
        var producer = Configured(options?.Settings, builder, configure, parts).Build();
        return new(self, producer, producer.StartAsync, producer.StopAsync, () => producer.IsStarted, () => producer.Health);
    }

    internal static HostedClient TransactionProducer<TChecker>(
        ClientRegistration self,
        ClientParts parts,
        string? name,
        Func<TransactionProducerBuilder, TransactionProducerBuilder>? configure)
        where TChecker : class, ITransactionChecker
    {
        var options = parts.Options.Producers.Find(self.Name);
        var scopes = parts.Services.GetRequiredService<IServiceScopeFactory>();
        var group = options?.Group ?? name ?? ClientDefaults.GroupOf(parts.Services) + "-transactions";
        var builder = parts.Client.TransactionProducer(group).OnCheck(half => CheckAsync<TChecker>(scopes, half));

        if (options is { Topics.Count: > 0 })
        {
            builder = builder.Topics([.. options.Topics]);
        }

        var producer = Configured(options?.Settings, builder, configure, parts).Build();
        return new(self, producer, producer.StartAsync, producer.StopAsync, () => producer.IsStarted, () => producer.Health);
    }

    internal static HostedClient? Push(
        ClusterRegistration cluster,
        ClientRegistration self,
        ClientParts parts,
        Func<IMessageSerializer, ConsumeHandler> handler,
        Func<PushConsumerBuilder, PushConsumerBuilder>? configure) =>
        Consumer(
            self,
            parts,
            group => parts.Client.PushConsumer(group).OnMessage(Pipeline(cluster, parts, group, handler).HandleAsync),
            configure,
            builder => Hosted(self, builder.Build()));

    internal static HostedClient? Batches<THandler, T>(
        ClusterRegistration cluster,
        ClientRegistration self,
        ClientParts parts,
        Func<PushConsumerBuilder, PushConsumerBuilder>? configure)
        where THandler : class, IBatchHandler<T> =>
        Consumer(
            self,
            parts,
            group => parts.Client.PushConsumer(group).OnMessagesWithVerdicts(BatchPipeline<THandler, T>(cluster, parts, group).HandleAsync),
            configure,
            builder => Hosted(self, builder.Build()));

    internal static HostedClient? Pop(
        ClusterRegistration cluster,
        ClientRegistration self,
        ClientParts parts,
        Func<IMessageSerializer, ConsumeHandler> handler,
        Func<PopConsumerBuilder, PopConsumerBuilder>? configure) =>
        Consumer(
            self,
            parts,
            group => parts.Client.PopConsumer(group).OnMessage(Pipeline(cluster, parts, group, handler).HandleAsync),
            configure,
            builder =>
            {
                var consumer = builder.Build();
                return new(self, consumer, consumer.StartAsync, consumer.StopAsync, () => consumer.IsStarted, () => consumer.Health);
            });

    internal static HostedClient? Pull(
        ClientRegistration self, ClientParts parts, Func<PullConsumerBuilder, PullConsumerBuilder>? configure) =>
        Consumer(self, parts, parts.Client.PullConsumer, configure, builder =>
        {
            var consumer = builder.Build();
            return new(self, consumer, consumer.StartAsync, consumer.StopAsync, () => consumer.IsStarted, () => consumer.Health);
        });

    internal static HostedClient? Simple(
        ClientRegistration self, ClientParts parts, Func<SimpleConsumerBuilder, SimpleConsumerBuilder>? configure) =>
        Consumer(self, parts, parts.Client.SimpleConsumer, configure, builder =>
        {
            var consumer = builder.Build();
            return new(self, consumer, consumer.StartAsync, consumer.StopAsync, () => consumer.IsStarted, () => consumer.Health);
        });

    /// <summary>Shows how a client is set up to those who are to know.</summary>
    internal static void Observe<TBuilder>(IServiceProvider services, TBuilder builder) where TBuilder : ClientBuilder<TBuilder>
    {
        foreach (var observer in services.GetServices<IClientObserver>())
        {
            observer.Configured(builder);
        }
    }

    /// <summary>Handles a message by a handler of the message's scope.</summary>
    internal static Task<ConsumeResult> Handle<THandler>(ConsumeContext context) where THandler : class, IMessageHandler =>
        context.Services.GetRequiredService<THandler>().HandleAsync(context.Message, context.CancellationToken);

    /// <summary>The same, of messages whose bodies are values.</summary>
    internal static ConsumeHandler Handle<THandler, T>(IMessageSerializer serializer) where THandler : class, IMessageHandler<T> =>
        context => context.Services.GetRequiredService<THandler>()
            .HandleAsync(context.Message.Read<T>(serializer), context.Message, context.CancellationToken);

    /// <summary>A consumer of any kind; null if it is not enabled.</summary>
    private static HostedClient? Consumer<TBuilder>(
        ClientRegistration self,
        ClientParts parts,
        Func<string, TBuilder> begin,
        Func<TBuilder, TBuilder>? configure,
        Func<TBuilder, HostedClient> build)
        where TBuilder : ConsumerBuilder<TBuilder>
    {
        var options = parts.Options.Consumers.Find(self.Name) ?? new ConsumerOptions();

        return options.Enabled
            ? build(Configured(options.Settings, Subscribe(begin(options.Group ?? self.Name), options), configure, parts))
            : null;
    }

    private static HostedClient Hosted(ClientRegistration self, PushConsumer consumer) =>
        new(self, consumer, consumer.StartAsync, consumer.StopAsync, () => consumer.IsStarted, () => consumer.Health);

    private static TBuilder Configured<TBuilder>(
        SettingCollection? settings, TBuilder builder, Func<TBuilder, TBuilder>? configure, ClientParts parts)
        where TBuilder : ClientBuilder<TBuilder>
    {
        var read = settings?.Apply(builder, parts.Problems) ?? builder;
        var configured = configure is null
            ? read
            : configure(read) ?? throw new InvalidOperationException("The function that sets it up returned null instead of a builder.");
        Observe(parts.Services, configured);
        return configured;
    }

    private static TBuilder Subscribe<TBuilder>(TBuilder builder, ConsumerOptions options)
        where TBuilder : ConsumerBuilder<TBuilder>
    {
        foreach (var subscription in options.Subscriptions)
        {
            builder = subscription.Sql92 is { } expression
                ? builder.SubscribeSql92(subscription.Topic, expression)
                : builder.Subscribe(subscription.Topic, subscription.Tags ?? "*");
        }

        return builder;
    }

    private static MessagePipeline Pipeline(
        ClusterRegistration cluster, ClientParts parts, string group, Func<IMessageSerializer, ConsumeHandler> handler) =>
        new(
            group,
            parts.Services.GetRequiredService<IServiceScopeFactory>(),
            [.. parts.Services.GetServices<IConsumeMiddleware>().Select(one => (Func<IServiceProvider, IConsumeMiddleware>)(_ => one)), .. cluster.Middleware],
            handler(SerializerOf(cluster, parts)),
            cluster.UnreadableBody,
            ClientDefaults.LoggerOf(parts.Services));

    private static BatchPipeline<THandler, T> BatchPipeline<THandler, T>(ClusterRegistration cluster, ClientParts parts, string group)
        where THandler : class, IBatchHandler<T> =>
        new(
            group,
            parts.Services.GetRequiredService<IServiceScopeFactory>(),
            [.. parts.Services.GetServices<IConsumeMiddleware>()],
            SerializerOf(cluster, parts),
            cluster.UnreadableBody,
            ClientDefaults.LoggerOf(parts.Services));

    private static IMessageSerializer SerializerOf(ClusterRegistration cluster, ClientParts parts) =>
        cluster.Serializer?.Invoke(parts.Services) ?? NoSerializer.Instance;

    private static async Task<TransactionDecision> CheckAsync<TChecker>(IServiceScopeFactory scopes, ReceivedMessage half)
        where TChecker : class, ITransactionChecker
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<TChecker>().CheckAsync(half).ConfigureAwait(false);
    }

    /// <summary>Says how to set a serializer up, to who needs one.</summary>
    private sealed class NoSerializer : IMessageSerializer
    {
        internal static readonly NoSerializer Instance = new();

        public string ContentType => "application/octet-stream";

        public ReadOnlyMemory<byte> Serialize<T>(T value) => throw Missing();

        public T Deserialize<T>(ReadOnlyMemory<byte> body) => throw Missing();

        private static InvalidOperationException Missing() =>
            new("No serializer is set up: call UseSerializer(new JsonMessageSerializer(OrdersJson.Default)) on the builder that AddRocketMq gives.");
    }
}
