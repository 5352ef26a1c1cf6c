namespace RocketMq.Embedded

open System
open System.Buffers
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// What there is for a pop: of its topic's queues, and of its group's topic of retries.
module internal PopResultBuilder =
    let none: PopState =
        {
            Checkpoints = PopCheckpoints.none
            Parked = PopWaits.none
            Served = 0
            Modes = Map.empty
            Queues = Map.empty
        }

    let withCheckpoints checkpoints (state: BrokerState) =
        { state with
            BrokerState.Pops.Checkpoints = checkpoints
        }

    /// What has been collected for an answer so far.
    type private PopResult =
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

    let isOrderly (pop: PopRequest) = pop.IsOrderly = Some true

    let retryTopicOf (pop: PopRequest) =
        PopSource.topicOf pop.ConsumerGroup pop.Topic OfRetry

    /// As it is delivered when it comes from a topic of retries: with the topic that was asked for, and its receipt.
    let private asOriginal now reviveQueueId start brokerName (pop: PopRequest) (message: StoredMessage) =
        let receipt =
            PopReceipt.format
                {
                    InitialOffset = start
                    PopTimestamp = now
                    InvisibleMillis = int64 pop.InvisibleTime.TotalMilliseconds
                    ReviveQueueId = reviveQueueId
                    Source = OfRetry
                    BrokerName = brokerName
                    QueueId = message.QueueId
                    QueueOffset = message.QueueOffset
                }

        message
        |> StoredMessage.change (fun fields ->
            { fields with
                Topic = pop.Topic
                Properties = Properties.add PropertyName.popReceipt receipt fields.Properties
            })

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

    let private deliver
        now
        reviveQueueId
        source
        (parked: ParkedPop)
        (queue: GroupQueue)
        start
        (reading: Reading)
        (harvest: PopResult)
        =
        let pop = parked.Pop
        let invisible = int64 pop.InvisibleTime.TotalMilliseconds

        let messages =
            MessageCodec.decodeAll "" reading.Records |> Result.defaultValue Array.empty

        harvest.State.Statistics.Get(queue.ConsumerGroup, queue.Topic, messages.Length, reading.Records.Length)
        let offsets = messages |> Array.map _.QueueOffset |> List.ofArray
        let checkpoints = harvest.State.Pops.Checkpoints

        let counts, checkpoints, committed =
            if isOrderly pop then
                let counts, checkpoints =
                    PopCheckpoints.hideInOrder now pop.AttemptId queue invisible offsets checkpoints

                counts, checkpoints, start
            else
                Map.empty, PopCheckpoints.hide queue now invisible offsets checkpoints, reading.NextOffset

        let popped =
            {
                Source = source
                QueueId = queue.QueueId
                InitialOffset = start
                Offsets = offsets
                Counts = counts
            }

        let records =
            recordsOf now reviveQueueId start source pop reading messages harvest.State.Settings.BrokerName

        { harvest with
            State =
                { withCheckpoints checkpoints harvest.State with
                    Store = Store.commit queue committed harvest.State.Store
                }
            Queues = popped :: harvest.Queues
            Records = List.fold (fun records record -> record :: records) harvest.Records records
            Count = harvest.Count + messages.Length
            Rest = harvest.Rest + reading.MaxOffset - reading.NextOffset
        }

    /// Reads from an offset, or from where the queue goes on if that is none of it.
    let private read store messages offset limit matches =
        match QueueReading.read store messages offset limit matches with
        | (reading: Reading) when reading.Status = PullStatus.OffsetMoved ->
            struct (reading.NextOffset, QueueReading.read store messages reading.NextOffset limit matches)
        | reading -> struct (offset, reading)

    let private isRetry topic = (RetryTopics.tryGroupOf topic).IsSome

    /// Where a group begins that has committed nothing. Source: getInitOffset of PopMessageProcessor.java: whoever wants
    /// what comes gets the newest message too.
    let private initialOffset (pop: PopRequest) (queue: GroupQueue) (messages: StoredQueue) (store: Store) =
        if pop.Start = FromMin || isRetry queue.Topic then
            messages.MinOffset
        elif Store.beginsInMemory queue.Topic queue.QueueId store then
            0L
        else
            max 0L (messages.MaxOffset - 1L)

    /// Where a group goes on. Where it begins is committed at once, whatever comes of the pop.
    let private startOf
        (pop: PopRequest)
        (queue: GroupQueue)
        messages
        (harvest: PopResult)
        : struct (int64 * PopResult) =
        let store = harvest.State.Store

        match Store.committed queue store with
        | ValueSome offset -> struct (offset, harvest)
        | ValueNone ->
            let offset = initialOffset pop queue messages store

            struct (offset,
                    { harvest with
                        PopResult.State.Store = Store.commit queue offset store
                    })

    let private popQueue now reviveQueueId source (parked: ParkedPop) topic (harvest: PopResult) queueId : PopResult =
        let pop = parked.Pop

        let queue: GroupQueue =
            {
                ConsumerGroup = pop.ConsumerGroup
                Topic = topic
                QueueId = queueId
            }

        match Store.tryQueue topic queueId harvest.State.Store with
        | ValueNone -> harvest
        | ValueSome messages ->
            let struct (offset, harvest) = startOf pop queue messages harvest

            if
                isOrderly pop
                && PopCheckpoints.isClosed now pop.AttemptId queue harvest.State.Pops.Checkpoints
            then
                harvest
            elif harvest.Count >= pop.MaxMessages then
                { harvest with
                    Rest = harvest.Rest + messages.MaxOffset - offset
                }
            else
                let struct (start, reading: Reading) =
                    read harvest.State.Store messages offset (pop.MaxMessages - harvest.Count) parked.Matches

                match reading.Status with
                | PullStatus.Found -> deliver now reviveQueueId source parked queue start reading harvest
                | _ when reading.NextOffset <> offset ->
                    { harvest with
                        PopResult.State.Store = Store.commit queue reading.NextOffset harvest.State.Store
                        Rest = harvest.Rest + reading.MaxOffset - reading.NextOffset
                    }
                | _ -> harvest

    /// All queues of a topic, beginning with another one each time.
    let private popTopic now reviveQueueId source (parked: ParkedPop) topic (harvest: PopResult) : PopResult =
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

    let private answer now reviveQueueId (parked: ParkedPop) status (harvest: PopResult) =
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
            | PopStatus.Popped -> "FOUND"
            | _ -> "NO_MESSAGE_IN_QUEUE"

        Answer.reply parked.Arrival (Pop.messages.Answer(answer, parked.Arrival.Command) |> Command.withRemark remark)

    /// What there is for a pop now, with the answer if that is something.
    let serve now (parked: ParkedPop) (state: BrokerState) =
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
