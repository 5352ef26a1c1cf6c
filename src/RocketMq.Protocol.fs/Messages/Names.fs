namespace RocketMq

open System
open System.Buffers

/// Input that no broker would take, found before anything was sent.
type InputError =
    | InvalidInput of what: string * reason: string
    /// A function of the application, which had to judge or to change the input, threw.
    | FunctionFailed of what: string * failure: exn

    member internal error.What =
        match error with
        | InvalidInput(what, _)
        | FunctionFailed(what, _) -> what

    member internal error.Reason =
        match error with
        | InvalidInput(_, reason) -> reason
        | FunctionFailed(_, failure) -> failure.Message

    /// What is wrong with which input, in one sentence.
    member error.Message =
        match error with
        | InvalidInput(what, reason) -> $"{what} is not valid: {reason}"
        | FunctionFailed(what, failure) -> invariant $"{what} failed with {failure.GetType().Name}: {failure.Message}"

    override error.ToString() = error.Message

/// Topics and groups: what a broker takes as their names. Sources: TopicValidator.java, Validators.java, MixAll.java.
module Names =
    /// The longest name of an ordinary topic: its length is a signed byte in stored messages.
    let maxTopicChars = 127

    /// The most characters of a group's name. Source: Validators.java.
    let maxGroupChars = 255
    let private retryPrefix = "%RETRY%"
    let private deadLetterPrefix = "%DLQ%"

    let private allowed =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%|-_".AsSpan())

    /// Brokers can be set up to name the topics in which what was popped comes again with a plus sign, which nobody else may use.
    let private allowedInRetryTopics =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%|-_+".AsSpan())

    let private checkOf (allowed: SearchValues<char>) what maxChars (name: string) =
        if name.Length = 0 then
            Error(InvalidInput(what, "it is empty"))
        elif name.Length > maxChars then
            Error(InvalidInput(what, invariant $"it has {name.Length} characters, the limit is {maxChars}"))
        else
            match name.AsSpan().IndexOfAnyExcept allowed with
            | -1 -> Ok name
            | index ->
                let code = int name[index]
                Error(InvalidInput(what, invariant $"character {index} (U+{code:X4}) is none of a-z A-Z 0-9 %% | - _"))

    let private check what maxChars name = checkOf allowed what maxChars name

    /// A topic of messages that come again, which brokers make for a group.
    let internal isRetryTopic (name: string) =
        name.StartsWith(retryPrefix, StringComparison.Ordinal)

    /// A topic of messages that a group has given up, which brokers make for it.
    let internal isDeadLetterTopic (name: string) =
        name.StartsWith(deadLetterPrefix, StringComparison.Ordinal)

    let internal retryTopicOf (group: string) = retryPrefix + group
    let internal deadLetterTopicOf (group: string) = deadLetterPrefix + group

    /// The group of a retry topic.
    let internal groupOfRetryTopic (name: string) = name.Substring retryPrefix.Length

    /// The group of a topic of dead letters.
    let internal groupOfDeadLetterTopic (name: string) = name.Substring deadLetterPrefix.Length

    /// A topic that brokers make for a group.
    let private isDerived (name: string) =
        isRetryTopic name || isDeadLetterTopic name

    /// A topic's name: 1 to 127 characters of a-z A-Z 0-9 % | - _, and 255 for retry and dead-letter topics. Those of retries may have a plus sign.
    let checkTopic (name: string) : Result<string, InputError> =
        let maxChars =
            if name.Length > maxTopicChars && isDerived name then
                maxGroupChars
            else
                maxTopicChars

        checkOf (if isRetryTopic name then allowedInRetryTopics else allowed) "the topic" maxChars name

    /// A group's name: 1 to 255 characters of a-z A-Z 0-9 % | - _.
    let checkGroup (name: string) : Result<string, InputError> = check "the group" maxGroupChars name

    /// A namespace: 1 to 255 characters of a-z A-Z 0-9 % | - _.
    let checkNamespace (name: string) : Result<string, InputError> =
        check "the namespace" maxGroupChars name

    /// Topics that brokers keep for themselves: they refuse what clients send there.
    let private ofBrokers =
        set
            [
                "SCHEDULE_TOPIC_XXXX"
                "RMQ_SYS_TRANS_HALF_TOPIC"
                "RMQ_SYS_TRANS_OP_HALF_TOPIC"
                "TRANS_CHECK_MAX_TIME_TOPIC"
                "SELF_TEST_TOPIC"
                "OFFSET_MOVED_EVENT"
            ]

    /// As `checkTopic`, for a topic that messages are sent to: not one that brokers keep for themselves.
    let checkSendTopic (name: string) : Result<string, InputError> =
        if ofBrokers.Contains name then
            Error(InvalidInput("the topic", $"brokers keep {name} for themselves and refuse messages to it"))
        else
            checkTopic name

    /// Names that Java's clients give those who name no group: all of them would be one group.
    let private placeholders = set [ "DEFAULT_PRODUCER"; "DEFAULT_CONSUMER" ]

    /// As `checkGroup`, for a group of one's own: not a name that Java gives those who have none.
    let checkOwnGroup (name: string) : Result<string, InputError> =
        if placeholders.Contains name then
            Error(InvalidInput("the group", $"{name} is what Java calls those without a group; choose a name"))
        else
            checkGroup name
