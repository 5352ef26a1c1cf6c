namespace RocketMq.Administration

open System
open RocketMq
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
    /// The topic of what a group handles again.
    let retryTopicOf (group: string) = Names.retryTopicOf group

    /// The topic of what a group has given up.
    let deadLetterTopicOf (group: string) = Names.deadLetterTopicOf group

    /// Brokers and clusters have topics of their own names.
    let ofName (isServerName: string -> bool) (topic: string) : TopicKind =
        if Names.isRetryTopic topic then
            TopicKind.Retry
        elif Names.isDeadLetterTopic topic then
            TopicKind.DeadLetter
        elif
            Namespaced.isSystemName topic
            || isServerName topic
            || topic.EndsWith("_REPLY_TOPIC", StringComparison.Ordinal)
        then
            TopicKind.System
        else
            TopicKind.Normal

    /// The group that handles the messages of a topic again.
    let groupOfRetries (topic: string) : string option =
        if Names.isRetryTopic topic then
            Some(Names.groupOfRetryTopic topic)
        else
            None

    /// The group that has given up the messages of a topic.
    let groupOfDeadLetters (topic: string) : string option =
        if Names.isDeadLetterTopic topic then
            Some(Names.groupOfDeadLetterTopic topic)
        else
            None
