namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// What administrators have a broker do with what it stores. Source: AdminBrokerProcessor.java.
module internal Upkeep =
    /// CLEAN_EXPIRED_CONSUMEQUEUE and CLEAN_UNUSED_TOPIC: nothing is ever left over of messages and topics that have gone.
    let cleanNothing (arrival: Arrival) (state: BrokerState) = state, [ Answer.succeed arrival ]

    /// DELETE_EXPIRED_COMMITLOG: what is too old goes now.
    let deleteExpired now (arrival: Arrival) (state: BrokerState) =
        { state with
            Store = Store.expireNow now state.Store
        },
        [ Answer.succeed arrival ]

    let private tryMessage (resumption: CheckResumption) (state: BrokerState) : StoredMessage option =
        match resumption.MessageId |> Option.map OffsetMessageId.decode with
        | Some(Ok id) ->
            Store.tryFindAt id.PhysicalOffset state.Store
            |> Option.bind (fun record ->
                match MessageCodec.decodeAll state.Settings.BrokerName record.Bytes with
                | Ok [| message |] -> Some message
                | _ -> None)
        | _ -> None

    /// RESUME_CHECK_HALF_MESSAGE: a half message that was given up is put back, and its producers are asked again.
    let resumeCheck now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Transactions.resumeCheck.Decode (fun resumption ->
            let failed remark =
                state, [ Answer.refuse arrival ResponseCode.SystemError remark ]

            match tryMessage resumption state with
            | None -> failed "Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC."
            | Some message ->
                match HalfMessages.putBack now message state with
                | Ok(struct (state, _, woken)) -> state, Answer.succeed arrival :: woken
                | Error(_: EncodeError) -> failed "Put message back to RMQ_SYS_TRANS_HALF_TOPIC failed.")

    /// GET_EARLIEST_MSG_STORETIME: of a queue that has no message it is -1.
    let earliestStoreTime (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Offsets.earliestStoreTime.Decode (fun query ->
            let earliest =
                Store.tryQueue query.Topic query.QueueId state.Store
                |> ValueOption.bind (fun queue -> StoredQueue.tryAt queue.MinOffset queue)
                |> ValueOption.map _.StoreTimestamp
                |> ValueOption.defaultValue -1L

            state, [ Answer.reply arrival (Offsets.earliestStoreTime.Answer(earliest, arrival.Command)) ])

    /// GET_TIMER_METRICS: how many timed messages wait, by topic.
    let timerMetrics now (arrival: Arrival) (state: BrokerState) =
        let metrics: TimerMetrics =
            {
                Topics =
                    state.Scheduled.ByDue.Values
                    |> Seq.filter _.TimerKey.IsSome
                    |> Seq.countBy _.Incoming.Message.Topic
                    |> Seq.map (fun (topic, count) ->
                        topic,
                        {
                            Count = int64 count
                            Timestamp = now
                        })
                    |> Map.ofSeq
                Version = None
            }

        state, [ Answer.reply arrival (Maintenance.timerMetrics.Answer(metrics, arrival.Command)) ]
