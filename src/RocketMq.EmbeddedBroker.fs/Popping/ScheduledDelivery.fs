namespace RocketMq.Embedded

open RocketMq.Protocol
open RocketMq

/// Messages put into their queues, at once or when their time has come.
module internal ScheduledDelivery =
    /// Puts a message at the end of a queue that exists, and answers the pulls that wait for it.
    let append
        now
        (incoming: Incoming)
        (state: BrokerState)
        : Result<struct (BrokerState * StoredMessage * BrokerEffect list), EncodeError> =
        Store.append now incoming state.Store
        |> Result.map (fun (struct (store, stored)) ->
            state.Statistics.Put(stored.Topic, 1, Store.bytesBetween state.Store store)

            let state, woken =
                Pulls.wake stored.Topic stored.QueueId stored.QueueOffset { state with Store = store }

            let state, popped =
                Pops.wakeFor now stored.Topic stored.QueueId stored.QueueOffset state

            struct (state, stored, woken @ popped))

    /// Stores a message until its time. `stored` is where it lies meanwhile.
    let schedule dueMillis (stored: StoredMessage) (message: ScheduledMessage) (state: BrokerState) =
        { state with
            BrokerState.Scheduled.ByDue = Map.add (dueMillis, stored.PhysicalOffset) message state.Scheduled.ByDue
        }

    let private isRecalled (message: ScheduledMessage) (state: BrokerState) =
        match message.TimerKey with
        | ValueSome key -> state.Scheduled.Recalled.Contains key
        | ValueNone -> false

    /// What a timed message says of when it was taken out.
    let private asTaken (now: int64) (message: ScheduledMessage) : Incoming =
        match message.TimerKey with
        | ValueSome _ ->
            { message.Incoming with
                Message =
                    Message.withSystemProperty BrokerProperty.timerTakenMillis (string now) message.Incoming.Message
            }
        | ValueNone -> message.Incoming

    let private deliver now (message: ScheduledMessage) (state: BrokerState) =
        let incoming = asTaken now message

        // Its topic may have gone, and its properties may have grown too long for a record: a real broker drops it, too.
        match Store.tryQueue incoming.Message.Topic incoming.QueueId state.Store with
        | ValueNone -> state, []
        | ValueSome _ when isRecalled message state -> state, []
        | ValueSome _ ->
            match append now incoming state with
            | Ok(struct (state, _, woken)) -> state, woken
            | Error _ -> state, []

    /// When the next message is due.
    let nextDue (state: BrokerState) : int64 voption =
        if state.Scheduled.ByDue.IsEmpty then
            ValueNone
        else
            ValueSome(fst (fst (Map.minKeyValue state.Scheduled.ByDue)))

    /// Forgets the recalls that can meet no message any more.
    let private forgetRecalls now (state: BrokerState) =
        if state.Scheduled.Recalled.IsEmpty then
            state
        else
            { state with
                BrokerState.Scheduled.Recalled =
                    state.Scheduled.Recalled
                    |> Set.filter (fun key -> TimerSlot.dueMillis key.OutMillis > now)
            }

    /// Delivers the messages whose time has come, those that were due first before the others.
    let expire now (state: BrokerState) =
        let rec next (state: BrokerState) effects =
            match nextDue state with
            | ValueSome due when due <= now ->
                let key, message = Map.minKeyValue state.Scheduled.ByDue

                let state, woken =
                    deliver
                        now
                        message
                        { state with
                            BrokerState.Scheduled.ByDue = Map.remove key state.Scheduled.ByDue
                        }

                next state (List.fold (fun effects effect -> effect :: effects) effects woken)
            | _ -> state, List.rev effects

        let state, woken = next state []
        forgetRecalls now state, woken

    /// By delay level: up to where its messages have been delivered, and how many came. Levels without messages are left out.
    let progress (state: BrokerState) : (int * int64 * int64) list =
        match Map.tryFind SystemTopics.schedule state.Store.Topics with
        | None -> []
        | Some topic ->
            let waitsIn (queue: StoredQueue) =
                state.Scheduled.ByDue.Keys
                |> Seq.filter (fun (_, physicalOffset) -> (StoredQueue.tryAtPhysical physicalOffset queue).IsSome)
                |> Seq.length

            [
                for index, queue in Seq.indexed topic.Queues do
                    if queue.MaxOffset > 0L then
                        index + 1, queue.MaxOffset - int64 (waitsIn queue), queue.MaxOffset
            ]
