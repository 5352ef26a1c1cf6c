namespace RocketMq

/// How much of one topic a consumer holds, all its queues of it together. Source: DefaultMQPushConsumer.java,
/// pullThresholdForTopic and pullThresholdSizeForTopic.
type TopicFlowControlLimits =
    {
        /// Messages that are not consumed. Default: no limit but that of each queue.
        Messages: int option
        /// Bytes of their bodies as stored; one pull may go beyond. Default: no limit but that of each queue.
        Bytes: int64 option
    }

    /// No limits of a topic; those of each queue hold.
    static member None: TopicFlowControlLimits = { Messages = None; Bytes = None }

/// What one queue may hold of what is allowed for its topic.
[<Struct>]
type internal FlowControlShare =
    {
        /// Messages, at least 1.
        Messages: int
        /// Bytes, at least 1.
        Bytes: int64
        /// What a pull asks for.
        PullBatch: int
    }

module internal FlowControlShare =
    /// The equal part of each of so many queues; nothing if there is no limit. A queue may hold one message in any case,
    /// so of more queues than messages the consumer holds as many messages as it has queues. A pull asks for half the part
    /// at most: the handlers have the other half meanwhile.
    let ofTopic (limits: TopicFlowControlLimits) (pullBatch: int) (queues: int) : FlowControlShare voption =
        match limits.Messages, limits.Bytes with
        | None, None -> ValueNone
        | messages, bytes ->
            let queues = max 1 queues

            let messages =
                messages
                |> Option.map (fun limit -> max 1 (limit / queues))
                |> Option.defaultValue System.Int32.MaxValue

            ValueSome
                {
                    Messages = messages
                    Bytes =
                        bytes
                        |> Option.map (fun limit -> max 1L (limit / int64 queues))
                        |> Option.defaultValue System.Int64.MaxValue
                    PullBatch = max 1 (min pullBatch (messages - messages / 2))
                }

    /// Whether a queue that holds so much has no room for a pull.
    let isFull (messages: int) (bytes: int64) (share: FlowControlShare) : bool =
        messages > share.Messages - share.PullBatch || bytes >= share.Bytes
