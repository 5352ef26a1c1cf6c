namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// A queue's index, as administrators see it. Source: queryConsumeQueue of AdminBrokerProcessor.java.
module internal ConsumeQueues =
    let private entryOf (record: StoredRecord) : ConsumeQueueEntry =
        {
            CommitLogOffset = record.PhysicalOffset
            Size = record.Bytes.Length
            TagHash = int64 record.TagHash
            Extension = None
            BitMap = None
            IsMatch = false
            Message = None
        }

    /// What the group's members said of the topic, and what there is to say of its filter.
    let private filterOf (query: ConsumeQueueQuery) topic (state: BrokerState) =
        match query.ConsumerGroup with
        | None -> None, None
        | Some group ->
            let subscription =
                Map.tryFind group state.Groups
                |> Option.bind (fun members -> Map.tryFind topic members.Subscriptions)

            match subscription with
            | None -> None, Some $"{group}@{topic} is not online!"
            | Some subscription -> Some subscription, Some "null"

    let private pageOf (query: ConsumeQueueQuery) topic index (queue: StoredQueue) (state: BrokerState) =
        let count = Option.defaultValue 0 query.Count |> int64 |> max 0L
        let subscription, filter = filterOf query topic state

        {
            Subscription = subscription
            Filter = filter
            Entries =
                Some
                    [
                        for offset in index .. min (index + count) queue.MaxOffset - 1L do
                            match StoredQueue.tryAt offset queue with
                            | ValueSome record -> entryOf record
                            | ValueNone -> ()
                    ]
            MinIndex = queue.MinOffset
            MaxIndex = queue.MaxOffset
        }

    /// QUERY_CONSUME_QUEUE. As in Java a queue that nothing was ever sent to does not exist, and an index that is not there is
    /// a success without a body.
    let query (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state GroupProgress.consumeQueue.Decode (fun query ->
            let topic = Option.defaultValue "" query.Topic
            let queueId = Option.defaultValue 0 query.QueueId
            let index = Option.defaultValue 0L query.Index

            match Store.tryQueue topic queueId state.Store with
            | ValueSome queue when queue.MaxOffset > 0L ->
                if index < queue.MinOffset || index >= queue.MaxOffset then
                    let remark = invariant $"Index {index} of {queueId}@{topic} is not exist!"
                    state, [ Answer.refuse arrival ResponseCode.Success remark ]
                else
                    let page = pageOf query topic index queue state
                    state, [ Answer.reply arrival (GroupProgress.consumeQueue.Answer(page, arrival.Command)) ]
            | _ ->
                let remark = invariant $"{queueId}@{topic} is not exist!"
                state, [ Answer.refuse arrival ResponseCode.SystemError remark ])
