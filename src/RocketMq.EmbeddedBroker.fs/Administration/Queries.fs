namespace RocketMq.Embedded

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Messages found by key, by unique id or by their place in the commit log.
module internal Queries =
    /// However many are asked for.
    let private maxFound = 64

    /// Of a query by unique id, whatever it says.
    let private maxFoundById = 32

    let private concat (records: StoredRecord list) : ReadOnlyMemory<byte> =
        records
        |> List.map (fun record -> record.Bytes.ToArray())
        |> Array.concat
        |> ReadOnlyMemory

    /// The newest of those stored in the time asked for, the oldest first.
    let private select (query: KeyQuery) (found: StoredRecord list) =
        let limit =
            if query.IsUniqueId = Some true then
                maxFoundById
            else
                min query.MaxMessages maxFound

        found
        |> List.filter (fun record ->
            record.StoreTimestamp >= query.BeginMillis
            && record.StoreTimestamp <= query.EndMillis)
        |> List.sortByDescending _.PhysicalOffset
        |> List.truncate (max 0 limit)
        |> List.rev

    /// The topic with an index of all that it holds.
    let private indexed (topic: StoredTopic) =
        { topic with
            Index = KeyIndex.extend topic.Queues topic.Index
        }

    let private newestOf (topic: StoredTopic) : StoredRecord option =
        topic.Queues
        |> Seq.choose (fun queue -> StoredQueue.tryAt (queue.MaxOffset - 1L) queue |> ValueOption.toOption)
        |> Seq.sortByDescending _.PhysicalOffset
        |> Seq.tryHead

    let private answerFor (query: KeyQuery) (topic: StoredTopic) : KeyQueryAnswer =
        let found = KeyIndex.find query.Key topic.Index |> select query
        let newest = newestOf topic

        {
            IsFound = not found.IsEmpty
            IndexTimestamp = newest |> Option.map _.StoreTimestamp |> Option.defaultValue 0L
            IndexedOffset =
                newest
                |> Option.map (fun message -> int64 message.PhysicalOffset)
                |> Option.defaultValue 0L
            Records = concat found
        }

    let private nothing: KeyQueryAnswer =
        {
            IsFound = false
            IndexTimestamp = 0L
            IndexedOffset = 0L
            Records = ReadOnlyMemory.Empty
        }

    let private reply (arrival: Arrival) (answer: KeyQueryAnswer) =
        let command = MessageQuery.byKey.Answer(answer, arrival.Command)

        if answer.IsFound then
            Answer.reply arrival command
        else
            Answer.reply arrival (Command.withRemark "can not find message, maybe time range not correct" command)

    let byKey (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state MessageQuery.byKey.Decode (fun query ->
            match Map.tryFind query.Topic state.Store.Topics with
            | None -> state, [ reply arrival nothing ]
            | Some topic ->
                let topic = indexed topic

                { state with
                    BrokerState.Store.Topics = Map.add query.Topic topic state.Store.Topics
                },
                [ reply arrival (answerFor query topic) ])

    let byPhysicalOffset (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state MessageQuery.byOffset.Decode (fun view ->
            match Store.tryFindAt view.CommitLogOffset state.Store with
            | Some record ->
                state,
                [
                    Answer.reply arrival (MessageQuery.byOffset.Answer(record.Bytes, arrival.Command))
                ]
            | None ->
                let remark = invariant $"can not find message by the offset, {view.CommitLogOffset}"
                state, [ Answer.refuse arrival ResponseCode.SystemError remark ])
