namespace RocketMq.Embedded

open System

/// The topics that a broker makes for a consumer group.
module internal RetryTopics =
    let private retryPrefix = "%RETRY%"

    /// Messages that were sent back lie here until they are consumed again.
    let retryOf (group: string) = retryPrefix + group

    /// Messages that were sent back too often.
    let deadLettersOf (group: string) = "%DLQ%" + group

    /// The group whose messages are retried in a topic.
    let tryGroupOf (topic: string) : string voption =
        if topic.StartsWith(retryPrefix, StringComparison.Ordinal) then
            ValueSome(topic.Substring retryPrefix.Length)
        else
            ValueNone

    /// Makes such a topic if it is not there yet.
    let ensure topic queues (store: Store) =
        if store.Topics.ContainsKey topic then
            store
        else
            Store.withTopic topic queues store
