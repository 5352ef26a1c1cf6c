namespace RocketMq.Embedded

open System
open RocketMq.Protocol

/// Pops, and those of them that wait for a message.
module internal Pops =
    let private mostWaiting = 1_024

    let private isSameWait (pop: PopRequest) (parked: ParkedPop) =
        parked.Pop.ConsumerGroup = pop.ConsumerGroup
        && parked.Pop.Topic = pop.Topic
        && parked.Pop.QueueId = pop.QueueId

    let private isFull (pop: PopRequest) (state: BrokerState) =
        state.Pops.Parked |> List.filter (isSameWait pop) |> List.length >= mostWaiting

    let private answerOrPark now (parked: ParkedPop) (state: BrokerState) =
        let struct (state, isFound, answerAs) = PopHarvest.serve now parked state

        if isFound then
            state, [ answerAs Popped ]
        elif parked.Pop.PollTime <= TimeSpan.Zero || parked.DeadlineMillis <= now then
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
                let struct (served, isFound, answerAs) = PopHarvest.serve now parked state

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
                || (not (PopHarvest.isOrderly pop) && PopHarvest.retryTopicOf pop = topic))
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
                let struct (state, isFound, answerAs) = PopHarvest.serve now parked state
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

    /// A wait ends so much before its time.
    let private earliness = 49L

    let private tryRefuse now bornMillis (pop: PopRequest) (state: BrokerState) : Result<unit, ResponseCode * string> =
        match Map.tryFind pop.Topic state.Store.Topics with
        | _ when now - bornMillis - int64 pop.PollTime.TotalMilliseconds > lateness ->
            let broker = state.Settings.BrokerAddress
            Error(ResponseCode.PollingTimeout, $"the broker[{broker}] pop message is timeout too much")
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

    let private wants (pop: PopRequest) : Result<StoredRecord -> bool, ResponseCode * string> =
        match pop.ExpressionType, pop.Expression with
        | _, None
        | _, Some "" -> Ok(fun _ -> true)
        | Some "SQL92", Some expression -> Subscriptions.ofFilter (BySql92 expression)
        | _, Some expression -> Subscriptions.ofFilter (ByTag expression)

    let pop now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Pop.messages.Decode (fun pop ->
            let isFilledIn = pop.BornTimestamp = 0L && not state.Settings.TakesBornTimeAsSent
            let born = if isFilledIn then now else pop.BornTimestamp

            match tryRefuse now born pop state, wants pop with
            | Error(code, remark), _
            | Ok(), Error(code, remark) -> state, [ Answer.refuse arrival code remark ]
            | Ok(), Ok wants ->
                let parked =
                    {
                        Arrival = arrival
                        Pop = pop
                        Wants = wants
                        DeadlineMillis = born + int64 pop.PollTime.TotalMilliseconds - earliness
                    }

                answerOrPark now parked state)
