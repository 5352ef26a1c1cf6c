namespace RocketMq.Testing;

// Within the namespace, so that these names come before those of the F# core, RocketMq.
using RocketMq.Client;

/// <summary>A message that a handler has worked on, once for each delivery.</summary>
/// <param name="Group">The consumer's group.</param>
/// <param name="Message">The message.</param>
/// <param name="Result">What the handler said; <see cref="ConsumeResult.Retry"/> after an exception.</param>
/// <param name="Exception">What the handler threw, or null.</param>
public sealed record HandledMessage(string Group, ReceivedMessage Message, ConsumeResult Result, Exception? Exception)
{
    /// <summary>The handler was content with it.</summary>
    public bool IsConsumed => Result == ConsumeResult.Success;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Group}: {Message}, attempt {Message.ReconsumeTimes + 1}: {(Exception is null ? Result.ToString() : $"{Exception.GetType().Name}: {Exception.Message}")}";
}
