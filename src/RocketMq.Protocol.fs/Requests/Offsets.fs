namespace RocketMq.Protocol

/// One queue as a consumer group sees it.
type GroupQueue =
    {
        ConsumerGroup: string
        Topic: string
        QueueId: int
    }

/// Requests about positions in queues. Positions are `int64` and count from 0; the one to commit is the next to consume.
/// Source: the headers of QueryConsumerOffset, UpdateConsumerOffset, SearchOffset, GetMaxOffset and GetMinOffset.
module Offsets =
    let private groupQueueFields (queue: GroupQueue) =
        FieldsBuilder(128)
            .Add("consumerGroup", queue.ConsumerGroup)
            .Add("topic", queue.Topic)
            .Add("queueId", queue.QueueId)

    let private queueFields (topic: string) (queueId: int) =
        FieldsBuilder(64).Add("topic", topic).Add("queueId", queueId)

    let private readOffset = RequiredField.int64 "offset"

    /// QUERY_CONSUMER_OFFSET (14): the committed position, or `None` if the group has committed none. A queue whose first
    /// message is still there counts as committed at 0.
    let queryCommitted (queue: GroupQueue) : Request<int64 option> =
        Request.ofFields
            RequestCode.QueryConsumerOffset
            (groupQueueFields queue)
            (Request.decodeByCode (fun code answer ->
                match code with
                | ResponseCode.Success -> ValueSome(readOffset answer |> Result.map Some)
                | ResponseCode.QueryNotFound -> ValueSome(Ok None)
                | _ -> ValueNone))

    /// UPDATE_CONSUMER_OFFSET (15).
    let commit (queue: GroupQueue) (offset: int64) : Request<unit> =
        Request.ofFields
            RequestCode.UpdateConsumerOffset
            ((groupQueueFields queue).Add("commitOffset", offset))
            Request.decodeNothing

    /// SEARCH_OFFSET_BY_TIMESTAMP (29): where the messages stored at or after a time begin, in milliseconds since 1970.
    /// 4.9.8 answers with the nearest message instead.
    let search (topic: string) (queueId: int) (timestampMillis: int64) : Request<int64> =
        Request.ofFields
            RequestCode.SearchOffsetByTimestamp
            ((queueFields topic queueId).Add("timestamp", timestampMillis))
            (Request.decodeSuccess readOffset)

    /// GET_MAX_OFFSET (30): the position that the next stored message will have, not the last one's.
    let max (topic: string) (queueId: int) : Request<int64> =
        Request.ofFields RequestCode.GetMaxOffset (queueFields topic queueId) (Request.decodeSuccess readOffset)

    /// GET_MIN_OFFSET (31): the position of the first message that is still there.
    let min (topic: string) (queueId: int) : Request<int64> =
        Request.ofFields RequestCode.GetMinOffset (queueFields topic queueId) (Request.decodeSuccess readOffset)

    /// GET_EARLIEST_MSG_STORETIME (32): when the first message that is still there was stored, in milliseconds since 1970,
    /// or -1 if there is none.
    let earliestStoreTime (topic: string) (queueId: int) : Request<int64> =
        Request.ofFields
            RequestCode.GetEarliestMessageStoreTime
            (queueFields topic queueId)
            (Request.decodeSuccess (RequiredField.int64 "timestamp"))

    /// What a broker reads of codes 14 and 15.
    let decodeGroupQueue (command: RemotingCommand) : Result<GroupQueue, DecodeError> =
        result {
            let! group = RequiredField.text "consumerGroup" command
            let! topic = RequiredField.text "topic" command
            let! queueId = RequiredField.int32 "queueId" command

            return
                {
                    ConsumerGroup = group
                    Topic = topic
                    QueueId = queueId
                }
        }

    /// What a broker reads of code 15 besides.
    let decodeCommit (command: RemotingCommand) : Result<int64, DecodeError> =
        RequiredField.int64 "commitOffset" command

    /// What a broker reads of codes 29, 30 and 31.
    let decodeQueue (command: RemotingCommand) : Result<struct (string * int), DecodeError> =
        result {
            let! topic = RequiredField.text "topic" command
            let! queueId = RequiredField.int32 "queueId" command
            return struct (topic, queueId)
        }

    /// What a broker reads of code 29 besides.
    let decodeTimestamp (command: RemotingCommand) : Result<int64, DecodeError> =
        RequiredField.int64 "timestamp" command

    /// The broker's answer to all but code 15.
    let answer (offset: int64) (command: RemotingCommand) : RemotingCommand =
        Command.response ResponseCode.Success command
        |> Command.withFields (FieldsBuilder(32).Add("offset", offset).ToFields())
