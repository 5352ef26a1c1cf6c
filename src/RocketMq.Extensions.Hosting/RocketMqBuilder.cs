using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace RocketMq.Hosting;

/// <summary>
/// Registers the clients of one cluster. Each is registered as itself, and producers also as <see cref="IProducer"/> and
/// <see cref="ITransactionProducer"/>; those that have a name, and consumers, have it as their key. They are made when they are first
/// resolved, connect to nothing then, start and stop with the host, and share one <see cref="RocketMqClient"/>.
/// </summary>
public sealed class RocketMqBuilder
{
    private readonly ClusterRegistration _cluster;

    internal RocketMqBuilder(IServiceCollection services, ClusterRegistration cluster) => (Services, _cluster) = (services, cluster);

    /// <summary>The services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>The cluster's name; empty for the one without.</summary>
    public string Name => _cluster.Name;

    /// <summary>
    /// A producer, as <see cref="Producer"/> and <see cref="IProducer"/>: with a name, or in a cluster that has one, under that key.
    /// </summary>
    /// <param name="name">Its name, and the key of its options; null for the one without, whose options have the key "Default".</param>
    /// <param name="configure">What is set up in code, after what the configuration says.</param>
    /// <exception cref="InvalidOperationException">There is one of that name already.</exception>
    public RocketMqBuilder AddProducer(string? name = null, Func<ProducerBuilder, ProducerBuilder>? configure = null)
    {
        var registration = new ClientRegistration(
            "producer",
            name ?? ClientRegistration.DefaultName,
            isConsumer: false,
            handles: false,
            (self, parts) => HostedClients.Producer(self, parts, name, configure));

        Add<Producer>(registration, name);
        Forward<IProducer, Producer>(name);
        return this;
    }

    /// <summary>
    /// A producer of transactions, as <see cref="TransactionProducer"/> and <see cref="ITransactionProducer"/>, keyed as
    /// <see cref="AddProducer"/> does.
    /// </summary>
    /// <typeparam name="TChecker">Answers brokers that ask what became of a transaction.</typeparam>
    /// <param name="name">Its name, and the key of its options; null for the one without, whose options have the key "Transactions".</param>
    /// <param name="configure">What is set up in code, after what the configuration says.</param>
    /// <exception cref="InvalidOperationException">There is a producer of that name already.</exception>
    public RocketMqBuilder AddTransactionProducer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TChecker>(
        string? name = null, Func<TransactionProducerBuilder, TransactionProducerBuilder>? configure = null)
        where TChecker : class, ITransactionChecker
    {
        Services.TryAddScoped<TChecker>();
        var registration = new ClientRegistration(
            "transaction producer",
            name ?? ClientRegistration.TransactionsName,
            isConsumer: false,
            handles: false,
            (self, parts) => HostedClients.TransactionProducer<TChecker>(self, parts, name, configure));

        Add<TransactionProducer>(registration, name);
        Forward<ITransactionProducer, TransactionProducer>(name);
        return this;
    }

    /// <summary>
    /// A push consumer, whose handler gets one message with each call. In order with <see cref="PushConsumerBuilder.Orderly()"/>, or the
    /// setting "orderly".
    /// </summary>
    /// <typeparam name="THandler">Handles the messages. Made for each in a scope of its own.</typeparam>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="configure">What is set up in code, after what the configuration says: subscriptions for instance.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder AddConsumer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        string group, Func<PushConsumerBuilder, PushConsumerBuilder>? configure = null)
        where THandler : class, IMessageHandler
    {
        Services.TryAddScoped<THandler>();
        return AddPush(group, _ => HostedClients.Handle<THandler>, configure);
    }

