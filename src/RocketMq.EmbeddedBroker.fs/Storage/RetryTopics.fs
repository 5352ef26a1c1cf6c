namespace RocketMq.Embedded

open RocketMq

/// The topics that a broker makes for a consumer group.
module internal RetryTopics =
    /// Messages that were sent back lie here until they are consumed again.
    let retryOf (group: string) = Names.retryTopicOf group

    /// Messages that were sent back too often.
    let deadLettersOf (group: string) = Names.deadLetterTopicOf group

    /// The group whose messages are retried in a topic.
    let tryGroupOf (topic: string) : string voption =
        if Names.isRetryTopic topic then
            ValueSome(Names.groupOfRetryTopic topic)
        else
            ValueNone

    /// Makes such a topic if it is not there yet.
    let ensure topic queues (store: Store) =
        if store.Topics.ContainsKey topic then
            store
        else
            Store.withTopic topic queues store
