namespace RocketMq.Embedded

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Pops, and those of them that wait for a message.
module internal Pops =
    let private mostWaiting = 1_024

    let private answerOrPark now (parked: ParkedPop) (state: BrokerState) =
        let struct (state, isFound, answerAs) = PopResultBuilder.serve now parked state

        if isFound then
            state, [ answerAs PopStatus.Popped ]
        elif parked.Pop.PollTime <= TimeSpan.Zero || parked.DeadlineMillis <= now then
            state, [ answerAs PopStatus.NothingToPop ]
        elif PopWaits.countAlike parked.Pop state.Pops.Parked >= mostWaiting then
            state, [ answerAs PopStatus.TooManyPolls ]
        else
            { state with
                BrokerState.Pops.Parked = PopWaits.add parked state.Pops.Parked
            },
            []

    let private without gone (state: BrokerState) =
        { state with
            BrokerState.Pops.Parked = PopWaits.removeAll gone state.Pops.Parked
        }

    /// Serves one that waits. Gives the answer if there is something for it.
    let private serve now hasMatch (wait: Wait<PopKind, ParkedPop>) (state: BrokerState) =
        if not (hasMatch wait.Request.Matches) then
            state, ValueNone
        else
            let struct (state, isFound, answerAs) =
                PopResultBuilder.serve now wait.Request state

            if isFound then
                without [ wait ] state, ValueSome(answerAs PopStatus.Popped)
            else
                state, ValueNone

    /// In order, an attempt may be given what others are not: each one is served.
    let private wakeEach now hasMatch kind (state: BrokerState, effects) =
        ((state, effects), Waits.withKey kind state.Pops.Parked.Waits)
        ||> List.fold (fun (state, effects) wait ->
            let state, answer = serve now hasMatch wait state
            state, ValueOption.toList answer @ effects)

    /// Serves those that have waited longest, until there is nothing left for one: then there is nothing for the others.
    let rec private wakeOldest now hasMatch kind (state: BrokerState, effects) =
        match Waits.tryOldest kind state.Pops.Parked.Waits with
        | ValueNone -> state, effects
        | ValueSome wait ->
            match serve now hasMatch wait state with
            | state, ValueSome answer -> wakeOldest now hasMatch kind (state, answer :: effects)
            | state, ValueNone -> state, effects

    let private wakeIf now hasMatch topic queueId (state: BrokerState) =
        match PopWaits.kindsFor topic queueId state.Pops.Parked with
        | [] -> state, []
        | kinds ->
            let state, effects =
                ((state, []), kinds)
                ||> List.fold (fun before kind ->
                    if kind.IsOrderly then
                        wakeEach now hasMatch kind before
                    else
                        wakeOldest now hasMatch kind before)

            state, List.rev effects

    /// Answers those that wait for messages of a queue that has opened; of each kind those first that have waited longest.
    let wake now topic queueId (state: BrokerState) =
        wakeIf now (fun _ -> true) topic queueId state

    /// As `wake`, for messages that have come to a queue: those from `firstNew` on. As in Java who wants none of them is
    /// not served, so that its group does not pass them by. Source: PopLongPollingService.java.
    let wakeFor now topic queueId (firstNew: int64) (state: BrokerState) =
        let hasMatch (matches: StoredRecord -> bool) =
            match Store.tryQueue topic queueId state.Store with
            | ValueNone -> false
            | ValueSome queue -> StoredQueue.existsFrom firstNew matches queue

        wakeIf now hasMatch topic queueId state

    /// Ends the waits whose time is up.
    let expire now (state: BrokerState) =
        match Waits.takeDue now state.Pops.Parked.Waits with
        | [], _ -> state, []
        | due, _ ->
            ((without due state, []), due)
            ||> List.fold (fun (state, effects) wait ->
                let struct (state, isFound, answerAs) =
                    PopResultBuilder.serve now wait.Request state

                state,
                answerAs (if isFound then PopStatus.Popped else PopStatus.NothingToPop)
                :: effects)
            |> fun (state, effects) -> state, List.rev effects

    /// Forgets the waits of a connection.
    let leave connection (state: BrokerState) =
        match Waits.ofConnection connection state.Pops.Parked.Waits with
        | [] -> state, []
        | gone -> without gone state, gone |> List.map (fun wait -> Forget wait.Ticket)

    // Requests

    let private most = 32

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
            Error(ResponseCode.InvalidParameter, invariant $"the broker pop message's num is greater than {most}")
        | None -> Error(ResponseCode.TopicNotExist, $"topic[{pop.Topic}] not exist, apply first please!")
        | Some topic when not topic.Config.IsReadable ->
            Error(ResponseCode.NoPermission, $"the topic[{pop.Topic}] peeking message is forbidden")
        | Some topic when pop.QueueId >= topic.Config.ReadQueues ->
            Error(
                ResponseCode.InvalidParameter,
                invariant
                    $"queueId[{pop.QueueId}] is illegal, topic:[{pop.Topic}] readQueueNums:[{topic.Config.ReadQueues}]"
            )
        | Some _ -> Groups.check pop.ConsumerGroup state

    let private filterOf (pop: PopRequest) : Result<StoredRecord -> bool, ResponseCode * string> =
        match pop.ExpressionType, pop.Expression with
        | _, None
        | _, Some "" -> Ok(fun _ -> true)
        | Some "SQL92", Some expression -> Subscriptions.ofFilter (BySql92 expression)
        | _, Some expression -> Subscriptions.ofFilter (ByTag expression)

    let pop now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Pop.messages.Decode (fun pop ->
            let state = Groups.ensure pop.ConsumerGroup state
            let isFilledIn = pop.BornTimestamp = 0L && not state.Settings.TakesBornTimeAsSent
            let born = if isFilledIn then now else pop.BornTimestamp

            match tryRefuse now born pop state, filterOf pop with
            | Error(code, remark), _
            | Ok(), Error(code, remark) -> state, [ Answer.refuse arrival code remark ]
            | Ok(), Ok matches ->
                let parked =
                    {
                        Arrival = arrival
                        Pop = pop
                        Matches = matches
                        DeadlineMillis = born + int64 pop.PollTime.TotalMilliseconds - earliness
                    }

                answerOrPark now parked state)