    /// <summary>As <see cref="AddConsumer{THandler}"/>, of messages whose bodies the serializer reads.</summary>
    /// <typeparam name="THandler">Handles the messages.</typeparam>
    /// <typeparam name="T">What the bodies are.</typeparam>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="configure">What is set up in code.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder AddConsumer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler, T>(
        string group, Func<PushConsumerBuilder, PushConsumerBuilder>? configure = null)
        where THandler : class, IMessageHandler<T>
    {
        Services.TryAddScoped<THandler>();
        return AddPush(group, HostedClients.Handle<THandler, T>, configure);
    }

    /// <summary>As <see cref="AddConsumer{THandler}"/>, with a function in place of a class.</summary>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="handler">Handles a message; the context has its scope and its token.</param>
    /// <param name="configure">What is set up in code.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder MapConsumer(
        string group, ConsumeHandler handler, Func<PushConsumerBuilder, PushConsumerBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return AddPush(group, _ => handler, configure);
    }

    /// <summary>A push consumer, whose handler gets up to "batchSize" messages of one queue with each call and says what becomes of each.</summary>
    /// <typeparam name="THandler">Handles the batches. Made for each in a scope of its own.</typeparam>
    /// <typeparam name="T">What the bodies are.</typeparam>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="configure">What is set up in code, after what the configuration says.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder AddBatchConsumer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler, T>(
        string group, Func<PushConsumerBuilder, PushConsumerBuilder>? configure = null)
        where THandler : class, IBatchHandler<T>
    {
        Services.TryAddScoped<THandler>();
        Add<PushConsumer>(
            new(
                "consumer",
                group,
                isConsumer: true,
                handles: true,
                (self, parts) => HostedClients.Batches<THandler, T>(_cluster, self, parts, configure)),
            group);
        return this;
    }

    /// <summary>A consumer that pops. Needs RocketMQ 5.0.</summary>
    /// <typeparam name="THandler">Handles the messages. Made for each in a scope of its own.</typeparam>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="configure">What is set up in code, after what the configuration says: subscriptions for instance.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder AddPopConsumer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        string group, Func<PopConsumerBuilder, PopConsumerBuilder>? configure = null)
        where THandler : class, IMessageHandler
    {
        Services.TryAddScoped<THandler>();
        return AddPop(group, _ => HostedClients.Handle<THandler>, configure);
    }

    /// <summary>As <see cref="AddPopConsumer{THandler}"/>, of messages whose bodies the serializer reads.</summary>
    /// <typeparam name="THandler">Handles the messages.</typeparam>
    /// <typeparam name="T">What the bodies are.</typeparam>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="configure">What is set up in code.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder AddPopConsumer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler, T>(
        string group, Func<PopConsumerBuilder, PopConsumerBuilder>? configure = null)
        where THandler : class, IMessageHandler<T>
    {
        Services.TryAddScoped<THandler>();
        return AddPop(group, HostedClients.Handle<THandler, T>, configure);
    }

    /// <summary>As <see cref="AddPopConsumer{THandler}"/>, with a function in place of a class.</summary>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="handler">Handles a message; the context has its scope and its token.</param>
    /// <param name="configure">What is set up in code.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder MapPopConsumer(
        string group, ConsumeHandler handler, Func<PopConsumerBuilder, PopConsumerBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return AddPop(group, _ => handler, configure);
    }

    /// <summary>A pull consumer, under the key of its group.</summary>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="configure">What is set up in code, after what the configuration says.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder AddPullConsumer(string group, Func<PullConsumerBuilder, PullConsumerBuilder>? configure = null)
    {
        Add<PullConsumer>(
            new("pull consumer", group, isConsumer: true, handles: false, (self, parts) => HostedClients.Pull(self, parts, configure)),
            group);
        return this;
    }

    /// <summary>A simple consumer, under the key of its group. Needs RocketMQ 5.0.</summary>
    /// <param name="group">The group, and the key of its options.</param>
    /// <param name="configure">What is set up in code, after what the configuration says.</param>
    /// <exception cref="InvalidOperationException">The group has a consumer already.</exception>
    public RocketMqBuilder AddSimpleConsumer(string group, Func<SimpleConsumerBuilder, SimpleConsumerBuilder>? configure = null)
    {
        Add<SimpleConsumer>(
            new("simple consumer", group, isConsumer: true, handles: false, (self, parts) => HostedClients.Simple(self, parts, configure)),
            group);
        return this;
    }

    /// <summary>
    /// Puts middleware around the handlers of all consumers of the cluster. What is added first is outermost. An instance is resolved from
    /// each message's scope.
    /// </summary>
    /// <typeparam name="TMiddleware">The middleware; registered as scoped unless it is registered already.</typeparam>
    public RocketMqBuilder Use<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TMiddleware>()
        where TMiddleware : class, IConsumeMiddleware
    {
        Services.TryAddScoped<TMiddleware>();
        _cluster.Middleware.Add(static services => services.GetRequiredService<TMiddleware>());
        return this;
    }

    /// <summary>As <see cref="Use{TMiddleware}"/>, with middleware that needs no scope: one instance for all messages.</summary>
    public RocketMqBuilder Use(IConsumeMiddleware middleware)
    {
        ArgumentNullException.ThrowIfNull(middleware);
        return Use(_ => middleware);
    }

    /// <summary>Puts group, topic, message id and attempt into the scope of all that handlers log.</summary>
    public RocketMqBuilder UseLogScope() => Use<LogScopeMiddleware>();

    /// <summary>Says what becomes of messages whose handlers throw, by the types of the exceptions.</summary>
    /// <param name="configure">Adds rules: <c>map => map.On&lt;InvalidOrderException&gt;(ConsumeResult.DeadLetter)</c>.</param>
    public RocketMqBuilder UseRetryMap(Func<RetryMap, RetryMap> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var map = configure(new RetryMap());
        return Use(services => new RetryMappingMiddleware(map, ClientDefaults.LoggerOf(services)));
    }

    /// <summary>Has each message handled once, by an inbox that the application implements.</summary>
    /// <typeparam name="TInbox">The inbox; registered as scoped unless it is registered already.</typeparam>
    /// <param name="options">How messages are told apart; null for the defaults.</param>
    public RocketMqBuilder UseInbox<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TInbox>(
        InboxOptions? options = null)
        where TInbox : class, IInbox
    {
        Services.TryAddScoped<TInbox>();
        var settings = options ?? new InboxOptions();
        return Use(services =>
            new InboxMiddleware(services.GetRequiredService<TInbox>(), settings, ClientDefaults.LoggerOf(services)));
    }

    private RocketMqBuilder Use(Func<IServiceProvider, IConsumeMiddleware> middleware)
    {
        _cluster.Middleware.Add(middleware);
        return this;
    }

    /// <summary>
    /// Reads the bodies of messages for handlers of values. Of several calls the last one counts. <see cref="JsonMessageSerializer"/> reads
    /// JSON.
    /// </summary>
    public RocketMqBuilder UseSerializer(IMessageSerializer serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        _cluster.Serializer = _ => serializer;
        return this;
    }

    /// <summary>
    /// What becomes of messages whose bodies a handler of values cannot be given. Default <see cref="ConsumeResult.Retry"/>, so that they
    /// end as dead letters, and can be read meanwhile by a version that knows how. The reason is logged, event 1409.
    /// </summary>
    public RocketMqBuilder OnUnreadableBody(ConsumeResult result)
    {
        _cluster.UnreadableBody = result;
        return this;
    }

    private RocketMqBuilder AddPush(
        string group,
        Func<IMessageSerializer, ConsumeHandler> handler,
        Func<PushConsumerBuilder, PushConsumerBuilder>? configure)
    {
        Add<PushConsumer>(
            new("consumer", group, isConsumer: true, handles: true, (self, parts) => HostedClients.Push(_cluster, self, parts, handler, configure)),
            group);
        return this;
    }

    private RocketMqBuilder AddPop(
        string group,
        Func<IMessageSerializer, ConsumeHandler> handler,
        Func<PopConsumerBuilder, PopConsumerBuilder>? configure)
    {
        Add<PopConsumer>(
            new("POP consumer", group, isConsumer: true, handles: true, (self, parts) => HostedClients.Pop(_cluster, self, parts, handler, configure)),
            group);
        return this;
    }

    /// <summary>A client without a name has the cluster's, or none.</summary>
    private object? KeyOf(string? name) => name ?? _cluster.Key;

    private void Add<T>(ClientRegistration registration, string? name) where T : class
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(registration.Name);
        var key = KeyOf(name);

        if (Services.Any(other => other.ServiceType == typeof(T) && Equals(other.ServiceKey, key)))
        {
            throw new InvalidOperationException(
                $"There is a {registration.Kind} {name ?? "without a name"} already, of another cluster perhaps: names are keys of services. Give this one another name.");
        }

        _cluster.Add(registration);
        var cluster = _cluster.Key;

        if (key is null)
        {
            Services.AddSingleton(services => Runtime(services, cluster).Get<T>(registration));
        }
        else
        {
            Services.AddKeyedSingleton(key, (services, _) => Runtime(services, cluster).Get<T>(registration));
        }
    }

    private void Forward<TInterface, T>(string? name)
        where TInterface : class
        where T : class, TInterface
    {
        var key = KeyOf(name);

        if (key is null)
        {
            Services.AddSingleton<TInterface>(static services => services.GetRequiredService<T>());
        }
        else
        {
            Services.AddKeyedSingleton<TInterface>(key, static (services, key) => services.GetRequiredKeyedService<T>(key));
        }
    }

    internal static ClusterRuntime Runtime(IServiceProvider services, object? cluster) => cluster is null
        ? services.GetRequiredService<ClusterRuntime>()
        : services.GetRequiredKeyedService<ClusterRuntime>(cluster);
}
