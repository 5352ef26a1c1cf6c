namespace RocketMq.Administration

open System
open RocketMq.Protocol

/// What a topic is for, by its name.
type TopicKind =
    | Normal = 0
    /// Messages that a group handles again.
    | Retry = 1
    /// Messages that a group has given up.
    | DeadLetter = 2
    /// The brokers' own.
    | System = 3

module TopicKind =
    let private retryPrefix = "%RETRY%"
    let private deadLetterPrefix = "%DLQ%"

    /// The topic of what a group handles again.
    let retryTopicOf (group: string) = retryPrefix + group

    /// The topic of what a group has given up.
    let deadLetterTopicOf (group: string) = deadLetterPrefix + group

    let private begins (prefix: string) (topic: string) =
        topic.StartsWith(prefix, StringComparison.Ordinal)

    /// Brokers and clusters have topics of their own names.
    let ofName (isServerName: string -> bool) (topic: string) : TopicKind =
        if begins retryPrefix topic then
            TopicKind.Retry
        elif begins deadLetterPrefix topic then
            TopicKind.DeadLetter
        elif
            Namespaced.isSystemName topic
            || isServerName topic
            || topic.EndsWith("_REPLY_TOPIC", StringComparison.Ordinal)
        then
            TopicKind.System
        else
            TopicKind.Normal

    /// Of a group by the topic of its dead letters.
    let groupOfDeadLetters (topic: string) : string option =
        if begins deadLetterPrefix topic then
            Some(topic.Substring deadLetterPrefix.Length)
        else
            None
