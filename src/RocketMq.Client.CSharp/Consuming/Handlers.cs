namespace RocketMq.Client;

/// <summary>Handlers of messages, of whatever shape, as the core calls them. No shape loses the result that a handler gives.</summary>
internal static class Handlers
{
    /// <summary>What the compiler says of a handler whose result means nothing here, and would be lost.</summary>
    internal const string WrongResult =
        "A handler's result is a ConsumeResult, or there is none. Return ConsumeResult, or await the other result and do not return it.";

    internal static Func<TInput, CancellationToken, ValueTask<Core.ConsumeResult>> ToCore<TInput>(
        Func<TInput, CancellationToken, ValueTask<ConsumeResult>> handler)
    {
        CheckOne(handler);
        return (input, cancellation) =>
        {
            var handling = handler(input, cancellation);
            return handling.IsCompletedSuccessfully ? new(ToCoreResult(handling.Result, handler)) : Finish(handling, handler);
        };
    }

    internal static Func<TInput, CancellationToken, ValueTask<Core.ConsumeResult>> ToCore<TInput>(
        Func<TInput, CancellationToken, Task<ConsumeResult>> handler)
    {
        CheckOne(handler);
        return (input, cancellation) => Finish(handler(input, cancellation), handler);
    }

    internal static Func<TInput, CancellationToken, ValueTask<Core.ConsumeResult>> ToCore<TInput>(
        Func<TInput, CancellationToken, ValueTask> handler)
    {
        CheckOne(handler);
        return (input, cancellation) => Finish(handler(input, cancellation).AsTask(), handler);
    }

    internal static Func<TInput, CancellationToken, ValueTask<Core.ConsumeResult>> ToCore<TInput>(
        Func<TInput, CancellationToken, Task> handler)
    {
        CheckOne(handler);
        return (input, cancellation) => Finish(handler(input, cancellation), handler);
    }

    internal static async Task<Core.ConsumeResult[]> VerdictsOf(
        Func<IReadOnlyList<ReceivedMessage>, CancellationToken, Task<IReadOnlyList<ConsumeResult>>> handler,
        ReceivedMessage[] messages,
        CancellationToken cancellationToken)
    {
        var handling = handler(messages, cancellationToken) ?? throw NoTask(handler);
        var verdicts = await handling.ConfigureAwait(false) ?? throw NoValue(handler, "result for each message");
        return [.. verdicts.Select(verdict => verdict.Inner ?? throw NoResult(handler))];
    }

    /// <summary>A function that must give a task gave none.</summary>
    internal static InvalidOperationException NoTask(Delegate function) =>
        new($"{NameOf(function)} returned null instead of a task.");

    /// <summary>A function that must give something gave nothing.</summary>
    internal static InvalidOperationException NoValue(Delegate function, string what) =>
        new($"{NameOf(function)} returned null instead of a {what}.");

    /// <summary>A handler would take the place of another one.</summary>
    internal static InvalidOperationException AlreadySet(string method) =>
        new($"{method} has been called before: there is one handler, and this one would replace it.");

    private static InvalidOperationException NoResult(Delegate handler) =>
        new($"{NameOf(handler)} returned default(ConsumeResult), which says nothing of the message: it is handled again.");

    /// <summary>A delegate of several gives the result of its last one only.</summary>
    private static void CheckOne(Delegate handler)
    {
        ArgumentNullException.ThrowIfNull(handler);

        if (handler.GetInvocationList().Length > 1)
        {
            throw new ArgumentException("It calls several methods, and all results but the last would be lost.", nameof(handler));
        }
    }

    /// <summary>A task without a result may be one with a result that was passed on as something less.</summary>
    private static ValueTask<Core.ConsumeResult> Finish(Task? handling, Delegate handler) => handling switch
    {
        null => throw NoTask(handler),
        Task<ConsumeResult> { IsCompletedSuccessfully: true } handled => new(ToCoreResult(handled.Result, handler)),
        Task<ConsumeResult> handled => Finish(new ValueTask<ConsumeResult>(handled), handler),
        { IsCompletedSuccessfully: true } => new(Core.ConsumeResult.Success),
        _ => FinishWithoutResult(handling),
    };

    private static async ValueTask<Core.ConsumeResult> Finish(ValueTask<ConsumeResult> handling, Delegate handler) =>
        ToCoreResult(await handling.ConfigureAwait(false), handler);

    private static async ValueTask<Core.ConsumeResult> FinishWithoutResult(Task handling)
    {
        await handling.ConfigureAwait(false);
        return Core.ConsumeResult.Success;
    }

    private static Core.ConsumeResult ToCoreResult(ConsumeResult result, Delegate handler) => result.Inner ?? throw NoResult(handler);

    /// <summary>As a programmer finds it: type and method; for a lambda what the compiler made of it.</summary>
    private static string NameOf(Delegate function)
    {
        try
        {
            return $"{function.Method.DeclaringType?.FullName}.{function.Method.Name}";
        }
        catch (Exception error) when (error is MemberAccessException or NotSupportedException)
        {
            // Ahead-of-time compilation may leave names out.
            return "A function of the application";
        }
    }
}
