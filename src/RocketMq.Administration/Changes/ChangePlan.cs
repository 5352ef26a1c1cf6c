namespace RocketMq.Client.Administration;

/// <summary>One request that would change something.</summary>
/// <param name="Server">The broker or name server.</param>
/// <param name="Request">The request's code, by name.</param>
/// <param name="What">What it is about.</param>
/// <param name="Before">What stands there now; null if there is nothing.</param>
/// <param name="After">What will stand there; null if it is removed.</param>
public sealed record PlannedWrite(string Server, string Request, string What, string? Before, string? After)
{
    internal static PlannedWrite FromCore(Admin.Write write) => new(
        write.Call.Target.ToString(),
        write.Call.Code.ToString(),
        write.Call.What,
        OptionModule.ToObj(write.Before),
        OptionModule.ToObj(write.After));
}

/// <summary>
/// What an action would change, read from the cluster as it was then: nothing has been written yet. Look at it, and carry it out with
/// <see cref="AdminClient.CarryOutAsync"/>, or throw it away.
/// </summary>
public sealed class ChangePlan
{
    internal ChangePlan(Admin.Change inner) => Inner = inner;

    internal Admin.Change Inner { get; }

    /// <summary>In one sentence.</summary>
    public string Summary => Inner.Summary;

    /// <summary>Whether something is lost that no other change brings back.</summary>
    public bool Destroys => Inner.Destroys;

    /// <summary>What else follows from it, and what to look at before.</summary>
    public IReadOnlyList<string> Warnings => [.. Inner.Warnings];

    /// <summary>
    /// The writes, stage by stage: those of a stage go out side by side, and a stage begins only if all before it were carried out. None
    /// if all is as it should be.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<PlannedWrite>> Stages =>
        [.. Inner.Steps.Select(stage => (IReadOnlyList<PlannedWrite>)[.. stage.Select(PlannedWrite.FromCore)])];

    /// <summary>Whether anything has to be written.</summary>
    public bool IsNeeded => Admin.ChangeModule.isNeeded(Inner);

    /// <inheritdoc/>
    public override string ToString() => Summary;
}
