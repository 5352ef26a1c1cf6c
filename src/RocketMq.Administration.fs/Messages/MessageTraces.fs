namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol

/// What clients have written of the life of a message.
type MessageTrace =
    {
        /// By time; the end of a consumption follows its beginning.
        Records: TraceRecord list
        /// Records that could not be read.
        Unreadable: int
        Failures: ServerFailure list
    }

module MessageTraces =
    let private millisOf (record: TraceRecord) =
        match record with
        | SendTraced send -> send.Timestamp
        | ConsumeStartTraced start -> start.Timestamp
        | ConsumeEndTraced ending ->
            match ending.Origin with
            | Some origin -> origin.Timestamp + int64 ending.CostMillis
            | None -> Int64.MaxValue
        | TransactionTraced transaction -> transaction.Timestamp
        | RecallTraced recall -> recall.Timestamp

    let private idOf (record: TraceRecord) =
        match record with
        | SendTraced send -> send.MessageId
        | ConsumeStartTraced start -> start.MessageId
        | ConsumeEndTraced ending -> ending.MessageId
        | TransactionTraced transaction -> transaction.MessageId
        | RecallTraced recall -> recall.MessageId

    let private recordsOf (codecs: BodyCodecs) (message: StoredMessage) : Result<TraceRecord, unit> list =
        match MessageBody.decodeWith codecs MessageBody.defaultMaxDecompressedBodySize message with
        | Error _ -> [ Error() ]
        | Ok body -> TraceRecords.decode body |> List.map (Result.mapError ignore)

    /// The trace of a message by the id that its sender gave it, out of a topic of traces, by default RMQ_SYS_TRACE_TOPIC. A producer
    /// compresses its traces as it does its messages: the codecs are those of the clients that wrote them, `ClientOptions.Codecs`.
    let ofMessage (codecs: BodyCodecs) (traceTopic: string) (messageId: string) : Plan<MessageTrace> =
        KeySearch.Of(traceTopic, messageId)
        |> MessageSearch.byKey
        |> Plan.map (fun found ->
            let records = found.Messages |> List.collect (recordsOf codecs)

            {
                Records =
                    records
                    |> List.choose Result.toOption
                    |> List.filter (fun record -> idOf record = messageId)
                    |> List.distinct
                    |> List.sortBy millisOf
                Unreadable = records |> List.filter Result.isError |> List.length
                Failures = found.Failures
            })
