namespace RocketMq

open System
open RocketMq.Protocol

/// The topics in which brokers give a group again what it has popped and not acknowledged. Names are those that travel. Source:
/// KeyBuilder.java.
module internal PopRetryTopics =
    /// Of one topic: each broker uses one of them, as it is set up.
    let ofTopic (group: string) (topic: string) : string list =
        [
            PopSource.topicOf group topic OfRetry
            PopSource.topicOf group topic OfRetryV2
        ]

    /// Whether a topic is such a one of the group whose own retry topic is `retryTopic`, if that is none other than empty.
    let isOne (retryTopic: string) (topic: string) : bool =
        retryTopic.Length > 0
        && topic.Length > retryTopic.Length + 1
        && topic.StartsWith(retryTopic, StringComparison.Ordinal)
        && (topic[retryTopic.Length] = '_' || topic[retryTopic.Length] = '+')

    /// Whether a message of such a topic belongs to another group: topic b of group a has the retry topic of group a_b. What that one has sent
    /// back names the topic that it came from; what was popped does not.
    let isForeign (message: StoredMessage) : bool =
        Properties.contains PropertyName.retryTopic message.Properties

    /// The topic that was popped; of any other topic itself.
    let origin (retryTopic: string) (topic: string) : string =
        if isOne retryTopic topic then
            topic.Substring(retryTopic.Length + 1)
        else
            topic
