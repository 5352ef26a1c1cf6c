using DotNetCore.CAP.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace RocketMq.Cap;

/// <summary>Registers the transport.</summary>
internal sealed class RocketMqCapExtension(Action<RocketMqCapOptions> configure) : ICapOptionsExtension
{
    public void AddServices(IServiceCollection services)
    {
        services.AddSingleton(new CapMessageQueueMakerService("RocketMQ"));
        services.AddOptions<RocketMqCapOptions>().Configure(configure).ValidateOnStart();
        services.AddSingleton<IValidateOptions<RocketMqCapOptions>, OptionReading>();
        services.AddSingleton<RocketMqConnection>();
        services.AddSingleton<ITransport, RocketMqTransport>();
        services.AddSingleton<IConsumerClientFactory, ConsumerClientFactory>();

        // Before CAP's own, which starts to consume.
        services.AddHostedService<SubscriptionCheck>();
        Decorate(services);
    }

    /// <summary>CAP has registered its dispatcher before, or the application one of its own.</summary>
    private static void Decorate(IServiceCollection services)
    {
        var inner = services.LastOrDefault(service => service.ServiceType == typeof(IDispatcher) && !service.IsKeyedService);

        if (inner is not null)
        {
            services.Replace(ServiceDescriptor.Singleton<IDispatcher>(
                provider => ActivatorUtilities.CreateInstance<DelayDispatcher>(provider, Create(provider, inner))));
        }
    }

    private static IDispatcher Create(IServiceProvider provider, ServiceDescriptor dispatcher) => (IDispatcher)(
        dispatcher.ImplementationInstance
        ?? dispatcher.ImplementationFactory?.Invoke(provider)
        ?? ActivatorUtilities.CreateInstance(provider, dispatcher.ImplementationType!));
}
