namespace RocketMq.Embedded

open System
open System.Buffers
open RocketMq.Protocol

/// Pops, and those of them that wait for a message.
module internal Pops =
    let none: PopState =
        {
            Holds = PopHolds.none
            Parked = []
            Served = 0
            Modes = Map.empty
            Queues = Map.empty
        }

    let withHolds holds (state: BrokerState) =
        { state with
            BrokerState.Pops.Holds = holds
        }

    /// What has been collected for an answer so far.
    type private Harvest =
        {
            State: BrokerState
            /// The latest first.
            Queues: PoppedQueue list
            /// The latest first.
            Records: ReadOnlyMemory<byte> list
            Count: int
            Rest: int64
        }

    let private reviveQueues = 8

    /// As brokers are set up: one pop in five looks for retries first.
    let private retriesFirstEvery = 5

    let private isOrderly (pop: PopRequest) = pop.IsOrderly = Some true

    let private retryTopicOf (pop: PopRequest) =
        PopSource.topicOf pop.ConsumerGroup pop.Topic OfRetry

    /// As it is handed out when it comes from a topic of retries: with the topic that was asked for, and its receipt.
    let private asOriginal now reviveQueueId start brokerName (pop: PopRequest) (message: StoredMessage) =
        let receipt =
            PopReceipt.format
                {
                    StartOffset = start
                    PopTimestamp = now
                    InvisibleMillis = int64 pop.InvisibleTime.TotalMilliseconds
                    ReviveQueueId = reviveQueueId
                    Source = OfRetry
                    BrokerName = brokerName
                    QueueId = message.QueueId
                    QueueOffset = message.QueueOffset
                }

        { message with
            Topic = pop.Topic
            Properties = Properties.add PropertyName.popReceipt receipt message.Properties
        }

    let private write (message: StoredMessage) : ReadOnlyMemory<byte> =
        let output = ArrayBufferWriter<byte>(512 + message.StoredBody.Length)

        match MessageCodec.write message output with
        | Ok _ -> output.WrittenMemory
        // With the receipt the properties are too long for a record. As in Java it is left out, and expires.
        | Error _ -> ReadOnlyMemory.Empty

    let private recordsOf now reviveQueueId start source (pop: PopRequest) (reading: Reading) messages brokerName =
        if source = OfTopic then
            [ reading.Records ]
        else
            messages
            |> Array.map (asOriginal now reviveQueueId start brokerName pop >> write)
            |> List.ofArray

    let private handOut
        now
        reviveQueueId
        source
        (parked: ParkedPop)
        (queue: GroupQueue)
        start
        (reading: Reading)
        (harvest: Harvest)
        =
        let pop = parked.Pop
        let invisible = int64 pop.InvisibleTime.TotalMilliseconds

        let messages =
            MessageCodec.decodeAll "" reading.Records |> Result.defaultValue Array.empty

        let offsets = messages |> Array.map _.QueueOffset |> List.ofArray
        let holds = harvest.State.Pops.Holds

        let counts, holds, committed =
            if isOrderly pop then
                let counts, holds =
                    PopHolds.hideInOrder now pop.AttemptId queue invisible offsets holds

                counts, holds, start
            else
                Map.empty, PopHolds.hide queue now invisible offsets holds, reading.NextOffset

        let popped =
            {
                Source = source
                QueueId = queue.QueueId
                StartOffset = start
                Offsets = offsets
                Counts = counts
            }

        let records =
            recordsOf now reviveQueueId start source pop reading messages harvest.State.Settings.BrokerName

        { harvest with
            State =
                { withHolds holds harvest.State with
                    Store = Store.commit queue committed harvest.State.Store
                }
            Queues = popped :: harvest.Queues
            Records = List.fold (fun records record -> record :: records) harvest.Records records
            Count = harvest.Count + messages.Length
            Rest = harvest.Rest + reading.MaxOffset - reading.NextOffset
        }

    /// Reads from a position, or from where the queue goes on if that is none of it.
    let private read messages offset limit wants =
        match Store.read messages offset limit wants with
        | (reading: Reading) when reading.Status = OffsetMoved ->
            struct (reading.NextOffset, Store.read messages reading.NextOffset limit wants)
        | reading -> struct (offset, reading)

    let private popQueue now reviveQueueId source (parked: ParkedPop) topic (harvest: Harvest) queueId : Harvest =
        let pop = parked.Pop

        let queue: GroupQueue =
            {
                ConsumerGroup = pop.ConsumerGroup
                Topic = topic
                QueueId = queueId
            }

        match Store.tryQueue topic queueId harvest.State.Store, Store.committed queue harvest.State.Store with
        | ValueSome messages, ValueSome offset ->
            if
                isOrderly pop
                && PopHolds.isClosed now pop.AttemptId queue harvest.State.Pops.Holds
            then
                harvest
            elif harvest.Count >= pop.MaxMessages then
                { harvest with
                    Rest = harvest.Rest + int64 messages.Count - offset
                }
            else
                let struct (start, reading: Reading) =
                    read messages offset (pop.MaxMessages - harvest.Count) parked.Wants

                match reading.Status with
                | Found -> handOut now reviveQueueId source parked queue start reading harvest
                | _ when reading.NextOffset <> offset ->
                    { harvest with
                        Harvest.State.Store = Store.commit queue reading.NextOffset harvest.State.Store
                        Rest = harvest.Rest + reading.MaxOffset - reading.NextOffset
                    }
                | _ -> harvest
        | _ -> harvest

    /// All queues of a topic, beginning with another one each time.
    let private popTopic now reviveQueueId source (parked: ParkedPop) topic (harvest: Harvest) : Harvest =
        match Map.tryFind topic harvest.State.Store.Topics with
        | None -> harvest
        | Some stored ->
            let queues = stored.Config.ReadQueues
            let first = harvest.State.Pops.Served

            (harvest, [ 0 .. queues - 1 ])
            ||> List.fold (fun harvest step ->
                popQueue now reviveQueueId source parked topic harvest ((first + step) % queues))

    let private popOwn now reviveQueueId (parked: ParkedPop) harvest =
        let pop = parked.Pop

        if pop.QueueId < 0 then
            popTopic now reviveQueueId OfTopic parked pop.Topic harvest
        else
            popQueue now reviveQueueId OfTopic parked pop.Topic harvest pop.QueueId

    let private collect now reviveQueueId (parked: ParkedPop) (state: BrokerState) =
        let own = popOwn now reviveQueueId parked

        let retries = popTopic now reviveQueueId OfRetry parked (retryTopicOf parked.Pop)

        let empty =
            {
                State = state
                Queues = []
                Records = []
                Count = 0
                Rest = 0L
            }

        if isOrderly parked.Pop then
            own empty
        elif state.Pops.Served % retriesFirstEvery = 0 then
            empty |> retries |> own
        else
            empty |> own |> retries

    let private concat (records: ReadOnlyMemory<byte> list) : ReadOnlyMemory<byte> =
        let output = ArrayBufferWriter<byte>(records |> List.sumBy _.Length |> max 1)

        for record in List.rev records do
            output.Write record.Span

        output.WrittenMemory

    let private answer now reviveQueueId (parked: ParkedPop) status (harvest: Harvest) =
        let queues = List.rev harvest.Queues

        let answer: PopAnswer =
            {
                Status = status
                PopTimestamp = now
                InvisibleTime = parked.Pop.InvisibleTime
                ReviveQueueId = reviveQueueId
                Rest = harvest.Rest
                StartOffsets = Some(PopOffsets.startOffsets queues)
                MessageOffsets = Some(PopOffsets.messageOffsets queues)
                OrderCounts =
                    if isOrderly parked.Pop then
                        Some(PopOffsets.orderCounts queues)
                    else
                        None
                Records = concat harvest.Records
            }

        let remark =
            match status with
            | Popped -> "FOUND"
            | _ -> "NO_MESSAGE_IN_QUEUE"

        Answer.reply parked.Arrival (Pop.messages.Answer(answer, parked.Arrival.Command) |> Command.withRemark remark)

    /// What there is for a pop now, with the answer if that is something.
    let private serve now (parked: ParkedPop) (state: BrokerState) =
        let reviveQueueId =
            if isOrderly parked.Pop then
                PopReceipt.OrderlyQueueId
            else
                state.Pops.Served % reviveQueues

        let harvest = collect now reviveQueueId parked state

        let state =
            { harvest.State with
                BrokerState.Pops.Served = (state.Pops.Served + 1) % 1_000_000
            }

        let answerAs status =
            answer now reviveQueueId parked status harvest

        struct (state, harvest.Count > 0, answerAs)

    // Waiting

    let private mostWaiting = 1_024

    let private isSameWait (pop: PopRequest) (parked: ParkedPop) =
        parked.Pop.ConsumerGroup = pop.ConsumerGroup
        && parked.Pop.Topic = pop.Topic
        && parked.Pop.QueueId = pop.QueueId

    let private isFull (pop: PopRequest) (state: BrokerState) =
        state.Pops.Parked |> List.filter (isSameWait pop) |> List.length >= mostWaiting

    let private answerOrPark now (parked: ParkedPop) (state: BrokerState) =
        let struct (state, isFound, answerAs) = serve now parked state

        if isFound then
            state, [ answerAs Popped ]
        elif parked.DeadlineMillis <= now then
            state, [ answerAs NothingToPop ]
        elif isFull parked.Pop state then
            state, [ answerAs TooManyPolls ]
        else
            { state with
                BrokerState.Pops.Parked = state.Pops.Parked @ [ parked ]
            },
            []

    let private wakeThose now isTheirs (state: BrokerState) =
        let wakeOne (state: BrokerState, effects) (parked: ParkedPop) =
            if isTheirs parked then
                let struct (served, isFound, answerAs) = serve now parked state

                if isFound then
                    served, answerAs Popped :: effects
                else
                    { state with
                        BrokerState.Pops.Parked = parked :: state.Pops.Parked
                    },
                    effects
            else
                { state with
                    BrokerState.Pops.Parked = parked :: state.Pops.Parked
                },
                effects

        match List.exists isTheirs state.Pops.Parked with
        | false -> state, []
        | true ->
            let alone =
                { state with
                    BrokerState.Pops.Parked = []
                }

            let woken, effects = List.fold wakeOne (alone, []) state.Pops.Parked

            { woken with
                BrokerState.Pops.Parked = List.rev woken.Pops.Parked
            },
            List.rev effects

    /// Answers those that wait for messages of a queue, those first that have waited longest.
    let wake now topic queueId (state: BrokerState) =
        wakeThose
            now
            (fun parked ->
                let pop = parked.Pop

                (pop.Topic = topic && (pop.QueueId < 0 || pop.QueueId = queueId))
                || (not (isOrderly pop) && retryTopicOf pop = topic))
            state

    /// Ends the waits whose time is up.
    let expire now (state: BrokerState) =
        match state.Pops.Parked |> List.partition (fun parked -> parked.DeadlineMillis <= now) with
        | [], _ -> state, []
        | due, waiting ->
            let state =
                { state with
                    BrokerState.Pops.Parked = waiting
                }

            ((state, []), due)
            ||> List.fold (fun (state, effects) parked ->
                let struct (state, isFound, answerAs) = serve now parked state
                state, effects @ [ answerAs (if isFound then Popped else NothingToPop) ])

    /// Forgets the waits of a connection.
    let leave connection (state: BrokerState) =
        match
            state.Pops.Parked
            |> List.partition (fun parked -> parked.Arrival.Connection = connection)
        with
        | [], _ -> state, []
        | gone, waiting ->
            { state with
                BrokerState.Pops.Parked = waiting
            },
            gone |> List.map (fun parked -> Forget parked.Arrival.Ticket)

    // Requests

    let private most = 32
    let private readable = 0x4

    /// A request that was under way for longer than it may wait is too old to be served.
    let private lateness = 500L

    let private tryRefuse now bornMillis (pop: PopRequest) (state: BrokerState) : Result<unit, ResponseCode * string> =
        match Map.tryFind pop.Topic state.Store.Topics with
        | _ when now - bornMillis - int64 pop.PollTime.TotalMilliseconds > lateness ->
            Error(ResponseCode.PollingTimeout, "the broker pop message is timeout too much")
        | _ when pop.MaxMessages > most ->
            Error(ResponseCode.InvalidParameter, $"the broker pop message's num is greater than {most}")
        | None -> Error(ResponseCode.TopicNotExist, $"topic[{pop.Topic}] not exist, apply first please!")
        | Some topic when topic.Config.Permission &&& readable = 0 ->
            Error(ResponseCode.NoPermission, $"the topic[{pop.Topic}] peeking message is forbidden")
        | Some topic when pop.QueueId >= topic.Config.ReadQueues ->
            Error(
                ResponseCode.InvalidParameter,
                $"queueId[{pop.QueueId}] is illegal, topic:[{pop.Topic}] readQueueNums:[{topic.Config.ReadQueues}]"
            )
        | Some _ -> Ok()

    let private wants (pop: PopRequest) : Result<int -> bool, string> =
        match pop.ExpressionType, pop.Expression with
        | Some "SQL92", Some _ -> Error "the embedded broker filters by tag only"
        | _, Some expression -> Ok(Pulls.wants expression)
        | _, None -> Ok(fun _ -> true)

    let pop now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Pop.messages.Decode (fun pop ->
            let born = if pop.BornTimestamp = 0L then now else pop.BornTimestamp

            match tryRefuse now born pop state, wants pop with
            | Error(code, remark), _ -> state, [ Answer.refuse arrival code remark ]
            | Ok(), Error remark -> state, [ Answer.refuse arrival ResponseCode.SubscriptionParseFailed remark ]
            | Ok(), Ok wants ->
                let parked =
                    {
                        Arrival = arrival
                        Pop = pop
                        Wants = wants
                        DeadlineMillis = born + int64 pop.PollTime.TotalMilliseconds
                    }

                answerOrPark now parked state)
