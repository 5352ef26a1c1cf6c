using Microsoft.Extensions.Options;

namespace RocketMq.Hosting;

/// <summary>Says all that is wrong with a cluster's options, by making its clients of them. Nothing connects.</summary>
internal sealed class ClusterValidator(ClusterRegistration cluster, IServiceProvider services) : IValidateOptions<RocketMqOptions>
{
    public ValidateOptionsResult Validate(string? name, RocketMqOptions options)
    {
        if (!cluster.Name.Equals(name, StringComparison.Ordinal))
        {
            return ValidateOptionsResult.Skip;
        }

        var problems = new List<string>();
        cluster.Build(options, services, problems);
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
